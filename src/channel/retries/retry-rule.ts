import { type GrpcError, type Metadata, Status } from '../../grpc/index.js'
import { pushbackOf } from './pushback.js'
import type { RetryBudget } from './retry-budget.js'
import type { RetryThrottle } from './retry-throttle.js'

/** When calls of a method are made again. */
export interface RetryRule {
  /** All attempts, the first included. */
  readonly attemptsMax: number
  readonly statuses: ReadonlySet<Status>
  /** Time of one attempt; when it is up, and not the call's own, another one may follow. Infinity: none. Unit: ms. */
  readonly attemptTimeoutMs: number
  /** The pause ahead of retry number `retry`, which counts from 1. Unit: ms. */
  delayMs(retry: number): number
}

/** Exponential delays with jitter, as gRPC has them. */
export interface RetryDelays {
  readonly initialBackoffMs: number
  readonly maxBackoffMs: number
  readonly backoffMultiplier: number
}

/** `min(initial * multiplier ** (n - 1), max)`, times 0.8 to 1.2. gRPC A6. */
export function retryDelayMs(delays: RetryDelays, retry: number, random: () => number): number {
  const { initialBackoffMs, maxBackoffMs, backoffMultiplier } = delays
  const baseMs = Math.min(initialBackoffMs * backoffMultiplier ** (retry - 1), maxBackoffMs)
  return baseMs * (0.8 + 0.4 * random())
}

/** What bounds the retries of all calls of a client. */
export interface RetryBounds {
  readonly budget: RetryBudget | undefined
  readonly throttle: RetryThrottle | undefined
}

/** The attempts of one call that has failed at least once. */
export class Attempts {
  readonly #rule: RetryRule
  readonly #bounds: RetryBounds
  /** Attempts that have failed; those that no server looked at are none. */
  count = 0
  #delays = 0

  constructor(rule: RetryRule, bounds: RetryBounds) {
    this.#rule = rule
    this.#bounds = bounds
  }

  /**
   * The pause until the next attempt; undefined: there is none. The order is that of gRPC A6: what the server says of
   * retries counts whatever the status; a status that is not listed costs no token.
   *
   * @param leftMs of the call's time
   * @param isOwnTime the attempt's own time was up, not the call's
   */
  next(
    error: GrpcError,
    trailers: Metadata,
    leftMs: number,
    isOwnTime: boolean,
  ): number | undefined {
    const { attemptsMax, statuses } = this.#rule
    const { budget, throttle } = this.#bounds
    this.count++
    const pushbackMs = pushbackOf(trailers)
    const isRefused = pushbackMs !== undefined && pushbackMs < 0
    if (!isRefused && !isOwnTime && !statuses.has(error.status)) return undefined
    throttle?.onFailure()
    if (isRefused || throttle?.isOpen === false || this.count >= attemptsMax) return undefined
    // After the server has named a time, delays begin anew.
    const delayMs = pushbackMs ?? this.#rule.delayMs(this.#delays + 1)
    if (delayMs >= leftMs || budget?.take() === false) return undefined
    this.#delays = pushbackMs === undefined ? this.#delays + 1 : 0
    return delayMs
  }
}

/** Only what may have been no more than an accident. */
export const UNAVAILABLE_ONLY: ReadonlySet<Status> = new Set([Status.Unavailable])
