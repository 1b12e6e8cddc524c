import type { StringCache } from './string-cache.js'

/** Protobuf wire types: the low three bits of a tag. */
export const WireType = {
  Varint: 0,
  Fixed64: 1,
  Bytes: 2,
  GroupStart: 3,
  GroupEnd: 4,
  Fixed32: 5,
} as const

const FIELD_NUMBER_MAX = 0x1fff_ffff

/** Groups within groups in unknown fields before we give up, as other protobuf readers do. */
const GROUP_DEPTH_MAX = 100

/** 64 bits in groups of seven. */
const VARINT_SIZE_MAX = 10

/** `latin1Slice` and `utf8Slice` exist on every Buffer but not in its published types. */
interface SliceBuffer extends Buffer {
  latin1Slice(start: number, end: number): string
  utf8Slice(start: number, end: number): string
}

/** The received bytes are not a `Message`. */
export class MessageError extends Error {
  override readonly name: string = 'MessageError'
  /** Where, counted from the start of the message. */
  readonly offset: number

  constructor(message: string, offset: number) {
    super(`${message} at octet ${offset} of the message`)
    this.offset = offset
  }
}

/**
 * Walks over protobuf fields. Each method reads at `offset`, moves it past what
 * it read, never reads at or beyond the `end` it is given, and throws
 * `MessageError` when the octets do not fit.
 */
export class ProtobufReader {
  offset = 0
  #bytes: SliceBuffer = Buffer.alloc(0) as SliceBuffer
  #start = 0

  begin(bytes: Buffer, start: number): void {
    this.#bytes = bytes as SliceBuffer
    this.#start = start
    this.offset = start
  }

  /** Field number and wire type. */
  tag(end: number): number {
    const at = this.offset
    const first = this.#bytes[at]!
    let tag = first
    if (first < 0x80) this.offset = at + 1
    else tag = this.#varint(end)
    if (tag < 8 || tag > FIELD_NUMBER_MAX * 8 + 7) {
      throw this.#error(`field number ${Math.floor(tag / 8)} is not allowed`, at)
    }
    return tag
  }

  /** A length prefix; what it announces is there. */
  size(end: number): number {
    const at = this.offset
    const size = this.#varint(end)
    this.#need(size, at, end)
    return size
  }

  /** A length-prefixed string. Text that is not UTF-8 is refused, as Go does. */
  text(cache: StringCache, end: number): string {
    const size = this.size(end)
    const start = this.offset
    const past = start + size
    this.offset = past
    if (size === 0) return ''
    const bytes = this.#bytes
    const cached = cache.get(bytes, start, past)
    if (cached !== undefined) return cached
    for (let at = start; at < past; at++) {
      if (bytes[at]! < 0x80) continue
      const wrong = findInvalidUtf8(bytes, at, past)
      if (wrong >= 0) throw this.#error('header text is not UTF-8', wrong)
      return bytes.utf8Slice(start, past)
    }
    return cache.put(bytes.latin1Slice(start, past))
  }

  /** Steps over the value of an unknown field. */
  skip(tag: number, end: number): void {
    this.#skip(tag, end, 0)
  }

  #skip(tag: number, end: number, depth: number): void {
    const at = this.offset
    switch (tag & 7) {
      case WireType.Varint:
        this.#varint(end)
        return
      case WireType.Fixed64:
        this.#step(8, end)
        return
      case WireType.Bytes: {
        const size = this.size(end)
        this.offset += size
        return
      }
      case WireType.GroupStart:
        this.#skipGroup(tag, end, depth + 1)
        return
      case WireType.Fixed32:
        this.#step(4, end)
        return
      default:
        throw this.#error(`wire type ${tag & 7} does not belong here`, at)
    }
  }

  #skipGroup(groupTag: number, end: number, depth: number): void {
    const groupStart = this.offset
    if (depth > GROUP_DEPTH_MAX) {
      throw this.#error(`groups are nested deeper than ${GROUP_DEPTH_MAX}`, groupStart)
    }
    while (this.offset < end) {
      const tag = this.tag(end)
      // The end tag has the same field number and the next wire type.
      if (tag === groupTag + 1) return
      this.#skip(tag, end, depth)
    }
    throw this.#error('group has no end', groupStart)
  }

  #step(size: number, end: number): void {
    this.#need(size, this.offset, end)
    this.offset += size
  }

  #need(size: number, at: number, end: number): void {
    if (size > end - this.offset) {
      throw this.#error(`field of ${size} octets, but only ${end - this.offset} are left`, at)
    }
  }

  /** Exact up to 2^53; larger values are only skipped or refused. */
  #varint(end: number): number {
    const start = this.offset
    const last = Math.min(end, start + VARINT_SIZE_MAX)
    let value = 0
    let scale = 1
    for (let at = start; at < last; at++) {
      const octet = this.#bytes[at]!
      value += (octet & 0x7f) * scale
      scale *= 128
      if (octet >= 0x80) continue
      // Of the tenth octet only one bit belongs to the 64.
      if (at - start === VARINT_SIZE_MAX - 1 && octet > 1) break
      this.offset = at + 1
      return value
    }
    const cut = end - start < VARINT_SIZE_MAX
    throw this.#error(cut ? 'varint is cut off' : 'varint is larger than 64 bits', start)
  }

  #error(message: string, at: number): MessageError {
    return new MessageError(message, at - this.#start)
  }
}

/**
 * Where bytes[start, end) stop being UTF-8, or -1. `utf8Slice` would put U+FFFD
 * there without a word. RFC 3629 §4.
 */
function findInvalidUtf8(bytes: Buffer, start: number, end: number): number {
  let at = start
  while (at < end) {
    const lead = bytes[at]!
    if (lead < 0x80) {
      at++
      continue
    }
    const size = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4
    if (lead < 0xc2 || lead > 0xf4 || at + size > end) return at
    if (!isSecond(lead, bytes[at + 1]!)) return at
    for (let i = at + 2; i < at + size; i++) {
      if ((bytes[i]! & 0xc0) !== 0x80) return at
    }
    at += size
  }
  return -1
}

/** Overlong forms, surrogates and what lies beyond U+10FFFF show in the second octet. */
function isSecond(lead: number, second: number): boolean {
  switch (lead) {
    case 0xe0:
      return second >= 0xa0 && second <= 0xbf
    case 0xed:
      return second >= 0x80 && second <= 0x9f
    case 0xf0:
      return second >= 0x90 && second <= 0xbf
    case 0xf4:
      return second >= 0x80 && second <= 0x8f
    default:
      return (second & 0xc0) === 0x80
  }
}
