import t from 'tap'
import {
  type Ended,
  leastRequest,
  type Outcome,
  outcomeOf,
  peakEwma,
  pickFirst,
  pushbackOf,
  roundRobin,
} from '../../src/channel/index.js'
import { GrpcError, Metadata, Status } from '../../src/grpc/index.js'
import { candidates, Outside, shares } from './fakes.js'

const ended = (
  outside: Outside,
  outcome: Outcome,
  durationMs: number,
  pushbackMs?: number,
): Ended => ({
  outcome,
  durationMs,
  at: outside.now(),
  pushbackMs,
})

t.test('roundRobin: any three picks in a row of three are three, and clients begin anywhere', t => {
  const outside = new Outside()
  const from = candidates(3)
  const begins = new Set<string>()
  for (let client = 0; client < 20; client++) {
    const balancer = roundRobin().create(outside)
    begins.add(balancer.pick(from).endpoint.id)
    for (let i = 0; i < 10; i++) {
      t.equal(new Set([1, 2, 3].map(() => balancer.pick(from))).size, 3)
    }
    balancer.pick(candidates(1))
  }
  t.equal(begins.size, 3)
  t.end()
})

t.test(
  'leastRequest: of two the one with fewer calls, and one that is stuck is never its own rival',
  t => {
    const balancer = leastRequest().create(new Outside())
    const two = candidates(2)
    two[1]!.pending = 1
    t.same([...shares(balancer, two, 50)], [['n0', 50]])
    const three = candidates(3)
    three[2]!.pending = 5
    t.equal(shares(balancer, three, 1_000).get('n2'), undefined)
    t.end()
  },
)

t.test('leastRequest: without load every endpoint gets its share', t => {
  const balancer = leastRequest().create(new Outside())
  for (const count of shares(balancer, candidates(4), 8_000).values()) {
    t.ok(Math.abs(count - 2_000) < 200, String(count))
  }
  t.end()
})

t.test(
  'peakEwma: 30 ms, then 100, then 10 a second later is 91.4; ten seconds later a third of it is left',
  t => {
    const outside = new Outside()
    const balancer = peakEwma().create(outside)
    const [known, other] = candidates(2)
    const isBelow = (loadMs: number): boolean => {
      // One whose load is known to be `loadMs`, measured just now.
      const rival = { ...other!, endpoint: { id: 'rival', address: 'r:1' } }
      balancer.onEnd!(rival, ended(outside, 'ok', loadMs))
      return shares(balancer, [known!, rival], 20).get('n0') === 20
    }
    balancer.onEnd!(known!, ended(outside, 'ok', 30))
    balancer.onEnd!(known!, ended(outside, 'ok', 100))
    t.ok(isBelow(100.5))
    t.notOk(isBelow(99.5), 'a peak counts at once')
    outside.advance(1_000)
    balancer.onEnd!(known!, ended(outside, 'ok', 10))
    t.ok(isBelow(91.6))
    t.notOk(isBelow(91.3))
    outside.advance(10_000)
    t.ok(isBelow(34))
    t.notOk(isBelow(33.3))
    known!.pending = 2
    t.ok(isBelow(102))
    t.notOk(isBelow(100))
    t.end()
  },
)

t.test('peakEwma: failing at once is not being fast', t => {
  const outside = new Outside()
  const balancer = peakEwma().create(outside)
  const from = candidates(3)
  for (const each of from) balancer.onEnd!(each, ended(outside, 'ok', 20))
  for (const outcome of ['failed', 'unreached', 'late'] as const) {
    balancer.onEnd!(from[0]!, ended(outside, outcome, 0))
    t.equal(shares(balancer, from, 300).get('n0'), undefined, outcome)
  }
  balancer.onEnd!(from[1]!, ended(outside, 'neutral', 1))
  balancer.onEnd!(from[2]!, ended(outside, 'failed', 0, 60_000))
  t.equal(shares(balancer, from, 300).get('n2'), undefined, 'it asked to be left alone')
  t.end()
})

