import { copyOf, DEPTH_MAX, NODE } from './writer.js'

const NO_OCTETS: Uint8Array = /*@__PURE__*/ new Uint8Array(0)
/** Text so short is kept, and found again by its octets. Unit: octets. */
const KEPT_TEXT_MAX = 24
/** How many short texts are kept. */
const KEPT_COUNT = 1_024

/** Where a message is being read. */
export class Reader {
  bytes: Uint8Array = NO_OCTETS
  /** Where the message begins: errors count from here. */
  start: number = 0
  at: number = 0
  /** How many messages more may be nested here. */
  depth: number = DEPTH_MAX
  /** Octets of at least so many stay views of the buffer. */
  viewSizeMin: number = Number.POSITIVE_INFINITY
}

/** Refuses what is read. @throws RangeError with the offset */
export function fail(r: Reader, problem: string): never {
  throw new RangeError(`${problem}, at offset ${r.at - r.start} of the message`)
}

/** The low 32 bits of a varint, without sign. */
export function readUint32(r: Reader): number {
  const { bytes } = r
  let octet = bytes[r.at++]!
  if (octet < 128) return octet
  let value = octet & 127
  octet = bytes[r.at++]!
  value |= (octet & 127) << 7
  if (octet < 128) return value
  octet = bytes[r.at++]!
  value |= (octet & 127) << 14
  if (octet < 128) return value
  octet = bytes[r.at++]!
  value |= (octet & 127) << 21
  if (octet < 128) return value
  octet = bytes[r.at++]!
  value |= octet << 28
  if (octet < 128) return value >>> 0
  for (let count = 5; count < 10; count++) if (bytes[r.at++]! < 128) return value >>> 0
  return failVarint(r)
}

/** @throws RangeError */
function failVarint(r: Reader): never {
  return fail(
    r,
    r.at > r.bytes.length ? 'a varint is cut short' : 'a varint has more than 10 octets',
  )
}

/** The tag of a field. */
export function readTag(r: Reader): number {
  const octet = r.bytes[r.at]!
  if (octet < 128) {
    r.at++
    return octet
  }
  return readLongTag(r)
}

function readLongTag(r: Reader): number {
  const { at } = r
  const tag = readUint32(r)
  // A field's number has 29 bits.
  if (r.at - at > 5 || (r.at - at === 5 && r.bytes[r.at - 1]! > 15))
    fail(r, 'a tag has more than 32 bits')
  return tag
}

/** Reads a int32. */
export function readInt32(r: Reader): number {
  const octet = r.bytes[r.at]!
  if (octet < 128) {
    r.at++
    return octet
  }
  return readUint32(r) | 0
}

/** Reads a sint32. */
export function readSint32(r: Reader): number {
  const bits = readUint32(r)
  return (bits >>> 1) ^ -(bits & 1)
}

/** The halves of the 64 bits that were read last: no object for them. */
let low = 0
let high = 0

/** A varint of 64 bits. */
function readHalves(r: Reader): void {
  const { bytes } = r
  let at = r.at
  low = 0
  high = 0
  for (let shift = 0; shift < 70; shift += 7) {
    const octet = bytes[at++]!
    const bits = octet & 127
    if (shift < 28) low |= bits << shift
    else if (shift === 28) {
      low |= bits << 28
      high = bits >>> 4
    } else if (shift < 63) high |= bits << (shift - 32)
    else high |= bits << 31
    if (octet < 128) {
      r.at = at
      return
    }
  }
  r.at = at
  failVarint(r)
}

const TWO_32 = 0x1_0000_0000
const HIGH_EXACT_MAX = 0x1f_ffff

function unsignedWide(): bigint {
  const upper = high >>> 0
  if (upper <= HIGH_EXACT_MAX) return BigInt(upper * TWO_32 + (low >>> 0))
  return (BigInt(upper) << 32n) | BigInt(low >>> 0)
}

function signedWide(): bigint {
  if (high >= 0 && high <= HIGH_EXACT_MAX) return BigInt(high * TWO_32 + (low >>> 0))
  return (BigInt(high) << 32n) | BigInt(low >>> 0)
}

