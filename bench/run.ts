import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { type Contest, type Outcome, rowsOf, runContest } from './contest.js'
import { FULL, QUICK } from './pace.js'
import { PeerSet } from './peers.js'
import { print, progress, table } from './report.js'
import type { Row } from './rows.js'
import type { Bench, Suite } from './suite.js'
import { micro } from './suites/micro.js'
import { rpc } from './suites/rpc.js'
import { stream } from './suites/stream.js'
import { machine } from './tools.js'

const SUITES: Readonly<Record<string, Suite>> = { micro, rpc, stream }

const USAGE = `usage: npm run bench -- <suite> [--quick] [--only TEXT] [--json FILE]
--only: contests whose names contain TEXT
suites: ${[...Object.keys(SUITES), 'all'].join(', ')}`

interface Arguments {
  readonly suites: readonly Suite[]
  readonly quick: boolean
  readonly only: string
  readonly json: string | undefined
}

function readArguments(): Arguments {
  const { values, positionals } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string', default: '' },
      json: { type: 'string' },
    },
    allowPositionals: true,
  })
  const [name, ...rest] = positionals
  if (name === undefined) throw new TypeError('no suite named')
  if (rest.length > 0) throw new TypeError(`one suite at a time, not also '${rest.join(' ')}'`)
  const suite = Object.hasOwn(SUITES, name) ? SUITES[name] : undefined
  if (suite === undefined && name !== 'all') throw new TypeError(`no suite '${name}'`)
  return {
    suites: suite === undefined ? Object.values(SUITES) : [suite],
    quick: values.quick,
    only: values.only,
    json: values.json,
  }
}

async function main({ suites, quick, only, json }: Arguments): Promise<void> {
  const rows: Row[] = []
  const pace = quick ? QUICK : FULL
  print(machine())
  const bench: Bench = {
    quick,
    pace,
    peers: new PeerSet(quick, print, progress),
    note: print,
    async run(contest: Contest): Promise<Outcome | undefined> {
      if (!contest.name.includes(only)) return undefined
      const outcome = await runContest(contest, pace.rounds, progress)
      rows.push(...rowsOf(outcome))
      print('\n' + table(outcome))
      return outcome
    },
  }
  for (const suite of suites) await suite(bench)
  if (json !== undefined) writeFileSync(json, JSON.stringify(rows, undefined, 2) + '\n')
}

let args: Arguments | undefined
try {
  args = readArguments()
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n${USAGE}\n`)
  process.exitCode = 2
}
if (args !== undefined) await main(args)
