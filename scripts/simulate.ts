import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Workspace } from '../fuzz/workspace.js'
import { found, readArguments, refuse } from './arguments.js'
import { runFleetSeeds } from './simulate/fleet-run.js'
import { loadNamed } from './simulate/loads.js'
import { runPlanted } from './simulate/planted.js'
import { runSeed, type SeedResult } from './simulate/run-seed.js'
import { Strays, turnOfLoop } from './strays.js'

const USAGE = `Whole clients and servers on a simulated network: each seed is one run with
its own network, faults and calls, and the same seed is the same run.

    npm run simulate -- --seeds 5000              seeds 1 to 5000
    npm run simulate -- --seeds 100 --seed 2001   seeds 2001 to 2100
    npm run simulate -- --seed 17 --trace         one seed, frame by frame

    npm run simulate -- --seeds 20 --load stalls  each with this load, whatever it would draw
    npm run simulate -- fleet --seeds 1000         several servers that die, freeze, refuse, come and go
    npm run simulate -- planted                    bugs put in on purpose must be found

A seed that fails is run again with its trace, of which the end is printed;
the whole is written to .cache/simulate/<seed>.txt. Not so with --brief.`

const TRACE_FOLDER = join(import.meta.dirname, '..', '..', '.cache', 'simulate')
const TRACE_LINES = 60

const { positionals, values } = readArguments(USAGE, {
  allowPositionals: true,
  options: {
    seeds: { type: 'string', default: '1' },
    seed: { type: 'string', default: '1' },
    trace: { type: 'boolean', default: false },
    failures: { type: 'string', default: '5' },
    load: { type: 'string' },
    brief: { type: 'boolean', default: false },
  },
})
const first = whole('seed', values.seed)
const count = whole('seeds', values.seeds)
const load = found(USAGE, () => (values.load === undefined ? undefined : loadNamed(values.load)))
const failuresMax = whole('failures', values.failures)

if (positionals.join() === 'fleet') {
  process.exit((await runFleetSeeds(first, count, failuresMax)) ? 0 : 1)
}
if (positionals.length > 0) {
  if (positionals.join() !== 'planted') {
    const words = positionals.join(' ')
    refuse(USAGE, `there is no command '${words}'; there are 'planted' and 'fleet'`)
  }
  const build = join(import.meta.dirname, '..')
  const workspace = new Workspace(
    build,
    join(build, '..', '.cache', 'simulate', `planted-${process.pid}`),
  )
  const isAllFound = runPlanted(workspace)
  workspace.remove()
  process.exit(isAllFound ? 0 : 1)
}

let current = first
const strays = new Strays()

const startedAt = performance.now()
const totals = { calls: 0, succeeded: 0, frames: 0, virtualMs: 0, failed: 0 }
const endings = new Map<string, number>()
for (; current < first + count && totals.failed < failuresMax; current++) {
  const result = await runSeed(
    current,
    values.trace ? text => void process.stdout.write(`${text}\n`) : undefined,
    load,
  )
  await turnOfLoop()
  totals.calls += result.calls
  totals.succeeded += result.succeeded
  totals.frames += result.frames
  totals.virtualMs += result.elapsedMs
  for (const [ending, times] of result.endings) {
    endings.set(ending, (endings.get(ending) ?? 0) + times)
  }
  const faults = [...result.faults, ...strays.take()]
  if (faults.length === 0) continue
  totals.failed++
  await report(result, faults)
}

const seconds = (performance.now() - startedAt) / 1_000
const ended = [...endings]
  .sort((a, b) => b[1] - a[1])
  .map(([ending, times]) => `${ending} ${times}`)
  .join(', ')
console.log(
  `${current - first} seeds, ${totals.calls} calls (${totals.succeeded} succeeded), ` +
    `${totals.frames} frames, ${Math.round(totals.virtualMs / 60_000)} virtual minutes in ${seconds.toFixed(1)} s`,
)
console.log(`endings: ${ended}`)
console.log(`${current - first - totals.failed} passed, ${totals.failed} failed`)
process.exitCode = totals.failed === 0 ? 0 : 1

async function report(result: SeedResult, faults: readonly string[]): Promise<void> {
  console.log(`seed ${result.seed} FAILED`)
  for (const fault of faults) console.log(`  ${fault}`)
  if (!values.trace && !values.brief) {
    const lines: string[] = []
    await runSeed(result.seed, text => void lines.push(text), load)
    await turnOfLoop()
    strays.take()
    mkdirSync(TRACE_FOLDER, { recursive: true })
    const path = join(TRACE_FOLDER, `${result.seed}.txt`)
    writeFileSync(path, [...lines, ...faults, ''].join('\n'))
    for (const line of lines.slice(-TRACE_LINES)) console.log(`    ${line.slice(0, 160)}`)
    console.log(`  trace: ${path}`)
  }
  console.log(
    `  replay: npm run simulate -- --seed ${result.seed}${load === undefined ? '' : ` --load ${load}`} --trace`,
  )
}

function whole(name: string, text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 0) {
    refuse(USAGE, `--${name} is '${text}'; expected a whole number`)
  }
  return value
}
