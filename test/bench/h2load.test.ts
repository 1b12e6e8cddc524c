import t from 'tap'
import { parseSummary } from '../../bench/h2load.js'

const summary = (succeeded: number, data: number): string => `
finished in 1.25s, 8000.00 req/s, 1.06MB/s
requests: 10000 total, 10000 started, 10000 done, ${succeeded} succeeded, 0 failed, 0 errored, 0 timeout
status codes: ${succeeded} 2xx, 0 3xx, 0 4xx, 0 5xx
traffic: 1.33MB (1390159) total, 48.88KB (50057) headers (space savings 96.40%), 1.00MB (${data}) data
`

t.test("h2load's summary becomes calls and seconds", async t => {
  t.same(parseSummary(summary(10_000, 1_050_000), 10_000), { calls: 10_000, seconds: 1.25 })
})

t.test('a load with a failed call or a short echo does not count', async t => {
  t.throws(() => parseSummary(summary(9_999, 1_050_000), 10_000), /9999 of 10000 calls/)
  t.throws(() => parseSummary(summary(10_000, 1_049_999), 10_000), /1049999 octets of data/)
  t.throws(() => parseSummary('h2load: cannot connect', 1), /h2load: no/)
})
