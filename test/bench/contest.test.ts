import t from 'tap'
import {
  type Contest,
  type Contestant,
  type Outcome,
  rowsOf,
  runContest,
  type Target,
} from '../../bench/contest.js'
import { table } from '../../bench/report.js'

interface Scripted {
  readonly peer: string
  readonly cpu: readonly number[]
}

/** A contest of figures known beforehand, and the order in which they were asked for. */
async function run(
  sides: readonly Scripted[],
  targets: readonly Target[] = [],
): Promise<{ outcome: Outcome; asked: string[] }> {
  const asked: string[] = []
  const contestants = sides.map(({ peer, cpu }): Contestant => {
    let round = 0
    return {
      peer,
      prepare: async () => {},
      measure: async () => {
        asked.push(peer)
        return { cpu: cpu[round++]! }
      },
      close: async () => void asked.push(`${peer} closed`),
    }
  })
  const contest: Contest = {
    suite: 'rpc',
    name: 'unary server',
    conditions: 'none',
    metrics: [{ key: 'cpu', unit: 'us', better: 'lower' }],
    targets,
    start: async () => contestants,
  }
  const outcome = await runContest(contest, { rounds: sides[0]!.cpu.length }, () => {})
  return { outcome, asked }
}

t.test('rounds of all contestants are interleaved, and all are closed', async t => {
  const { asked } = await run([
    { peer: 'a', cpu: [1, 2] },
    { peer: 'b', cpu: [3, 4] },
  ])
  t.same(asked, ['a', 'b', 'a', 'b', 'a closed', 'b closed'])
})

t.test('rows hold medians, extremes and ratios', async t => {
  const { outcome } = await run([
    { peer: 'microwire', cpu: [2, 1, 3] },
    { peer: 'grpc-js', cpu: [20, 20, 60] },
  ])
  const row = { suite: 'rpc', name: 'unary server', unit: 'us' }
  const rows = rowsOf(outcome)
  t.match(rows[0], { ...row, peer: 'microwire', metric: 'cpu', value: 2 })
  t.match(rows[4], { ...row, peer: 'grpc-js', metric: 'cpu min', value: 20 })
  t.match(rows[6], { ...row, peer: 'grpc-js', metric: 'cpu ratio', value: 10, unit: 'x' })
  t.equal(rows[8]?.value, 20)
})

t.test('a target is missed only if every pair of rounds missed it', async t => {
  const sides = [
    { peer: 'microwire', cpu: [2, 2, 2] },
    { peer: 'grpc-js', cpu: [20, 20, 24] },
  ]
  const { outcome } = await run(sides, [
    { peer: 'grpc-js', metric: 'cpu', atLeast: 12 },
    { peer: 'grpc-js', metric: 'cpu', atLeast: 12.1 },
    { peer: 'absent', metric: 'cpu', atLeast: 1 },
  ])
  t.same(
    outcome.verdicts.map(({ met }) => met),
    [true, false],
  )
  t.match(table(outcome), /grpc-js +20\.0 .*10\.0x .*cpu >= 12x ok, cpu >= 12\.1x misses/)
})

t.test('a target without a peer is about our own figure', async t => {
  const { outcome } = await run(
    [{ peer: 'microwire', cpu: [40, 49] }],
    [{ metric: 'cpu', atLeast: 50 }],
  )
  t.same(outcome.verdicts, [
    { target: { metric: 'cpu', atLeast: 50 }, peer: 'microwire', met: false },
  ])
})

t.test('a bound from above is missed only if every round is above it', async t => {
  const sides = [{ peer: 'microwire', cpu: [40, 49] }]
  const { outcome } = await run(sides, [
    { metric: 'cpu', atMost: 40 },
    { metric: 'cpu', atMost: 39 },
  ])
  t.same(
    outcome.verdicts.map(({ met }) => met),
    [true, false],
  )
  t.match(table(outcome), /cpu <= 40 ok, cpu <= 39 misses/)
  const rows = rowsOf(outcome).filter(({ metric }) => /target met|at most/.test(metric))
  t.same(
    rows.map(({ metric, value, unit }) => [metric, value, unit]),
    [
      ['cpu at most', 40, 'us'],
      ['cpu target met', 1, '1 or 0'],
      ['cpu at most', 39, 'us'],
      ['cpu target met', 0, '1 or 0'],
    ],
  )
})
