import { availableParallelism, loadavg } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { truncationReason } from './lenience.js'
import { type Cell, cellName, type Ending } from './plan.js'
import type { LoadProcess, ProcessPool } from './processes.js'
import { HELD_MS, type LoadReport, type ServerStats, type Usage } from './protocol.js'

/** What a cell has shown. */
export interface CellResult {
  readonly name: string
  /** What is wrong, one sentence each; none: the cell has passed. */
  readonly problems: readonly string[]
  readonly seconds: number
  readonly otherP99Ms: number
  readonly heldMs: number
  /** grpc-js with grpc-js on the same cell; undefined where nothing is to be compared. */
  readonly peerSeconds?: number | undefined
  readonly peerP99Ms?: number | undefined
}

/** What is asked of a run. */
export interface CellOptions {
  /** Whether times are judged: of the loop, and against grpc-js. Default: true. */
  readonly timing?: boolean
}

/** A call that has not settled by then never will. */
const CELL_TIME_MAX_MS = 70_000
/** How long what is left of a cell may take to go. */
const SETTLE_TIME_MAX_MS = 5_000
const HELD_MAX_MS = 100
const SLOWER_MAX = 1.2
/** Below this the clock and the machine say more than the library. */
const COMPARED_FROM_S = 0.2
/** What the heap of an idle process may have grown by: caches, compiled code, one message that is yet to be collected. */
const HEAP_GROWTH_MAX = 48 * 1_048_576

const EXPECTED: Readonly<Record<Ending, (outcome: string) => boolean>> = {
  complete: outcome => outcome === 'OK',
  break: outcome => outcome === 'OK',
  // A peer's client may only say that the call was given up.
  throw: outcome => outcome === 'SOURCE' || outcome === 'CANCELLED',
  signal: outcome => outcome === 'CANCELLED',
  deadline: outcome => outcome === 'DEADLINE_EXCEEDED',
  'server-killed': outcome => outcome !== 'OK' && !outcome.startsWith('CORRUPT'),
  'client-killed': () => true,
}

/** Runs one cell, and where it is ours with ours, the same with grpc-js for comparison. */
export async function runCell(
  pool: ProcessPool,
  cell: Cell,
  { timing = true }: CellOptions = {},
): Promise<CellResult> {
  const result = await measure(pool, cell, timing)
  if (!timing || !isQuiet() || !isCompared(cell) || result.problems.length > 0) return result
  const peer = { ...cell, client: 'grpc-js', server: 'grpc-js' } as const
  const first = await measure(pool, peer, false)
  let [seconds, peerSeconds] = [result.seconds, first.seconds]
  // A busy machine slows whom it likes: the best of three each.
  for (let again = 0; again < 2 && seconds > limit(peerSeconds); again++) {
    seconds = Math.min(seconds, (await measure(pool, cell, false)).seconds)
    peerSeconds = Math.min(peerSeconds, (await measure(pool, peer, false)).seconds)
  }
  const problems =
    first.problems.length === 0 && seconds > limit(peerSeconds)
      ? [`${seconds.toFixed(2)} s, where grpc-js takes ${peerSeconds.toFixed(2)} s`]
      : []
  return { ...result, seconds, problems, peerSeconds, peerP99Ms: first.otherP99Ms }
}

/** Whether times say anything: what others do on this machine is less than our own processes do. */
export function isQuiet(): boolean {
  return (loadavg()[0] ?? 0) < 2 * availableParallelism()
}

function limit(peerSeconds: number): number {
  return Math.max(COMPARED_FROM_S, SLOWER_MAX * peerSeconds)
}

function isCompared({ client, server, door, ending, windows }: Cell): boolean {
  const isOurs = client === 'ours' && server === 'ours'
  return isOurs && door === 'grpc' && ending === 'complete' && windows === 'default'
}

async function measure(pool: ProcessPool, cell: Cell, timing: boolean): Promise<CellResult> {
  const problems: string[] = []
  let report: LoadReport | undefined
  let server: LoadProcess | undefined
  let client: LoadProcess | undefined
  let heldMs = 0
  try {
    server = await pool.server(cell.server, cell)
    client = await pool.client(cell.client)
    const before = await server.ask<ServerStats>({ do: 'stats' }, CELL_TIME_MAX_MS)
    const usage = await usageOf(cell, client, server)
    report = await load(pool, cell, client, server)
    if (report !== undefined) problems.push(...outcomeProblems(cell, report))
    if (cell.ending !== 'server-killed') {
      const after = await settled(server, before)
      problems.push(...serverProblems(cell, before, after))
      if (cell.server === 'ours') heldMs = after.heldMs
    }
    const [one, two] = [client, server]
    // C-core keeps a connection for a while after its channel was closed.
    const isLate = cell.client === 'grpcio'
    problems.push(...(await leftProblems(usage, () => usageOf(cell, one, two), isLate)))
  } catch (error) {
    problems.push((error as Error).message.replaceAll('\n', ' ').slice(0, 400))
  }
  // What failed may hold more than is known: the next cell begins with new processes.
  if (problems.length > 0) await Promise.all([server?.kill(), client?.kill()])
  // A peer's client tells of its own loop.
  if (cell.client === 'ours') heldMs = Math.max(report?.heldMs ?? 0, heldMs)
  if (timing && isQuiet() && heldMs > HELD_MAX_MS)
    problems.push(`held the event loop ${heldMs.toFixed(0)} ms`)
  const { seconds = 0, otherP99Ms = 0 } = report ?? {}
  return { name: cellName(cell), problems, seconds, otherP99Ms, heldMs }
}

