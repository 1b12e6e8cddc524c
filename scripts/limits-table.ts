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
  return `# Limits

Every limit is on by default and can be changed. A name that is not a limit is a TypeError, a value out of range a RangeError.

- [Limits of a connection](#limits-of-a-connection): \`createServer({ limits: { streamsMax: 100 } })\`, \`createClient({ limits })\`, \`new Connection({ limits })\`.
- [Limits of a call](options.md#callslimits-limits-of-one-call): \`createServer({ calls: { limits: { queuedMessagesMax: 64 } } })\`.
- Limits of a listener and a session, such as \`connectionsMax\` and \`waitingCallsMax\`: [transport.md](transport.md#a-listener).
- [Limits of mucp](transport.md#limits-of-mucp).
- [Limits of a broker](options.md#limits-of-a-broker): \`natsBroker({ limits: { handlersMax: 1 } })\`.

## Limits of a connection

A client differs in one default: \`keepaliveIntervalMs\` is Infinity. This page is generated from [limits.ts](../src/connection/core/limits.ts), and a test compares them.

| limit | default | unit | what it bounds | reason |
| --- | ---: | --- | --- | --- |
${rows.join('\n')}

## What one connection can make us hold

At any time, the bytes received and not yet consumed are at most

    streams x (max(65_535, streamWindowSize) + 256) + max(receiveBufferMax, one message)

where \`streams\` is the number of open streams (on a server at most \`streamsMax\`), and "one message" counts where a layer below \`createServer\` and
\`createClient\` accepts messages larger than \`receiveBufferMax\`. \`connection.receiver.retained\` and \`retainedMax\` are the two sides of this, and every DATA frame is
checked. With the defaults, that is 131 MB and 34 MB. While a message is being assembled it may take twice the size of what has arrived.

\`connectionWindowSize\` is not part of it, because connection credit is returned on receipt. What a stream holds beyond its own window is a loan. Half of
\`receiveBufferMax\` is lent at once: see [architecture.md](architecture.md#receive-flow-control). Streams that stall move to the other half. When
both halves are full, the largest stalled stream ends with RESOURCE_EXHAUSTED; the message names the side, the limit and the bytes, and a server's \`onError\` is called.

To receive larger messages, raise only \`messageSizeMax\`: \`receiveBufferMax\` follows it. If you set \`receiveBufferMax\` yourself, it must not be smaller.

## One account of memory

All that a peer makes us keep is counted in one account for each connection, \`connection.memory\`: \`total\`, and \`parts\` by kind.

| part | what it counts |
| --- | --- |
| \`received\` | messages received and not read, whole or not, as they came |
| \`headers\` | header lists of requests that are open, or whose handlers run |
| \`connection\` | 9,216 octets for the connection, its socket and its driver; over TLS 40,960 more, outside the heap |
| \`streams\` | 2,560 octets for each stream and its call that is open or whose handler runs; 5,120 where it has many messages |
| \`tables\` | both HPACK tables, and 80 octets for each entry; long literals that come again, 4 of up to 1,024 octets |
| \`frames\` | a frame or a header block that has not come whole, with its buffer |
| \`output\` | what waits to be written or for the peer to read it, in the socket too, and what was read and waits for its turn |
| \`kept\` | inflated messages that wait, 128 octets for each decoded one, spare room in the buffers of unfinished ones, requests whose handlers wait for others, and what mucp sockets keep: open calls (3,072 octets, streams 6,144) with their headers, messages and answers that wait |

Accounts are charged to a \`MemoryBudget\`, by difference and in steps of 16,384 octets: \`memory: new MemoryBudget(octets)\` is an option of \`createServer\`,
\`createClient\`, \`grpcTransport\`, \`serve\` and \`connect\`; the same object bounds all that it is given to. Without it there is one for the process, \`MemoryBudget.ofProcess\`,
of 1,073,741,824 octets (four connections at their own \`memoryMax\`). \`used\` is what is charged now; a TLS handshake under way is charged 49,152 octets.

Beyond half of a connection's \`memoryMax\`, or of the budget, nobody gets a loan for speed, one large message comes at a time on each connection, and one message waits for each
mucp handler. Beyond all of it the call that holds most ends with RESOURCE_EXHAUSTED, of a budget on the connection that holds most; where calls hold
little their connection ends with ENHANCE_YOUR_CALM. The peer and \`onError\` hear whose limit it was and the octets.

The costs were measured; \`npm run attack -- all --memory\` compares what each attack leaves in memory with what the accounts say, within a fifth. \`memoryPerAddressMax\` of a server bounds all connections of one remote address together, \`handlersPerAddressMax\` the handlers that run for them. Not counted:
what a handler was given or keeps itself.

The time a handler may take while its call runs is not limited. Callers pass \`timeoutMs\`; handlers watch \`context.signal\`. After the end of its call, a handler counts against
\`streamsMax\` for at most \`handlerGraceMs\` (30000 ms, an option of \`createServer\`), and \`stop\` waits \`settleMs\` (1000 ms) for handlers whose calls it ended: [endings.md](endings.md).
`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.stdout.write(limitsPage(readFileSync('src/connection/core/limits.ts', 'utf8')))
}
