import { FieldError } from './field-error.js'

/** First size of the buffer. Unit: octets. */
const SIZE_MIN = 1_024
/** Largest buffer kept between messages. Unit: octets. */
const SIZE_KEPT_MAX = 65_536
/** Below this a loop beats a call into the runtime. Unit: octets. */
const LOOP_SIZE_MAX = 64
/** Text so long surely has a length of one octet, whatever its characters. Unit: UTF-16 code units. */
const SHORT_TEXT_MAX = 42

const LONE_SURROGATE = /\p{Surrogate}/u

/** Writes the wire format of protobuf into one buffer that grows and is used again. */
export class OctetWriter {
  #bytes: Buffer = Buffer.allocUnsafeSlow(SIZE_MIN)
  #at = 0

  /** Forgets what was written. */
  reset(): void {
    this.#at = 0
    if (this.#bytes.length > SIZE_KEPT_MAX) this.#bytes = Buffer.allocUnsafeSlow(SIZE_MIN)
  }

  /** What was written, in memory that nobody else writes to. Begins anew. */
  take(): Buffer {
    const size = this.#at
    const bytes = this.#bytes
    this.#at = 0
    if (bytes.length > SIZE_KEPT_MAX) {
      this.#bytes = Buffer.allocUnsafeSlow(SIZE_MIN)
      // Half empty, the buffer is not worth keeping for the message.
      if (size * 2 >= bytes.length) return bytes.subarray(0, size)
    }
    const taken = Buffer.allocUnsafe(size)
    if (size > LOOP_SIZE_MAX) bytes.copy(taken, 0, 0, size)
    else for (let index = 0; index < size; index++) taken[index] = bytes[index]!
    return taken
  }

  /** A number below 2^32 as a varint. */
  varint(value: number): void {
    const bytes = this.#room(5)
    let rest = value
    while (rest > 127) {
      bytes[this.#at++] = (rest & 127) | 128
      rest >>>= 7
    }
    bytes[this.#at++] = rest
  }

  /** Two halves of 32 bits as one varint. */
  varint64(low: number, high: number): void {
    if (high === 0) return this.varint(low)
    const bytes = this.#room(10)
    let lower = low
    let upper = high
    while (upper > 0) {
      bytes[this.#at++] = (lower & 127) | 128
      lower = ((lower >>> 7) | (upper << 25)) >>> 0
      upper >>>= 7
    }
    this.varint(lower)
  }

  fixed32(value: number): void {
    this.#room(4)
    this.#at = this.#bytes.writeUInt32LE(value, this.#at)
  }

  fixed64(low: number, high: number): void {
    this.fixed32(low)
    this.fixed32(high)
  }

  float(value: number): void {
    this.#room(4)
    this.#at = this.#bytes.writeFloatLE(value, this.#at)
  }

  double(value: number): void {
    this.#room(8)
    this.#at = this.#bytes.writeDoubleLE(value, this.#at)
  }

  /** Octets behind their length. */
  octets(value: Uint8Array): void {
    this.varint(value.length)
    const bytes = this.#room(value.length)
    bytes.set(value, this.#at)
    this.#at += value.length
  }

  /** Text as UTF-8 behind its length. */
  text(value: string): void {
    const { length } = value
    if (length > LOOP_SIZE_MAX || !this.#ascii(value)) this.#utf8(value)
  }

  /** Begins something that has its length in front. Returns what `end` takes. */
  begin(): number {
    this.#room(1)
    return ++this.#at
  }

  /** Ends what began at `start`: its length goes in front of it. */
  end(start: number): void {
    const size = this.#at - start
    if (size < 128) {
      this.#bytes[start - 1] = size
      return
    }
    let more = 0
    for (let rest = size >>> 7; rest > 0; rest >>>= 7) more++
    const bytes = this.#room(more)
    bytes.copyWithin(start + more, start, this.#at)
    this.#at = start - 1
    this.varint(size)
    this.#at += size
  }

  /** Text of one octet for each character; false, and nothing written, where it is not. */
  #ascii(value: string): boolean {
    const { length } = value
    const bytes = this.#room(length + 1)
    const start = this.#at + 1
    for (let index = 0; index < length; index++) {
      const octet = value.charCodeAt(index)
      if (octet > 127) return false
      bytes[start + index] = octet
    }
    bytes[start - 1] = length
    this.#at = start + length
    return true
  }

  #utf8(value: string): void {
    if (LONE_SURROGATE.test(value))
      throw new FieldError('the text has half of a surrogate pair, which UTF-8 cannot carry')
    if (value.length > SHORT_TEXT_MAX) {
      const size = Buffer.byteLength(value)
      this.varint(size)
      this.#at += this.#room(size).write(value, this.#at, 'utf8')
      return
    }
    const bytes = this.#room(value.length * 3 + 1)
    const size = bytes.write(value, this.#at + 1, 'utf8')
    bytes[this.#at] = size
    this.#at += size + 1
  }

  /** The buffer, with room for `size` more octets. */
  #room(size: number): Buffer {
    const needed = this.#at + size
    if (needed <= this.#bytes.length) return this.#bytes
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.#bytes.length * 2))
    this.#bytes.copy(grown, 0, 0, this.#at)
    this.#bytes = grown
    return grown
  }
}
