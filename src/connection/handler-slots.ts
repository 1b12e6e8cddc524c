import type { Connection } from './connection.js'

/**
 * How many handlers of one connection run, by whichever door they were called: at most
 * `streamsMax`. A stream that its client has reset is closed, but its handler runs until it
 * settles, so that clients within the limit can ask for more: who asks in vain waits.
 */
export class HandlerSlots {
  readonly #connection: Connection
  /** Handlers that have not settled. */
  running = 0
  /** Somebody asked in vain, and goes on when a handler settles. */
  #wanted = false

  constructor(connection: Connection) {
    this.#connection = connection
  }

  /** False when as many handlers run as may: `handler.onReceived` is called once one has settled. CVE-2023-44487. */
  take(): boolean {
    if (this.running < this.#connection.limits.streamsMax) {
      this.running++
      return true
    }
    this.#wanted = true
    return false
  }

  /** A handler has settled. */
  free(): void {
    this.running--
    if (!this.#wanted) return
    this.#wanted = false
    // The end of a turn lets the handler go on in any case.
    if (!this.#connection.inTurn) this.#connection.turns.ask()
  }
}
