import { type GrpcError, type Metadata, Status } from '../../grpc/index.js'
import { pushbackOf } from './pushback.js'
import type { RetryBounds } from './retry-rule.js'

/** When calls of a method are made several times at once. gRPC A6. */
export interface HedgeRule {
  /** All attempts, the first included. */
  readonly attemptsMax: number
  /** From one attempt to the next. Unit: ms. */
  readonly delayMs: number
  /** Failures that do not end the call: the next attempt follows at once. */
  readonly nonFatalStatuses: ReadonlySet<Status>
}

/** What follows when an attempt has failed: the call's end, another attempt after a pause (ms), or nothing, while others run. */
export type AfterFailure = 'end' | number | undefined

/** The attempts of one hedged call: how many there were, and whether there may be more. */
export class Hedges {
  readonly #rule: HedgeRule
  readonly #bounds: RetryBounds
  #started = 0
  #running = 0
  /** The server wants no more of them. */
  #isStopped = false

  constructor(rule: HedgeRule, bounds: RetryBounds) {
    this.#rule = rule
    this.#bounds = bounds
  }

  /** Attempts so far. */
  get count(): number {
    return this.#started
  }

  /** Attempts under way. */
  get running(): number {
    return this.#running
  }

  /** Another one may be planned. */
  get hasMore(): boolean {
    return !this.#isStopped && this.#started < this.#rule.attemptsMax
  }

  /** Takes one attempt. False: there is none, or too many calls are made again. The first always is. */
  start(): boolean {
    if (!this.hasMore) return false
    const { budget, throttle } = this.#bounds
    if (this.#started === 0) budget?.onCall()
    else if (throttle?.isOpen === false || budget?.take() === false) return false
    this.#started++
    this.#running++
    return true
  }

  /** An attempt ended with `error`. */
  failed(error: GrpcError, trailers: Metadata): AfterFailure {
    this.#running--
    const pushbackMs = pushbackOf(trailers)
    const isRefused = pushbackMs !== undefined && pushbackMs < 0
    const isFatal =
      !(error.unprocessed && error.status === Status.Unavailable) &&
      !this.#rule.nonFatalStatuses.has(error.status)
    if (isFatal && !isRefused) return 'end'
    this.#bounds.throttle?.onFailure()
    if (isRefused) this.#isStopped = true
    if (isFatal) return 'end'
    if (this.hasMore) return pushbackMs ?? 0
    return this.#running === 0 ? 'end' : undefined
  }
}
