/**
 * Compiles sources, tests, benchmarks and scripts into `.build`, and says what is wrong with their
 * types. Only what changed since the last time is compiled again.
 *
 *     npm run compile
 */
import { typescript } from './typescript.mjs'

process.exitCode = typescript(['-p', 'tsconfig.json', ...process.argv.slice(2)])
