import t from 'tap'
import { loadTarget, TARGETS } from '../../fuzz/targets.js'
import { Fuzzer } from '../../src/testing/index.js'

// A short look at every target, the same each time. `npm run fuzz` looks longer, and with coverage.

/** Inputs for each target; the slow ones get fewer. */
const RUNS: Readonly<Record<string, number>> = {
  'server-connection': 150,
  'client-connection': 100,
  'connection-pair': 100,
  'receive-flow': 60,
  'generated-code': 60,
  'http2-peer': 40,
  'mucp-server': 60,
  'mucp-client': 60,
  'client-session': 40,
  'registry-records': 150,
}

for (const { name, about } of TARGETS) {
  t.test(`${name}: ${about}`, async t => {
    const fuzzer = new Fuzzer(await loadTarget(name), { seed: 9_113 })
    const finding = await fuzzer.run(RUNS[name] ?? 500)
    if (finding === undefined) return
    const input = (await fuzzer.minimize(finding, 300)).toString('hex')
    t.fail(
      `${finding.error instanceof Error ? finding.error.stack : finding.error}\ninput ${input}`,
    )
  })
}

t.test('a target has a name of its own', t => {
  t.equal(new Set(TARGETS.map(({ name }) => name)).size, TARGETS.length)
  t.rejects(loadTarget('nobody'), RangeError)
  t.end()
})
