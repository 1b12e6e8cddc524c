/**
 * A seeded random number generator (mulberry32): the same seed gives the same run. Not for secrets.
 */
export class Random {
  #state: number

  /** `seed`: any integer; its low 32 bits count. */
  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** 0 inclusive to 1 exclusive. */
  next(): number {
    return this.word() / 2 ** 32
  }

  /** 32 bits. */
  word(): number {
    this.#state = (this.#state + 0x6d2b_79f5) >>> 0
    let mixed = this.#state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return (mixed ^ (mixed >>> 14)) >>> 0
  }

  /** An integer from `low` to `high`, both included. */
  integer(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1))
  }

  /** True with this probability. */
  chance(probability: number): boolean {
    return this.next() < probability
  }

  /** @throws RangeError when there is nothing to pick from. */
  pick<Item>(items: readonly Item[]): Item {
    if (items.length === 0) throw new RangeError('pick: items is empty; expected one or more')
    return items[this.integer(0, items.length - 1)]!
  }

  /** `size` octets. */
  octets(size: number): Buffer {
    const octets = Buffer.allocUnsafe(size)
    for (let i = 0; i < size; i++) octets[i] = this.word() >>> 24
    return octets
  }

  /** A size from 0 to `max`, small ones far more often: each doubling is as likely as the one before. */
  size(max: number): number {
    const bits = Math.ceil(Math.log2(max + 1))
    return Math.min(max, this.integer(0, 2 ** this.integer(0, bits) - 1))
  }
}
