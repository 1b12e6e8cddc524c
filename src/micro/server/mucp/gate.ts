import { type Gate, priorityOf, type Refusal, Ticket } from '../../../overload/index.js'
import type { Context } from '../../call/context.js'
import { MicroError } from '../../errors/micro-error.js'

/** A call that has come over a socket, and not started. */
export interface MucpApplicant {
  readonly context: Context
  ticket: Ticket | undefined
  start(): Promise<void> | undefined
  /** It never starts. @param isTold `onError` hears of it */
  refuse(error: MicroError, isTold?: boolean): void
}

/** Starts a call when the server has a place for it; refuses it when there is none. */
export function startWithin(
  gate: Gate,
  call: MucpApplicant,
  now: () => number,
): Promise<void> | undefined {
  const { priorityName } = gate
  const text = priorityName === undefined ? undefined : call.context.metadata.get(priorityName)
  const priority = priorityOf(typeof text === 'string' ? text : undefined)
  const refuse = (refusal: Refusal): void => call.refuse(refusalError(refusal), false)
  const onAdmitted = (): void => {
    if (call.context.deadline > now()) void call.start()
    else call.refuse(MicroError.timeout('deadline exceeded'), false)
  }
  const entered = gate.refusal(priority) ?? gate.enter({ onAdmitted, onRefused: refuse }, priority)
  if (!(entered instanceof Ticket)) {
    refuse(entered)
    return undefined
  }
  call.ticket = entered
  return entered.isWaiting ? undefined : call.start()
}

/** As go-micro's rate limiters say it: 429 for what is a caller's own, 503 for what another server may do. */
function refusalError({ kind, text, pushbackMs }: Refusal): MicroError {
  const detail = `refused: ${text}; it may be tried again in ${pushbackMs} ms`
  return new MicroError(kind === 'quota' ? 429 : 503, detail)
}