/** Reads a int64. */
export function readInt64(r: Reader): bigint {
  const octet = r.bytes[r.at]!
  if (octet < 128) {
    r.at++
    return BigInt(octet)
  }
  readHalves(r)
  return signedWide()
}

/** Reads a uint64. */
export function readUint64(r: Reader): bigint {
  readHalves(r)
  return unsignedWide()
}

/** Reads a sint64. */
export function readSint64(r: Reader): bigint {
  readHalves(r)
  const wide = unsignedWide()
  return (wide >> 1n) ^ -(wide & 1n)
}

/** As `readInt64`, exact up to 2^53. */
export function readInt64Number(r: Reader): number {
  const octet = r.bytes[r.at]!
  if (octet < 128) {
    r.at++
    return octet
  }
  readHalves(r)
  return high * TWO_32 + (low >>> 0)
}

/** As `readUint64`, exact up to 2^53. */
export function readUint64Number(r: Reader): number {
  readHalves(r)
  return (high >>> 0) * TWO_32 + (low >>> 0)
}

/** Reads a bool. */
export function readBool(r: Reader): boolean {
  const octet = r.bytes[r.at]!
  if (octet < 128) {
    r.at++
    return octet !== 0
  }
  readHalves(r)
  return (low | high) !== 0
}

function readHalf(r: Reader): number {
  const { bytes, at } = r
  r.at = at + 4
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
}

/** Reads a fixed32. */
export function readFixed32(r: Reader): number {
  return readHalf(r) >>> 0
}

/** Reads a sfixed32. */
export function readSfixed32(r: Reader): number {
  return readHalf(r)
}

/** Reads a fixed64. */
export function readFixed64(r: Reader): bigint {
  low = readHalf(r)
  high = readHalf(r)
  return unsignedWide()
}

/** Reads a sfixed64. */
export function readSfixed64(r: Reader): bigint {
  low = readHalf(r)
  high = readHalf(r)
  return signedWide()
}

const FLOATS: Float32Array = /*@__PURE__*/ new Float32Array(2)
const DOUBLES: Float64Array = /*@__PURE__*/ new Float64Array(FLOATS.buffer)
const HALVES: Int32Array = /*@__PURE__*/ new Int32Array(FLOATS.buffer)

/** Reads a float. */
export function readFloat(r: Reader): number {
  HALVES[0] = readHalf(r)
  return FLOATS[0]!
}

/** Reads a double. */
export function readDouble(r: Reader): number {
  HALVES[0] = readHalf(r)
  HALVES[1] = readHalf(r)
  return DOUBLES[0]!
}

/** A length, and what it covers is there. Returns the offset behind it. */
export function readLimit(r: Reader, end: number): number {
  let size = r.bytes[r.at]!
  if (size < 128) r.at++
  else size = readUint32(r)
  const left = end - r.at
  if (size > left) fail(r, `a field of ${size} octets is cut short: ${left} are left`)
  return r.at + size
}

/** Goes into a message in a field. Returns where it ends. */
export function enter(r: Reader, end: number): number {
  deepen(r)
  return readLimit(r, end)
}

/** Goes into a message between two tags. */
export function enterGroup(r: Reader, end: number): number {
  deepen(r)
  return end
}

function deepen(r: Reader): void {
  if (--r.depth < 0) fail(r, `messages are nested deeper than ${DEPTH_MAX}`)
}

/** Leaves a message, which has to end where it says. `group`: the tag that should have ended it. */
export function leave(r: Reader, end: number, group: number): void {
  r.depth++
  if (group !== 0) fail(r, `group ${group >>> 3} is cut short`)
  if (r.at !== end) fail(r, 'a field reaches beyond its message')
}

/** Leaves a message at its end tag. */
export function leaveGroup(r: Reader, end: number): void {
  r.depth++
  if (r.at > end) fail(r, 'a field reaches beyond its message')
}

