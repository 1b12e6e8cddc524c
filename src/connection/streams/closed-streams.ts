const SLOTS_MIN = 16
const SLOTS_MAX = 256
const NONE: Int32Array = new Int32Array(0)

/** How a stream with a known identifier ended. */
export const Ending = {
  /** We do not remember it: it was skipped, or ended long ago. */
  Unknown: 0,
  /** END_STREAM both ways, or reset by the peer. */
  Closed: 1,
  /** We reset it, or may have: frames under way when the peer had not heard of it are to be ignored. */
  ResetByUs: 2,
} as const
export type Ending = (typeof Ending)[keyof typeof Ending]

/**
 * The last streams that ended, in bounded memory: RFC 9113 §5.1 treats late
 * frames differently after our reset, after a proper end, and on a stream
 * that never was.
 *
 * Forgetting is safe: below the highest reset that was forgotten every unknown
 * stream counts as reset by us, so a storm of cancelled calls cannot turn
 * the peer's late frames into connection errors.
 */
export class ClosedStreams {
  /** Identifiers by their low bits; negative when we reset the stream. Grows with use: most connections have few. */
  #ids: Int32Array = NONE
  #forgottenResetMax = 0

  add(id: number, resetByUs: boolean): void {
    let index = this.#index(id)
    while (this.#ids[index] !== 0 && this.#ids.length < SLOTS_MAX) {
      this.#grow()
      index = this.#index(id)
    }
    const forgotten = -this.#ids[index]!
    if (forgotten > this.#forgottenResetMax) this.#forgottenResetMax = forgotten
    this.#ids[index] = resetByUs ? -id : id
  }

  ending(id: number): Ending {
    const known = this.#ids[this.#index(id)]
    if (known === id) return Ending.Closed
    if (known === -id || id <= this.#forgottenResetMax) return Ending.ResetByUs
    return Ending.Unknown
  }

  /**
   * The peer's END_STREAM came on a stream that we had reset: it cannot have more under way. False when
   * we no longer remember the stream itself.
   */
  endReset(id: number): boolean {
    const index = this.#index(id)
    if (this.#ids[index] !== -id) return false
    this.#ids[index] = id
    return true
  }

  #index(id: number): number {
    return (id >>> 1) & (this.#ids.length - 1)
  }

  /** Streams that did not meet in the smaller table cannot meet in the larger one. */
  #grow(): void {
    const ids = this.#ids
    this.#ids = new Int32Array(Math.max(SLOTS_MIN, ids.length * 2))
    for (const id of ids) if (id !== 0) this.#ids[this.#index(Math.abs(id))] = id
  }
}
