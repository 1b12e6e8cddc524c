import { writeFileSync } from 'node:fs'
import { readArguments as readWords, refuse } from '../scripts/arguments.js'
import { aboutRun } from './about.js'
import { type Contest, type Outcome, rowsOf, runContest } from './contest.js'
import { FULL, type Pace, QUICK, SMOKE } from './pace.js'
import { PeerSet } from './peers.js'
import { print, progress, table } from './report.js'
import type { Row } from './rows.js'
import type { Bench, Suite } from './suite.js'
import { codec } from './suites/codec.js'
import { memory } from './suites/memory.js'
import { micro } from './suites/micro.js'
import { real } from './suites/real.js'
import { rpc } from './suites/rpc.js'
import { scale } from './suites/scale.js'
import { stream } from './suites/stream.js'
import { machine } from './tools.js'

const SUITES: Readonly<Record<string, Suite>> = { real, micro, rpc, stream, memory, scale, codec }

const USAGE = `usage: npm run bench -- <suite> [--quick] [--only TEXT] [--json FILE]
--only: contests whose names contain TEXT
suites: ${[...Object.keys(SUITES), 'fleet', 'events', 'all'].join(', ')}; fleet and events print tables of their own`

interface Arguments {
  readonly suites: readonly Suite[]
  /** Processes that are killed and frozen: see fleet/run.ts. */
  readonly isFleet: boolean
  /** Events through NATS: see events/run.ts. */
  readonly isEvents: boolean
  readonly pace: Pace
  readonly only: string
  readonly json: string | undefined
}

function readArguments(): Arguments {
  const { values, positionals } = readWords(USAGE, {
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string', default: '' },
      json: { type: 'string' },
    },
    allowPositionals: true,
  })
  const [name, ...rest] = positionals
  if (name === undefined) refuse(USAGE, 'no suite named')
  if (rest.length > 0) refuse(USAGE, `one suite at a time, not also '${rest.join(' ')}'`)
  const suite = Object.hasOwn(SUITES, name) ? SUITES[name] : undefined
  const isFleet = name === 'fleet'
  const isEvents = name === 'events'
  if (suite === undefined && name !== 'all' && !isFleet && !isEvents)
    refuse(USAGE, `no suite '${name}'`)
  return {
    suites: suite === undefined ? Object.values(SUITES) : [suite],
    isFleet,
    isEvents,
    pace: process.env['BENCH_SMOKE'] === '1' ? SMOKE : values.quick ? QUICK : FULL,
    only: values.only,
    json: values.json,
  }
}

async function main({ suites, pace, only, json }: Arguments): Promise<void> {
  const rows: Row[] = []
  const plans: Record<string, string> = {}
  print(machine())
  const bench: Bench = {
    pace,
    peers: new PeerSet(pace, print, progress),
    note: print,
    async run(contest: Contest): Promise<Outcome | undefined> {
      if (!contest.name.includes(only)) return undefined
      try {
        const outcome = await runContest(judged(contest, pace), pace, progress)
        rows.push(...rowsOf(outcome))
        if (contest.plan !== undefined) plans[`${contest.suite}, ${contest.name}`] = contest.plan
        print('\n' + table(outcome))
        // A run takes long: what comes later must not cost what is there.
        if (json !== undefined) writeRows(json, rows, plans)
        return outcome
      } catch (error) {
        print(`\n${contest.suite}, ${contest.name}, failed: ${textOf(error)}`)
        process.exitCode = 1
        return undefined
      }
    },
  }
  for (const suite of suites) await suite(bench)
  if (rows.length === 0) throw new Error(`no contest whose name contains '${only}'`)
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** Rows, one in a line; beside them what they depend on: `figures.about.json`. */
function writeRows(file: string, rows: readonly Row[], plans: Record<string, string>): void {
  const lines = rows.map(row => `  ${JSON.stringify(row)}`)
  writeFileSync(file, `[\n${lines.join(',\n')}\n]\n`)
  const about = JSON.stringify(aboutRun(process.argv.slice(2), plans), undefined, 2)
  writeFileSync(file.replace(/(\.json)?$/, '.about.json'), `${about}\n`)
}

/** Figures of a smoke run mean nothing: nobody is judged by them. */
function judged(contest: Contest, pace: Pace): Contest {
  return pace.kind === 'smoke' ? { ...contest, targets: [] } : contest
}

const args = readArguments()
if (args.isFleet) {
  const { runFleet } = await import('./fleet/run.js')
  print(machine())
  await runFleet(args.pace.kind, print)
  process.exit()
}
if (args.isEvents) {
  const { runEvents } = await import('./events/run.js')
  print(machine())
  await runEvents(args.pace.kind !== 'full', print)
  process.exit()
}
await main(args)
// Contestants of a contest that failed to start would keep us; they end with their standard input.
process.exit()
