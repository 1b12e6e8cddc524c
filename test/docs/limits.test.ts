import { readFileSync } from 'node:fs'
import t from 'tap'
import { limitRows, limitsPage } from '../../scripts/limits-table.js'
import { DEFAULT_LIMITS } from '../../src/connection/index.js'

const source = readFileSync('src/connection/core/limits.ts', 'utf8')

t.test('every limit has a meaning, a unit, a default and a reason', t => {
  const rows = limitRows(source)
  t.same(
    rows.map(row => row.name),
    Object.keys(DEFAULT_LIMITS),
  )
  for (const row of rows) t.ok(row.meaning !== '' && row.unit !== '' && row.reason !== '', row.name)
  t.end()
})

t.test('docs/limits.md says what the code does', t => {
  t.equal(readFileSync('docs/limits.md', 'utf8'), limitsPage(source))
  t.end()
})
