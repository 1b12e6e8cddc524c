import t from 'tap'
import { GuardedMessages, guardMessages } from '../../src/micro/async/guarded-messages.js'
import { settle } from './fake-runtime.js'

const over = new Error('the call is over')

function source(values: number[]) {
  const seen = { returns: 0 }
  const messages = {
    [Symbol.asyncIterator]: () => {
      const left = [...values]
      return {
        next: async (): Promise<IteratorResult<number>> => {
          const value = left.shift()
          return value === undefined ? await new Promise(() => undefined) : { done: false, value }
        },
        return: async (): Promise<IteratorResult<number>> => {
          seen.returns++
          return { done: true, value: undefined }
        },
      }
    },
  }
  return { seen, guarded: new GuardedMessages(messages) }
}

t.test('what needs no closing is left as it is', t => {
  for (const value of [[1], new Set([1]), 5, undefined, null, 'abc']) {
    t.equal(guardMessages(value), undefined)
  }
  t.ok(guardMessages((async function* () {})()))
  t.end()
})

t.test('close fails the read that is under way and closes the iterator, once', async t => {
  const { seen, guarded } = source([1])
  const iterator = guarded[Symbol.asyncIterator]()
  t.same(await iterator.next(), { done: false, value: 1 })
  const reading = iterator.next()
  guarded.close(over)
  guarded.close(new Error('again'))
  await t.rejects(reading, over)
  await t.rejects(iterator.next(), over)
  await iterator.return?.()
  t.equal(seen.returns, 1)
})

t.test('close reaches messages that nobody has read, and readers that come later', async t => {
  const { seen, guarded } = source([1])
  guarded.close(over)
  await settle()
  t.equal(seen.returns, 1)
  await t.rejects(guarded[Symbol.asyncIterator]().next(), over)
  await settle()
  t.equal(seen.returns, 2, 'each iterator that was made is closed')
})

t.test('a reader that leaves closes its iterator, once', async t => {
  const { seen, guarded } = source([1, 2])
  for await (const _ of guarded) break
  guarded.close(over)
  await settle()
  t.equal(seen.returns, 1)
})

t.test('an interruption lets the messages be read again', async t => {
  const { seen, guarded } = source([1])
  const first = guarded[Symbol.asyncIterator]()
  await first.next()
  guarded.interrupt(over)
  await t.rejects(first.next(), over)
  const second = guarded[Symbol.asyncIterator]()
  t.same(await second.next(), { done: false, value: 1 })
  t.equal(seen.returns, 1)
})

t.test('an iterator that has ended or thrown is not closed', async t => {
  const returns: string[] = []
  const make = (next: () => Promise<IteratorResult<number>>) =>
    new GuardedMessages({
      [Symbol.asyncIterator]: () => ({
        next,
        return: async () => {
          returns.push('closed')
          return { done: true, value: undefined }
        },
      }),
    })
  const ended = make(async () => ({ done: true, value: undefined }))
  for await (const _ of ended);
  ended.close(over)
  const failed = make(async () => {
    throw new Error('failed')
  })
  await t.rejects(failed[Symbol.asyncIterator]().next(), { message: 'failed' })
  failed.close(over)
  await settle()
  t.same(returns, [])
})
