import type { ConnectionLimits } from '../core/limits.js'
import type { RoundTrips } from './round-trips.js'

/** Whose windows are widened. */
export interface WideWindows {
  widen(streamWindow: number, connectionWindow: number): void
}

/**
 * The share of the window that must come in one round trip before it is too
 * narrow. A measurement begins with half of it gone, and a peer that waits for
 * the window sends only the other half: this is two thirds of that.
 */
const NARROW = 0.33

/**
 * Widens the receive windows on long or fast paths: while much arrives, a PING
 * measures a round trip; when most of what the window still allowed came in
 * one, the path could have carried more, and the windows double: that of the connection,
 * and what its streams may borrow. After grpc-go's estimator.
 *
 * Small traffic never reaches the half window that starts a measurement.
 */
export class Bandwidth {
  readonly #limits: ConnectionLimits
  readonly #roundTrips: RoundTrips
  readonly #windows: WideWindows
  /** Octets received since the last measurement, or in the one that runs. */
  #received = 0
  #measuring = false
  #window: number

  constructor(limits: ConnectionLimits, roundTrips: RoundTrips, windows: WideWindows) {
    this.#limits = limits
    this.#roundTrips = roundTrips
    this.#windows = windows
    this.#window = limits.streamWindowSize
  }

  onData(size: number): void {
    this.#received += size
    if (!this.#measuring && this.#received * 2 >= this.#window) this.#measure()
  }

  #measure(): void {
    if (this.#window >= this.#limits.streamWindowSizeMax || this.#roundTrips.leaving) return
    this.#measuring = true
    this.#received = 0
    this.#roundTrips.ping(() => this.#measured())
  }

  #measured(): void {
    this.#measuring = false
    const limits = this.#limits
    if (this.#received >= this.#window * NARROW) {
      this.#window = Math.min(this.#window * 2, limits.streamWindowSizeMax)
      this.#windows.widen(this.#window, Math.min(this.#window * 4, limits.connectionWindowSizeMax))
    }
    this.#received = 0
  }
}
