import { UNFIT } from './field-error.js'
import { putText, putVarint, putVarint64, room, type Writer, writeTag } from './writer.js'

// Each `writeX` writes one field with its tag, each `putX` a value of a list or map. A value that the type cannot hold is
// UNFIT. `putX` wants room for a number, which `writeTag` and `writeList` make.

/** Writes a value without its tag. */
export type Put = (w: Writer, value: unknown) => void

/** Writes a int32 without a tag. */
export function putInt32(w: Writer, value: unknown): void {
  const number = value as number
  if ((number | 0) !== number) throw UNFIT
  if (number >= 0) {
    if (number < 128) w.bytes[w.at++] = number
    else w.at = putVarint(w.bytes, w.at, number)
  } else putVarint64(w, number >>> 0, 0xffff_ffff)
}

/** Writes a uint32 without a tag. */
export function putUint32(w: Writer, value: unknown): void {
  const number = value as number
  if (number >>> 0 !== number) throw UNFIT
  w.at = putVarint(w.bytes, w.at, number)
}

/** Writes a sint32 without a tag. */
export function putSint32(w: Writer, value: unknown): void {
  const number = value as number
  if ((number | 0) !== number) throw UNFIT
  w.at = putVarint(w.bytes, w.at, ((number << 1) ^ (number >> 31)) >>> 0)
}

/** Writes a bool without a tag. */
export function putBool(w: Writer, value: unknown): void {
  if (value === true) w.bytes[w.at++] = 1
  else if (value === false) w.bytes[w.at++] = 0
  else throw UNFIT
}

function putHalf(w: Writer, value: number): void {
  const { bytes, at } = w
  bytes[at] = value
  bytes[at + 1] = value >>> 8
  bytes[at + 2] = value >>> 16
  bytes[at + 3] = value >>> 24
  w.at = at + 4
}

/** Writes a fixed32 without a tag. */
export function putFixed32(w: Writer, value: unknown): void {
  if ((value as number) >>> 0 !== value) throw UNFIT
  putHalf(w, value as number)
}

/** Writes a sfixed32 without a tag. */
export function putSfixed32(w: Writer, value: unknown): void {
  if (((value as number) | 0) !== value) throw UNFIT
  putHalf(w, value as number)
}

const FLOATS: Float32Array = /*@__PURE__*/ new Float32Array(2)
const DOUBLES: Float64Array = /*@__PURE__*/ new Float64Array(FLOATS.buffer)
const HALVES: Int32Array = /*@__PURE__*/ new Int32Array(FLOATS.buffer)

/** Writes a float without a tag. */
export function putFloat(w: Writer, value: unknown): void {
  if (typeof value !== 'number') throw UNFIT
  FLOATS[0] = value
  const kept = FLOATS[0]!
  // Infinity, and no infinity was given.
  if (kept - kept !== 0 && Number.isFinite(value)) throw UNFIT
  putHalf(w, HALVES[0]!)
}

/** Writes a double without a tag. */
export function putDouble(w: Writer, value: unknown): void {
  if (typeof value !== 'number') throw UNFIT
  DOUBLES[0] = value
  putHalf(w, HALVES[0]!)
  putHalf(w, HALVES[1]!)
}

/** The halves of the 64 bits that were asked for last: no object for them. */
let low = 0
let high = 0

const DECIMAL = /^-?\d{1,20}$/
const TWO_32 = 0x1_0000_0000

/** Any form of an integer that 64 bits may hold, as a bigint. */
export function wideOf(value: unknown): bigint {
  if (typeof value === 'bigint') return value
  if (typeof value === 'number' && Number.isSafeInteger(value)) return BigInt(value)
  if (typeof value === 'string' && DECIMAL.test(value)) return BigInt(value)
  throw UNFIT
}

export const INT64_MIN: bigint = -(2n ** 63n)
export const INT64_MAX: bigint = 2n ** 63n - 1n
export const UINT64_MAX: bigint = 2n ** 64n - 1n
/** Below this a bigint is made a number, which is faster to take apart. */
const SMALL_MAX = 0x1f_ffff_ffff_ffffn

function split(value: unknown, isSigned: boolean): void {
  if (typeof value === 'number' && value >= 0 && Number.isSafeInteger(value)) {
    low = value >>> 0
    high = (value / TWO_32) | 0
    return
  }
  const wide = wideOf(value)
  if (wide >= 0n && wide <= SMALL_MAX) {
    const number = Number(wide)
    low = number >>> 0
    high = (number / TWO_32) | 0
    return
  }
  if (isSigned ? wide < INT64_MIN || wide > INT64_MAX : wide < 0n || wide > UINT64_MAX) throw UNFIT
  splitBits(wide)
}

function splitBits(wide: bigint): void {
  low = Number(BigInt.asUintN(32, wide))
  high = Number(BigInt.asUintN(32, wide >> 32n))
}

