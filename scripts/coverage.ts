import { execFileSync } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { relative, resolve } from 'node:path'
import { readArguments } from './arguments.js'
import { runTap, testFiles } from './tap-run.js'

const USAGE = `Runs the tests with coverage and prints the figure for each folder of src.
Fails when a gated folder is below its share.

    npm run coverage`
readArguments(USAGE, {})

/** Statements and branches that tests must reach. Unit: percent. */
const GATES: Readonly<Record<string, number>> = { frame: 95, hpack: 95, connection: 95, grpc: 95 }

interface Counts {
  readonly total: number
  readonly covered: number
}
type Summary = Readonly<Record<string, { readonly statements: Counts; readonly branches: Counts }>>

// Guards of timing and allocation, which coverage falsifies, and loads that run for their length in
// processes of their own, which it slows down many times.
const LEFT_OUT = /\/(?:bench|attack|soak)\//
const files = testFiles('.build/test').filter(file => !LEFT_OUT.test(file))
const FOLDER = '.cache/coverage'
rmSync(FOLDER, { recursive: true, force: true })
// It makes hot loops slower, so files have longer.
const result = await runTap(files, {
  jobs: availableParallelism(),
  timeoutMs: 240_000,
  env: { NODE_V8_COVERAGE: resolve(FOLDER) },
})
const report = ['report', '--temp-directory', FOLDER, '--reports-dir', `${FOLDER}-report`]
execFileSync('npx', ['--no-install', 'c8', ...report, '--reporter', 'json-summary'])
const summary = JSON.parse(
  readFileSync(`${FOLDER}-report/coverage-summary.json`, 'utf8'),
) as Summary

const folders = new Map<string, { statements: [number, number]; branches: [number, number] }>()
for (const [file, counts] of Object.entries(summary)) {
  const folder = /src\/([^/]+)\//.exec(relative('.', file))?.[1]
  if (folder === undefined) continue
  const sum = folders.get(folder) ?? { statements: [0, 0], branches: [0, 0] }
  for (const kind of ['statements', 'branches'] as const) {
    sum[kind][0] += counts[kind].covered
    sum[kind][1] += counts[kind].total
  }
  folders.set(folder, sum)
}

let short = 0
console.log('folder       statements  branches   gate')
for (const [folder, sum] of [...folders].sort()) {
  const gate = GATES[folder] ?? 0
  const [statements, branches] = [sum.statements, sum.branches].map(([covered, total]) =>
    total === 0 ? 100 : (100 * covered) / total,
  ) as [number, number]
  if (statements < gate || branches < gate) short++
  const row = [statements, branches].map(share => `${share.toFixed(2)} %`.padStart(9)).join('  ')
  console.log(`${folder.padEnd(12)} ${row}   ${gate === 0 ? '' : `${gate} %`}`)
}
console.log(`${result.passed} passed, ${result.failed + short} failed`)
process.exitCode = result.failed + short === 0 ? 0 : 1
