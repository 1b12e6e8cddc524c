import t from 'tap'
import {
  LOAD_REPORT_NAME,
  type LoadReport,
  readLoadReport,
  weightedRoundRobin,
  writeLoadReport,
} from '../../src/channel/index.js'
import { ReportedWeight, weightOf } from '../../src/channel/weights/reported-weight.js'
import { Stride } from '../../src/channel/weights/stride.js'
import { Metadata } from '../../src/grpc/index.js'
import { candidates, Outside, shares } from './fakes.js'

const report = (
  callsPerSecond: number,
  cpuUtilization: number,
  errorsPerSecond = 0,
): LoadReport => ({
  cpuUtilization,
  applicationUtilization: 0,
  callsPerSecond,
  errorsPerSecond,
})

t.test('R235: the vectors of weights', t => {
  t.equal(Math.round(weightOf(report(100, 0.5, 10), 1) * 100) / 100, 166.67)
  t.equal(weightOf(report(50, 0.25), 1), 200)
  t.equal(
    weightOf({ ...report(50, 0.25), applicationUtilization: 0.5 }, 1),
    100,
    'its own measure counts',
  )
  t.equal(weightOf(report(0, 0.5), 1), 0)
  t.equal(weightOf(report(50, 0), 1), 0, 'R83: a server that reports no load reports nothing')
  t.end()
})

t.test('R82: a load report is read back, whatever else is in it', t => {
  const given = {
    cpuUtilization: 0.5,
    applicationUtilization: 0.25,
    callsPerSecond: 12.5,
    errorsPerSecond: 1,
  }
  t.same(readLoadReport(writeLoadReport(given)), given)
  // rps (3) as a varint, a map entry (4), a fixed32 (15).
  const others = Buffer.from([0x18, 0x80, 0x01, 0x22, 0x02, 0x0a, 0x00, 0x7d, 1, 2, 3, 4])
  t.same(readLoadReport(Buffer.concat([others, writeLoadReport(given)])), given)
  t.same(readLoadReport(Buffer.alloc(0)), report(0, 0))
  const wild = writeLoadReport({ ...given, cpuUtilization: Number.POSITIVE_INFINITY })
  t.equal(readLoadReport(wild)?.cpuUtilization, 0)
  for (const broken of [
    [0x09, 1, 2],
    [0x22, 0x7f, 0],
    [0xff],
    [0x0b],
    [0x22, 0xff, 0xff, 0xff, 0xff, 0x0f],
  ]) {
    t.equal(readLoadReport(Buffer.from(broken)), undefined, String(broken))
  }
  t.end()
})

t.test('R80: weights count after the blackout, and not after they expired', t => {
  const weight = new ReportedWeight({ blackoutMs: 10_000, expirationMs: 180_000, errorPenalty: 1 })
  t.equal(weight.weight(0), 0)
  t.equal(weight.take(report(50, 0.25), 1_000), true)
  t.equal(weight.weight(1_000), 0)
  t.equal(weight.weight(11_000), 200)
  t.equal(weight.take(report(0, 0), 12_000), false)
  t.equal(weight.weight(12_000), 200, 'R79: what says nothing changes nothing')
  t.equal(weight.weight(181_000), 0)
  weight.take(report(50, 0.25), 200_000)
  t.equal(weight.weight(200_000), 0, 'and then it begins anew')
  t.end()
})

t.test('R81: over 10,000 picks each share is within 1 % of its weight', t => {
  const weights = [1, 2, 3, 4]
  const stride = new Stride(weights, () => 0.3)
  const counts = [0, 0, 0, 0]
  for (let i = 0; i < 10_000; i++) counts[stride.next()]!++
  for (const [at, count] of counts.entries()) {
    t.ok(Math.abs(count / 1_000 - weights[at]!) <= 0.1, `${count} for ${weights[at]}`)
  }
  const lone = new Stride([5, 0, 0], () => 0)
  t.same(
    [0, 1, 2, 3, 4, 5].map(() => lone.next()).sort(),
    [0, 0, 1, 1, 2, 2],
    'fewer than two are no comparison',
  )
  const far = new Stride([1_000_000, 1], () => 0)
  let least = 0
  for (let i = 0; i < 10_000; i++) least += far.next()
  t.ok(least > 300, 'nobody is left out')
  t.end()
})

t.test(
  'R78: weighted round robin goes by the weight of endpoints until their reports are there',
  t => {
    const outside = new Outside()
    const balancer = weightedRoundRobin({ blackoutPeriodMs: 0 }).create(outside)
    const two = candidates(2).map((each, at) => ({
      ...each,
      known: undefined,
      endpoint: { ...each.endpoint, weight: at + 1 },
    }))
    const before = shares(balancer, two, 3_000)
    t.ok(Math.abs((before.get('n1') ?? 0) - 2_000) < 30, `${before.get('n1')} of 3000`)
    const end = (at: number, load: LoadReport): void => {
      const trailers = new Metadata()
      trailers.setBinary(LOAD_REPORT_NAME, writeLoadReport(load))
      balancer.onEnd?.(two[at]!, { outcome: 'ok', durationMs: 1, at: outside.now(), trailers })
    }
    end(0, report(100, 0.25))
    end(1, report(100, 0.75))
    outside.advance(1_000)
    end(0, report(100, 0.25))
    const after = shares(balancer, two, 4_000)
    t.ok(Math.abs((after.get('n0') ?? 0) - 3_000) < 40, `${after.get('n0')} of 4000`)
    t.end()
  },
)
