/** Calls of the first turn that has many, while nobody knows what they cost. Unit: calls. */
const FIRST = 128

/** The least, however long they take. Unit: calls. */
const LEAST = 16

/** A turn with all that its calls set off: below the first the next may have twice as many, above the second half as many. Unit: ms. */
const SHORT_MS = 5
const LONG_MS = 10

/**
 * How many calls are told in one turn. To tell one costs little; what it sets off, a handler that goes on
 * after an `await`, runs when the turn has ended, and no stopwatch within the turn sees it. So the time until
 * the next turn says how many the next turn may have.
 */
export class CallAllowance {
  readonly #max: number
  readonly #stopwatch: (() => number) | undefined
  #count: number
  #reachedAt: number | undefined

  /**
   * @param max never more; without a stopwatch as many from the beginning. Unit: calls
   * @param first of the first turn that has many. Unit: calls
   */
  constructor(max: number, stopwatch: (() => number) | undefined, first: number = FIRST) {
    this.#max = max
    this.#stopwatch = stopwatch
    this.#count = stopwatch === undefined ? max : Math.min(first, max)
    this.#reachedAt = undefined
  }

  /** Whether a turn that has told `count` calls ends here. */
  isReached(count: number): boolean {
    if (count < this.#count) return false
    this.#reachedAt ??= this.#stopwatch?.()
    return true
  }

  /** The turn after one that ended here begins. */
  onTurn(): void {
    const reachedAt = this.#reachedAt
    if (reachedAt === undefined) return
    this.#reachedAt = undefined
    const tookMs = this.#stopwatch!() - reachedAt
    if (tookMs < SHORT_MS) this.#count = Math.min(this.#count * 2, this.#max)
    else if (tookMs > LONG_MS)
      this.#count = Math.max(Math.ceil(this.#count / 2), Math.min(LEAST, this.#max))
  }
}