/** Undefined: the client did not live to tell. */
async function load(
  pool: ProcessPool,
  cell: Cell,
  client: LoadProcess,
  server: LoadProcess,
): Promise<LoadReport | undefined> {
  const request = { do: 'load' as const, port: server.port, caFile: pool.caFile, ...cell }
  const report = client.ask<LoadReport>(request, CELL_TIME_MAX_MS)
  if (cell.ending !== 'server-killed' && cell.ending !== 'client-killed') return await report
  report.catch(() => {})
  await delay(HELD_MS)
  if (cell.ending === 'server-killed') {
    await server.kill()
    return await report
  }
  await client.kill()
  return undefined
}

/** Waits until no handler runs; five seconds at most. */
async function settled(server: LoadProcess, before: ServerStats): Promise<ServerStats> {
  const until = performance.now() + SETTLE_TIME_MAX_MS
  let heldMs = 0
  for (;;) {
    const stats = await server.ask<ServerStats>({ do: 'stats' }, CELL_TIME_MAX_MS)
    heldMs = Math.max(heldMs, stats.heldMs)
    const isDone = stats.running === 0 && stats.open <= before.open
    if (isDone || performance.now() > until) return { ...stats, heldMs }
    await delay(20)
  }
}

function outcomeProblems(cell: Cell, report: LoadReport): string[] {
  const problems: string[] = []
  const isExpected = EXPECTED[cell.ending]
  const counts = Object.entries(report.outcomes)
  for (const [outcome, count] of counts) {
    if (!isExpected(outcome)) problems.push(`${count} of ${cell.atOnce} ended ${outcome}`)
  }
  const own = counts.filter(([outcome]) => !outcome.endsWith('a call beside'))
  const all = own.reduce((sum, [, count]) => sum + count, 0)
  if (all !== cell.atOnce) problems.push(`${all} of ${cell.atOnce} settled`)
  if (report.open > 0) problems.push(`${report.open} sources of the client were not closed`)
  return problems
}

function serverProblems(cell: Cell, before: ServerStats, after: ServerStats): string[] {
  const problems: string[] = []
  const more = (name: keyof ServerStats, what: string) => {
    const count = after[name] - before[name]
    if (count > 0) problems.push(`${count} ${what}`)
  }
  if (truncationReason(cell) === undefined) {
    more('truncated', 'handlers saw an orderly end without every message')
  }
  more('corrupt', 'messages came corrupt')
  more('open', 'response iterators were not closed')
  if (after.running > 0) problems.push(`${after.running} handlers of ${cell.atOnce} run on`)
  return problems
}

/** What ours holds while nothing is called; peers are not asked. */
async function usageOf(
  { client, server, ending }: Cell,
  clientProcess: LoadProcess,
  serverProcess: LoadProcess,
): Promise<Usages> {
  const all: [string, Usage][] = []
  const ask = async (name: string, process: LoadProcess) => {
    all.push([name, await process.ask<Usage>({ do: 'usage' }, CELL_TIME_MAX_MS)])
  }
  if (client === 'ours' && ending !== 'client-killed') await ask('client', clientProcess)
  if (server === 'ours' && ending !== 'server-killed') await ask('server', serverProcess)
  return all
}

type Usages = readonly (readonly [string, Usage])[]

/** What is still held after five seconds: a peer takes its time to close a connection. */
async function leftProblems(
  before: Usages,
  ask: () => Promise<Usages>,
  isLate: boolean,
): Promise<string[]> {
  const until = performance.now() + SETTLE_TIME_MAX_MS
  for (;;) {
    const problems = growthProblems(before, await ask(), isLate)
    if (problems.length === 0 || performance.now() > until) return problems
    await delay(50)
  }
}

function growthProblems(before: Usages, after: Usages, isLate: boolean): string[] {
  const problems: string[] = []
  for (const [index, [name, now]] of after.entries()) {
    const was = before[index]![1]
    const growth = now.heapOctets - was.heapOctets
    if (growth > HEAP_GROWTH_MAX) {
      problems.push(`the ${name} holds ${(growth / 1_048_576).toFixed(0)} MiB more than before`)
    }
    if (now.sockets > was.sockets && !isLate) {
      problems.push(`the ${name} holds ${now.sockets - was.sockets} sockets more than before`)
    }
    if (now.timers > was.timers + 2) {
      problems.push(`the ${name} holds ${now.timers - was.timers} timers more than before`)
    }
  }
  return problems
}
