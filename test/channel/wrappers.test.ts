import t from 'tap'
import { ejectionMs, outlierRate } from '../../src/channel/balancing/outlier-rules.js'
import { startShare } from '../../src/channel/balancing/slow-start.js'
import {
  type Balancer,
  type Candidate,
  type Endpoint,
  type Outcome,
  outlierDetection,
  peakEwma,
  pickFirst,
  randomSubset,
  roundRobin,
  slowStart,
  weightedRoundRobin,
  zoneFirst,
} from '../../src/channel/index.js'
import { candidates, endpoints, Outside, Rig, shares } from './fakes.js'

const rounded = (value: number): number => Math.round(value * 10_000) / 10_000

/** Calls that all end with what `outcomeOf` says of their endpoint. */
function calls(
  balancer: Balancer,
  from: readonly Candidate[],
  count: number,
  outside: Outside,
  outcomeOf: (id: string) => Outcome = () => 'ok',
): Map<string, number> {
  const found = new Map<string, number>()
  for (let i = 0; i < count; i++) {
    const picked = balancer.pick(from)
    const { id } = picked.endpoint
    found.set(id, (found.get(id) ?? 0) + 1)
    balancer.onBegin?.(picked)
    balancer.onEnd?.(picked, { outcome: outcomeOf(id), durationMs: 1, at: outside.now() })
  }
  return found
}

t.test('R234: the vectors of success rates', t => {
  t.equal(rounded(outlierRate([1, 1, 1, 1, 0.9], 1_900)), 0.904)
  t.equal(rounded(outlierRate([1, 1, 1, 1, 0.99], 1_900)), 0.9904)
  t.equal(rounded(outlierRate([...Array(9).fill(1), 0.99], 1_900)), 0.9933)
  t.equal(rounded(outlierRate([...Array(8).fill(1), 0.5, 0.5], 1_900)), 0.52)
  t.ok(outlierRate([...Array(6).fill(1), 0.5, 0.5], 1_900) < 0.5, 'of eight, two at 0.5: nobody')
  t.end()
})

t.test('R91: an ejection lasts longer each time, up to its bound', t => {
  t.same(
    [1, 2, 3, 20].map(count => ejectionMs(30, 300, count)),
    [30, 60, 90, 300],
  )
  t.equal(ejectionMs(500, 300, 3), 500)
  t.end()
})

t.test(
  'R97: of three, one that fails five times in a row gets no more calls, and one chance after its time',
  t => {
    const outside = new Outside()
    const balancer = outlierDetection({ balancer: roundRobin() }).create(outside)
    const three = candidates(3)
    const isBad = (id: string): Outcome => (id === 'n1' ? 'failed' : 'ok')
    const first = calls(balancer, three, 100, outside, isBad)
    t.equal(first.get('n1'), 5)
    outside.advance(29_000)
    t.equal(calls(balancer, three, 30, outside, isBad).get('n1'), undefined)
    outside.advance(1_000)
    t.equal(calls(balancer, three, 30, outside, isBad).get('n1'), 1, 'one more failure is enough')
    outside.advance(30_000)
    t.equal(calls(balancer, three, 30, outside, isBad).get('n1'), undefined, 'twice as long')
    outside.advance(30_000)
    t.equal(calls(balancer, three, 30, outside).get('n1'), 10, 'and it is back when it is well')
    t.end()
  },
)

t.test(
  'R90, R97: half may be ejected, one always, and when everybody is, calls go to anybody',
  t => {
    const outside = new Outside()
    const failing = (): Outcome => 'failed'
    const of = (count: number, percent: number): number => {
      const maxEjectionPercent = percent
      const balancer = outlierDetection({ balancer: roundRobin(), maxEjectionPercent }).create(
        outside,
      )
      const all = candidates(count)
      calls(balancer, all, count * 10, outside, failing)
      return shares(balancer, all, 100).size
    }
    t.equal(of(4, 50), 2)
    t.equal(of(3, 10), 2)
    t.equal(of(3, 0), 3)
    t.equal(of(3, 100), 3, 'all are ejected: all are tried')
    t.equal(of(1, 50), 1)
    t.end()
  },
)

t.test('who is overloaded, and says when to come again, is not ejected', t => {
  const outside = new Outside()
  const balancer = outlierDetection({ balancer: roundRobin() }).create(outside)
  const two = candidates(2)
  for (let i = 0; i < 100; i++) {
    const picked = balancer.pick(two)
    balancer.onEnd?.(picked, {
      outcome: 'failed',
      durationMs: 1,
      at: outside.now(),
      pushbackMs: 200,
    })
  }
  t.equal(shares(balancer, two, 100).size, 2)
  t.end()
})

