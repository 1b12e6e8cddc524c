/** Who makes the calls, or answers them. */
export type Peer = 'ours' | 'grpc-js' | 'grpc-go' | 'grpcio'

/** How the calls of a cell come to their end. */
export type Ending =
  | 'complete'
  | 'break'
  | 'throw'
  | 'signal'
  | 'deadline'
  | 'server-killed'
  | 'client-killed'

/** What one cell of the matrix does: `atOnce` calls of `count` messages of `size` octets, at the same time. */
export interface Cell {
  readonly client: Peer
  readonly server: Peer
  readonly door: 'grpc' | 'mucp'
  readonly security: 'plain' | 'tls' | 'gzip'
  readonly windows: 'default' | 'small'
  readonly kind: 'unary' | 'client' | 'server' | 'bidi'
  /** Unit: octets. */
  readonly size: number
  readonly atOnce: number
  /** Messages of each streaming side. */
  readonly count: number
  readonly ending: Ending
}

const KI = 1_024
const MI = 1_048_576

export const SIZES: readonly number[] = [
  ...[0, 1, 100, 16 * KI, 64 * KI, 100_000, MI, 4 * MI - 1, 16 * MI + 1, 64 * MI],
]
export const AT_ONCE: readonly number[] = [1, 10, 200, 1_000, 5_000]

/** What a cell may move one way, so that the largest takes seconds. */
export const CELL_OCTETS_MAX: number = 320 * MI

const GRPCIO_AT_ONCE_MAX = 1_000

/** Ours is one of the two; grpc-js with itself is measured beside ours with ours. */
const PAIRS: readonly (readonly [client: Peer, server: Peer])[] = [
  ['ours', 'ours'],
  ['ours', 'ours'],
  ['ours', 'grpc-js'],
  ['grpc-js', 'ours'],
  ['ours', 'grpc-go'],
  ['grpc-go', 'ours'],
  ['ours', 'grpcio'],
  ['grpcio', 'ours'],
]

/** Complete ones are half of all, since only they tell of time. */
const ENDINGS: readonly Ending[] = [
  ...(['complete', 'complete', 'complete', 'complete', 'complete', 'complete'] as const),
  ...(['break', 'throw', 'signal', 'deadline', 'server-killed', 'client-killed'] as const),
]

const SECURITIES = ['plain', 'plain', 'tls', 'gzip'] as const
const KINDS = ['unary', 'client', 'server', 'bidi'] as const

/** What a plan leaves out. */
export interface PlanOptions {
  /** Default: all four. */
  readonly peers?: readonly Peer[]
  /** Largest message. Unit: octets. Default: 64 Mi. */
  readonly sizeMax?: number
  /** Most calls at once. Default: 5,000. */
  readonly atOnceMax?: number
  /** What a cell moves one way at most. Unit: octets. Default: `CELL_OCTETS_MAX`. */
  readonly octetsMax?: number
}

/** The loads that the faults of issue 14 came from; they stand first in every plan that has room for them. */
const KNOWN: readonly Partial<Cell>[] = [
  { size: 100_000, atOnce: 200, kind: 'unary' },
  { size: 64 * KI, atOnce: 1_000, kind: 'server', count: 1 },
  { size: 4 * MI - 1, atOnce: 10, kind: 'unary' },
  { size: 16 * MI + 1, atOnce: 1, kind: 'unary' },
  { size: 100, atOnce: 1_000, kind: 'client', ending: 'signal' },
  { size: 100, atOnce: 200, kind: 'client', ending: 'throw', door: 'mucp' },
  { size: 100, atOnce: 200, kind: 'bidi', ending: 'client-killed', door: 'mucp' },
  { size: 1, atOnce: 5_000, kind: 'server', ending: 'break' },
  { size: MI, atOnce: 10, kind: 'unary', security: 'gzip' },
]

const PLAIN: Cell = {
  client: 'ours',
  server: 'ours',
  door: 'grpc',
  security: 'plain',
  windows: 'default',
  kind: 'unary',
  size: 100,
  atOnce: 1,
  count: 1,
  ending: 'complete',
}

/** `length` cells; the same for the same seed, and no two alike. */
export function planCells(
  seed: number,
  length: number,
  options: PlanOptions = {},
): readonly Cell[] {
  const random = randomNumbers(seed)
  const cells = new Map<string, Cell>()
  for (const known of KNOWN) {
    const cell = { ...PLAIN, ...known }
    if (cells.size < length && fits(cell, options)) cells.set(cellName(cell), cell)
  }
  // Bounded: narrow options can have fewer cells than are asked for.
  for (let tries = 0; cells.size < length && tries < 50 * length; tries++) {
    const cell = drawCell(random)
    if (fits(cell, options)) cells.set(cellName(cell), cell)
  }
  return [...cells.values()]
}

function drawCell(random: () => number): Cell {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!
  const [client, server] = pick(PAIRS)
  const kind = pick(KINDS)
  const size = pick(SIZES)
  const atOnce = pick(AT_ONCE)
  const count = kind === 'unary' ? 1 : pick([1, 3, 20])
  const isOurs = client === 'ours' && server === 'ours'
  return {
    client,
    server,
    door: isOurs && random() < 0.4 ? 'mucp' : 'grpc',
    security: pick(SECURITIES),
    windows: random() < 0.25 ? 'small' : 'default',
    kind,
    size,
    atOnce,
    count,
    ending: pick(ENDINGS),
  }
}

/** Whether a cell makes sense, and is within the options. */
function fits(cell: Cell, options: PlanOptions): boolean {
  const { peers, sizeMax = 64 * MI, atOnceMax = 5_000, octetsMax = CELL_OCTETS_MAX } = options
  if (peers !== undefined && !(peers.includes(cell.client) && peers.includes(cell.server))) {
    return false
  }
  if (cell.size > sizeMax || cell.atOnce > atOnceMax) return false
  if (cell.size * cell.atOnce * cell.count > octetsMax) return false
  // With more on one connection grpcio's server ends calls as CANCELLED, whoever the client is.
  if (cell.server === 'grpcio' && cell.atOnce > GRPCIO_AT_ONCE_MAX) return false
  // What has no stream of responses cannot be left early, what has no source cannot throw in it.
  if (cell.ending === 'break') return cell.kind === 'server' || cell.kind === 'bidi'
  if (cell.ending === 'throw') return cell.kind === 'client' || cell.kind === 'bidi'
  // Compression is of native calls.
  return !(cell.door === 'mucp' && cell.security === 'gzip')
}

/** One line that says all of it, and that a run can be narrowed to. */
export function cellName(cell: Cell): string {
  const { client, server, door, security, windows, kind, size, atOnce, count, ending } = cell
  const streams = kind === 'unary' ? '' : ` of ${count}`
  const small = windows === 'small' ? ' small' : ''
  return `${client}>${server} ${door} ${security}${small} ${kind} ${size} x ${atOnce}${streams} ${ending}`
}

/** Whether the handlers are to wait until their call is cancelled. */
export function isHeld(ending: Ending): boolean {
  return ending !== 'complete' && ending !== 'break' && ending !== 'throw'
}

/** mulberry32. */
function randomNumbers(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
