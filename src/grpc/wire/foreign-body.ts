/** Room that a body gets first. Unit: octets. */
const ROOM_MIN = 256

/**
 * The start of a body that is not gRPC, for the text of the error. Octets are
 * kept, not text: a character may come in two pieces.
 */
export class ForeignBody {
  readonly #sizeMax: number
  #octets: Buffer
  #size: number

  /** Unit: octets. */
  constructor(sizeMax: number) {
    this.#sizeMax = Math.ceil(sizeMax)
    this.#octets = Buffer.alloc(0)
    this.#size = 0
  }

  /** Whether more would not be kept. */
  get full(): boolean {
    return this.#size >= this.#sizeMax
  }

  get text(): string {
    return this.#octets.toString('utf8', 0, this.#size)
  }

  add(bytes: Buffer, start: number, end: number): void {
    const size = Math.min(this.#size + end - start, this.#sizeMax)
    if (size > this.#octets.length) {
      const room = Math.min(this.#sizeMax, Math.max(ROOM_MIN, 2 * size))
      this.#octets = Buffer.concat([this.#octets.subarray(0, this.#size)], room)
    }
    bytes.copy(this.#octets, this.#size, start, start + size - this.#size)
    this.#size = size
  }
}
