import { setTimeout as delay, setImmediate } from 'node:timers/promises'
import type { LoopWatch } from './loop-watch.js'
import { Corrupt, check, pattern } from './pattern.js'
import { type Cell, isHeld } from './plan.js'
import { CALL_TIME_MAX_MS, HELD_MS, type LoadReport, NEVER_COUNT } from './protocol.js'
import { Source, type SourceEnd, SourceError, sources } from './source.js'

const NOTHING = Buffer.alloc(0)
/** Calls that are begun in one turn of the event loop: what takes longer is the caller's own doing. */
const BEGUN_AT_ONCE = 250

/** Options of one call, for clients of every kind. */
export interface LoadCallOptions {
  readonly headers: Readonly<Record<string, string>>
  readonly timeoutMs: number
  readonly signal?: AbortSignal
}

/** One client, ours or a peer's. */
export interface LoadClient {
  unary(request: Uint8Array, options: LoadCallOptions): Promise<Uint8Array>
  upload(requests: Source, options: LoadCallOptions): Promise<Uint8Array>
  download(request: Uint8Array, options: LoadCallOptions): AsyncIterable<Uint8Array>
  bidi(requests: Source, options: LoadCallOptions): AsyncIterable<Uint8Array>
  /** The name of the status that `error` stands for. */
  outcome(error: unknown): string
  close(): Promise<void>
}

/** Makes the calls of a cell, and small ones beside them, and says what became of each. */
export async function runLoad(
  cell: Cell,
  client: LoadClient,
  watch: LoopWatch,
): Promise<LoadReport> {
  const outcomes: Record<string, number> = {}
  const abort = new AbortController()
  const options = callOptions(cell, abort.signal)
  const others = new OtherCalls(client)
  watch.take()
  const start = performance.now()
  const calls: Promise<void>[] = []
  for (let index = 0; index < cell.atOnce; index++) {
    if (index % BEGUN_AT_ONCE === BEGUN_AT_ONCE - 1) await setImmediate()
    calls.push(
      outcomeOf(cell, client, options).then(outcome => {
        outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
      }),
    )
  }
  const measured = cell.ending === 'complete' || cell.ending === 'break'
  const beside = measured ? others.run() : Promise.resolve(0)
  if (cell.ending === 'signal') {
    await delay(HELD_MS)
    abort.abort()
  }
  await Promise.all(calls)
  const seconds = (performance.now() - start) / 1_000
  others.stop()
  const otherP99Ms = await beside
  if (others.failure !== undefined) outcomes[`${others.failure}, a call beside`] = 1
  await client.close()
  await delay(0)
  return { outcomes, seconds, otherP99Ms, heldMs: watch.take(), open: sources.open }
}

function callOptions(cell: Cell, signal: AbortSignal): LoadCallOptions {
  const fails = isHeld(cell.ending) || cell.ending === 'throw'
  const headers = {
    'x-count': String(fails && cell.kind !== 'server' ? NEVER_COUNT : cell.count),
    'x-size': String(cell.size),
    'x-hold': isHeld(cell.ending) ? '1' : '0',
  }
  const timeoutMs = cell.ending === 'deadline' ? HELD_MS : CALL_TIME_MAX_MS
  return cell.ending === 'signal' ? { headers, timeoutMs, signal } : { headers, timeoutMs }
}

async function outcomeOf(
  cell: Cell,
  client: LoadClient,
  options: LoadCallOptions,
): Promise<string> {
  try {
    await KINDS[cell.kind](cell, client, options)
    return 'OK'
  } catch (error) {
    if (error instanceof SourceError) return 'SOURCE'
    if (error instanceof Corrupt) return `CORRUPT: ${error.message}`
    return client.outcome(error)
  }
}

const KINDS: Readonly<
  Record<Cell['kind'], (cell: Cell, client: LoadClient, options: LoadCallOptions) => Promise<void>>
> = {
  async unary({ size }, client, options) {
    check(await client.unary(pattern(0, size), options), 0, size)
  },
  async client(cell, client, options) {
    const reply = Buffer.from(await client.upload(source(cell), options))
    if (reply.length !== 4 || reply.readUInt32BE(0) !== cell.count) {
      throw new Corrupt(`the server took ${reply.toString('hex')}; ${cell.count} were sent`)
    }
  },
  async server(cell, client, options) {
    await readAll(cell, client.download(NOTHING, options))
  },
  async bidi(cell, client, options) {
    await readAll(cell, client.bidi(source(cell), options))
  },
}

/** Where a cell fails on purpose, after the first message. */
function source({ count, size, ending }: Cell): Source {
  const end: SourceEnd = ending === 'throw' ? 'throws' : isHeld(ending) ? 'waits' : 'ends'
  return new Source(end === 'ends' ? count : 1, end, index => pattern(index, size))
}

async function readAll(cell: Cell, responses: AsyncIterable<Uint8Array>): Promise<void> {
  let index = 0
  for await (const response of responses) {
    check(response, index++, cell.size)
    if (cell.ending === 'break') return
  }
  if (index !== cell.count) {
    throw new Corrupt(`an orderly end after ${index} of ${cell.count} responses`)
  }
}

/** Small unary calls, one after another, while the load is on. */
class OtherCalls {
  readonly #client: LoadClient
  #stopped = false
  /** How the first one ended that did not end well. */
  failure: string | undefined

  constructor(client: LoadClient) {
    this.#client = client
  }

  stop(): void {
    this.#stopped = true
  }

  /** @returns their 99th percentile in ms. */
  async run(): Promise<number> {
    const headers = { 'x-count': '1', 'x-size': '100', 'x-hold': '0' }
    const times: number[] = []
    while (!this.#stopped) {
      const start = performance.now()
      try {
        await this.#client.unary(pattern(0, 100), { headers, timeoutMs: CALL_TIME_MAX_MS })
      } catch (error) {
        this.failure ??= this.#client.outcome(error)
      }
      times.push(performance.now() - start)
      await delay(10)
    }
    times.sort((a, b) => a - b)
    return times[Math.floor(times.length * 0.99)] ?? 0
  }
}
