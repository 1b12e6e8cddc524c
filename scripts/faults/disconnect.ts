import { type Cut, holdConversation, makeConversation, type Side } from './conversation.js'

/** What cutting conversations came to. */
export interface DisconnectRow {
  readonly conversations: number
  /** Runs with a cut connection: one for each octet of each side. */
  readonly cuts: number
  readonly octets: number
  readonly seconds: number
  /** Calls that came through all the same, before the cut or after it. */
  readonly succeeded: number
  readonly failed: number
  /** What was broken, with the cut that shows it. */
  readonly faults: readonly string[]
}

const SIDES: readonly Side[] = ['client', 'server']
const FAULTS_MAX = 20

/**
 * Records conversations from seed `first` on, and holds each again as often as it has octets: each
 * time the connection breaks at another one, in turn by a reset and by the end of one side.
 * `stride` leaves octets out.
 */
export async function disconnectEverywhere(
  first: number,
  conversations: number,
  stride: number,
  onProgress?: (conversation: number, cuts: number) => void,
): Promise<DisconnectRow> {
  const startedAt = performance.now()
  const faults: string[] = []
  const totals = { cuts: 0, octets: 0, succeeded: 0, failed: 0 }
  for (let seed = first; seed < first + conversations && faults.length < FAULTS_MAX; seed++) {
    const conversation = makeConversation(seed)
    const whole = await holdConversation(conversation)
    for (const fault of whole.faults) faults.push(`seed ${seed}, whole: ${fault}`)
    if (whole.succeeded !== conversation.calls.length + 1) {
      faults.push(`seed ${seed}, whole: ${whole.succeeded} calls succeeded`)
    }
    for (const side of SIDES) {
      totals.octets += whole.octets[side]
      for (let octets = 0; octets <= whole.octets[side]; octets += stride) {
        const how: Cut['how'] = (octets + seed) % 2 === 0 ? 'reset' : 'leave'
        const course = await holdConversation(conversation, { side, octets, how })
        totals.cuts++
        totals.succeeded += course.succeeded
        totals.failed += conversation.calls.length + 1 - course.succeeded
        for (const fault of course.faults) {
          faults.push(`seed ${seed}, ${how} after ${octets} octets of the ${side}: ${fault}`)
        }
      }
    }
    onProgress?.(seed - first + 1, totals.cuts)
  }
  const seconds = (performance.now() - startedAt) / 1_000
  return { conversations, ...totals, seconds, faults }
}
