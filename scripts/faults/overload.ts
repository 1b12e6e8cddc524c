import { setTimeout as sleep } from 'node:timers/promises'
import {
  bytesCodec,
  type Client,
  createClient,
  createServer,
  defineService,
  GrpcError,
  type Middleware,
  type Server,
  Status,
} from '../../src/index.js'

/** One stretch of time under one load. */
export interface OverloadPhase {
  readonly name: string
  /** Calls begun, answered, refused in a way that says so, and failed otherwise, each second. */
  readonly offered: number
  readonly goodput: number
  readonly refused: number
  readonly failed: number
  /** Of the calls that were answered. Unit: ms. */
  readonly p99: number
  /** Handlers that ran at once. */
  readonly runningPeak: number
}

export interface OverloadRow {
  /** Calls each second that the server can answer. */
  readonly capacity: number
  readonly phases: readonly OverloadPhase[]
  /** From the end of the overload to the first stretch of 100 ms without a refusal. Unit: ms. */
  readonly recoveryMs: number
  readonly faults: readonly string[]
}

/** Each call holds a place for so long, as one that waits for a database would. Unit: ms. */
const SERVICE_MS = 20
const PLACES = 10
const CAPACITY = (PLACES * 1_000) / SERVICE_MS
/** A call that has not begun is told so rather than late. */
const WAITING_MAX = PLACES
const TICK_MS = 5
const RECOVERY_STEP_MS = 100
const RECOVERY_MAX_MS = 1_000
const CLIENTS = 4

const bytes = bytesCodec()
const service = defineService('faults.Overload', {
  work: { kind: 'unary', request: bytes, response: bytes },
})

/**
 * So many calls at once and so many that wait for their turn; the rest is told RESOURCE_EXHAUSTED
 * before it costs anything.
 */
export function atMost(places: number, waitingMax: number): Middleware {
  const waiting: (() => void)[] = []
  let running = 0
  return async (call, next) => {
    if (running >= places) {
      if (waiting.length >= waitingMax) {
        throw new GrpcError(Status.ResourceExhausted, `${running} calls run and ${waitingMax} wait`)
      }
      await new Promise<void>(resolve => void waiting.push(resolve))
    } else running++
    try {
      return await next(call.request)
    } finally {
      // The place goes to whoever has waited longest.
      const heir = waiting.shift()
      if (heir === undefined) running--
      else heir()
    }
  }
}

/** What calls of one phase came to. */
class Tally {
  offered = 0
  answered = 0
  refused = 0
  failed = 0
  readonly times: number[] = []
}

/** Half of what a server can do, twice as much, and half again. */
export async function overload(seconds: number): Promise<OverloadRow> {
  const work = { running: 0, peak: 0 }
  const server = makeServer(work)
  await server.start()
  const clients = Array.from({ length: CLIENTS }, () => createClient({ address: server.address }))
  try {
    const phase = async (name: string, share: number, ms: number): Promise<OverloadPhase> => {
      work.peak = 0
      const tally = await load(clients, share, ms)
      const each = (count: number): number => Math.round((count * 1_000) / ms)
      tally.times.sort((a, b) => a - b)
      return {
        name,
        offered: each(tally.offered),
        goodput: each(tally.answered),
        refused: each(tally.refused),
        failed: each(tally.failed),
        p99: tally.times[Math.floor(tally.times.length * 0.99)] ?? Number.NaN,
        runningPeak: work.peak,
      }
    }
    const before = await phase('half', 0.5, seconds * 1_000)
    const over = await phase('twice', 2, seconds * 1_000)
    const recoveryMs = await recovery(clients)
    const after = await phase('half again', 0.5, seconds * 1_000)
    const phases = [before, over, after]
    return { capacity: CAPACITY, phases, recoveryMs, faults: faultsOf(phases, recoveryMs) }
  } finally {
    for (const client of clients) await client.close()
    await server.stop()
  }
}

function makeServer(work: { running: number; peak: number }): Server {
  const server = createServer({ name: 'overload', address: '127.0.0.1:0' })
  return server.use(atMost(PLACES, WAITING_MAX)).handle(service, {
    async work(request) {
      work.running++
      work.peak = Math.max(work.peak, work.running)
      await sleep(SERVICE_MS)
      work.running--
      return request
    },
  })
}

/** Offers calls at a steady rate for `ms`, whatever becomes of them, and waits for the last. */
async function load(clients: readonly Client[], share: number, ms: number): Promise<Tally> {
  const tally = new Tally()
  const calls: Promise<void>[] = []
  const bound = clients.map(client => client.bind(service))
  const startedAt = performance.now()
  for (let elapsedMs = 0; elapsedMs < ms; elapsedMs = performance.now() - startedAt) {
    const due = Math.floor((elapsedMs * CAPACITY * share) / 1_000)
    for (; tally.offered < due; tally.offered++) {
      calls.push(callOnce(bound[tally.offered % bound.length]!, tally))
    }
    await sleep(TICK_MS)
  }
  await Promise.all(calls)
  return tally
}

async function callOnce(
  bound: { work(request: Uint8Array, options: { timeoutMs: number }): PromiseLike<Uint8Array> },
  tally: Tally,
): Promise<void> {
  const startedAt = performance.now()
  try {
    await bound.work(Buffer.alloc(16), { timeoutMs: 2_000 })
    tally.answered++
    tally.times.push(performance.now() - startedAt)
  } catch (error) {
    const isClear =
      error instanceof GrpcError &&
      (error.status === Status.ResourceExhausted || error.status === Status.Unavailable)
    if (isClear) tally.refused++
    else tally.failed++
  }
}

/** How long until half of the capacity is answered without a refusal. */
async function recovery(clients: readonly Client[]): Promise<number> {
  const startedAt = performance.now()
  for (;;) {
    const begunAt = performance.now() - startedAt
    const { offered, answered } = await load(clients, 0.5, RECOVERY_STEP_MS)
    if (answered === offered || begunAt > RECOVERY_MAX_MS * 10) return Math.round(begunAt)
  }
}

function faultsOf(phases: readonly OverloadPhase[], recoveryMs: number): string[] {
  const faults: string[] = []
  const [before, over, after] = phases as [OverloadPhase, OverloadPhase, OverloadPhase]
  for (const { name, failed, runningPeak } of phases) {
    if (failed > 0)
      faults.push(`${name}: ${failed} calls each second failed without a clear status`)
    if (runningPeak > PLACES) faults.push(`${name}: ${runningPeak} handlers ran at once`)
  }
  for (const { name, refused } of [before, after]) {
    if (refused > 0) faults.push(`${name}: ${refused} calls each second were refused`)
  }
  if (over.refused === 0) faults.push('nothing was refused: this was no overload')
  if (over.goodput < CAPACITY * 0.8) faults.push(`${over.goodput} calls each second were answered`)
  if (recoveryMs > RECOVERY_MAX_MS) faults.push(`it took ${recoveryMs} ms to recover`)
  return faults
}
