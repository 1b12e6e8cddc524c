import t from 'tap'
import { unwatchSignal, watchSignal } from '../../src/micro/async/abort-watch.js'
import { LazyResult } from '../../src/micro/async/lazy-result.js'
import { MessageQueue } from '../../src/micro/async/message-queue.js'
import { backoffMs } from '../../src/micro/client/calls/back-off.js'
import { CallCancel } from '../../src/micro/server/handlers/call-cancel.js'
import { FakeRuntime, settle } from './fake-runtime.js'

t.test('messages come out in order, before or after someone waits for them', async t => {
  const queue = new MessageQueue<number>(8)
  const early = [queue.next(), queue.next()]
  for (const n of [1, 2, 3]) queue.push(n)
  queue.end()
  t.same(await Promise.all(early), [
    { done: false, value: 1 },
    { done: false, value: 2 },
  ])
  t.same(await queue.next(), { done: false, value: 3 })
  t.same(await queue.next(), { done: true, value: undefined })
  t.equal(queue.push(4), undefined, 'after the end nothing is kept')
  t.equal(queue.size, 0)
})

t.test('a full queue makes the writer wait until there is room', async t => {
  const queue = new MessageQueue<number>(2)
  t.equal(queue.push(1), undefined)
  let room = false
  void queue.push(2)?.then(() => {
    room = true
  })
  await settle()
  t.notOk(room)
  await queue.next()
  await settle()
  t.ok(room)
})

t.test(
  'a failure comes after the messages, to each reader and each time: it never passes for the end',
  async t => {
    const queue = new MessageQueue<number>(8)
    queue.push(1)
    queue.fail(new Error('x'))
    queue.fail(new Error('y'))
    t.match(await queue.next(), { value: 1 })
    await t.rejects(queue.next(), { message: 'x' })
    await t.rejects(queue.next(), { message: 'x' })
    const waiting = new MessageQueue<number>(8)
    const reads = [waiting.next(), waiting.next()]
    waiting.fail(new Error('x'))
    for (const read of reads) await t.rejects(read, { message: 'x' })
  },
)

t.test('leaving early drops what waits, lets the writer go, and is told once', async t => {
  let told = 0
  const queue = new MessageQueue<number>(1, () => {
    told++
  })
  const room = queue.push(1)
  for await (const _ of queue) break
  await room
  await queue.return()
  t.equal(told, 1)
  t.ok(queue.ended)
})

t.test('micro-wire §3.7: the back-off of go-micro', t => {
  t.same([0, 1, 2, 3, 4, 5].map(backoffMs), [0, 100, 600, 1_900, 4_300, 7_900])
  t.equal(backoffMs(14), 120_000)
  t.end()
})

t.test('one listener for each signal; the last call takes it away', t => {
  const controller = new AbortController()
  const aborted: string[] = []
  const call = (name: string) => ({ onAbort: () => aborted.push(name) })
  const [a, b] = [call('a'), call('b')]
  watchSignal(controller.signal, a)
  watchSignal(controller.signal, b)
  unwatchSignal(controller.signal, a)
  controller.abort()
  t.same(aborted, ['b'])
  unwatchSignal(controller.signal, b)
  t.end()
})

t.test('a cancel that comes before the signal is looked at, and one after', t => {
  const early = new CallCancel()
  early.cancel(new Error('a'))
  early.cancel(new Error('b'))
  t.match(early.signal.reason, { message: 'a' })
  const late = new CallCancel()
  const { signal } = late
  t.notOk(signal.aborted)
  late.cancel(new Error('c'))
  t.match(signal.reason, { message: 'c' })
  t.ok(late.cancelled)
  t.end()
})

t.test('a deadline beyond the longest timer is armed again', t => {
  const runtime = new FakeRuntime()
  const cancel = new CallCancel()
  let expired = false
  const deadline = runtime.now() + 5_000_000_000
  cancel.arm(runtime, deadline, () => {
    expired = true
  })
  cancel.arm(runtime, deadline, () => t.fail('armed twice'))
  runtime.advance(4_999_999_999)
  t.notOk(expired)
  runtime.advance(1)
  t.ok(expired)
  t.equal(runtime.timerCount, 0)
  t.end()
})

t.test('a lazy result settles once, whoever asks when', async t => {
  const early = new LazyResult<number>()
  const asked = early.promise
  early.resolve(1)
  early.resolve(2)
  early.reject(new Error('x'))
  t.equal(await asked, 1)
  t.equal(await early.promise, 1)
  const late = new LazyResult<number>()
  late.reject(new Error('x'))
  await t.rejects(late.promise, { message: 'x' })
})
