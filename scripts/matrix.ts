import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readArguments, refuse } from './arguments.js'
import { bundlerRows } from './matrix/bundlers.js'
import { compilerRows } from './matrix/compilers.js'
import type { Row } from './matrix/folder.js'
import { frameworkRows } from './matrix/frameworks.js'
import { generatedRows } from './matrix/generated.js'
import { runtimeRows } from './matrix/runtimes.js'
import { tableOf, withTable } from './matrix/table.js'

const USAGE = `Runs the package as it would be published: with compilers, bundlers, test frameworks and
runtimes. Installs what it needs in a temporary folder, prints a line for each, and ends with
N passed, N failed. A run of everything writes the table of docs/runtimes.md.

    npm run matrix
    npm run matrix -- bundlers frameworks     only these groups`

const PAGE = 'docs/runtimes.md'

const GROUPS = {
  compilers: compilerRows,
  generated: generatedRows,
  bundlers: bundlerRows,
  frameworks: frameworkRows,
  runtimes: runtimeRows,
} as const

const { positionals: words } = readArguments(USAGE, { allowPositionals: true, options: {} })
const unknown = words.find(word => !Object.hasOwn(GROUPS, word))
if (unknown !== undefined) {
  refuse(USAGE, `no group ${unknown}; there are ${Object.keys(GROUPS).join(', ')}`)
}

const root = mkdtempSync(join(tmpdir(), 'microwire-matrix-'))
const rows: Row[] = []
try {
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', root]
  const packed = execFileSync('npm', args, { encoding: 'utf8', maxBuffer: 1 << 26 })
  const [{ filename }] = JSON.parse(packed) as [{ filename: string }]
  const packages = { microwire: `file:${join(root, filename)}`, protobufjs: '8.8.1' }
  for (const [group, rowsOf] of Object.entries(GROUPS)) {
    if (words.length > 0 && !words.includes(group)) continue
    for await (const row of rowsOf(root, packages)) {
      rows.push(row)
      console.log(`${row.passed ? 'ok    ' : 'FAILED'} ${row.name}: ${row.seen}`)
    }
  }
} finally {
  rmSync(root, { recursive: true, force: true })
}

const failed = rows.filter(row => !row.passed).length
if (words.length === 0) writeFileSync(PAGE, withTable(readFileSync(PAGE, 'utf8'), tableOf(rows)))
console.log(`${rows.length - failed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1