/** Reads a bytes. */
export function readBytes(r: Reader, end: number): Uint8Array {
  const last = readLimit(r, end)
  const start = r.at
  r.at = last
  if (last - start >= r.viewSizeMin) return r.bytes.subarray(start, last)
  return copyOf(r.bytes, start, last)
}

const kept: string[] = /*@__PURE__*/ new Array<string>(KEPT_COUNT).fill('')

/** Reads a string. */
export function readString(r: Reader, end: number): string {
  const last = readLimit(r, end)
  const start = r.at
  r.at = last
  return last - start <= KEPT_TEXT_MAX ? shortText(r, start, last) : longText(r, start, last, true)
}

/** As `readString`; octets that are no UTF-8 become U+FFFD. */
export function readLooseString(r: Reader, end: number): string {
  const last = readLimit(r, end)
  const start = r.at
  r.at = last
  return longText(r, start, last, false)
}

/** Names, keys and codes come again and again: each is made once. */
function shortText(r: Reader, start: number, end: number): string {
  const { bytes } = r
  const size = end - start
  let hash = size
  let bits = 0
  for (let at = start; at < end; at++) {
    const octet = bytes[at]!
    bits |= octet
    hash = (Math.imul(hash, 31) + octet) | 0
  }
  if (bits > 127) return longText(r, start, end, true)
  const place = (hash ^ (hash >>> 10)) & (KEPT_COUNT - 1)
  const found = kept[place]!
  if (found.length === size) {
    let index = 0
    while (index < size && found.charCodeAt(index) === bytes[start + index]) index++
    if (index === size) return found
  }
  const text = latin1(bytes, start, end)
  kept[place] = text
  return text
}

function latin1(bytes: Uint8Array, start: number, end: number): string {
  if (NODE !== undefined) return NODE.prototype.latin1Slice.call(bytes, start, end)
  let text = ''
  for (let at = start; at < end; at++) text += String.fromCharCode(bytes[at]!)
  return text
}

/** The type that every environment has. */
interface Decoder {
  decode(bytes: Uint8Array): string
}

const STRICT: Decoder = /*@__PURE__*/ new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const LOOSE: Decoder = /*@__PURE__*/ new TextDecoder('utf-8', { ignoreBOM: true })

function longText(r: Reader, start: number, end: number, isStrict: boolean): string {
  const { bytes } = r
  if (NODE === undefined) {
    try {
      return (isStrict ? STRICT : LOOSE).decode(bytes.subarray(start, end))
    } catch {
      return failText(r, end - start)
    }
  }
  const text = NODE.prototype.utf8Slice.call(bytes, start, end)
  // U+FFFD may have been sent as such.
  if (isStrict && text.includes('\ufffd') && !isUtf8(bytes.subarray(start, end)))
    failText(r, end - start)
  return text
}

function isUtf8(bytes: Uint8Array): boolean {
  try {
    STRICT.decode(bytes)
    return true
  } catch {
    return false
  }
}

function failText(r: Reader, size: number): never {
  return fail(r, `a string of ${size} octets is no UTF-8`)
}

/** Skips a field that is not known. */
export function skip(r: Reader, tag: number, end: number): void {
  const wireType = tag & 7
  if (tag >>> 3 === 0) fail(r, 'field number 0')
  if (wireType === 0) readHalves(r)
  else if (wireType === 1) r.at += 8
  else if (wireType === 2) r.at = readLimit(r, end)
  else if (wireType === 5) r.at += 4
  else if (wireType === 3) skipGroup(r, tag, end)
  else if (wireType === 4) fail(r, `the end of a group ${tag >>> 3} that is not open`)
  else fail(r, `wire type ${wireType} of field ${tag >>> 3} is none that begins a field`)
  if (r.at > end) fail(r, 'a field reaches beyond its message')
}

function skipGroup(r: Reader, begin: number, end: number): void {
  deepen(r)
  for (;;) {
    if (r.at >= end) fail(r, `group ${begin >>> 3} is cut short`)
    const tag = readTag(r)
    if (tag === begin + 1) break
    skip(r, tag, end)
  }
  r.depth++
}
