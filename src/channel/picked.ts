import type { GrpcError, Metadata } from '../grpc/index.js'
import type { Ended } from './balancing/balancer.js'
import { type Outcome, outcomeOf } from './balancing/outcome.js'
import { pushbackOf } from './retries/pushback.js'
import type { Subchannel } from './subchannel.js'

/** Whom a pick tells how its call went. */
export interface PickOwner {
  now(): number
  onBegin(subchannel: Subchannel): void
  onEnd(subchannel: Subchannel, ended: Ended, error: Error | undefined): void
  onOvertaken(subchannel: Subchannel): void
}

/** The endpoint chosen for one attempt of a call. Once begun it ends exactly once, whatever happens. */
export class Picked {
  readonly subchannel: Subchannel
  readonly #owner: PickOwner
  #beganAt = 0
  #answeredAt = -1
  #isOpen = false

  constructor(subchannel: Subchannel, owner: PickOwner) {
    this.subchannel = subchannel
    this.#owner = owner
  }

  /** The attempt begins now. `isTimed`: its end will say when that was, which saves a reading of the clock. */
  begin(isTimed = false): void {
    if (this.#isOpen) return
    this.#isOpen = true
    if (!isTimed) this.#beganAt = this.#owner.now()
    this.#owner.onBegin(this.subchannel)
  }

  /** The first of an answer came: how long the rest takes is the application's affair. */
  answered(): void {
    if (this.#answeredAt < 0) this.#answeredAt = this.#owner.now()
  }

  /** Another attempt of the same call has answered first. Its end follows. */
  overtaken(): void {
    if (this.#isOpen && this.#answeredAt < 0) this.#owner.onOvertaken(this.subchannel)
  }

  /** The attempt has ended, which began at `beganAt` if nothing was known of it. Does nothing when it had not begun, or was told before. */
  done(error: GrpcError | undefined, trailers?: Metadata, beganAt?: number): void {
    if (!this.#isOpen) return
    if (beganAt !== undefined) this.#beganAt = beganAt
    const outcome = outcomeOf(error)
    // Between a failure and an answer of no account lies what the server asks for.
    const pushbackMs = outcome === 'ok' || trailers === undefined ? undefined : pushbackOf(trailers)
    this.end(outcome, error, trailers, pushbackMs)
  }

  /** As `done`, for protocols that have other errors. */
  end(outcome: Outcome, error?: Error, trailers?: Metadata, pushbackMs?: number): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    const at = this.#owner.now()
    const durationMs = Math.max(0, (this.#answeredAt < 0 ? at : this.#answeredAt) - this.#beganAt)
    this.#owner.onEnd(this.subchannel, { outcome, durationMs, at, pushbackMs, trailers }, error)
  }
}
