import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import t from 'tap'

// Every link of the documents to something in this repository leads somewhere.

const PAGES = [...readdirSync('docs').map(name => join('docs', name)), ...readdirSync('.')].filter(
  name => name.endsWith('.md'),
)

interface Link {
  readonly page: string
  /** From the root. */
  readonly file: string
  readonly anchor: string
  readonly title: string | undefined
}

/** Links to files, without those in blocks of code. */
function links(page: string): Link[] {
  const text = readFileSync(page, 'utf8').replace(/^```[\s\S]*?^```/gm, '')
  const found: Link[] = []
  for (const [, target, title] of text.matchAll(
    /\[(?:[^[\]]|\[[^\]]*\])*\]\(([^\s)]+)(?: "([^"]*)")?\)/g,
  )) {
    if (/^[a-z]+:/.test(target!)) continue
    const [path, anchor = ''] = target!.split('#')
    const file = path === '' ? page : normalize(join(dirname(page), path!))
    found.push({ page, file, anchor, title })
  }
  return found
}

/** What a heading is called in a link, as GitHub has it. */
function anchorsOf(file: string): Set<string> {
  const text = readFileSync(file, 'utf8')
  const anchors = [...text.matchAll(/<a (?:id|name)="([^"]+)"/g)].map(([, id]) => id!)
  for (const [, heading] of text.matchAll(/^#+ (.*)$/gm)) {
    const plain = heading!.toLowerCase().replace(/[^\p{L}\p{N}\p{M} _-]/gu, '')
    anchors.push(plain.trim().replaceAll(' ', '-'))
  }
  return new Set(anchors)
}

const all = PAGES.flatMap(links)

t.test('documents: every link to a file leads to one', t => {
  const broken = all.filter(link => !existsSync(link.file))
  t.same(
    broken.map(link => `${link.page}: ${link.file}`),
    [],
  )
  t.ok(all.length > 80, 'links are found')
  t.end()
})

t.test('documents: every link into a page leads to a heading', t => {
  const inPages = all.filter(link => link.anchor !== '' && link.file.endsWith('.md'))
  const broken = inPages.filter(link => !anchorsOf(link.file).has(link.anchor))
  t.same(
    broken.map(link => `${link.page}: ${link.file}#${link.anchor}`),
    [],
  )
  t.end()
})

t.test('documents: a link to a test names one that is there', t => {
  const named = all.filter(link => link.title !== undefined && link.file.endsWith('.test.ts'))
  const missing = named.filter(link => !readFileSync(link.file, 'utf8').includes(link.title!))
  t.same(
    missing.map(link => `${link.page}: ${link.file}: ${link.title}`),
    [],
  )
  t.ok(named.length > 50, 'tests are named')
  t.end()
})

t.test('docs/features.md: each yes of ours has its test', t => {
  const rows = readFileSync('docs/features.md', 'utf8')
    .split('\n')
    .filter(line => line.startsWith('| ') && !line.startsWith('| ---'))
  t.ok(rows.length > 50)
  for (const row of rows) {
    const [, , ours = ''] = row.split('|').map(cell => cell.trim())
    t.notMatch(ours, /^(yes|partly)/, row)
    if (/^\[(yes|partly)\]/.test(ours)) t.match(ours, /\.test\.ts "[^"]+"\)/, row)
  }
  t.end()
})