t.test('R94: answers, and calls that were given up, eject nobody', t => {
  const outside = new Outside()
  const balancer = outlierDetection({ balancer: roundRobin() }).create(outside)
  const two = candidates(2)
  for (const outcome of ['ok', 'neutral'] as const) {
    t.same([...calls(balancer, two, 100, outside, () => outcome).values()], [50, 50])
  }
  t.end()
})

t.test(
  'R89, R90: success rates are compared each interval, among enough hosts with enough calls',
  t => {
    const run = (count: number, volume: number, bad: number): boolean => {
      const outside = new Outside()
      const balancer = outlierDetection({ balancer: roundRobin(), successRate: {} }).create(outside)
      const all = candidates(count)
      let turn = 0
      const outcomeOf = (id: string): Outcome =>
        id === 'n0' && turn++ % 100 < bad ? 'failed' : 'ok'
      calls(balancer, all, count * volume, outside, outcomeOf)
      t.equal(shares(balancer, all, 1_000).size, count, 'not before the interval is over')
      outside.advance(10_000)
      calls(balancer, all, count, outside)
      return shares(balancer, all, 1_000).size < count
    }
    t.equal(run(5, 100, 20), true)
    t.equal(run(4, 100, 20), false, 'minimumHosts')
    t.equal(run(5, 90, 20), false, 'requestVolume')
    t.equal(run(5, 100, 1), false, 'R96: one point below perfect is no outlier')
    t.end()
  },
)

t.test('R89: who fails more often than it may is ejected', t => {
  const outside = new Outside()
  const balancer = outlierDetection({
    balancer: roundRobin(),
    failurePercentage: { thresholdPercent: 50 },
  }).create(outside)
  const five = candidates(5)
  const outcomeOf = (id: string): Outcome => (id === 'n2' ? 'failed' : 'ok')
  calls(balancer, five, 300, outside, outcomeOf)
  outside.advance(10_000)
  calls(balancer, five, 5, outside, outcomeOf)
  t.equal(shares(balancer, five, 1_000).get('n2'), undefined)
  t.end()
})

t.test(
  'R92: an ejected endpoint keeps its connection and its calls, and the channel hears of all their ends',
  t => {
    const rig = new Rig(outlierDetection({ balancer: roundRobin() })).connected('a', 'b')
    const held = [rig.channel.pick(), rig.channel.pick()]
    for (const each of held) each?.begin()
    for (let i = 0; i < 20; i++) {
      const picked = rig.channel.pick()
      picked?.begin()
      picked?.end(picked.subchannel.endpoint.id === 'a' ? 'failed' : 'ok')
    }
    t.same(new Set(rig.picks(10)), new Set(['b']))
    t.equal(rig.session('a').state, 'ready')
    for (const each of held) each?.done(undefined)
    t.equal(rig.channel.pendingCount, 0)
    t.end()
  },
)

t.test('R93: wrong options are refused, and pickFirst has nobody to leave out', t => {
  t.throws(() => outlierDetection({ balancer: pickFirst() }), { name: 'TypeError' })
  t.throws(() => outlierDetection({ maxEjectionPercent: 101 }), { message: /maxEjectionPercent/ })
  t.throws(() => outlierDetection({ successRate: { stdevFactor: -1 } }), {
    message: /successRate\.stdevFactor/,
  })
  t.throws(() => slowStart({ windowMs: 0 }), { message: /windowMs/ })
  t.throws(() => zoneFirst({ zone: '' }), { message: /needs zone/ })
  t.throws(() => randomSubset({ size: 0 }), { message: /size is 0/ })
  t.throws(() => weightedRoundRobin({ weightUpdatePeriodMs: 1 }), {
    message: /weightUpdatePeriodMs/,
  })
  t.end()
})

t.test(
  'slow start: who comes later gets a share that grows, who was there from the start its own at once',
  t => {
    t.same(
      [0, 5, 15, 30, 60].map(age => startShare(age, 30, 0.1, 1)),
      [0.1, 5 / 30, 0.5, 1, 1],
    )
    t.equal(startShare(7.5, 30, 0.1, 2), 0.5)
    const outside = new Outside()
    const balancer = slowStart({ balancer: roundRobin(), windowMs: 30_000 }).create(outside)
    const [a, b, c] = candidates(3) as [Candidate, Candidate, Candidate]
    balancer.pick([a])
    t.equal(
      shares(balancer, [a, b], 1_000).get('n1'),
      500,
      'connections of the first second are not new',
    )
    outside.advance(60_000)
    const three = [a, b, c]
    // Of what each of the others gets.
    const shareOf = (): number => {
      const found = shares(balancer, three, 3_000)
      return (found.get('n2') ?? 0) / (found.get('n0') ?? 0)
    }
    const cold = shareOf()
    t.ok(cold > 0.05 && cold < 0.17, `${cold} of its share at first`)
    outside.advance(15_000)
    const half = shareOf()
    t.ok(half > 0.42 && half < 0.58, `${half} after half of the time`)
    outside.advance(15_000)
    t.equal(shareOf(), 1)
    t.end()
  },
)

