/**
 * Tells a queue that absorbs a burst from one that stands: CoDel in the form of Facebook's folly. When even the shortest wait of an
 * interval was above the target, calls of the next interval that have waited twice the target are refused.
 */
export class Codel {
  readonly #targetMs: number
  readonly #intervalMs: number
  #endsAt = Number.NEGATIVE_INFINITY
  #leastMs = Number.POSITIVE_INFINITY
  #isOverloaded = false

  constructor(targetMs: number, intervalMs: number) {
    this.#targetMs = targetMs
    this.#intervalMs = intervalMs
  }

  /** The queue stands: newest first, since the oldest have given up soonest. */
  get isOverloaded(): boolean {
    return this.#isOverloaded
  }

  /** A call leaves the queue after `waitedMs`. Whether it is refused. The first of an interval never is. */
  refuses(waitedMs: number, now: number): boolean {
    if (now >= this.#endsAt) {
      // Nothing for a whole interval: there is no queue any more.
      const isRecent = now < this.#endsAt + this.#intervalMs
      this.#isOverloaded =
        isRecent && this.#leastMs !== Number.POSITIVE_INFINITY && this.#leastMs > this.#targetMs
      this.#endsAt = now + this.#intervalMs
      this.#leastMs = waitedMs
      return false
    }
    this.#leastMs = Math.min(this.#leastMs, waitedMs)
    return this.#isOverloaded && waitedMs > 2 * this.#targetMs
  }
}
