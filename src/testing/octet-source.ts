/**
 * Turns the bytes of a fuzzer's input into decisions. When the bytes are used up, every answer is
 * the smallest one: a shorter input is a simpler case, which makes minimising work.
 */
export class OctetSource {
  readonly #bytes: Buffer
  #offset = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  /** Octets not read yet. */
  get left(): number {
    return this.#bytes.length - this.#offset
  }

  /** 0 to 255; 0 at the end. */
  octet(): number {
    return this.#offset < this.#bytes.length ? this.#bytes[this.#offset++]! : 0
  }

  /** An unsigned number of `size` octets (1 to 4), in network order. */
  number(size: number): number {
    let value = 0
    for (let i = 0; i < size; i++) value = value * 256 + this.octet()
    return value
  }

  /** An integer from `low` to `high`, both included: from one octet, or two or four where the range asks for more. */
  integer(low: number, high: number): number {
    const count = high - low + 1
    return low + (this.number(count <= 256 ? 1 : count <= 65_536 ? 2 : 4) % count)
  }

  /** Reads a boolean. */
  flag(): boolean {
    return (this.octet() & 1) === 1
  }

  /** @throws RangeError when there is nothing to pick from. */
  pick<Item>(items: readonly Item[]): Item {
    if (items.length === 0) throw new RangeError('pick: items is empty; expected one or more')
    return items[this.integer(0, items.length - 1)]!
  }

  /** The next octets: `size`, or as many as are left. A view. */
  octets(size: number): Buffer {
    const start = this.#offset
    this.#offset = Math.min(this.#bytes.length, start + size)
    return this.#bytes.subarray(start, this.#offset)
  }

  /** Octets after a length of one octet. A view. */
  block(): Buffer {
    return this.octets(this.octet())
  }

  /** All that is left. A view. */
  rest(): Buffer {
    return this.octets(this.left)
  }
}
