import type { CallKind } from '../../src/grpc/index.js'
import type { Random } from '../../src/testing/index.js'
import type { CallLoad, CallPlan, Load, RunPlan } from './plan.js'

/** What the calls of a load are made of. */
interface Draw {
  readonly random: Random
  readonly doors: RunPlan['doors']
  readonly calls: CallPlan[]
  /** What may still be drawn. Unit: octets. */
  left: number
}

interface Special {
  readonly limits?: Readonly<Record<string, number>>
  readonly messageSizeMax?: number
}

/** All messages of one seed, both ways. Unit: octets. */
const OCTETS_MAX = 16 * 1_048_576
/** The note around its pad, and the frame of a message. Unit: octets. */
const NOTE_SIZE = 600
/** Where one message has 64 MiB. One seed in so many that draw large messages. */
const HUGE_ONE_IN = 12
const HUGE_SIZE = 64 * 1_048_576
/** Calls of others, beside the load. */
const BYSTANDERS = 20

const LOADS: readonly Load[] = [
  ...Array.from({ length: 12 }, () => 'none' as const),
  'large',
  'burst',
  'stalls',
  'stalls',
  'mass-cancel',
  'early-break',
  'source-throws',
  'together',
]

const MAKERS: Readonly<Record<Exclude<Load, 'none'>, (draw: Draw) => Special>> = {
  large,
  burst,
  stalls,
  'mass-cancel': massCancel,
  'early-break': earlyBreak,
  'source-throws': sourceThrows,
  together,
}

/** @throws RangeError for a name that is no load */
export function loadNamed(name: string): Load {
  const load = LOADS.find(each => each === name)
  if (load !== undefined) return load
  throw new RangeError(`there is no load '${name}'; there are ${[...new Set(LOADS)].join(', ')}`)
}

/** Half of the plans, with what one user or another did instead of their own calls. */
export function applyLoad(plan: RunPlan, random: Random, wanted?: Load): RunPlan {
  const drawn = random.pick(LOADS)
  const load = wanted ?? drawn
  if (load === 'none') return plan
  const draw: Draw = { random, doors: plan.doors, calls: [], left: OCTETS_MAX }
  const { messageSizeMax, limits } = MAKERS[load](draw)
  bystanders(draw)
  const calm = random.chance(0.7)
  return {
    ...plan,
    load,
    // Sizes that a real path has: small pieces would make each large message take seconds.
    conditions: {
      latencyMs: [0, random.pick([0, 1, 5])],
      pieceSizeMax: load === 'large' ? 65_536 : random.pick([1_460, 16_384, 65_536]),
      capacity: 262_144,
    },
    faults: calm || plan.faults.includes('swallow') ? ['none'] : plan.faults,
    limits: limits ?? drawLimits(random),
    ...(messageSizeMax === undefined ? {} : { messageSizeMax }),
    calls: draw.calls,
    spanMs: 0,
  }
}

function drawLimits(random: Random): Readonly<Record<string, number>> {
  return random.pick([
    {},
    {},
    { streamWindowSize: 16_384 },
    { streamWindowSize: 262_144, connectionWindowSize: 1_048_576 },
    { streamBufferSize: 1_000, turnFramesMax: 10, turnCallsMax: 3 },
  ])
}

/** Adds a call; false when the seed has all the octets that it may have. */
function add(draw: Draw, kind: CallKind, parts: Partial<CallPlan>, load: CallLoad = {}): boolean {
  const { random, calls, doors } = draw
  const call: CallPlan = {
    id: calls.length,
    door: random.pick(doors),
    kind,
    startMs: 0,
    requests: 1,
    replies: 1,
    size: random.size(100),
    handlerMs: 0,
    readerMs: 0,
    fails: false,
    stubborn: false,
    timeoutMs: Number.POSITIVE_INFINITY,
    cancelMs: Number.POSITIVE_INFINITY,
    throwsAfter: Number.POSITIVE_INFINITY,
    waitForReady: true,
    ...parts,
    load,
  }
  const octets = (call.requests + call.replies) * (call.size + NOTE_SIZE)
  if (octets > draw.left) return false
  draw.left -= octets
  calls.push(call)
  return true
}

/** `count` messages of whichever side has many. */
function many(kind: CallKind, count: number): { requests: number; replies: number } {
  return {
    requests: kind === 'client' || kind === 'bidi' ? count : 1,
    replies: kind === 'server' || kind === 'bidi' ? count : 1,
  }
}

function bystanders(draw: Draw): void {
  draw.left += OCTETS_MAX
  for (let i = 0; i < BYSTANDERS; i++) {
    const parts = { startMs: draw.random.integer(0, 10_000), size: 10 }
    add(draw, 'unary', parts, { isBystander: true })
  }
}

