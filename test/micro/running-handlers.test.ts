import t from 'tap'
import type { Context } from '../../src/micro/call/context.js'
import {
  HandlerAbandonedError,
  NOT_CANCELLED,
  type RunningHandler,
  RunningHandlers,
} from '../../src/micro/server/handlers/running-handlers.js'
import { peerAt } from '../../src/transport/index.js'
import { FakeRuntime } from './fake-runtime.js'

function handler(method: string): RunningHandler & { released: number } {
  return {
    startedAt: 0,
    cancelledAt: NOT_CANCELLED,
    previous: undefined,
    next: undefined,
    released: 0,
    context: { service: 'a.Feed', method, door: 'grpc', peer: peerAt('127.0.0.1:9') } as Context,
    release() {
      this.released++
    },
  }
}

function make(graceMs = 1_000) {
  const runtime = new FakeRuntime()
  const errors: HandlerAbandonedError[] = []
  const running = new RunningHandlers(runtime, graceMs, error => {
    errors.push(error as HandlerAbandonedError)
  })
  const add = (method: string) => {
    const made = handler(method)
    running.add(made, runtime.now())
    return made
  }
  return { runtime, errors, running, add }
}

t.test('handlers leave in any order, and idle settles with the last', async t => {
  const orders = [
    [0, 1, 2],
    [2, 1, 0],
    [1, 0, 2],
    [1, 2, 0],
  ]
  for (const order of orders) {
    const { running, add } = make()
    const all = ['a', 'b', 'c'].map(add)
    const idle = running.idle()
    const names: string[][] = []
    for (const index of order) {
      names.push(running.list().map(each => each.method))
      running.delete(all[index]!)
      running.delete(all[index]!)
    }
    t.same(names[0], ['a', 'b', 'c'])
    t.equal(names[2]?.length, 1)
    t.equal(running.count, 0)
    await idle
    await running.idle()
  }
})

t.test('a handler that goes on after its call is told to onError and no longer counts, once', t => {
  const { runtime, errors, running, add } = make(1_000)
  const stuck = add('watch')
  const fine = add('other')
  runtime.advance(500)
  running.cancelled(stuck)
  runtime.advance(999)
  t.equal(stuck.released, 0)
  runtime.advance(1)
  t.equal(stuck.released, 1)
  t.equal(errors.length, 1)
  t.equal(errors[0]?.code, 'HANDLER_ABANDONED')
  t.equal(
    errors[0]?.message,
    '1 handler had not settled 1000 ms after the end of its call: a.Feed.watch after 1500 ms. Let them watch context.signal',
  )
  runtime.advance(10_000)
  t.equal(stuck.released, 1)
  t.equal(fine.released, 0)
  t.equal(runtime.timerCount, 0)
  t.equal(running.count, 2, 'it still runs')
  t.end()
})

t.test('each handler has its whole grace, with one timer for all', t => {
  const { runtime, running, add } = make(1_000)
  const first = add('first')
  const second = add('second')
  running.cancelled(first)
  runtime.advance(600)
  running.cancelled(second)
  t.equal(runtime.timerCount, 1)
  runtime.advance(400)
  t.same([first.released, second.released], [1, 0])
  runtime.advance(599)
  t.equal(second.released, 0)
  runtime.advance(1)
  t.equal(second.released, 1)
  t.end()
})

t.test('no timer is left when the handlers have settled', t => {
  const { runtime, running, add } = make(1_000)
  const one = add('one')
  running.cancelled(one)
  t.equal(runtime.timerCount, 1)
  running.delete(one)
  t.equal(runtime.timerCount, 0)
  running.cancelled(one)
  t.equal(runtime.timerCount, 0, 'one that has settled is nobody to wait for')
  t.end()
})

t.test('an error names ten handlers and counts the rest', t => {
  const { running, add } = make()
  for (let n = 0; n < 12; n++) add(`m${n}`)
  const error = new HandlerAbandonedError('when the server stopped', running.list())
  t.match(
    error.message,
    /^12 handlers had not settled when the server stopped: a\.Feed\.m0 after 0 ms, /,
  )
  t.match(error.message, /m9 after 0 ms and 2 more\. Let them watch/)
  t.equal(error.handlers.length, 12)
  t.end()
})
