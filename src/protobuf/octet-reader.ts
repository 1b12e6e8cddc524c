/** Text so short is read by a loop. Unit: octets. */
const LOOP_SIZE_MAX = 24

const NO_OCTETS: Buffer = Buffer.alloc(0)

/** Reads the wire format of protobuf from a range of a borrowed buffer. */
export class OctetReader {
  #bytes: Buffer = NO_OCTETS
  #start = 0
  #at = 0
  #end = 0
  /** `octets` of at least so many stay views of the buffer. */
  #viewSizeMin = Number.POSITIVE_INFINITY

  /** Begins with bytes[start, end). `owned`: the buffer is the message's own, and what is most of it is not copied. */
  open(bytes: Buffer, start: number, end: number, owned: boolean): void {
    this.#bytes = bytes
    this.#start = start
    this.#at = start
    this.#end = end
    this.#viewSizeMin = owned ? (end - start) / 2 : Number.POSITIVE_INFINITY
  }

  /** Lets go of the buffer: else a whole chunk of the socket would stay alive. */
  close(): void {
    this.#bytes = NO_OCTETS
  }

  get at(): number {
    return this.#at
  }

  get end(): number {
    return this.#end
  }

  get done(): boolean {
    return this.#at >= this.#end
  }

  /** The low 32 bits of a varint, without sign. */
  varint(): number {
    const bytes = this.#bytes
    let at = this.#at
    let value = 0
    for (let shift = 0; shift < 70; shift += 7) {
      if (at >= this.#end) this.fail('a varint is cut short')
      const octet = bytes[at++]!
      if (shift < 32) value |= (octet & 127) << shift
      if (octet < 128) {
        this.#at = at
        return value >>> 0
      }
    }
    return this.fail('a varint has more than 10 octets')
  }

  /** A varint of 64 bits, without sign: exact as a number below 2^53, else as a bigint. */
  varint64(): number | bigint {
    const bytes = this.#bytes
    let at = this.#at
    let low = 0
    let high = 0
    for (let shift = 0; shift < 70; shift += 7) {
      if (at >= this.#end) this.fail('a varint is cut short')
      const octet = bytes[at++]!
      const bits = octet & 127
      if (shift < 28) low |= bits << shift
      else if (shift === 28) {
        low |= bits << 28
        high = bits >>> 4
      } else if (shift < 63) high |= bits << (shift - 32)
      else high |= bits << 31
      if (octet < 128) {
        this.#at = at
        return join(low >>> 0, high >>> 0)
      }
    }
    return this.fail('a varint has more than 10 octets')
  }

  fixed32(): number {
    return this.#bytes.readUInt32LE(this.#skipped(4))
  }

  sfixed32(): number {
    return this.#bytes.readInt32LE(this.#skipped(4))
  }

  fixed64(): number | bigint {
    const at = this.#skipped(8)
    return join(this.#bytes.readUInt32LE(at), this.#bytes.readUInt32LE(at + 4))
  }

  float(): number {
    return this.#bytes.readFloatLE(this.#skipped(4))
  }

  double(): number {
    return this.#bytes.readDoubleLE(this.#skipped(8))
  }

  /** A length, and what it covers is there. Returns the offset behind it. */
  limit(): number {
    const size = this.varint()
    const left = this.#end - this.#at
    if (size > left) this.fail(`a field of ${size} octets is cut short: ${left} are left`)
    return this.#at + size
  }

  octets(): Buffer {
    const end = this.limit()
    const start = this.#at
    this.#at = end
    if (end - start >= this.#viewSizeMin) return this.#bytes.subarray(start, end)
    const copy = Buffer.allocUnsafe(end - start)
    this.#bytes.copy(copy, 0, start, end)
    return copy
  }

  /** `strict`: octets that are no UTF-8 are an error; else they become U+FFFD. */
  text(strict: boolean): string {
    const end = this.limit()
    const bytes = this.#bytes
    const start = this.#at
    this.#at = end
    if (end - start <= LOOP_SIZE_MAX) {
      let text = ''
      for (let at = start; at < end; at++) {
        const octet = bytes[at]!
        if (octet > 127) return this.#utf8(start, end, strict)
        text += String.fromCharCode(octet)
      }
      return text
    }
    return this.#utf8(start, end, strict)
  }

  /** Reads a part of what is there: what `read` leaves of it is an error of its own. Returns where reading goes on. */
  narrow(end: number): number {
    const outer = this.#end
    this.#end = end
    return outer
  }

  widen(outer: number): void {
    this.#end = outer
  }

  /** Skips a field of an unknown number. */
  skip(wireType: number, fieldNumber: number, depth: number): void {
    if (wireType === 0) this.varint64()
    else if (wireType === 1) this.#skipped(8)
    else if (wireType === 2) this.#at = this.limit()
    else if (wireType === 5) this.#skipped(4)
    else if (wireType === 3) this.#skipGroup(fieldNumber, depth)
    else this.fail(`wire type ${wireType} of field ${fieldNumber} is none that begins a field`)
  }

  fail(problem: string): never {
    throw new RangeError(`${problem}, at offset ${this.#at - this.#start} of the message`)
  }

  #skipGroup(fieldNumber: number, depth: number): void {
    if (depth <= 0) this.fail('groups are nested too deep')
    for (;;) {
      const tag = this.varint()
      if ((tag & 7) === 4) {
        if (tag >>> 3 === fieldNumber) return
        this.fail(`group ${fieldNumber} is ended as ${tag >>> 3}`)
      }
      this.skip(tag & 7, tag >>> 3, depth - 1)
    }
  }

  #utf8(start: number, end: number, strict: boolean): string {
    const text = this.#bytes.toString('utf8', start, end)
    // U+FFFD may have been sent as such.
    if (
      strict &&
      text.includes('\ufffd') &&
      !Buffer.from(text).equals(this.#bytes.subarray(start, end))
    ) {
      this.fail(`a string of ${end - start} octets is no UTF-8`)
    }
    return text
  }

  /** Moves on by `size` octets. Returns the offset from which they count. */
  #skipped(size: number): number {
    const at = this.#at
    if (at + size > this.#end) this.fail(`a number of ${size} octets is cut short`)
    this.#at = at + size
    return at
  }
}

const HIGH_EXACT_MAX = 0x1f_ffff

function join(low: number, high: number): number | bigint {
  if (high <= HIGH_EXACT_MAX) return high * 0x1_0000_0000 + low
  return (BigInt(high) << 32n) | BigInt(low)
}
