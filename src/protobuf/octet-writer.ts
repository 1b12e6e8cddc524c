import { FieldError } from '../codec/index.js'

/** Messages lie one behind the other in chunks of this size, as Node's own small buffers do. Unit: octets. */
const CHUNK_SIZE = 8_192
/** Below this a loop beats a call into the runtime. Unit: octets. */
const LOOP_SIZE_MAX = 64
/** Text up to here gets room for three octets a character, and is measured by writing it. Unit: UTF-16 code units. */
const ROOMY_TEXT_MAX = 1_024
const LONE_SURROGATE = /\p{Surrogate}/u

/** Writes the wire format of protobuf, one message at a time. */
export class OctetWriter {
  #bytes: Buffer = Buffer.allocUnsafeSlow(CHUNK_SIZE)
  /** Where the message begins. */
  #start = 0
  #at = 0

  /** Whether a part of a message is written. */
  get isBusy(): boolean {
    return this.#at > this.#start
  }

  /** Forgets what was written since `take`. */
  reset(): void {
    this.#at = this.#start
    if (this.#bytes.length > CHUNK_SIZE) this.#renew()
  }

  /** What was written, in memory that nobody else writes to. Begins anew. */
  take(): Buffer {
    const bytes = this.#bytes
    const start = this.#start
    const end = this.#at
    this.#start = end
    if (bytes.length === CHUNK_SIZE) return bytes.subarray(start, end)
    this.#renew()
    // Half empty, the buffer is not worth keeping for the message.
    return end * 2 >= bytes.length ? bytes.subarray(0, end) : Buffer.from(bytes.subarray(0, end))
  }

  /** A number below 2^32 as a varint. */
  varint(value: number): void {
    this.#at = putVarint(this.#room(5), this.#at, value)
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
    this.#at = this.#room(4).writeUInt32LE(value, this.#at)
  }

  fixed64(low: number, high: number): void {
    this.fixed32(low)
    this.fixed32(high)
  }

  float(value: number): void {
    this.#at = this.#room(4).writeFloatLE(value, this.#at)
  }

  double(value: number): void {
    this.#at = this.#room(8).writeDoubleLE(value, this.#at)
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
    if (length <= LOOP_SIZE_MAX && this.#ascii(value)) return
    if (length <= ROOMY_TEXT_MAX) this.#roomyText(value)
    else this.#longText(value)
  }

  /** Begins something that has its length in front. Returns what `end` takes. */
  begin(): number {
    this.#room(1)
    return ++this.#at - this.#start
  }

  /** Ends what began at `begun`: its length goes in front of it. */
  end(begun: number): void {
    const start = this.#start + begun
    const size = this.#at - start
    if (size < 128) this.#bytes[start - 1] = size
    else this.#widen(start, size, 1)
  }

  /** Puts the length of what lies behind `start` in front of it, where `width` octets are free. */
  #widen(start: number, size: number, width: number): void {
    const more = varintSize(size) - width
    const begun = start - this.#start
    const bytes = more > 0 ? this.#room(more) : this.#bytes
    const from = this.#start + begun
    if (more > 0) bytes.copyWithin(from + more, from, from + size)
    this.#at = putVarint(bytes, from - width, size) + size
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

  /** Most text has one octet for each character: its length is written as if this had, too. */
  #roomyText(value: string): void {
    const { length } = value
    const width = varintSize(length)
    const bytes = this.#room(length * 3 + width)
    const start = this.#at + width
    const size = bytes.write(value, start)
    if (size !== length) checkText(value)
    this.#at = start + size
    this.#widen(start, size, width)
  }

  #longText(value: string): void {
    const size = Buffer.byteLength(value)
    if (size !== value.length) checkText(value)
    this.varint(size)
    const bytes = this.#room(size)
    bytes.write(value, this.#at)
    this.#at += size
  }

  /** The chunk, with room for `size` more octets of the message. */
  #room(size: number): Buffer {
    if (this.#at + size <= this.#bytes.length) return this.#bytes
    return this.#grow(size)
  }

  #grow(size: number): Buffer {
    const bytes = this.#bytes
    const start = this.#start
    const written = this.#at - start
    const needed = written + size
    // A message that fills much of a chunk gets a buffer of its own.
    const isLarge = needed * 2 > CHUNK_SIZE
    const grown = Buffer.allocUnsafeSlow(isLarge ? Math.max(needed, CHUNK_SIZE) * 2 : CHUNK_SIZE)
    bytes.copy(grown, 0, start, this.#at)
    this.#bytes = grown
    this.#start = 0
    this.#at = written
    return grown
  }

  #renew(): void {
    this.#bytes = Buffer.allocUnsafeSlow(CHUNK_SIZE)
    this.#start = 0
    this.#at = 0
  }
}

/** Returns the offset behind it. */
function putVarint(bytes: Buffer, start: number, value: number): number {
  let at = start
  let rest = value
  while (rest > 127) {
    bytes[at++] = (rest & 127) | 128
    rest >>>= 7
  }
  bytes[at++] = rest
  return at
}

function varintSize(value: number): number {
  let size = 1
  for (let rest = value >>> 7; rest > 0; rest >>>= 7) size++
  return size
}

function checkText(value: string): void {
  if (LONE_SURROGATE.test(value))
    throw new FieldError('the text has half of a surrogate pair, which UTF-8 cannot carry')
}
