/** What an entry adds to its name and value when its size is counted. RFC 7541 §4.1. */
export const ENTRY_OVERHEAD = 32

/** What the table needs to know of an entry: its size as RFC 7541 §4.1 counts it. */
export interface SizedEntry {
  readonly size: number
}

/**
 * The dynamic table: first in, first out, bounded by the sum of its entries' sizes.
 * RFC 7541 §2.3.2 and §4.
 *
 * Entries lie in a ring at the number of their insertion, so neither insertion nor eviction moves
 * any of them, and an entry's index follows from its number and the count of insertions.
 */
export class DynamicTable<Entry extends SizedEntry> {
  #ring: (Entry | undefined)[] = []
  #mask = -1
  #length = 0
  #size = 0
  #sizeMax: number
  #insertCount = 0

  /** `sizeMax` in octets, counted as RFC 7541 §4.1 counts them. */
  constructor(sizeMax: number) {
    this.#sizeMax = sizeMax
  }

  /** Entries in the table. */
  get length(): number {
    return this.#length
  }

  /** Sum of the entries' sizes in octets. */
  get size(): number {
    return this.#size
  }

  /** What `size` may reach, in octets. */
  get sizeMax(): number {
    return this.#sizeMax
  }

  /** Insertions so far, as a signed 32-bit number that wraps; only differences mean anything. */
  get insertCount(): number {
    return this.#insertCount
  }

  /** The entry at `position`: 0 is the newest. The caller keeps `position` below `length`. */
  at(position: number): Entry {
    return this.#ring[(this.#insertCount - 1 - position) & this.#mask]!
  }

  /** Sets the new bound. The caller evicts until `size` is within it. RFC 7541 §4.3. */
  resize(sizeMax: number): void {
    this.#sizeMax = sizeMax
  }

  /** Whether `size` more octets need room that only eviction gives. */
  overflows(size: number): boolean {
    return this.#size + size > this.#sizeMax
  }

  /** Adds an entry for which there is room. RFC 7541 §4.4. */
  push(entry: Entry): void {
    if (this.#length > this.#mask) this.#grow()
    this.#ring[this.#insertCount & this.#mask] = entry
    this.#insertCount = (this.#insertCount + 1) | 0
    this.#length++
    this.#size += entry.size
  }

  /** Removes and returns the oldest entry. The table is not empty. RFC 7541 §4.3. */
  evict(): Entry {
    const slot = (this.#insertCount - this.#length) & this.#mask
    const entry = this.#ring[slot]!
    this.#ring[slot] = undefined
    this.#length--
    this.#size -= entry.size
    return entry
  }

  #grow(): void {
    const mask = this.#mask < 0 ? 7 : this.#mask * 2 + 1
    const ring = new Array<Entry | undefined>(mask + 1).fill(undefined)
    for (let position = 0; position < this.#length; position++) {
      ring[(this.#insertCount - 1 - position) & mask] = this.at(position)
    }
    this.#ring = ring
    this.#mask = mask
  }
}
