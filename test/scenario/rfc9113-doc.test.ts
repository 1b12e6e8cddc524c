import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import ts from 'typescript'

const ROOT = join(import.meta.dirname, '..', '..', '..')

/** The names of all tests, as they stand in the sources: only literal ones can be cited. */
function testNames(): ReadonlySet<string> {
  const names = new Set<string>()
  const read = (path: string): void => {
    const tree = ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.Latest)
    const visit = (node: ts.Node): void => {
      if (ts.isCallExpression(node) && ts.isPropertyAccessExpression(node.expression)) {
        const [name] = node.arguments
        if (
          node.expression.name.text === 'test' &&
          name !== undefined &&
          ts.isStringLiteralLike(name)
        ) {
          names.add(name.text)
        }
      }
      ts.forEachChild(node, visit)
    }
    visit(tree)
  }
  for (const entry of readdirSync(join(ROOT, 'test'), { recursive: true, encoding: 'utf8' })) {
    if (entry.endsWith('.test.ts')) read(join(ROOT, 'test', entry))
  }
  return names
}

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

/** What stands between back-ticks and is meant as a test: everything but `transport`, `minVersion` and the like. */
function citedTests(proof: string): string[] {
  return [...proof.matchAll(/`([^`]+)`/g)]
    .map(match => match[1]!)
    .filter(cited => cited.includes(' '))
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