/** Writes a int64 without a tag. */
export function putInt64(w: Writer, value: unknown): void {
  split(value, true)
  putVarint64(w, low, high)
}

/** Writes a uint64 without a tag. */
export function putUint64(w: Writer, value: unknown): void {
  split(value, false)
  putVarint64(w, low, high)
}

/** Writes a sint64 without a tag. */
export function putSint64(w: Writer, value: unknown): void {
  const wide = wideOf(value)
  if (wide < INT64_MIN || wide > INT64_MAX) throw UNFIT
  splitBits((wide << 1n) ^ (wide >> 63n))
  putVarint64(w, low, high)
}

/** Writes a fixed64 without a tag. */
export function putFixed64(w: Writer, value: unknown): void {
  split(value, false)
  putHalf(w, low)
  putHalf(w, high)
}

/** Writes a sfixed64 without a tag. */
export function putSfixed64(w: Writer, value: unknown): void {
  split(value, true)
  putHalf(w, low)
  putHalf(w, high)
}

/** Writes a string without a tag. */
export function putString(w: Writer, value: unknown): void {
  if (typeof value !== 'string') throw UNFIT
  putText(w, value)
}

/** Writes a bytes without a tag. */
export function putBytes(w: Writer, value: unknown): void {
  if (!(value instanceof Uint8Array)) throw UNFIT
  const { length } = value
  room(w, length + 5)
  const { bytes } = w
  const at = putVarint(bytes, w.at, length)
  if (length < 24) for (let index = 0; index < length; index++) bytes[at + index] = value[index]!
  else bytes.set(value, at)
  w.at = at + length
}

/** Writes a field of int32, with its tag. */
export function writeInt32(w: Writer, tag: number, value: unknown): void {
  writeTag(w, tag)
  putInt32(w, value)
}

/** Writes a field of uint32, with its tag. */
export function writeUint32(w: Writer, tag: number, value: unknown): void {
  writeTag(w, tag)
  putUint32(w, value)
}

/** Writes a field of sint32, with its tag. */
export function writeSint32(w: Writer, tag: number, value: unknown): void {
  writeTag(w, tag)
  putSint32(w, value)
}

/** Writes a field of bool, with its tag. */
export function writeBool(w: Writer, tag: number, value: unknown): void {
  writeTag(w, tag)
  putBool(w, value)
}

/** Writes a field of fixed32, with its tag. */
export function writeFixed32(w: Writer, tag: number, value: unknown): void {
  writeTag(w, tag)
  putFixed32(w, value)
}

/** Writes a field of sfixed32, with its tag. */
export function writeSfixed32(w: Writer, tag: number, value: unknown): void {
  writeTag(w, tag)
  putSfixed32(w, value)
}

/** Writes a field of float, with its tag. */
export function writeFloat(w: Writer, tag: number, value: unknown): void {
  writeTag(w, tag)
  putFloat(w, value)
}

/** Writes a field of double, with its tag. */
export function writeDouble(w: Writer, tag: number, value: unknown): void {
  writeTag(w, tag)
  putDouble(w, value)
}

/** Writes a field of int64, with its tag. */
export function writeInt64(w: Writer, tag: number, value: unknown): void {
  writeTag(w, tag)
  putInt64(w, value)
}

/** Writes a field of uint64, with its tag. */
export function writeUint64(w: Writer, tag: number, value: unknown): void {
  writeTag(w, tag)
  putUint64(w, value)
}

/** Writes a field of sint64, with its tag. */
export function writeSint64(w: Writer, tag: number, value: unknown): void {
  writeTag(w, tag)
  putSint64(w, value)
}

/** Writes a field of fixed64, with its tag. */
export function writeFixed64(w: Writer, tag: number, value: unknown): void {
  writeTag(w, tag)
  putFixed64(w, value)
}

/** Writes a field of sfixed64, with its tag. */
export function writeSfixed64(w: Writer, tag: number, value: unknown): void {
  writeTag(w, tag)
  putSfixed64(w, value)
}

/** Writes a field of string, with its tag. */
export function writeString(w: Writer, tag: number, value: unknown): void {
  if (typeof value !== 'string') throw UNFIT
  writeTag(w, tag)
  putText(w, value)
}

/** Writes a field of bytes, with its tag. */
export function writeBytes(w: Writer, tag: number, value: unknown): void {
  writeTag(w, tag)
  putBytes(w, value)
}

/** Whether a number without presence is left out: -0 is not. */
export function isZero(value: unknown): boolean {
  return value === 0 && 1 / (value as number) > 0
}

/** Whether a 64-bit integer without presence is left out, whatever its form. */
export function isZero64(value: unknown): boolean {
  return value === 0n || value === 0 || value === '0'
}

/** Whether octets without presence are left out. */
export function isEmpty(value: unknown): boolean {
  return value instanceof Uint8Array && value.length === 0
}

/** A value that its field cannot hold: who called says which, and why. */
export function unfit(): never {
  throw UNFIT
}
