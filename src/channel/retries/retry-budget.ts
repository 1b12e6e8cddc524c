/** Length of the window, and the slots it is counted in. Unit: ms. */
const WINDOW_MS = 10_000
const SLOTS = 10
const SLOT_MS = WINDOW_MS / SLOTS

/** Options of a retry budget. */
export interface RetryBudgetOptions {
  /** Retries for each first attempt of the last ten seconds. Default: 0.2. */
  readonly ratio?: number
  /** Retries beyond that, for clients of few calls. Unit: retries for each second of the window. Default: 10. */
  readonly perSecond?: number
}

/**
 * How many retries a client may make: a share of its calls, and a few each second. When every call fails the servers
 * get 1.2 times the calls and ten a second, whatever the policies say; a token bucket would have let none through, or all.
 */
export class RetryBudget {
  readonly #ratio: number
  readonly #reserve: number
  readonly #now: () => number
  readonly #calls = new Float64Array(SLOTS)
  readonly #retries = new Float64Array(SLOTS)
  #slot = 0
  #callCount = 0
  #retryCount = 0

  constructor(options: RetryBudgetOptions, now: () => number) {
    this.#ratio = options.ratio ?? 0.2
    this.#reserve = ((options.perSecond ?? 10) * WINDOW_MS) / 1_000
    this.#now = now
    this.#slot = Math.floor(now() / SLOT_MS)
  }

  /** Retries that may be made now. */
  get left(): number {
    this.#turn()
    return Math.floor(this.#reserve + this.#ratio * this.#callCount - this.#retryCount + 1e-9)
  }

  /** A call makes its first attempt. */
  onCall(): void {
    this.#turn()
    this.#calls[this.#slot % SLOTS]!++
    this.#callCount++
  }

  /** Takes one retry. False: there is none left. */
  take(): boolean {
    if (this.left < 1) return false
    this.#retries[this.#slot % SLOTS]!++
    this.#retryCount++
    return true
  }

  /** Slots that are older than the window are forgotten. A clock that went back changes nothing. */
  #turn(): void {
    const slot = Math.floor(this.#now() / SLOT_MS)
    if (slot <= this.#slot) return
    for (let at = Math.max(this.#slot + 1, slot - SLOTS + 1); at <= slot; at++) {
      this.#callCount -= this.#calls[at % SLOTS]!
      this.#retryCount -= this.#retries[at % SLOTS]!
      this.#calls[at % SLOTS] = 0
      this.#retries[at % SLOTS] = 0
    }
    this.#slot = slot
  }
}
