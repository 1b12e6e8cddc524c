const MEMORY = 256

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
 * The last streams that ended, in constant memory: RFC 9113 §5.1 treats late
 * frames differently after our reset, after a proper end, and on a stream
 * that never was.
 *
 * Forgetting is safe: below the highest reset that was forgotten every unknown
 * stream counts as reset by us, so a storm of cancelled calls cannot turn
 * the peer's late frames into connection errors.
 */
export class ClosedStreams {
  /** Identifiers by their low bits; negative when we reset the stream. */
  readonly #ids: Int32Array = new Int32Array(MEMORY)
  #forgottenResetMax = 0

  add(id: number, resetByUs: boolean): void {
    const index = (id >>> 1) & (MEMORY - 1)
    const forgotten = -this.#ids[index]!
    if (forgotten > this.#forgottenResetMax) this.#forgottenResetMax = forgotten
    this.#ids[index] = resetByUs ? -id : id
  }

  ending(id: number): Ending {
    const known = this.#ids[(id >>> 1) & (MEMORY - 1)]!
    if (known === id) return Ending.Closed
    if (known === -id || id <= this.#forgottenResetMax) return Ending.ResetByUs
    return Ending.Unknown
  }
}
