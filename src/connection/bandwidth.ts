import type { Connection } from './connection.js'

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
  readonly #connection: Connection
  /** Octets received since the last measurement, or in the one that runs. */
  #received = 0
  #measuring = false
  #window: number

  constructor(connection: Connection) {
    this.#connection = connection
    this.#window = connection.limits.streamWindowSize
  }

  onData(size: number): void {
    this.#received += size
    if (!this.#measuring && this.#received * 2 >= this.#window) this.#measure()
  }

  #measure(): void {
    const { limits } = this.#connection
    if (this.#window >= limits.streamWindowSizeMax || this.#connection.goaway.leaving) return
    this.#measuring = true
    this.#received = 0
    this.#connection.pings.send(() => this.#measured())
  }

  #measured(): void {
    this.#measuring = false
    const { limits } = this.#connection
    if (this.#received >= this.#window * NARROW) {
      this.#window = Math.min(this.#window * 2, limits.streamWindowSizeMax)
      this.#connection.receiver.widen(
        this.#window,
        Math.min(this.#window * 4, limits.connectionWindowSizeMax),
      )
    }
    this.#received = 0
  }
}
