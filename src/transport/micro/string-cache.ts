/** Longer strings seldom repeat, and comparing them costs more than making them. */
const SIZE_MAX = 32

/** Slots; a power of two. Bounds the memory: 512 strings of 32 characters. */
const COUNT = 512

/**
 * Short ASCII strings that come again and again (header names, content types,
 * service names), found by their octets: a hit allocates nothing. One slot for
 * each hash, the newest string wins.
 */
export class StringCache {
  readonly #slots: string[] = new Array<string>(COUNT).fill('')
  #slot = -1

  /**
   * The string whose latin1 octets are `bytes[start, end)`, if it is known.
   * After a miss, `put` takes the string that was made from these octets.
   */
  get(bytes: Buffer, start: number, end: number): string | undefined {
    const size = end - start
    this.#slot = -1
    if (size > SIZE_MAX) return undefined
    let hash = size
    for (let i = start; i < end; i++) hash = (Math.imul(hash, 31) + bytes[i]!) | 0
    const slot = (hash ^ (hash >>> 9)) & (COUNT - 1)
    this.#slot = slot
    const candidate = this.#slots[slot]!
    if (candidate.length !== size) return undefined
    for (let i = 0; i < size; i++) {
      if (candidate.charCodeAt(i) !== bytes[start + i]!) return undefined
    }
    return candidate
  }

  /** Keeps `text` in the slot of the last miss, and returns it. */
  put(text: string): string {
    if (this.#slot >= 0) this.#slots[this.#slot] = text
    return text
  }
}
