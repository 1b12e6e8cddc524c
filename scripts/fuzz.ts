import { spawn } from 'node:child_process'
import { join, resolve } from 'node:path'
import { readCrash } from '../fuzz/crash-file.js'
import { runPlanted } from '../fuzz/planted-run.js'
import type { RunOrder, RunResult } from '../fuzz/run-target.js'
import { loadTarget, TARGETS } from '../fuzz/targets.js'
import { Workspace } from '../fuzz/workspace.js'
import { numberOption, readArguments, refuse } from './arguments.js'

const USAGE = `Fuzzes one target, or all of them in turn.

    npm run fuzz -- all --seconds 300 --seed 1
    npm run fuzz -- server-connection --seconds 60
    npm run fuzz -- planted               every planted bug must be found; behind it targets, or parts of what bugs are about
    npm run fuzz -- replay <file>...      crash files, one by one
    npm run fuzz -- list

--seconds is the total. --runs ends each target after so many inputs,
--no-corpus forgets former runs: with both, one seed is one run. What fails
is minimised and written to fuzz/crashes.`

const BUILD = join(import.meta.dirname, '..')
const ROOT = join(BUILD, '..')

const { positionals, values } = readArguments(USAGE, {
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string', default: '1' },
    runs: { type: 'string', default: 'Infinity' },
    'no-corpus': { type: 'boolean', default: false },
  },
})
const [command = 'all', ...files] = positionals
const seed = numberOption(USAGE, 'seed', values.seed)
const seconds = numberOption(USAGE, 'seconds', values.seconds)
const runsMax = Math.min(numberOption(USAGE, 'runs', values.runs), Number.MAX_SAFE_INTEGER)

const known = new Set(TARGETS.map(({ name }) => name))
const isOther = ['all', 'list', 'planted', 'replay'].includes(command)
const unknown = isOther ? undefined : [command, ...files].find(name => !known.has(name))
if (unknown !== undefined) {
  refuse(USAGE, `no fuzz target is called ${unknown}; there are ${[...known].join(', ')}`)
}
switch (command) {
  case 'list':
    for (const { name, about } of TARGETS) console.log(`${name.padEnd(18)} ${about}`)
    break
  case 'replay':
    process.exitCode = (await replay(files)) ? 0 : 1
    break
  case 'planted':
    process.exitCode = (await withWorkspace(workspace => runPlanted(workspace, seed, files)))
      ? 0
      : 1
    break
  default:
    process.exitCode = (await withWorkspace(fuzzTargets)) ? 0 : 1
}

async function withWorkspace<T>(run: (workspace: Workspace) => Promise<T>): Promise<T> {
  const workspace = new Workspace(BUILD, join(ROOT, '.cache', 'fuzz', String(process.pid)))
  try {
    return await run(workspace)
  } finally {
    workspace.remove()
  }
}

async function fuzzTargets(workspace: Workspace): Promise<boolean> {
  const names = command === 'all' ? TARGETS.map(({ name }) => name) : [command, ...files]
  for (const name of names) await loadTarget(name)
  let runs = 0
  let failed = 0
  for (const target of names) {
    const result = await fuzzTarget(workspace, {
      target,
      seed,
      timeMs: (seconds * 1_000) / names.length,
      runsMax,
      corpus: values['no-corpus'] ? '' : join(ROOT, '.cache', 'fuzz-corpus', target),
      crashes: join(ROOT, 'fuzz', 'crashes'),
    })
    runs += result.runs
    if (result.failure !== undefined) failed++
    const rate = Math.round((result.runs * 1_000) / Math.max(1, result.timeMs))
    console.log(
      `${target.padEnd(18)} ${String(result.runs).padStart(9)} runs ${String(rate).padStart(7)}/s ${String(result.features).padStart(6)} features ${String(result.corpus).padStart(5)} inputs  ${result.failure === undefined ? 'ok' : `FAILED ${result.failure.kind}`}`,
    )
    if (result.failure !== undefined)
      console.log(`${result.failure.text}\n-> ${result.failure.path}`)
  }
  console.log(`${names.length} targets, ${runs} runs, ${failed} failed, seed ${seed}`)
  return failed === 0
}

/** The child ends by itself; one that hangs in an input is ended, which is a finding. */
function fuzzTarget(workspace: Workspace, order: RunOrder): Promise<RunResult> {
  return new Promise((resolveResult, reject) => {
    const child = spawn(
      process.execPath,
      [join(workspace.folder, 'fuzz', 'run-target.js'), JSON.stringify(order)],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    )
    let output = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
    child.on('error', reject)
    child.on('close', code => {
      const line = output.trimEnd().split('\n').at(-1) ?? ''
      if (line.startsWith('{')) resolveResult(JSON.parse(line) as RunResult)
      else reject(new Error(`${order.target} ended with ${code} and no result: ${output}`))
    })
  })
}

async function replay(paths: readonly string[]): Promise<boolean> {
  let failed = 0
  for (const path of paths) {
    const { target, bytes } = readCrash(resolve(path))
    try {
      await (await loadTarget(target)).fuzz(bytes)
      console.log(`${path}: ok`)
    } catch (error) {
      failed++
      console.log(`${path}: ${error instanceof Error ? error.stack : error}`)
    }
  }
  return failed === 0
}
