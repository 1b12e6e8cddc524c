import { readFileSync } from 'node:fs'
import t from 'tap'
import { EXPLAINED, packageExports, referencePage } from '../../scripts/reference-page.js'

const page = readFileSync('docs/reference.md', 'utf8')
const all = packageExports()

t.test('every export has a sentence', t => {
  const without = all.filter(({ text }) => !/^[`\w'"].*[.:!?)`]$/.test(text))
  t.same(
    without.map(({ entry, name }) => `${entry}: ${name}`),
    [],
  )
  t.ok(all.length > 300, 'exports are found')
  t.end()
})

t.test('no export is marked @internal', t => {
  const internal = all.filter(each => each.isInternal)
  t.same(
    internal.map(({ entry, name }) => `${entry}: ${name}`),
    [],
  )
  t.end()
})

t.test('docs/reference.md names every export of every entry point, and nothing else', t => {
  const sections = page.split(/^## /m).filter(section => section.startsWith('microwire'))
  for (const section of sections) {
    const entry = section.slice(0, section.indexOf('\n'))
    const rows = [...section.matchAll(/^\| `(\w+)` \|/gm)].map(found => found[1]!)
    const again = [...section.matchAll(/^Also exported.*$/gm)].flatMap(([line]) =>
      [...line.matchAll(/`(\w+)`/g)].map(found => found[1]!),
    )
    const exported = all.filter(each => each.entry === entry).map(each => each.name)
    t.same([...rows, ...again].sort(), exported.sort(), entry)
  }
  t.equal(sections.length, new Set(all.map(each => each.entry)).size)
  t.end()
})

t.test('docs/reference.md explains each member of the types that users handle most', t => {
  for (const name of EXPLAINED) {
    const section = page.split(/^## /m).find(each => each.startsWith(`Members of ${name}\n`))
    const rows = section?.match(/^\| `.*$/gm) ?? []
    t.ok(rows.length > 1, name)
    for (const row of rows) t.match(row, /^\| `\w+(\(\))?` \| \S/, `${name}: ${row}`)
  }
  t.end()
})

t.test(
  'docs/reference.md says what the code says: node .build/scripts/reference-page.js > docs/reference.md',
  t => {
    t.ok(page === referencePage(all), 'write the page again')
    t.end()
  },
)
