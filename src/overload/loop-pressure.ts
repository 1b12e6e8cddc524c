/** How often the event loop is looked at. Unit: ms. */
export const SAMPLE_MS = 25

/** How much of the share a sample changes at most: from nothing to all but a few within half a second. */
const STEP = 0.05
/** Somebody has to get through, or nobody would see that it is over. */
const SHARE_MAX = 0.98

/**
 * Which share of the calls is refused so that the event loop is late by no more than it should be. It rises while the loop
 * is later and falls while it is not, a little with each sample: all or nothing would swing between the two.
 */
export class LoopPressure {
  readonly #targetMs: number
  #share = 0
  #dueAt = Number.POSITIVE_INFINITY

  /** @param targetMs how late the loop may be */
  constructor(targetMs: number) {
    this.#targetMs = targetMs
  }

  /** In 0 to 1. */
  get share(): number {
    return this.#share
  }

  /** A sample will be taken in `SAMPLE_MS`. */
  arm(now: number): void {
    this.#dueAt = now + SAMPLE_MS
  }

  /** The sample that was due. */
  sample(now: number): void {
    const lateMs = Math.max(0, now - this.#dueAt)
    const error = (lateMs - this.#targetMs) / this.#targetMs
    // One block of a second is as bad as forty samples that were late.
    const weight = Math.max(1, Math.min(8, lateMs / SAMPLE_MS))
    const change = STEP * weight * Math.max(-1, Math.min(1, error))
    this.#share = Math.max(0, Math.min(SHARE_MAX, this.#share + change))
  }
}
