import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'

const TESTS = join(import.meta.dirname, '..', '..', '..', 'test')

/** The names of all tests, as they stand in the sources: only literal ones can be cited. */
export function testNames(): ReadonlySet<string> {
  const names = new Set<string>()
  for (const folder of readdirSync(TESTS, { withFileTypes: true })) {
    if (!folder.isDirectory()) continue
    for (const file of readdirSync(join(TESTS, folder.name))) {
      if (file.endsWith('.test.ts')) addNames(join(TESTS, folder.name, file), names)
    }
  }
  return names
}

function addNames(path: string, names: Set<string>): void {
  const tree = ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.Latest)
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && ts.isPropertyAccessExpression(node.expression)) {
      const [name] = node.arguments
      const isTest = node.expression.name.text === 'test'
      if (isTest && name !== undefined && ts.isStringLiteralLike(name)) names.add(name.text)
    }
    ts.forEachChild(node, visit)
  }
  visit(tree)
}

/** What stands between back-ticks and is meant as a test: everything but `transport`, `minVersion` and the like. */
export function citedTests(proof: string): string[] {
  return [...proof.matchAll(/`([^`]+)`/g)]
    .map(match => match[1]!)
    .filter(cited => cited.includes(' '))
}
