import { writeFileSync } from 'node:fs'
import { numberOption, readArguments, refuse } from './arguments.js'
import { checkAccounts, KINDS } from './attack/accounts.js'
import { runAttack } from './attack/contest.js'
import { attackTable } from './attack/markdown.js'
import { playParts } from './attack/parts.js'
import type { Attack } from './attack/play.js'
import type { Row } from './attack/row.js'
import { ALL_ATTACKS, SURFACES } from './attack/surfaces.js'

const USAGE = `Plays the attacks of the table against a server, or a client, with default limits.

    npm run attack                          those on the native door of a server: 15 minutes
    npm run attack -- client | mucp | messages   the other surfaces
    npm run attack -- all                   the whole table, in fewer rounds: half an hour
    npm run attack -- ci                    a tenth of each, for survival, and the accounts of memory against the heap: .ci/run
    npm run attack -- A1 D1-ping            by name, or its beginning
    npm run attack -- --peer node-http2     or grpc-js: for comparison, never a failure
    npm run attack -- all --memory          what is kept, and what our accounts say of it, and nothing else
    npm run attack -- --json FILE           the rows as JSON as well; --markdown FILE: as docs/reliability.md has them

--patience SECONDS (default 11) is how long a connection may live before it counts as alive,
--scale 0.1 plays a tenth of each.`

const { positionals, values } = readArguments(USAGE, {
  allowPositionals: true,
  options: {
    peer: { type: 'string', default: 'microwire' },
    json: { type: 'string' },
    markdown: { type: 'string' },
    patience: { type: 'string', default: '11' },
    scale: { type: 'string', default: '1' },
    memory: { type: 'boolean', default: false },
  },
})
if (positionals[0] === 'ci') process.exit((await runCi()) ? 0 : 1)
const isAll = positionals.includes('all')
const chosen =
  positionals.length === 0 ? SURFACES['native']! : isAll ? ALL_ATTACKS : named(positionals)
if (chosen.length === 0) {
  const surfaces = Object.keys(SURFACES).join(', ')
  refuse(USAGE, `no attack is named ${positionals.join(', ')}; surfaces are ${surfaces}, all`)
}
const options = {
  peer: values.peer,
  patienceMs: numberOption(USAGE, 'patience', values.patience) * 1_000,
  scale: numberOption(USAGE, 'scale', values.scale),
  brisk: isAll,
  memoryOnly: values.memory,
}

const rows: Row[] = []
console.log(
  'attack                         octets  cpu ms  us/oct  kept KiB  accounted  rss MiB handlers  gone ms  loop p99 (calm, first)  call p99 (before)  state',
)
for (const attack of chosen) {
  const row = await runAttack(attack, options)
  rows.push(row)
  console.log(line(row))
  if (row.answer !== '') console.log(`    ${row.answer}`)
  for (const text of row.broken) console.log(`    BROKEN: ${text}`)
}
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(rows, undefined, 2)}\n`)
if (values.markdown !== undefined) writeFileSync(values.markdown, `${attackTable(rows)}\n`)
const failed = rows.filter(row => row.broken.length > 0).length
console.log(`${rows.length - failed} passed, ${failed} failed`)
process.exitCode = failed === 0 || values.peer !== 'microwire' ? 0 : 1

/** Everything in a few minutes: what fails does so on a busy machine too. */
async function runCi(): Promise<boolean> {
  let passed = 0
  const faults: string[] = []
  await playParts(ALL_ATTACKS, part => {
    if (part.faults.length === 0) passed++
    else faults.push(`${part.attack.name}: ${part.faults.join('; ')}`)
  })
  const wrong = await checkAccounts(text => console.log(text))
  passed += KINDS.length - wrong.length
  faults.push(...wrong)
  for (const fault of faults) console.log(`BROKEN: ${fault}`)
  console.log(`${passed} passed, ${faults.length} failed`)
  return faults.length === 0
}

/** Whole surfaces, or attacks whose names begin so. */
function named(words: readonly string[]): readonly Attack[] {
  return ALL_ATTACKS.filter(attack =>
    words.some(word => SURFACES[word]?.includes(attack) ?? attack.name.startsWith(word)),
  )
}

function line(row: Row): string {
  const cells = [
    row.attack.padEnd(28),
    String(row.octets).padStart(9),
    row.cpuMs.toFixed(0).padStart(7),
    row.cpuUsPerOctet.toFixed(3).padStart(7),
    (row.retained / 1_024).toFixed(0).padStart(9),
    (row.accounted / 1_024).toFixed(0).padStart(9),
    (row.rssGrowth / 1_048_576).toFixed(1).padStart(8),
    String(row.handlers).padStart(8),
    (row.disconnectMs?.toFixed(0) ?? 'lives').padStart(8),
    row.loopDelayP99.toFixed(1).padStart(9),
    `(${row.loopDelayBeforeP99.toFixed(1)}, ${row.loopDelayFirstP99?.toFixed(1) ?? '-'})`.padStart(
      13,
    ),
    `${row.victimP99.toFixed(1).padStart(9)} (${row.victimBeforeP99.toFixed(1)})`,
    ` ${row.state}`,
  ]
  return cells.join(' ')
}
