import t from 'tap'
import { ResponseQueue } from '../../src/compat/response-queue.js'

t.test(
  'a write is done when the next message is asked for, and the end comes after it',
  async t => {
    const queue = new ResponseQueue(() => t.fail('not returned'))
    let done = false
    queue.write('a', () => {
      done = true
    })
    queue.end(new Error('last'))
    t.strictSame(await queue.next(), { done: false, value: 'a' })
    t.notOk(done)
    await t.rejects(queue.next(), { message: 'last' })
    t.ok(done)
  },
)
