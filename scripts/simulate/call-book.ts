import { GrpcError, MicroError, Status } from '../../src/index.js'
import { type CallPlan, isHarmless, type RunPlan } from './plan.js'

/** A message: who sent it, and which one it is. */
export interface Note {
  readonly id: number
  readonly seq: number
  readonly pad: string
}

/** The message number `seq` of one side of a call. */
export function makeNote(id: number, seq: number, size: number): Note {
  return { id, seq, pad: String((id * 31 + seq) % 10).repeat(size) }
}

/** How a call ended. */
export interface Outcome {
  readonly error: unknown
  /** Replies that came, in order. */
  readonly replies: number
  readonly elapsedMs: number
}

interface Run {
  /** Requests that the handler was given. */
  requests: number
  /** It went through to its end. */
  complete: boolean
}

/** Time a call may take beyond its deadline, and a cancellation to be felt: none but the rounding of clocks. Unit: ms. */
const SLACK_MS = 2
/** A small call beside a load, on a network that hands 256 KiB over within 5 ms. Unit: ms. */
const BYSTANDER_MS = 2_000

/** What happened to the calls of one run, on both sides, and whether it may be so. */
export class CallBook {
  readonly faults: string[] = []
  readonly #plan: RunPlan
  readonly #runs = new Map<number, Run[]>()
  readonly #settled = new Map<number, Outcome>()
  running = 0

  constructor(plan: RunPlan) {
    this.#plan = plan
  }

  /** What has not come to its end. */
  openText(): string {
    const open = this.#plan.calls.filter(({ id }) => !this.#settled.has(id))
    const calls = open.map(({ id, door, kind }) => `${id} (${door} ${kind})`).join(', ')
    return `${this.running} handlers run; calls that have not settled: ${calls === '' ? 'none' : calls}`
  }

  plan(id: number): CallPlan {
    const plan = this.#plan.calls[id]
    if (plan === undefined) throw new Error(`a message of call ${id}, which nobody made`)
    return plan
  }

  /** A handler starts. */
  begin(id: number): Run {
    const run: Run = { requests: 0, complete: false }
    const runs = this.#runs.get(id) ?? []
    runs.push(run)
    this.#runs.set(id, runs)
    return run
  }

  /** The requests of a call came to an orderly end at its handler: then it has all of them. */
  sawEnd(id: number, got: number): void {
    const { door, kind, requests, throwsAfter } = this.plan(id)
    if (got === requests && throwsAfter === Number.POSITIVE_INFINITY) return
    const given = Math.min(requests, throwsAfter)
    const why = throwsAfter === Number.POSITIVE_INFINITY ? '' : `; its source threw after ${given}`
    this.fault(`call ${id} (${door} ${kind}): an orderly end after ${got} of ${requests}${why}`)
  }

  /** Checks that a message is the one that must come now. */
  check(where: string, note: Note, id: number, seq: number, size: number): void {
    const expected = makeNote(id, seq, size)
    if (note.id === id && note.seq === seq && note.pad === expected.pad) return
    this.fault(
      `${where} of call ${id}: message ${note.id}/${note.seq} of ${note.pad?.length} octets; expected ${seq} of ${size}`,
    )
  }

  fault(text: string): void {
    if (this.faults.length < 20) this.faults.push(text)
  }

  settle(call: CallPlan, outcome: Outcome): void {
    if (this.#settled.has(call.id)) this.fault(`call ${call.id} settled twice`)
    this.#settled.set(call.id, outcome)
    const runs = this.#runs.get(call.id) ?? []
    const text = `call ${call.id} (${call.door} ${call.kind})`
    const mucpRetries = call.door === 'mucp' && call.kind === 'unary' ? 5 : 0
    const runsMax = 1 + (call.kind === 'unary' ? this.#plan.retries : 0) + mucpRetries
    if (runs.length > runsMax) this.fault(`${text}: handler ran ${runs.length} times`)
    // Who reads slowly, notices late.
    const dueMs = Math.min(call.timeoutMs, call.cancelMs) + SLACK_MS
    const isSlow = call.readerMs > 0 || call.load?.stallMs !== undefined
    if (outcome.elapsedMs > dueMs && !isSlow) {
      this.fault(
        `${text}: settled after ${outcome.elapsedMs} ms; deadline ${call.timeoutMs}, cancelled ${call.cancelMs}: ${describe(outcome.error)}`,
      )
    }
    this.#checkBystander(call, outcome, text)
    if (outcome.error === undefined) this.#checkSuccess(call, outcome, runs, text)
    else {
      const fault = this.#errorFault(call, outcome, runs)
      if (fault !== undefined) this.fault(`${text}: ${fault}: ${describe(outcome.error)}`)
    }
  }

  /** Whoever stalls, or has much to say, delays no small call of others. */
  #checkBystander(call: CallPlan, outcome: Outcome, text: string): void {
    const isCalm = this.#plan.faults.every(fault => fault === 'none')
    if (call.load?.isBystander !== true || !isCalm) return
    if (outcome.error !== undefined) this.fault(`${text}: a bystander failed`)
    if (outcome.elapsedMs <= BYSTANDER_MS) return
    this.fault(`${text}: a bystander waited for ${outcome.elapsedMs} ms; at most ${BYSTANDER_MS}`)
  }

  #checkSuccess(call: CallPlan, outcome: Outcome, runs: readonly Run[], text: string): void {
    const { breaksAfter } = call.load ?? {}
    if (breaksAfter !== undefined && breaksAfter <= call.replies) {
      if (outcome.replies === breaksAfter) return
      this.fault(`${text}: left after ${outcome.replies} replies; ${breaksAfter} were wanted`)
    }
    if (call.throwsAfter < Number.POSITIVE_INFINITY)
      this.fault(`${text}: succeeded, but its source threw`)
    if (call.fails) this.fault(`${text}: succeeded, but its handler threw`)
    if (outcome.replies !== call.replies) {
      this.fault(`${text}: ${outcome.replies} replies of ${call.replies}, and success`)
    }
    const whole = runs.some(run => run.complete && run.requests === call.requests)
    if (!whole) this.fault(`${text}: success, but no handler saw all requests`)
  }

