import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { citedTests, testNames } from '../support/cited-tests.js'

const ROOT = join(import.meta.dirname, '..', '..', '..')

interface Row {
  readonly section: string
  readonly rule: string
  readonly proof: string
}

/** The rows of all tables in the document. */
function rows(): Row[] {
  const found: Row[] = []
  for (const line of readFileSync(join(ROOT, 'docs', 'rfc9113.md'), 'utf8').split('\n')) {
    if (!line.startsWith('| ') || line.startsWith('| § ') || line.startsWith('| ---')) continue
    const cells = line.split('|').slice(1, -1)
    found.push({
      section: cells[0]!.trim(),
      rule: cells[1]!.trim(),
      proof: cells.slice(2).join('|').trim(),
    })
  }
  return found
}

t.test('every test that docs/rfc9113.md names exists', t => {
  const names = testNames()
  t.ok(names.size > 200)
  for (const { section, proof } of rows()) {
    for (const cited of citedTests(proof)) t.ok(names.has(cited), `§${section}: ${cited}`)
  }
  t.end()
})

t.test('every rule of docs/rfc9113.md has a test, the strict peer, or a reason', t => {
  const all = rows()
  t.ok(all.length >= 150, `${all.length} rules`)
  for (const { section, rule, proof } of all) {
    const proven = citedTests(proof).length > 0 || proof.startsWith('strict peer')
    t.ok(proven || /^none( here)?: .{10}/.test(proof), `§${section}: ${rule}`)
  }
  t.end()
})

t.test('the rules stand in the order of the RFC, each once', t => {
  const all = rows()
  const order = all.map(({ section }) => section.split(' ')[0]!.split('.').map(Number))
  for (let i = 1; i < order.length; i++) {
    const [before, here] = [order[i - 1]!, order[i]!]
    const at = [0, 1, 2].find(level => (before[level] ?? 0) !== (here[level] ?? 0))
    if (at !== undefined)
      t.ok((before[at] ?? 0) < (here[at] ?? 0), `§${here.join('.')} after §${before.join('.')}`)
  }
  t.equal(new Set(all.map(({ section, rule }) => `${section} ${rule}`)).size, all.length)
  t.end()
})