/** Messages of any size within `messageSizeMax`, many of them at once. */
function large(draw: Draw): Special {
  const { random } = draw
  if (random.integer(1, HUGE_ONE_IN) === 1) {
    draw.left = 3 * HUGE_SIZE
    const kind = random.pick(['unary', 'client', 'server', 'bidi'] as const)
    add(draw, kind, { size: HUGE_SIZE - NOTE_SIZE, ...many(kind, 1) })
    return { limits: {}, messageSizeMax: HUGE_SIZE }
  }
  const messageSizeMax = random.pick([undefined, undefined, 8 * 1_048_576])
  const most = (messageSizeMax ?? 4_194_304) - NOTE_SIZE
  const sizes = [16_384, 65_536, 100_000, 1_048_576, most]
  const size = random.pick(sizes)
  const count = random.integer(1, 200)
  for (let i = 0; i < count; i++) {
    const kind = random.pick(['unary', 'client', 'server', 'bidi'] as const)
    const mixed = random.chance(0.2) ? random.pick(sizes) : size
    const gzip = random.chance(0.1)
    if (!add(draw, kind, { size: mixed, ...many(kind, random.integer(1, 3)) }, { gzip })) break
  }
  return messageSizeMax === undefined ? {} : { limits: {}, messageSizeMax }
}

/** Many calls in one tick. */
function burst(draw: Draw): Special {
  const { random } = draw
  const count = 200 + random.size(800)
  for (let i = 0; i < count; i++) {
    const kind = random.pick(['unary', 'unary', 'unary', 'client', 'server', 'bidi'] as const)
    const parts = { size: random.size(2_000), handlerMs: random.pick([0, 0, 20]) }
    add(draw, kind, { ...parts, ...many(kind, random.size(4)) }, { gzip: random.chance(0.05) })
  }
  return {}
}

/** Uploads that pause in the middle, handlers and callers that stop reading; less in all than may be held. */
function stalls(draw: Draw): Special {
  const { random } = draw
  const count = random.integer(10, 80)
  for (let i = 0; i < count; i++) {
    const kind = random.pick(['client', 'server', 'bidi'] as const)
    const parts = { size: random.pick([1_000, 30_000, 150_000]), ...many(kind, 6) }
    const ms = random.integer(20_000, 45_000)
    const at = random.integer(0, 2)
    const source = kind !== 'server' && random.chance(0.3)
    const load = source ? { pauseAt: at, pauseMs: ms } : { stallAt: at, stallMs: ms }
    if (!add(draw, kind, parts, load)) break
  }
  return {}
}

/** Hundreds of calls behind one signal. */
function massCancel(draw: Draw): Special {
  const { random } = draw
  const count = 200 + random.size(790)
  const cancelMs = random.pick([0, 1, 10, 300])
  for (let i = 0; i < count; i++) {
    const kind = random.pick(['client', 'server', 'bidi', 'bidi'] as const)
    const parts = { cancelMs, handlerMs: 20, readerMs: random.pick([0, 10]), size: 100 }
    add(draw, kind, { ...parts, ...many(kind, random.integer(1, 40)) }, { sharesSignal: true })
  }
  return {}
}

/** Callers that take the first message of a stream, and call again. */
function earlyBreak(draw: Draw): Special {
  const { random } = draw
  const callers = random.integer(5, 40)
  for (let i = 0; i < callers; i++) {
    for (let round = 0; round < 5; round++) {
      const kind = random.pick(['server', 'server', 'bidi'] as const)
      const after = round === 0 ? undefined : draw.calls.length - 1
      const parts = { size: random.size(1_000), handlerMs: random.pick([0, 1]), ...many(kind, 30) }
      add(draw, kind, parts, { breaksAfter: 1, ...(after === undefined ? {} : { after }) })
    }
  }
  const few = random.chance(0.5) && !draw.doors.includes('mucp')
  return few ? { limits: { streamsMax: random.integer(5, 20) } } : {}
}

/** Sources of requests that throw in the middle, where the handler is behind them. */
function sourceThrows(draw: Draw): Special {
  const { random } = draw
  const count = random.integer(20, 100)
  for (let i = 0; i < count; i++) {
    const kind = random.pick(['client', 'bidi'] as const)
    const requests = random.integer(2, 200)
    const parts = { size: random.size(1_000), readerMs: random.pick([0, 1]), requests, replies: 1 }
    const throwsAfter = random.integer(0, requests)
    const how = random.integer(0, 3)
    if (how === 0) add(draw, kind, { ...parts, cancelMs: random.pick([0, 1, 20]) })
    else if (how === 1) add(draw, kind, { ...parts, timeoutMs: random.pick([1, 20, 100]) })
    else add(draw, kind, { ...parts, throwsAfter })
  }
  return {}
}

/** Handlers that end in one tick. */
function together(draw: Draw): Special {
  const { random } = draw
  const count = 200 + random.size(790)
  const endsAtMs = random.integer(1, 500)
  for (let i = 0; i < count; i++) {
    const kind = random.pick(['unary', 'client', 'server'] as const)
    add(draw, kind, { size: random.size(2_000), fails: random.chance(0.1) }, { endsAtMs })
  }
  return {}
}
