import type { CallKind } from '../../src/grpc/index.js'
import { type PathConditions, Random } from '../../src/testing/index.js'

/** What goes wrong in a seed. Later ones include the harm of the ones before. */
export type Fault = 'none' | 'stall' | 'handover' | 'reset' | 'restart' | 'swallow' | 'unreachable'

/** What users did that seeds of their own calls never do: see loads.ts. */
export type Load =
  | 'none'
  | 'large'
  | 'burst'
  | 'stalls'
  | 'mass-cancel'
  | 'early-break'
  | 'source-throws'
  | 'together'

/** What a call does as a part of a load. */
export interface CallLoad {
  /** The call that must have ended first. */
  readonly after?: number
  /** The caller's source pauses ahead of this request. */
  readonly pauseAt?: number
  /** Unit: ms. */
  readonly pauseMs?: number
  /** Whoever reads, on both sides, stops ahead of this message. */
  readonly stallAt?: number
  /** Unit: ms. */
  readonly stallMs?: number
  /** The caller leaves its loop after so many replies. */
  readonly breaksAfter?: number
  /** One AbortSignal for all such calls. */
  readonly sharesSignal?: boolean
  /** The handler ends at this time, with all the others. Unit: ms. */
  readonly endsAtMs?: number
  readonly gzip?: boolean
  /** Whatever the others do, it is answered soon. */
  readonly isBystander?: boolean
}

/** What one call does and how it is supposed to end. */
export interface CallPlan {
  readonly id: number
  readonly door: 'grpc' | 'mucp'
  readonly kind: CallKind
  /** Start, from the beginning of the run. Unit: ms. */
  readonly startMs: number
  readonly requests: number
  readonly replies: number
  readonly size: number
  /** The handler's pause ahead of each reply. Unit: ms. */
  readonly handlerMs: number
  /** Pauses of whoever reads, on both sides. Unit: ms. */
  readonly readerMs: number
  /** The handler throws at the end instead of returning. */
  readonly fails: boolean
  /** The handler goes on though the call is over. */
  readonly stubborn: boolean
  /** Infinity: no deadline. Unit: ms. */
  readonly timeoutMs: number
  /** Infinity: never cancelled. Unit: ms after the start. */
  readonly cancelMs: number
  /** The source of the requests throws when it has given so many. Infinity: never. */
  readonly throwsAfter: number
  readonly waitForReady: boolean
  readonly load?: CallLoad
}

/** All that a seed decides before the run. */
export interface RunPlan {
  readonly seed: number
  readonly conditions: PathConditions
  readonly faults: readonly Fault[]
  readonly faultCount: number
  readonly doors: readonly ('grpc' | 'mucp')[]
  readonly retries: number
  readonly limits: Readonly<Record<string, number>>
  readonly load: Load
  /** Undefined: the default. Unit: octets. */
  readonly messageSizeMax?: number
  readonly calls: readonly CallPlan[]
  /** All calls start within. Unit: ms. */
  readonly spanMs: number
}

const FAULTS: readonly (readonly Fault[])[] = [
  ['none'],
  ['stall'],
  ['handover'],
  ['handover', 'stall'],
  ['reset'],
  ['restart'],
  ['swallow'],
  ['unreachable', 'reset'],
  ['stall', 'handover', 'reset', 'restart', 'swallow', 'unreachable'],
]

/** Faults that lose no call of a client that waits for a connection. */
const HARMLESS: ReadonlySet<Fault> = new Set(['none', 'stall', 'handover'])

/** Messages where the network hands on a few octets at a time. Unit: octets. */
const SIZE_MAX_OF_SMALL_PIECES = 300

/** Whether every call that is patient must succeed. */
export function isHarmless(plan: RunPlan): boolean {
  return plan.faults.every(fault => HARMLESS.has(fault))
}

