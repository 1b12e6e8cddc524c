/**
 * Runs every compiled test, or those whose path contains one of the words
 * given, and ends with `N passed, N failed`.
 *
 *     npm test
 *     npm test -- hpack scenario/goaway
 */
import { runTap, testFiles } from './tap-run.js'

const words = process.argv.slice(2)
const files = testFiles('.build/test').filter(
  file => words.length === 0 || words.some(word => file.includes(word)),
)
if (files.length === 0) {
  console.error(`no test file matches ${words.join(' ')}`)
  process.exit(1)
}

const started = Date.now()
// Without coverage: collecting it makes hot loops two times slower and guards meaningless.
const result = await runTap(files, [
  '--disable-coverage',
  '--allow-empty-coverage',
  '--timeout=120',
])
const seconds = ((Date.now() - started) / 1_000).toFixed(1)

for (const failure of result.failures) console.log(`FAILED ${failure}`)
console.log(
  `${files.length} files in ${seconds} s${result.skipped > 0 ? `, ${result.skipped} skipped` : ''}`,
)
// tap may fail for reasons of its own; they count as a failure, never as nothing.
const failed = result.failed === 0 && result.exitCode !== 0 ? 1 : result.failed
console.log(`${result.passed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1