  /** Why a call may not have ended so; undefined when it may. */
  #errorFault(call: CallPlan, outcome: Outcome, runs: readonly Run[]): string | undefined {
    switch (statusOf(outcome.error)) {
      case 'handler':
        return call.fails && runs.length > 0 ? undefined : 'nobody threw that'
      case 'deadline':
        return this.#deadlineFault(call, outcome)
      case 'cancelled':
        if (call.throwsAfter < Number.POSITIVE_INFINITY) return undefined
        return outcome.elapsedMs >= call.cancelMs ? undefined : 'nobody cancelled it'
      case 'lost':
        // A handler that runs counts until it settles: the client cannot know that there is no room.
        if (this.#mayBeRefused() && isRefusal(outcome.error)) return undefined
        return this.#lossFault(call)
      default:
        // More unfinished messages than the connection may hold: after a while the largest one goes.
        if ('receiveBufferMax' in this.#plan.limits && isMadeRoomOf(outcome.error)) return undefined
        return 'wrong status'
    }
  }

  /** Where handlers go on though their calls are over. */
  #mayBeRefused(): boolean {
    return 'streamsMax' in this.#plan.limits && this.#plan.load === 'none'
  }

  #deadlineFault(call: CallPlan, outcome: Outcome): string | undefined {
    // go-micro's default for one attempt and for a whole unary call.
    const attemptMs = call.door === 'mucp' && call.kind === 'unary' ? 5_000 : call.timeoutMs
    const leastMs = Math.min(call.timeoutMs, attemptMs)
    return outcome.elapsedMs >= leastMs - SLACK_MS ? undefined : 'before its deadline'
  }

  /** A lost connection is nobody's fault but where connections are not lost. */
  #lossFault(call: CallPlan): string | undefined {
    const { faults } = this.#plan
    if (!isHarmless(this.#plan)) return undefined
    if (!faults.includes('handover')) return 'no connection was lost'
    // Only a call that nobody has looked at, and that is willing to wait, must survive a GOAWAY.
    const mustSurvive =
      call.door === 'grpc' && call.waitForReady && (call.kind === 'unary' || call.kind === 'server')
    return mustSurvive ? 'a GOAWAY loses no call' : undefined
  }
}

/** What the handlers throw when their plan says so. */
export const FAILURE: { readonly detail: string; readonly code: number } = {
  detail: 'as planned',
  code: 409,
}

/** What cancels calls, and what sources of requests throw. */
export const REASON: Error = new Error('cancelled by the plan')

function statusOf(error: unknown): 'handler' | 'deadline' | 'cancelled' | 'lost' | 'other' {
  if (error === REASON) return 'cancelled'
  if (error instanceof MicroError) {
    if (error.code === 499 && error.cause === REASON) return 'cancelled'
    if (error.detail === FAILURE.detail && error.code === FAILURE.code) return 'handler'
    if (error.code === 408) return 'deadline'
    if (error.code === 500 || error.code === 503) return 'lost'
  }
  if (error instanceof GrpcError) {
    if (error.status === Status.Cancelled && error.cause === REASON) return 'cancelled'
    if (error.status === Status.DeadlineExceeded) return 'deadline'
    if (error.status === Status.Unavailable) return 'lost'
  }
  return 'other'
}

/** The server reset the stream because its buffer was full of unfinished messages. */
function isMadeRoomOf(error: unknown): boolean {
  return error instanceof GrpcError && error.http2CodeName === 'ENHANCE_YOUR_CALM'
}

function isRefusal(error: unknown): boolean {
  return error instanceof GrpcError && error.unprocessed
}

export function describe(error: unknown): string {
  if (error === undefined) return 'ok'
  if (error instanceof GrpcError) return `${error.code} "${error.message}"`
  if (error instanceof MicroError) return `${error.code} ${error.id} "${error.detail}"`
  return error instanceof Error ? `${error.name} "${error.message}"` : String(error)
}
