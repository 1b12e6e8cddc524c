import { LENGTH_PREFIX_SIZE, readMessageSize } from './length-prefix.js'

/** A held buffer larger than this is given up when it is empty. Unit: octets. */
const IDLE_BUFFER_SIZE_MAX = 65_536

/** The first buffer for octets that wait. Unit: octets. */
const HELD_SIZE_MIN = 256

/** A message gets a buffer of its whole size once one part in so many has come. */
const ARRIVED_SHARE = 8

/** A message smaller than this is cheaper to copy than a buffer of its own. Unit: octets. */
const OWN_BUFFER_SIZE_MIN = 16_384

const EMPTY: Buffer = Buffer.alloc(0)

/**
 * Cuts a stream of DATA into messages, whatever its frames look like. A cursor:
 *
 *     reader.push(bytes, start, end)
 *     while (reader.next()) decode(reader.bytes, reader.start, reader.end)
 *     reader.hold()
 *
 * A message that lies within one DATA frame is read in place. Only what does
 * not is copied, into one buffer that grows as octets arrive: a prefix that
 * promises 4 MiB costs nothing by itself, and no buffer is more than eight
 * times what has come.
 */
export class MessageReader {
  /** Where the current message is; valid until the next call of `next`, `hold` or `push`. */
  bytes: Buffer
  start: number
  end: number
  /** First octet of the current message's prefix, as it came. */
  flag: number
  /** Whether the current message stands alone in a buffer that is given up to whoever reads it: it need not be copied. */
  owned: boolean
  /** Declared size of the message that broke the limit; -1 while none has. `next` answers false from then on. */
  excessSize: number

  readonly #sizeMax: number
  /** Borrowed from the caller between `push` and `hold`. */
  #input: Buffer
  #inputStart: number
  #inputEnd: number
  /** Octets of ours that come before the input. */
  #held: Buffer
  #heldStart: number
  #heldEnd: number
  /** Octets of the message at the head, with prefix, once the prefix is known; else 0. */
  #wanted: number

  /** `sizeMax`: largest declared size. Unit: octets. */
  constructor(sizeMax: number) {
    this.bytes = EMPTY
    this.start = 0
    this.end = 0
    this.flag = 0
    this.owned = false
    this.excessSize = -1
    this.#sizeMax = sizeMax
    this.#input = EMPTY
    this.#inputStart = 0
    this.#inputEnd = 0
    this.#held = EMPTY
    this.#heldStart = 0
    this.#heldEnd = 0
    this.#wanted = 0
  }

  /** Octets that wait in a buffer of ours. */
  get heldSize(): number {
    return this.#heldEnd - this.#heldStart
  }

  /** Octets of the incomplete message at the head, prefix included, where its prefix is known; else 0. */
  get wantedSize(): number {
    return this.#wanted
  }

  /** Lends `bytes[start, end)` until `hold`. */
  push(bytes: Buffer, start: number, end: number): void {
    this.#input = bytes
    this.#inputStart = start
    this.#inputEnd = end
  }

  /** Moves on to the next message; false when there is no whole one. */
  next(): boolean {
    if (this.excessSize >= 0) return false
    return this.#heldStart === this.#heldEnd ? this.#nextOfInput() : this.#nextOfHeld()
  }

  /** Keeps what was not read, and gives the input back. */
  hold(): void {
    if (this.excessSize < 0) this.#take(this.#inputEnd - this.#inputStart)
    this.#input = EMPTY
    this.#inputStart = 0
    this.#inputEnd = 0
  }

  /** Forgets everything. */
  clear(): void {
    this.push(EMPTY, 0, 0)
    this.#held = EMPTY
    this.#heldStart = 0
    this.#heldEnd = 0
    this.#wanted = 0
  }

  #nextOfInput(): boolean {
    const start = this.#inputStart
    const available = this.#inputEnd - start
    if (available < LENGTH_PREFIX_SIZE) return false
    const size = readMessageSize(this.#input, start)
    if (size > this.#sizeMax) return this.#exceed(size)
    const wanted = LENGTH_PREFIX_SIZE + size
    if (available < wanted) {
      this.#wanted = wanted
      return false
    }
    this.#inputStart = start + wanted
    return this.#show(this.#input, start, wanted)
  }

  #nextOfHeld(): boolean {
    if (!this.#fill(LENGTH_PREFIX_SIZE)) return false
    const size = readMessageSize(this.#held, this.#heldStart)
    if (size > this.#sizeMax) return this.#exceed(size)
    const wanted = LENGTH_PREFIX_SIZE + size
    this.#wanted = wanted
    if (!this.#fill(wanted)) return false
    this.#wanted = 0
    const start = this.#heldStart
    const held = this.#held
    this.#heldStart = start + wanted
    const owned = held.length === wanted && wanted >= OWN_BUFFER_SIZE_MIN
    if (this.#heldStart === this.#heldEnd) {
      this.#heldStart = 0
      this.#heldEnd = 0
      if (owned || held.length > IDLE_BUFFER_SIZE_MAX) this.#held = EMPTY
    }
    this.#show(held, start, wanted)
    this.owned = owned
    return true
  }

  #show(bytes: Buffer, start: number, wanted: number): boolean {
    this.flag = bytes[start]!
    this.owned = false
    this.bytes = bytes
    this.start = start + LENGTH_PREFIX_SIZE
    this.end = start + wanted
    return true
  }

  #exceed(size: number): boolean {
    this.clear()
    this.excessSize = size
    return false
  }

  /** Whether `size` octets are held, once the input has given what it can. */
  #fill(size: number): boolean {
    const lacking = size - (this.#heldEnd - this.#heldStart)
    if (lacking > 0) this.#take(Math.min(lacking, this.#inputEnd - this.#inputStart))
    return this.#heldEnd - this.#heldStart >= size
  }

  /** Moves `size` octets of the input behind what is held. */
  #take(size: number): void {
    if (size <= 0) return
    if (this.#heldEnd + size > this.#held.length) this.#grow(size)
    this.#input.copy(this.#held, this.#heldEnd, this.#inputStart, this.#inputStart + size)
    this.#heldEnd += size
    this.#inputStart += size
  }

  /** Makes room for `size` more octets. */
  #grow(size: number): void {
    const heldSize = this.#heldEnd - this.#heldStart
    // What is held may still be shown to the caller as a message: never move it in place.
    const grown = Buffer.allocUnsafeSlow(this.#capacity(heldSize + size))
    this.#held.copy(grown, 0, this.#heldStart, this.#heldEnd)
    this.#held = grown
    this.#heldStart = 0
    this.#heldEnd = heldSize
  }

  /** A buffer's size for `needed` octets: for one message all it will take, if enough of it is here. */
  #capacity(needed: number): number {
    if (this.#wanted < needed) return Math.max(needed * 2, HELD_SIZE_MIN)
    return Math.min(this.#wanted, Math.max(needed * ARRIVED_SHARE, HELD_SIZE_MIN))
  }
}
