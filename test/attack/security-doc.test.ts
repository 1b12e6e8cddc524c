import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { ATTACKS } from '../../scripts/attack/catalogue.js'
import { limitsTable } from '../../scripts/attack/limits-table.js'
import { attackNamed } from '../../scripts/attack/surfaces.js'
import { SENSITIVE_ENDINGS, SENSITIVE_PARTS } from '../../src/hpack/index.js'

const ROOT = join(import.meta.dirname, '..', '..', '..')
const security = readFileSync(join(ROOT, 'SECURITY.md'), 'utf8')

for (const [name, path] of [
  ['connection limits', 'src/connection/core/limits.ts'],
  ['call limits', 'src/grpc/wire/limits.ts'],
] as const) {
  t.test(`SECURITY.md has the ${name} as the code has them`, async t => {
    t.ok(security.includes(limitsTable(readFileSync(join(ROOT, path), 'utf8'))), path)
  })
}

t.test('SECURITY.md has the names that HPACK takes for secrets', async t => {
  const listed = (after: string): string[] => {
    const line = security.split('\n').find(text => text.startsWith(after)) ?? ''
    return [...line.matchAll(/`([^`]+)`/g)].map(match => match[1]!)
  }
  t.same(listed('- parts:'), SENSITIVE_PARTS)
  t.same(listed('- endings of a part:'), SENSITIVE_ENDINGS)
})

t.test('each row of the map from CVE to test names what exists', async t => {
  const map = security.slice(security.indexOf('## From CVE to test'))
  const rows = map.split('\n').filter(line => /^\| .*(?:CVE|RUSTSEC|GHSA)-/.test(line))
  t.ok(rows.length >= 20, `${rows.length} rows`)
  for (const row of rows) {
    const named = [...row.matchAll(/`([^`]+)`/g)].map(match => match[1]!)
    const proofs = named.filter(name => name.endsWith('.test.ts') || /^[A-F]\d+-/.test(name))
    t.ok(proofs.length > 0, row)
    for (const proof of proofs) {
      const exists = proof.endsWith('.ts')
        ? existsSync(join(ROOT, 'test', proof))
        : ATTACKS.some(({ name }) => name === proof)
      t.ok(exists, proof)
    }
  }
})

t.test('each finding of the audit has a test, and what its row names exists', async t => {
  const [, map = ''] = security.split('## Findings of an audit')
  const rows = map
    .slice(0, map.indexOf('\n## '))
    .split('\n')
    .filter(line => /^\| \d+\./.test(line))
  t.same(
    rows.map(row => Number.parseInt(row.slice(2), 10)),
    Array.from({ length: 16 }, (_, index) => index + 1),
  )
  for (const row of rows) {
    const [, tests = '', attacks = ''] = row.split(' | ')
    // A name may have a semicolon of its own.
    const named = [...tests.matchAll(/`([\w/-]+\.test\.ts)`: (.+?)(?=; `|$)/g)]
    t.ok(named.length > 0, row)
    for (const [, file = '', name = ''] of named) {
      const source = readFileSync(join(ROOT, 'test', file), 'utf8')
      t.ok(source.includes(name.trim()), `${file}: ${name}`)
    }
    for (const [, name = ''] of attacks.matchAll(/`([A-Z]\d+-[\w-]+)`/g)) t.ok(attackNamed(name))
  }
})