/** The plan of a seed: `random` decides all of it. */
export function makePlan(seed: number, random: Random): RunPlan {
  const faults = random.pick(FAULTS)
  const spanMs = random.pick([0, 50, 1_000, 20_000])
  const doors = random.pick([['grpc'], ['mucp'], ['grpc', 'mucp']] as const)
  const base = {
    seed,
    load: 'none' as const,
    conditions: {
      latencyMs: [0, random.pick([0, 1, 5, 50])] as const,
      pieceSizeMax: random.pick([3, 100, 1_460, 16_384, 65_536]),
      capacity: random.pick([2_000, 16_384, 262_144]),
    },
    faults,
    faultCount: random.integer(1, 4),
    doors,
    retries: random.pick([0, 0, 2]),
    limits: planLimits(random, doors),
    spanMs,
  }
  const count = random.integer(50, 200)
  const mustEnd = faults.includes('swallow')
  const sizeMax =
    base.conditions.pieceSizeMax < 10 ? SIZE_MAX_OF_SMALL_PIECES : random.pick([10, 2_000, 60_000])
  const calls = Array.from({ length: count }, (_, id) =>
    planCall(id, random, { seed, doors, spanMs, mustEnd, sizeMax }),
  )
  return { ...base, calls }
}

function planLimits(random: Random, doors: readonly string[]): Readonly<Record<string, number>> {
  if (random.chance(0.3)) return {}
  return {
    streamWindowSize: random.pick([1, 1_000, 16_384, 262_144]),
    connectionWindowSize: random.pick([65_535, 1_048_576]),
    receiveBufferMax: random.pick([4_194_304, 33_554_432]),
    streamBufferSize: random.pick([1, 1_000, 65_536]),
    turnFramesMax: random.pick([1, 10, 1_000]),
    turnCallsMax: random.pick([1, 3, 1_000]),
    // Idle sockets of a mucp client keep their streams: too few of them stop it for good.
    ...(random.chance(0.3) && !doors.includes('mucp') ? { streamsMax: random.integer(1, 20) } : {}),
  }
}

interface CallRules {
  readonly seed: number
  readonly doors: readonly ('grpc' | 'mucp')[]
  readonly spanMs: number
  /** Without a deadline nothing would ever end it. */
  readonly mustEnd: boolean
  readonly sizeMax: number
}

function planCall(id: number, random: Random, rules: CallRules): CallPlan {
  const call = planSomeCall(id, random, rules)
  // Small pieces would make each of these take seconds.
  const many = rules.sizeMax !== SIZE_MAX_OF_SMALL_PIECES && random.chance(0.01)
  return many ? manyMessages(call, random) : call
}

/** More messages than a side keeps decoded, and a reader that is behind them. */
function manyMessages(call: CallPlan, random: Random): CallPlan {
  const count = random.integer(300, 900)
  return {
    ...call,
    requests: call.kind === 'client' || call.kind === 'bidi' ? count : 1,
    replies: call.kind === 'server' || call.kind === 'bidi' ? count : 1,
    size: random.size(300),
    readerMs: random.pick([0, 1, 10]),
  }
}

function planSomeCall(id: number, random: Random, rules: CallRules): CallPlan {
  const kind = random.pick(['unary', 'unary', 'client', 'server', 'bidi'] as const)
  const hasDeadline = rules.mustEnd || random.chance(0.2)
  const call: CallPlan = {
    id,
    door: random.pick(rules.doors),
    kind,
    startMs: random.integer(0, rules.spanMs),
    requests: kind === 'client' || kind === 'bidi' ? random.size(20) : 1,
    replies: kind === 'server' || kind === 'bidi' ? random.size(20) : 1,
    size: random.size(rules.sizeMax),
    handlerMs: random.pick([0, 0, 1, 20, 200]),
    readerMs: random.chance(0.2) ? random.pick([1, 10, 100]) : 0,
    fails: random.chance(0.1),
    stubborn: random.chance(0.3),
    timeoutMs: hasDeadline ? random.pick([1, 20, 300, 5_000]) : Number.POSITIVE_INFINITY,
    cancelMs: random.chance(0.15) ? random.pick([0, 1, 10, 300]) : Number.POSITIVE_INFINITY,
    throwsAfter: Number.POSITIVE_INFINITY,
    waitForReady: random.chance(0.5),
  }
  const streams = kind === 'client' || kind === 'bidi'
  // Drawn last and apart: what a seed decides otherwise stays as it was.
  const throws = streams && new Random(rules.seed * 1_000 + id).chance(0.2)
  return throws ? { ...call, throwsAfter: Math.floor(call.requests / 2) } : call
}