t.test(
  'R88: calls stay in their zone, spill over by what is missing there, and go anywhere when nobody is left',
  t => {
    const zones = ['here', 'here', 'here', 'here', 'there', 'there']
    const all = candidates(6).map((each, at) => ({
      ...each,
      endpoint: { ...each.endpoint, zone: zones[at]! },
    }))
    const balancer = zoneFirst({
      zone: 'here',
      balancer: roundRobin(),
      spillBelowPercent: 80,
    }).create(new Outside())
    balancer.choose?.(all.map(({ endpoint }) => endpoint))
    const near = (from: readonly Candidate[]): number => {
      let count = 0
      for (let i = 0; i < 2_000; i++) if (balancer.pick(from).endpoint.zone === 'here') count++
      return count / 2_000
    }
    t.equal(near(all), 1)
    t.ok(near(all.filter((_, at) => at !== 0)) > 0.9, 'three of four: 75 / 80')
    const half = near(all.filter((_, at) => at > 1))
    t.ok(half > 0.58 && half < 0.67, `half of the zone has ${half} of the calls: 50 / 80`)
    t.equal(near(all.slice(4)), 0)
    t.equal(near(all.slice(0, 2)), 1, 'nowhere else to go')
    t.end()
  },
)

t.test(
  'R87: a subset has its size, differs from client to client, and changes by one member at most',
  t => {
    const all = endpoints(...Array.from({ length: 40 }, (_, at) => `e${at}`))
    const outside = new Outside()
    const chosen = (balancer: Balancer, from: readonly Endpoint[]): Set<string> =>
      new Set(balancer.choose?.(from).map(({ id }) => id))
    const balancers = Array.from({ length: 200 }, () => randomSubset({ size: 4 }).create(outside))
    const uses = new Map<string, number>()
    for (const each of balancers)
      for (const id of chosen(each, all)) uses.set(id, (uses.get(id) ?? 0) + 1)
    t.equal(uses.size, 40, 'everybody is used by somebody')
    t.ok(
      Math.max(...uses.values()) < 45,
      `at most ${Math.max(...uses.values())} of 200, 20 on average`,
    )
    for (const each of balancers.slice(0, 20)) {
      const before = chosen(each, all)
      t.equal(before.size, 4)
      const after = chosen(each, all.slice(1))
      t.ok([...before].filter(id => !after.has(id)).length <= 1)
      t.same(chosen(each, [...all].reverse()), before, 'the order is no matter')
    }
    t.equal(chosen(balancers[0]!, all.slice(0, 3)).size, 3)
    t.end()
  },
)

t.test('R87: a channel makes no connection to who is not chosen', t => {
  const rig = new Rig(randomSubset({ size: 2 }))
  rig.channel.update(endpoints('a', 'b', 'c', 'd'))
  rig.channel.connect()
  rig.outside.settle()
  t.equal(rig.sessions.size, 2)
  t.end()
})

t.test('a balancer within others still hears of each call once', t => {
  const outside = new Outside()
  const heard: string[] = []
  const inner = {
    name: 'inner',
    create: () => ({
      pick: (from: readonly Candidate[]) => from[0]!,
      onBegin: () => void heard.push('begin'),
      onEnd: () => void heard.push('end'),
    }),
  }
  const balancing = outlierDetection({
    balancer: slowStart({
      balancer: zoneFirst({ zone: 'a', balancer: randomSubset({ size: 9, balancer: inner }) }),
    }),
  })
  t.equal(balancing.name, 'outlierDetection(slowStart(zoneFirst(randomSubset(inner))))')
  calls(balancing.create(outside), candidates(3), 2, outside)
  t.same(heard, ['begin', 'end', 'begin', 'end'])
  t.equal(
    slowStart({ balancer: roundRobin() }).create(outside).onEnd,
    undefined,
    'who wants no times costs none',
  )
  t.type(slowStart({ balancer: peakEwma() }).create(outside).onEnd, 'function')
  t.end()
})
