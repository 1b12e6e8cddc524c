import { Readable } from 'node:stream'
import t from 'tap'
import { iterateMessages } from '../../src/micro/async/message-iterator.js'

t.test('what cannot be iterated is refused with what it is', t => {
  const cases: readonly [unknown, string][] = [
    [5, 'number'],
    [undefined, 'undefined'],
    [null, 'null'],
    ['abc', "'abc'"],
    [{}, 'object'],
    [new Date(), 'Date'],
  ]
  for (const [value, got] of cases) {
    t.throws(() => iterateMessages(value, 'requests'), {
      name: 'TypeError',
      message: `requests must be an iterable or async iterable of messages, got ${got}`,
    })
  }
  t.end()
})

t.test('an iterator without return() has none here either', t => {
  const next = (): IteratorResult<number> => ({ done: true, value: undefined })
  t.equal(iterateMessages({ [Symbol.iterator]: () => ({ next }) }, 'x').return, undefined)
  t.equal(typeof iterateMessages(new Set(), 'x').next, 'function')
  t.equal(typeof iterateMessages((function* () {})(), 'x').return, 'function')
  t.end()
})

t.test('a Node stream that fails by itself fails here; one that we closed ends', async t => {
  const failing = new Readable({ objectMode: true, read: () => undefined })
  const first = iterateMessages(failing, 'x')
  const failed = first.next()
  failing.destroy(new Error('disk'))
  await t.rejects(Promise.resolve(failed), { message: 'disk' })
  const closed = iterateMessages(new Readable({ objectMode: true, read: () => undefined }), 'x')
  const waiting = closed.next()
  await closed.return?.()
  t.same(await waiting, { done: true, value: undefined })
})
