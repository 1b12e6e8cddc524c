import type { RawSocket, Runtime } from '../runtime/runtime.js'

/** Octets read between two looks at the stopwatch: who has fewer in a turn of the loop costs nothing. Unit: octets. */
const LOOK_SIZE = 4_096
/** How long one socket may be read, with all that its users do, before others have their turn. Unit: ms. */
const READ_TIME_MAX_MS = 10

/**
 * How long one socket is read in one turn of the event loop. Node reads it up to 32 times before anybody
 * else has a turn, and user code goes on after each: what a chunk may cost the connection is bounded
 * (`turnTimeMaxUs`), what all chunks cost together, with the microtasks that follow them, is bounded here.
 */
export class ReadBudget {
  readonly #runtime: Pick<Runtime, 'afterTurn' | 'stopwatch'>
  readonly #socket: Pick<RawSocket, 'pause' | 'resume'>
  /** Octets since the last look. */
  #size = 0
  /** When this turn of the loop was first looked at. Unit: ms, of the stopwatch. */
  #since: number | undefined = undefined
  #isSpent = false
  /** Nobody reads until `release`. */
  #isHeld = false

  constructor(
    runtime: Pick<Runtime, 'afterTurn' | 'stopwatch'>,
    socket: Pick<RawSocket, 'pause' | 'resume'>,
  ) {
    this.#runtime = runtime
    this.#socket = socket
  }

  /** Nobody reads until `release`. */
  hold(): void {
    if (!this.#isHeld && !this.#isSpent) this.#socket.pause()
    this.#isHeld = true
  }

  release(): void {
    if (this.#isHeld && !this.#isSpent) this.#socket.resume()
    this.#isHeld = false
  }

  /** `size` octets were read and handled. */
  spend(size: number): void {
    this.#size += size
    if (this.#size >= LOOK_SIZE) this.#look()
  }

  #look(): void {
    this.#size = 0
    const now = this.#runtime.stopwatch?.()
    if (now === undefined || this.#isSpent) return
    if (this.#since === undefined) {
      this.#since = now
      this.#runtime.afterTurn(this.#onTurn)
    } else if (now - this.#since >= READ_TIME_MAX_MS) {
      this.#isSpent = true
      if (!this.#isHeld) this.#socket.pause()
    }
  }

  readonly #onTurn = (): void => {
    this.#since = undefined
    if (!this.#isSpent) return
    this.#isSpent = false
    if (!this.#isHeld) this.#socket.resume()
  }
}
