/**
 * The table of `docs/limits.md`, from the doc comments of `limits.ts`.
 *
 *     node .build/scripts/limits-table.js > docs/limits.md
 */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { DEFAULT_LIMITS } from '../src/connection/index.js'

/** One row: everything a reader of the table needs. */
export interface LimitRow {
  readonly name: string
  readonly meaning: string
  readonly unit: string
  readonly value: string
  readonly reason: string
}

/** Reads `limits.ts`, whose comments say `Unit:`, `Default:` and `Reason:`, and its values. */
export function limitRows(source: string): LimitRow[] {
  const pattern = /\/\*\* (.*?) Unit: (.*?)\. Default: .*?\. Reason: (.*?) \*\/\n {2}readonly (\w+): number/g
  return [...source.matchAll(pattern)].map(([, meaning, unit, reason, name]) => ({
    name: name!,
    meaning: meaning!,
    unit: unit!,
    value: String(DEFAULT_LIMITS[name as keyof typeof DEFAULT_LIMITS]),
    reason: reason!,
  }))
}

/** The whole page. */
export function limitsPage(source: string): string {
  const cell = (text: string): string => text.replaceAll('|', '\\|')
  const rows = limitRows(source).map(
    ({ name, meaning, unit, value, reason }) =>
      `| \`${name}\` | ${value} | ${unit} | ${cell(meaning)} | ${cell(reason)} |`,
  )
  return `# Limits of a connection

A connection defends itself; everything here is on by default and can be changed: \`createServer({ limits: { streamsMax: 100 } })\`,
\`createClient({ limits })\`, \`new Connection({ limits })\`. A name that is not a limit is a TypeError, a value out of range a RangeError. A client differs in one
default: \`keepaliveIntervalMs\` is Infinity. This page is made from [limits.ts](../src/connection/limits.ts), and a test compares them.

| limit | default | unit | what it bounds | reason |
| --- | ---: | --- | --- | --- |
${rows.join('\n')}

## What one connection can make us hold

Octets received and not yet consumed, at any time: at most

    streams x (max(65_535, streamWindowSize) + 256) + max(receiveBufferMax, one message)

where \`streams\` are those that are open, \`streamsMax\` at most on a server, and one message counts where a layer below \`createServer\` and
\`createClient\` takes larger ones than \`receiveBufferMax\`. \`connection.receiver.retained\` and \`retainedMax\` are both sides of it, and every DATA frame is
checked. With the defaults that is 131 MB and 34 MB. A message that is being put together may take twice what has come of it.

\`connectionWindowSize\` is not part of it: credit of the connection comes back on receipt. What a stream holds beyond its own window is a loan, of
which half of \`receiveBufferMax\` is given at once: see [architecture.md](architecture.md#receive-flow-control). What stalls moves to the other half; when
both are full the largest of what stalled ends with RESOURCE_EXHAUSTED, whose text names the side, the limit and the octets, and \`onError\` of a server hears it.

For larger messages raise \`messageSizeMax\`, and nothing else: \`receiveBufferMax\` follows it. Given explicitly it must not be less.

Not limited: how long a handler takes while its call goes on. Callers pass \`timeoutMs\`; handlers watch \`context.signal\`. From the end of its call a handler counts against
\`streamsMax\` for \`handlerGraceMs\` (30000 ms, an option of \`createServer\`) at most, and \`stop\` waits \`settleMs\` (1000 ms) for those whose calls it cut: [endings.md](endings.md).
`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.stdout.write(limitsPage(readFileSync('src/connection/limits.ts', 'utf8')))
}
