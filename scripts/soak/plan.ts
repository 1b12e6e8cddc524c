/** What one call of the soak does, drawn by a seed: kind, messages, ending, and who stands still. */
import type { Random } from '../../src/testing/index.js'

export type Kind = 'unary' | 'client' | 'server' | 'bidi'
export type Ending =
  | 'complete'
  | 'cancel'
  | 'deadline'
  | 'break'
  | 'throw'
  | 'handler-leaves'
  | 'handler-throws'
export type Stall = 'client-sends' | 'client-reads' | 'handler-reads' | 'handler-sends'

export interface CallPlan {
  readonly call: number
  readonly kind: Kind
  /** Sizes of the messages. Unit: octets. */
  readonly requests: readonly number[]
  readonly responses: readonly number[]
  readonly ending: Ending
  /** `cancel`, `deadline`: ms. Others: messages. */
  readonly endAfter: number
  readonly stall: Stall | undefined
  /** Messages ahead of the stall. */
  readonly stallAt: number
  readonly isGzip: boolean
}

/** What a phase lets chance choose from. */
export interface PlanBounds {
  readonly kinds?: readonly Kind[]
  readonly endings?: readonly Ending[]
  readonly stalls?: readonly Stall[]
  /** All messages of one direction together. Unit: octets. */
  readonly octetsMax: number
  readonly messagesMax: number
}

export const KINDS: readonly Kind[] = ['unary', 'client', 'server', 'bidi']
export const ENDINGS: readonly Ending[] = [
  'complete',
  'cancel',
  'deadline',
  'break',
  'throw',
  'handler-leaves',
  'handler-throws',
]
export const STALLS: readonly Stall[] = [
  'client-sends',
  'client-reads',
  'handler-reads',
  'handler-sends',
]

const UPLOADS: readonly Kind[] = ['client', 'bidi']
const DOWNLOADS: readonly Kind[] = ['server', 'bidi']
/** The kinds that can end or stand still so. */
const KINDS_OF: Readonly<Record<Ending | Stall, readonly Kind[]>> = {
  complete: KINDS,
  cancel: KINDS,
  deadline: KINDS,
  break: DOWNLOADS,
  throw: UPLOADS,
  'handler-leaves': UPLOADS,
  'handler-throws': KINDS,
  'client-sends': UPLOADS,
  'client-reads': DOWNLOADS,
  'handler-reads': UPLOADS,
  'handler-sends': KINDS,
}
/** A call is given up at most so long after its start. */
const CANCEL_MAX_MS = 40
/** More would keep the threads of zlib for seconds. Unit: octets. */
const GZIP_MAX = 8_388_608
const GZIP_CHANCE = 0.15
/** That the messages of a direction fill what there is room for, all of one size. */
const FULL_CHANCE = 0.3

let callNext = 0

export function drawPlan(random: Random, bounds: PlanBounds): CallPlan {
  const { kinds = KINDS, endings = ['complete'], stalls } = bounds
  const stall = stalls === undefined ? undefined : random.pick(stalls)
  const allowed = kinds.filter(kind => stall === undefined || KINDS_OF[stall].includes(kind))
  const kind = random.pick(allowed)
  const ending = random.pick(endings.filter(each => KINDS_OF[each].includes(kind)))
  const requests = drawSizes(random, bounds, kind === 'client' || kind === 'bidi')
  const responses = drawSizes(random, bounds, kind === 'server' || kind === 'bidi')
  return {
    call: callNext++,
    kind,
    requests,
    responses,
    ...drawEnding(random, ending, requests, responses),
    stall,
    stallAt: random.size(Math.min(requests.length, responses.length)),
    isGzip: random.chance(GZIP_CHANCE) && sum(requests) + sum(responses) <= GZIP_MAX,
  }
}

function drawEnding(
  random: Random,
  ending: Ending,
  requests: readonly number[],
  responses: readonly number[],
): Pick<CallPlan, 'ending' | 'endAfter'> {
  if (ending === 'cancel' || ending === 'deadline') {
    return { ending, endAfter: random.integer(1, CANCEL_MAX_MS) }
  }
  const messages = ending === 'break' ? responses.length : requests.length
  if (messages === 0) return { ending: 'complete', endAfter: 0 }
  return { ending, endAfter: random.integer(ending === 'break' ? 1 : 0, messages) }
}

function drawSizes(random: Random, bounds: PlanBounds, isStream: boolean): readonly number[] {
  const count = isStream ? random.size(bounds.messagesMax) : 1
  const isFull = random.chance(FULL_CHANCE)
  let left = isFull ? bounds.octetsMax : random.size(bounds.octetsMax)
  const even = Math.floor(left / Math.max(1, count))
  return Array.from({ length: count }, () => {
    const size = isFull ? even : random.size(Math.min(left, 4 * even))
    left -= size
    return size
  })
}

export function sum(sizes: readonly number[]): number {
  return sizes.reduce((total, size) => total + size, 0)
}

/** One line that says all of it. */
export function textOfPlan(plan: CallPlan): string {
  const { call, kind, requests, responses, ending, endAfter, stall, stallAt, isGzip } = plan
  const stalls = stall === undefined ? '' : `, ${stall} stand still after ${stallAt}`
  const sizes = `${textOfSizes(requests)} -> ${textOfSizes(responses)}`
  return `call ${call} ${kind} ${sizes}, ${ending} after ${endAfter}${stalls}${isGzip ? ', gzip' : ''}`
}

function textOfSizes(sizes: readonly number[]): string {
  if (sizes.length <= 3) return `[${sizes.join(' ')}]`
  return `[${sizes.length} messages, ${sum(sizes)} octets, largest ${Math.max(...sizes)}]`
}
