import t from 'tap'
import { Status } from '../../src/grpc/index.js'
import { Pair, type PairCall, type PairOptions } from './pair.js'
import { RecordingRoute } from './support.js'

/** A server of one handler at a time, whose handler of a cancelled call goes on. */
function busy(
  kind: 'unary' | 'bidi',
  options: PairOptions = {},
): { pair: Pair; route: RecordingRoute } {
  const route = new RecordingRoute(kind)
  const pair = new Pair([route], { serverLimits: { streamsMax: 1 }, ...options })
  const first = pair.start(route.method)
  first.call.request('first')
  pair.pump()
  first.call.cancel()
  pair.pump()
  t.match(route.heard.splice(0), ['start', ...(kind === 'bidi' ? ['readable'] : []), 'cancel'])
  return { pair, route }
}

function next(pair: Pair, route: RecordingRoute, options = {}): PairCall {
  const call = pair.start(route.method, options)
  call.call.request('next')
  pair.pump()
  return call
}

t.test('a call waits for the handler of a cancelled one, and starts when it has settled', t => {
  const { pair, route } = busy('unary')
  const call = next(pair, route)
  t.same(route.heard, [])
  route.onStart = started => {
    started.respond(started.request)
    started.settle()
  }
  route.calls[0]!.settle()
  pair.pump()
  t.match(call, { error: undefined, received: ['next'] })
  t.equal(pair.server.runningCount, 0)
  t.end()
})

t.test('a stream that has waited hears of the messages that came meanwhile', t => {
  const { pair, route } = busy('bidi')
  const call = next(pair, route)
  t.same(route.heard, [])
  route.readable = started => {
    for (let text = started.read(); text !== undefined; text = started.read()) started.write(text)
    if (started.ended) started.finish()
  }
  route.calls[0]!.settle()
  pair.pump()
  t.same(route.heard, ['start', 'readable'])
  t.match(call, { error: undefined, received: ['next'] })
  t.end()
})

t.test('calls that wait start in their order, each when a handler settles', t => {
  const { pair, route } = busy('unary', { serverLimits: { streamsMax: 3 } })
  const rest = [next(pair, route), next(pair, route)]
  for (const { call } of rest) call.cancel()
  pair.pump()
  const waiting = [1, 2, 3].map(() => next(pair, route))
  t.equal(route.calls.length, 3)
  route.onStart = started => {
    started.respond('hi')
    started.settle()
  }
  route.calls[0]!.settle()
  pair.pump()
  t.ok(
    waiting.every(({ received }) => received.length === 1),
    'a handler that settles at once lets the next one start',
  )
  t.end()
})

t.test('a call that is cancelled while it waits never starts', t => {
  const { pair, route } = busy('unary')
  const before = pair.server.timers.count
  const call = next(pair, route)
  t.equal(pair.server.timers.count, before + 1)
  call.call.cancel()
  pair.pump()
  t.equal(pair.server.timers.count, before)
  route.calls[0]!.settle()
  pair.pump()
  t.same(route.heard, [])
  t.equal(pair.server.runningCount, 0)
  t.end()
})

t.test('a deadline passes while a call waits', t => {
  const { pair, route } = busy('unary')
  const call = next(pair, route, { deadline: pair.now + 500 })
  pair.advance(pair.now + 500)
  t.match(call.error, { status: Status.DeadlineExceeded })
  route.calls[0]!.settle()
  pair.pump()
  t.same(route.heard, [])
  t.end()
})

t.test(
  'RFC 9113 §8.7: a call that waits in vain is refused, unprocessed; onError has the numbers',
  t => {
    const told: unknown[] = []
    const { pair, route } = busy('unary', {
      call: { limits: { startTimeoutMs: 2_000 }, onError: error => void told.push(error) },
    })
    const call = next(pair, route)
    pair.advance(pair.now + 1_999)
    t.equal(call.error, undefined)
    pair.advance(pair.now + 1)
    t.match(call.error, { status: Status.Unavailable, unprocessed: true })
    t.match(told, [
      { message: /^1 calls refused after 2000 ms: 1 handlers run \(limits.streamsMax\)/ },
    ])
    route.calls[0]!.settle()
    pair.pump()
    t.same(route.heard, [])
    t.equal(pair.server.runningCount, 0)
    t.end()
  },
)

t.test('nothing waits any more when the connection has gone', t => {
  const { pair, route } = busy('unary')
  next(pair, route)
  pair.server.destroy()
  t.equal(pair.server.timers.count, 0)
  route.calls[0]!.settle()
  t.same(route.heard, [])
  t.end()
})
