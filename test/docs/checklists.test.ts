import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { citedTests, testNames } from '../support/cited-tests.js'

const ROOT = join(import.meta.dirname, '..', '..', '..')

interface Row {
  readonly id: string
  readonly proof: string
}

/** The rows of all tables in a document: the first cell, and the third, where the tests are. */
function rows(document: string): Row[] {
  return readFileSync(join(ROOT, 'docs', document), 'utf8')
    .split('\n')
    .filter(line => line.startsWith('| ') && !/^\| (---|no\.|project) /.test(line))
    .map(line => {
      const cells = line.split(' | ')
      return { id: cells[0]!.slice(2), proof: cells.slice(2).join(' | ') }
    })
}

const names = testNames()

for (const document of ['edge-cases.md', 'micro-checklist.md'] as const) {
  t.test(`docs/${document}: each row names tests that exist, or says why there is none`, t => {
    for (const { id, proof } of rows(document)) {
      const cited = citedTests(proof)
      for (const name of cited) t.ok(names.has(name), `${id}: ${name}`)
      t.ok(cited.length > 0 || /^not offered: .{10}/.test(proof), id)
    }
    t.end()
  })
}

t.test('docs/edge-cases.md has the forty-eight subjects, in order', t => {
  const found = rows('edge-cases.md')
  const numbers = found.map(({ id }) => Number(id)).filter(id => !Number.isNaN(id))
  t.same(
    numbers,
    Array.from({ length: 48 }, (_, index) => index + 1),
  )
  t.ok(found.length - numbers.length >= 29, 'bugs of others')
  t.end()
})

t.test('docs/micro-checklist.md has every section, in order', t => {
  const counts = [7, 12, 24, 11]
  const expected = counts.flatMap((count, section) =>
    Array.from({ length: count }, (_, index) => `${section + 1}.${index + 1}`),
  )
  t.same(
    rows('micro-checklist.md').map(({ id }) => id),
    expected,
  )
  t.end()
})
