import { fork } from 'node:child_process'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readArguments, refuse } from './arguments.js'
import { firstNotes, rowLine, writeDocument, writeJson } from './conformance/report.js'
import { type Suite, SuiteRun, Unavailable } from './conformance/suite.js'
import { CI_SUITES, PARTS, SUITES } from './conformance/suites.js'
import { type Row, Tally } from './conformance/tally.js'
import { Strays, turnOfLoop } from './strays.js'

const USAGE = `Runs conformance suites: npm run conformance -- <name>... | ci | all.

  --json FILE    writes the rows as JSON
  --document     writes docs/conformance.md
  --list         names the suites

Each suite runs in a process of its own, so that what one leaves behind cannot help or hurt
the next. The exit code is 1 when a case failed or, in CI, when a suite was skipped.`

const SUITE_TIME_MAX_MS = 40 * 60_000
const ROOT = resolve(fileURLToPath(import.meta.url), '../../..')

const { values, positionals } = readArguments(USAGE, {
  allowPositionals: true,
  options: {
    json: { type: 'string' },
    document: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    child: { type: 'boolean', default: false },
  },
})

process.chdir(ROOT)
if (values.list || positionals.length === 0) listSuites()
else if (values.child) await runChild(chosen(positionals)[0]!)
else await runAll(chosen(positionals))

function listSuites(): void {
  console.log(`${USAGE}\n`)
  for (const { name, about } of [...SUITES, ...PARTS]) console.log(`${name.padEnd(16)}${about}`)
  console.log(`${'ci'.padEnd(16)}${CI_SUITES.map(suite => suite.name).join(', ')}`)
  if (!values.list) process.exitCode = 2
}

function chosen(names: readonly string[]): readonly Suite[] {
  if (names.includes('all')) return SUITES
  if (names.includes('ci')) return CI_SUITES
  return names.map(name => {
    const suite = [...SUITES, ...PARTS].find(candidate => candidate.name === name)
    if (suite === undefined) {
      const names = [...SUITES, ...PARTS].map(each => each.name).join(', ')
      refuse(USAGE, `no suite is named ${name}; there are ${names}, ci, all`)
    }
    return suite
  })
}

async function runAll(suites: readonly Suite[]): Promise<void> {
  const rows: Row[] = []
  for (const suite of suites) {
    console.log(`\n${suite.name}: ${suite.about}`)
    const start = performance.now()
    const suiteRows = await inChild(suite)
    for (const row of suiteRows) {
      console.log(rowLine(row))
      for (const note of firstNotes(row)) console.log(`     ${note}`)
    }
    console.log(`     ${((performance.now() - start) / 1_000).toFixed(1)} s`)
    rows.push(...suiteRows)
  }
  if (values.json !== undefined) writeJson(values.json, rows)
  if (values.document) writeDocument('docs/conformance.md', suites, rows, new Date())
  const sum = (pick: (row: Row) => number) => rows.reduce((total, row) => total + pick(row), 0)
  const [passed, failed, skipped] = [
    sum(row => row.passed),
    sum(row => row.failed),
    sum(row => row.skipped),
  ]
  console.log(`\n${passed} passed, ${failed} failed, ${skipped} skipped`)
  if (failed > 0 || (skipped > 0 && process.env['CI'] === 'true')) process.exitCode = 1
}

/** Runs one suite in a process of its own and gives its rows, whatever becomes of that process. */
function inChild(suite: Suite): Promise<readonly Row[]> {
  return new Promise(done => {
    const child = fork(fileURLToPath(import.meta.url), [suite.name, '--child'], {
      timeout: SUITE_TIME_MAX_MS,
      killSignal: 'SIGTERM',
    })
    let rows: readonly Row[] | undefined
    child.on('message', message => {
      rows = message as readonly Row[]
    })
    child.once('exit', (code, signal) => {
      if (rows !== undefined && code === 0) return done(rows)
      const tally = new Tally(suite.name, '')
      tally.fail('the suite itself', `its process ended with ${signal ?? code}`)
      done([...(rows ?? []), tally.row])
    })
  })
}

async function runChild(suite: Suite): Promise<void> {
  const run = new SuiteRun(suite.name)
  process.once('SIGTERM', () => void run.end().then(() => process.exit(1)))
  const strays = new Strays()
  try {
    await suite.run(run)
  } catch (error) {
    const tally = run.row('', '')
    if (error instanceof Unavailable) tally.skip(error.message)
    else tally.fail('the suite itself', error)
  }
  await run.end()
  await turnOfLoop()
  for (const text of strays.take()) run.row('', '').fail('what nobody caught', text)
  process.send!(run.rows, () => process.exit(0))
}
