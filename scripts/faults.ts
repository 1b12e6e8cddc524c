import { writeFileSync } from 'node:fs'
import { readArguments, refuse } from './arguments.js'
import { openBadConnections } from './faults/bad-connections.js'
import { disconnectEverywhere } from './faults/disconnect.js'
import { overload } from './faults/overload.js'
import { Strays, turnOfLoop } from './strays.js'

const USAGE = `Faults as they happen: connections that break at every octet, peers that talk nonsense, more
calls than there are hands.

    npm run faults                                        all three
    npm run faults -- disconnect --conversations 200      each octet of 200 conversations, both sides
    npm run faults -- bad-connections --count 100000      malformed connections, all classes in turn
    npm run faults -- bad-connections --peer node-http2   the same against another server
    npm run faults -- overload --seconds 10               twice as many calls as can be answered

--json FILE writes the figures. Ends with N passed, N failed.`

const NAMES = ['disconnect', 'bad-connections', 'overload'] as const

const { positionals, values } = readArguments(USAGE, {
  allowPositionals: true,
  options: {
    conversations: { type: 'string', default: '200' },
    seed: { type: 'string', default: '1' },
    stride: { type: 'string', default: '1' },
    count: { type: 'string', default: '100000' },
    peer: { type: 'string', default: 'microwire' },
    seconds: { type: 'string', default: '5' },
    json: { type: 'string' },
  },
})

const runs: Readonly<Record<string, () => Promise<{ readonly faults: readonly string[] }>>> = {
  disconnect: runDisconnect,
  'bad-connections': runBadConnections,
  overload: runOverload,
}

const names = positionals.length === 0 ? NAMES : positionals
const unknown = names.find(name => !Object.hasOwn(runs, name))
if (unknown !== undefined) refuse(USAGE, `no fault ${unknown}; there are ${NAMES.join(', ')}`)

const strays = new Strays()

const results: Record<string, object> = {}
let failed = 0
for (const name of names) {
  const result = await runs[name]!()
  await turnOfLoop()
  const faults = [...result.faults, ...strays.take()]
  results[name] = { ...result, faults }
  if (faults.length > 0) failed++
  for (const fault of faults) console.log(`  ${fault}`)
}
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(results, null, 2)}\n`)
console.log(`${names.length - failed} passed, ${failed} failed`)
process.exit(failed === 0 ? 0 : 1)

async function runDisconnect(): Promise<{ readonly faults: readonly string[] }> {
  const conversations = whole('conversations')
  const row = await disconnectEverywhere(
    whole('seed'),
    conversations,
    Math.max(1, whole('stride')),
    (done, cuts) => {
      if (done % 10 === 0) console.log(`${done} of ${conversations} conversations, ${cuts} cuts`)
    },
  )
  console.log(
    `disconnect: ${row.conversations} conversations, ${row.cuts} cuts at ${row.octets} octets, ` +
      `${row.succeeded} calls succeeded, ${row.failed} failed, ${row.faults.length} faults, ${row.seconds.toFixed(0)} s`,
  )
  return row
}

async function runBadConnections(): Promise<{ readonly faults: readonly string[] }> {
  const { faults, ...row } = await openBadConnections(values.peer, whole('count'))
  const { before, after } = row
  console.log(`bad connections: ${row.count} to ${row.peer} in ${row.seconds.toFixed(0)} s`)
  console.log('            before      after')
  for (const name of ['heap', 'sockets', 'timers', 'handles'] as const) {
    console.log(
      `${name.padEnd(8)} ${String(before[name]).padStart(9)}  ${String(after[name]).padStart(9)}`,
    )
  }
  console.log(`heap growth ${(row.growth * 100).toFixed(2)} %`)
  return { ...row, faults }
}

async function runOverload(): Promise<{ readonly faults: readonly string[] }> {
  const row = await overload(Number(values.seconds))
  console.log(`overload: capacity ${row.capacity} calls/s, recovered after ${row.recoveryMs} ms`)
  console.log('load          offered  goodput  refused   failed   p99 ms  running')
  for (const { name, offered, goodput, refused, failed: bad, p99, runningPeak } of row.phases) {
    const figures = [offered, goodput, refused, bad, p99.toFixed(1), runningPeak]
    console.log(`${name.padEnd(12)} ${figures.map(figure => String(figure).padStart(8)).join(' ')}`)
  }
  return row
}

function whole(name: 'conversations' | 'seed' | 'stride' | 'count'): number {
  const value = Number(values[name])
  if (!Number.isInteger(value) || value < 0) {
    refuse(USAGE, `--${name} is ${values[name]}; expected a whole number`)
  }
  return value
}
