import { type EnumType, hasValue } from './enum-type.js'
import { UNFIT } from './field-error.js'
import { type Put, putDouble, putInt32, writeInt32 } from './write-scalars.js'
import {
  closeRange,
  openRange,
  putVarint,
  room,
  varintSize,
  type Writer,
  widen,
  writeTag,
} from './writer.js'

// Lists, the keys of maps, closed enums.

/** The value of a closed enum. */
export function writeClosed(w: Writer, tag: number, value: unknown, type: EnumType): void {
  if (!hasValue(type, value as number)) throw UNFIT
  writeInt32(w, tag, value)
}

/** The values of a list of a closed enum. */
export function checkClosed<T>(list: T, type: EnumType): T {
  for (const value of listOf(list)) if (!hasValue(type, value)) throw UNFIT
  return list
}

const NONE: readonly never[] = []

/** The values of a list; none where nothing was given. */
export function listOf(value: unknown): readonly never[] {
  if (Array.isArray(value)) return value as never[]
  if (value === undefined || value === null) return NONE
  throw UNFIT
}

/** The keys of a map; none where nothing was given. */
export function keysOf(value: unknown): readonly string[] {
  if (value === undefined || value === null) return NONE
  if (typeof value !== 'object' || Array.isArray(value)) throw UNFIT
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) throw UNFIT
  return Object.keys(value)
}

/** A key of a map of numbers: in JavaScript it is text. */
export function numberKey(key: string): number {
  const number = Number(key)
  if (String(number) !== key) throw UNFIT
  return number
}

/** A key of a map of bools: in JavaScript it is text. */
export function boolKey(key: string): boolean {
  if (key !== 'true' && key !== 'false') throw UNFIT
  return key === 'true'
}

/** A list, each value with the tag. */
export function writeList(w: Writer, tag: number, put: Put, value: unknown): void {
  const list: readonly unknown[] = listOf(value)
  for (let index = 0; index < list.length; index++) {
    writeTag(w, tag)
    put(w, list[index])
  }
}

/** A list in one run. */
export function writePacked(w: Writer, tag: number, put: Put, value: unknown): void {
  const list: readonly unknown[] = listOf(value)
  if (list.length === 0) return
  const begun = openRange(w, tag)
  for (let index = 0; index < list.length; index++) {
    if (w.at > w.last) room(w, 16)
    put(w, list[index])
  }
  closeRange(w, begun)
}

/** Begins a run of `length` values, of `sizeMax` octets at most each. Returns where the first one goes. */
function openRun(w: Writer, tag: number, length: number, sizeMax: number): number {
  writeTag(w, tag)
  room(w, length * sizeMax + 10)
  // Each value has one octet at least.
  return w.at + varintSize(length)
}

/** Ends a run that began at `start` and ends at `end`: its length goes in front of it. */
function closeRun(w: Writer, start: number, end: number, length: number): void {
  w.at = end
  widen(w, start, end - start, varintSize(length))
}

/** Writes a list of int32 in one run, behind its tag. */
export function writePackedInt32(w: Writer, tag: number, value: unknown): void {
  const list = listOf(value) as readonly number[]
  const { length } = list
  if (length === 0) return
  const start = openRun(w, tag, length, 10)
  const { bytes } = w
  let at = start
  for (let index = 0; index < length; index++) {
    const number = list[index]!
    if ((number | 0) !== number) throw UNFIT
    if (number >= 0 && number < 128) bytes[at++] = number
    else {
      w.at = at
      putInt32(w, number)
      at = w.at
    }
  }
  closeRun(w, start, at, length)
}

/** Writes a list of uint32 in one run, behind its tag. */
export function writePackedUint32(w: Writer, tag: number, value: unknown): void {
  const list = listOf(value) as readonly number[]
  const { length } = list
  if (length === 0) return
  const start = openRun(w, tag, length, 5)
  const { bytes } = w
  let at = start
  for (let index = 0; index < length; index++) {
    const number = list[index]!
    if (number >>> 0 !== number) throw UNFIT
    at = putShort(bytes, at, number)
  }
  closeRun(w, start, at, length)
}

/** Writes a list of sint32 in one run, behind its tag. */
export function writePackedSint32(w: Writer, tag: number, value: unknown): void {
  const list = listOf(value) as readonly number[]
  const { length } = list
  if (length === 0) return
  const start = openRun(w, tag, length, 5)
  const { bytes } = w
  let at = start
  for (let index = 0; index < length; index++) {
    const number = list[index]!
    if ((number | 0) !== number) throw UNFIT
    at = putShort(bytes, at, ((number << 1) ^ (number >> 31)) >>> 0)
  }
  closeRun(w, start, at, length)
}

/** As `putVarint`; most have one or two octets. */
function putShort(bytes: Uint8Array, at: number, value: number): number {
  if (value < 128) {
    bytes[at] = value
    return at + 1
  }
  if (value >= 16_384) return putVarint(bytes, at, value)
  bytes[at] = (value & 127) | 128
  bytes[at + 1] = value >>> 7
  return at + 2
}

/** Whether typed arrays lie in memory as the wire has them. */
const IS_LITTLE: boolean =
  /*@__PURE__*/ new Uint8Array(/*@__PURE__*/ new Uint16Array([1]).buffer)[0] === 1

/** Writes a list of double in one run, behind its tag. */
export function writePackedDouble(w: Writer, tag: number, value: unknown): void {
  const list: readonly unknown[] = listOf(value)
  const { length } = list
  if (length === 0) return
  writeTag(w, tag)
  room(w, length * 8 + 5)
  w.at = putVarint(w.bytes, w.at, length * 8)
  if (length < 16 || !IS_LITTLE) {
    for (let index = 0; index < length; index++) putDouble(w, list[index])
    return
  }
  const run = new Float64Array(length)
  for (let index = 0; index < length; index++) {
    const number = list[index]
    if (typeof number !== 'number') throw UNFIT
    run[index] = number
  }
  w.bytes.set(new Uint8Array(run.buffer), w.at)
  w.at += length * 8
}
