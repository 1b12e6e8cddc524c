import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'

const ROOT = join(import.meta.dirname, '..', '..', '..')
const checklist = readFileSync(join(ROOT, 'docs', 'grpc-checklist.md'), 'utf8')
const rows = checklist.split('\n').filter(line => line.startsWith('| '))

t.test('docs/grpc-checklist.md has each rule', t => {
  const counts = { R: 16, M: 11, L: 13, T: 18, E: 14, F: 14, K: 6, B: 1, W: 2, H: 2 }
  for (const [letter, count] of Object.entries(counts)) {
    for (let number = 1; number <= count; number++) {
      const start = `| ${letter}${number} | `
      t.equal(rows.filter(row => row.startsWith(start)).length, 1, `${letter}${number}`)
    }
  }
  t.end()
})

t.test('docs/grpc-checklist.md: each rule has a test by its name', t => {
  for (const row of rows) {
    if (/^\| (id|---) /.test(row)) continue
    t.match(row, /test\.ts: "|\| Not offered: .{10}/, row.slice(0, 60))
  }
  t.end()
})

t.test('docs/grpc-checklist.md names tests that exist', t => {
  let count = 0
  for (const [, file, title] of checklist.matchAll(/(test\/[\w/-]+\.test\.ts)(?:: "([^"]+)")?/g)) {
    const path = join(ROOT, file!)
    t.ok(existsSync(path), file!)
    if (title === undefined) continue
    count++
    t.ok(readFileSync(path, 'utf8').includes(`'${title}'`), title)
  }
  t.ok(count > 100)
  t.end()
})
