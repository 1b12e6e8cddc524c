import { Attempts, type RetryBounds, type RetryRule } from '../../../channel/index.js'
import { type GrpcError, type Metadata, Status } from '../../../grpc/index.js'
import type { Runtime } from '../../../transport/index.js'

/** The attempts of a server-streaming call, until the first of an answer. */
export class StreamRetry {
  readonly runtime: Pick<Runtime, 'now' | 'schedule'>
  readonly #rule: RetryRule
  readonly #bounds: RetryBounds
  #attempts: Attempts | undefined
  #deadline = Number.POSITIVE_INFINITY
  #until = Number.POSITIVE_INFINITY

  constructor(rule: RetryRule, bounds: RetryBounds, runtime: Pick<Runtime, 'now' | 'schedule'>) {
    this.runtime = runtime
    this.#rule = rule
    this.#bounds = bounds
    bounds.budget?.onCall()
  }

  /** Attempts that have failed. */
  get count(): number {
    return this.#attempts?.count ?? 0
  }

  /** An attempt begins. Returns when its time is up. */
  begin(now: number, deadline: number): number {
    this.#deadline = deadline
    this.#until = Math.min(deadline, now + this.#rule.attemptTimeoutMs)
    return this.#until
  }

  onSuccess(): void {
    this.#bounds.throttle?.onSuccess()
  }

  /** The pause until the next attempt; undefined: there is none. */
  next(error: GrpcError, trailers: Metadata, now: number): number | undefined {
    this.#attempts ??= new Attempts(this.#rule, this.#bounds)
    const isOwnTime = error.status === Status.DeadlineExceeded && this.#until < this.#deadline
    return this.#attempts.next(error, trailers, this.#deadline - now, isOwnTime)
  }
}
