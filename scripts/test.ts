import { availableParallelism } from 'node:os'
import { readArguments, refuse } from './arguments.js'
import { runTap, type TapResult, testFiles } from './tap-run.js'

const USAGE = `Runs every compiled test, or those whose path contains one of the words
given, and ends with N passed, N failed.

    npm test
    npm test -- hpack scenario/goaway`

/** Files that measure time or memory, or fill every core by themselves: one after another. */
const ALONE = /\/(?:attack|bench|faults|soak)\//

const { positionals: words } = readArguments(USAGE, { allowPositionals: true, options: {} })
const files = testFiles('.build/test').filter(
  file => words.length === 0 || words.some(word => file.includes(word)),
)
if (files.length === 0) {
  refuse(USAGE, `no test file matches ${words.join(' ')}`)
}

const started = Date.now()
const results: TapResult[] = []
for (const [jobs, alone] of [
  [availableParallelism(), false],
  [1, true],
] as const) {
  const group = files.filter(file => ALONE.test(file) === alone)
  if (group.length === 0) continue
  console.log(`test files: ${group.length}, ${jobs === 1 ? 'one' : jobs} at a time`)
  results.push(await runTap(group, { jobs }))
}
const seconds = ((Date.now() - started) / 1_000).toFixed(1)

const sum = (count: (result: TapResult) => number): number =>
  results.reduce((total, result) => total + count(result), 0)
for (const failure of results.flatMap(result => result.failures)) console.log(`FAILED ${failure}`)
const skipped = sum(result => result.skipped)
console.log(`${files.length} files in ${seconds} s${skipped > 0 ? `, ${skipped} skipped` : ''}`)
const failed = sum(result => result.failed)
console.log(`${sum(result => result.passed)} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1