t.test('peakEwma: who is new, or was not chosen for long, is tried with one call', t => {
  const outside = new Outside()
  const balancer = peakEwma({ retryAfterMs: 5_000 }).create(outside)
  const from = candidates(2)
  balancer.onEnd!(from[0]!, ended(outside, 'ok', 1))
  t.same([...shares(balancer, from, 20)], [['n1', 20]])
  from[1]!.pending = 1
  t.same([...shares(balancer, from, 20)], [['n0', 20]])
  from[1]!.pending = 0
  balancer.onEnd!(from[1]!, ended(outside, 'ok', 10_000))
  outside.advance(4_999)
  balancer.onEnd!(from[0]!, ended(outside, 'ok', 1))
  t.same([...shares(balancer, from, 20)], [['n0', 20]])
  outside.advance(1)
  t.same([...shares(balancer, from, 20)], [['n1', 20]])
  t.throws(() => peakEwma({ decayMs: 0 }), RangeError)
  t.end()
})

t.test(
  'peakEwma: one of ten that is a hundred times slower gets less than 1 % of the calls, at any rate',
  t => {
    const outside = new Outside()
    for (const pauseMs of [1, 10]) {
      const balancer = peakEwma().create(outside)
      const from = candidates(10)
      let slow = 0
      for (let call = 0; call < 3_000; call++) {
        const chosen = balancer.pick(from)
        const isSlow = chosen === from[9]
        if (isSlow) slow++
        outside.advance(pauseMs)
        balancer.onEnd!(chosen, ended(outside, 'ok', isSlow ? 100 : 1))
      }
      t.ok(slow <= 3, `${slow} of 3000`)
    }
    t.end()
  },
)

t.test('pickFirst: the first, and one connection', t => {
  const from = candidates(3)
  t.equal(pickFirst().connects, 'first')
  t.same([...shares(pickFirst().create(new Outside()), from, 5)], [['n0', 5]])
  t.end()
})

t.test(
  'what the end of a call says about its endpoint: answers are answers, whatever they say',
  t => {
    const peer = (status: Status) => new GrpcError(status, '', { origin: 'peer' })
    const cases: readonly (readonly [GrpcError | undefined, Outcome])[] = [
      [undefined, 'ok'],
      [peer(Status.NotFound), 'ok'],
      [peer(Status.PermissionDenied), 'ok'],
      [peer(Status.Cancelled), 'ok'],
      [peer(Status.Unavailable), 'failed'],
      [peer(Status.Internal), 'failed'],
      [peer(Status.Unknown), 'failed'],
      [peer(Status.ResourceExhausted), 'failed'],
      [peer(Status.DeadlineExceeded), 'late'],
      [new GrpcError(Status.DeadlineExceeded), 'late'],
      [new GrpcError(Status.DeadlineExceeded, '', { unprocessed: true }), 'neutral'],
      [new GrpcError(Status.Cancelled), 'neutral'],
      [new GrpcError(Status.ResourceExhausted), 'neutral'],
      [new GrpcError(Status.Unavailable, '', { origin: 'network' }), 'failed'],
      [
        new GrpcError(Status.Unavailable, '', { origin: 'network', unprocessed: true }),
        'unreached',
      ],
    ]
    for (const [error, outcome] of cases) t.equal(outcomeOf(error), outcome, error?.code ?? 'OK')
    t.end()
  },
)

t.test('gRPC A6: pushback is one signed number; whatever else it is means no retry', t => {
  const of = (...values: string[]) => {
    const trailers = new Metadata()
    for (const value of values) trailers.append('grpc-retry-pushback-ms', value)
    return pushbackOf(trailers)
  }
  t.equal(of(), undefined)
  t.equal(of('0'), 0)
  t.equal(of('250'), 250)
  t.equal(of('-1'), -1)
  for (const bad of ['abc', '12abc', '', '1.5', '2147483648', '99999999999'])
    t.equal(of(bad), -1, bad)
  t.equal(of('1', '2'), -1)
  t.end()
})

t.test('balancers take no options that they do not have', t => {
  for (const make of [roundRobin, leastRequest, pickFirst] as unknown as ((
    options: object,
  ) => unknown)[]) {
    t.throws(() => make({ choices: 3 }), TypeError)
  }
  t.throws(() => peakEwma({ decay: 1 } as never), /decayMs|no option decay/)
  t.end()
})
