import { readFileSync } from 'node:fs'
import t from 'tap'
import { drawMap, foldersOf, pageWithMap, unsaid } from '../../scripts/architecture-map.js'

const page = readFileSync('docs/architecture.md', 'utf8')

t.test('every folder of src has its one sentence on the map, and no sentence stands alone', t => {
  t.same(unsaid(foldersOf('src')), [], 'SENTENCES of scripts/architecture-map.ts')
  t.end()
})

t.test(
  'docs/architecture.md draws the code as it is: node .build/scripts/architecture-map.js',
  t => {
    t.equal(page, pageWithMap(page, drawMap('src')))
    t.end()
  },
)

t.test('the files that "where would I change" names exist', t => {
  const begin = page.indexOf('### Where would I change ...')
  const section = page.slice(begin, page.indexOf('\n## ', begin))
  const named = [...section.matchAll(/\]\(\.\.\/([\w./-]+)\)/g)].map(([, path]) => path!)
  t.ok(named.length >= 10)
  for (const path of named) t.doesNotThrow(() => readFileSync(path), path)
  t.end()
})

t.test('the glossary explains each of its words once', t => {
  const rows = readFileSync('docs/glossary.md', 'utf8').match(/^\| (?!word|---)[^|]+\|/gm) ?? []
  t.ok(rows.length >= 20)
  t.same(new Set(rows).size, rows.length)
  t.end()
})
