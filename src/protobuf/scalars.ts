import { FieldError, show } from '../codec/index.js'
import type { OctetReader } from './octet-reader.js'
import type { OctetWriter } from './octet-writer.js'

/**
 * How 64-bit integers are decoded: exactly, as `bigint` or decimal `string`, or as `number`, which
 * is inexact beyond 2^53.
 */
export type Int64Form = 'bigint' | 'string' | 'number'

/** A type of single values: how they are checked, written and read. */
export interface Scalar {
  readonly wireType: 0 | 1 | 2 | 5
  /** What a field without presence has when it was not sent. Octets make one each time. */
  readonly zero: unknown
  /** Whether a field without presence leaves it out. Asked of any value, right or wrong. */
  isZero(value: unknown): boolean
  /** @throws FieldError for a value that the type cannot hold */
  write(writer: OctetWriter, value: unknown): void
  read(reader: OctetReader): unknown
}

type WriteNumber = (writer: OctetWriter, value: number) => void

function wrong(value: unknown, name: string, cure = ''): never {
  throw new FieldError(`${show(value)} is no ${name}${cure}`)
}

/** Integers of 32 bits. `kept` takes a number to what the type makes of it: itself, where it fits. */
function integer(
  name: string,
  wireType: 0 | 5,
  kept: (value: number) => number,
  put: WriteNumber,
  read: (reader: OctetReader) => number,
): Scalar {
  return {
    wireType,
    zero: 0,
    isZero: value => value === 0,
    write(writer, value) {
      if (typeof value !== 'number' || kept(value) !== value) wrong(value, name)
      put(writer, value)
    },
    read,
  }
}

const signed = (value: number): number => value | 0
const unsigned = (value: number): number => value >>> 0

/** Negative numbers are written as 64 bits. */
function putInt32(writer: OctetWriter, value: number): void {
  if (value < 0) writer.varint64(value >>> 0, 0xffff_ffff)
  else writer.varint(value)
}

function readInt32(reader: OctetReader): number {
  return reader.varint() | 0
}

const INT32: Scalar = integer('int32', 0, signed, putInt32, readInt32)

const FLOAT: Scalar = {
  wireType: 5,
  zero: 0,
  isZero: value => Object.is(value, 0),
  write(writer, value) {
    if (typeof value !== 'number') wrong(value, 'float')
    if (Number.isFinite(value) && !Number.isFinite(Math.fround(value))) {
      wrong(value, 'float', ', whose largest is 3.4e38')
    }
    writer.float(value)
  },
  read: reader => reader.float(),
}

const DOUBLE: Scalar = {
  wireType: 1,
  zero: 0,
  isZero: value => Object.is(value, 0),
  write(writer, value) {
    if (typeof value !== 'number') wrong(value, 'double')
    writer.double(value)
  },
  read: reader => reader.double(),
}

const BOOL: Scalar = {
  wireType: 0,
  zero: false,
  isZero: value => value === false,
  write(writer, value) {
    if (typeof value !== 'boolean') wrong(value, 'bool')
    writer.varint(value ? 1 : 0)
  },
  read: reader => reader.varint64() !== 0,
}

const BYTES: Scalar = {
  wireType: 2,
  zero: undefined,
  isZero: value => value instanceof Uint8Array && value.length === 0,
  write(writer, value) {
    if (!(value instanceof Uint8Array)) wrong(value, 'Uint8Array', bytesCure(value))
    writer.octets(value)
  },
  read: reader => reader.octets(),
}

function bytesCure(value: unknown): string {
  if (typeof value === 'string') return ": give Buffer.from(text, 'utf8'), or 'base64'"
  if (value instanceof ArrayBuffer) return ': give new Uint8Array(buffer)'
  return Array.isArray(value) ? ': give Uint8Array.from(array)' : ''
}

/** `strict`: text that arrives must be UTF-8. */
function text(strict: boolean): Scalar {
  return {
    wireType: 2,
    zero: '',
    isZero: value => value === '',
    write(writer, value) {
      if (typeof value !== 'string') wrong(value, 'string')
      writer.text(value)
    },
    read: reader => reader.text(strict),
  }
}

/** Text of a decimal integer that 64 bits may hold. */
const DECIMAL = /^-?\d{1,20}$/

/** Any form of a 64-bit integer as a bigint; undefined where it is none. */
function toBigInt(value: unknown): bigint | undefined {
  if (typeof value === 'bigint') return value
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : undefined
  if (typeof value === 'string') return DECIMAL.test(value) ? BigInt(value) : undefined
  if (typeof value !== 'object' || value === null) return undefined
  // The Long of the package long, which other protobuf libraries give.
  const { low, high, unsigned: isUnsigned } = value as Record<string, unknown>
  if (typeof low !== 'number' || typeof high !== 'number') return undefined
  const bits = (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0)
  return isUnsigned === true ? bits : BigInt.asIntN(64, bits)
}

/** Text so short is exact as a number. Unit: digits. */
const EXACT_DIGITS_MAX = 15
const DIGITS = /^\d+$/

/** What `value` says, where that is an integer that is not negative and exact as a number; else -1. */
function exactNumber(value: unknown): number {
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0 ? value : -1
  if (typeof value !== 'string' || value.length > EXACT_DIGITS_MAX || !DIGITS.test(value)) return -1
  return Number(value)
}

const SIGNED_RANGE = [-(2n ** 63n), 2n ** 63n - 1n] as const
const UNSIGNED_RANGE = [0n, 2n ** 64n - 1n] as const

/** In which form 64-bit integers arrive, from the number or bigint without sign that was read. */
type Shape = (value: number | bigint) => unknown

const SIGN_BIT = 1n << 63n
const asSigned = (value: number | bigint): number | bigint =>
  typeof value === 'bigint' && value >= SIGN_BIT ? value - (1n << 64n) : value

const SHAPES: Readonly<Record<Int64Form, Shape>> = {
  bigint: value => BigInt(value),
  string: value => String(value),
  number: value => Number(value),
}

interface Int64Rules {
  readonly name: string
  readonly wireType: 0 | 1
  readonly isSigned: boolean
  readonly zigzag: boolean
}

function int64(form: Int64Form, rules: Int64Rules): Scalar {
  const { name, wireType, isSigned, zigzag } = rules
  const [least, most] = isSigned ? SIGNED_RANGE : UNSIGNED_RANGE
  const shape = SHAPES[form]
  return {
    wireType,
    zero: shape(0),
    isZero: value => value === 0n || value === 0 || value === '0',
    write(writer, value) {
      // Most that is written is a count, a time or an id: no bigint for them.
      const exact = zigzag ? -1 : exactNumber(value)
      if (exact >= 0) {
        const high = (exact / 0x1_0000_0000) | 0
        if (wireType === 0) writer.varint64(exact >>> 0, high)
        else writer.fixed64(exact >>> 0, high)
        return
      }
      const given = toBigInt(value)
      if (given === undefined) wrong(value, name, int64Cure(value))
      if (given < least || given > most) wrong(value, name, `, which goes from ${least} to ${most}`)
      const bits = zigzag ? (given << 1n) ^ (given >> 63n) : given
      const low = Number(BigInt.asUintN(32, bits))
      const high = Number(BigInt.asUintN(32, bits >> 32n))
      if (wireType === 0) writer.varint64(low, high)
      else writer.fixed64(low, high)
    },
    read(reader) {
      const bits = wireType === 0 ? reader.varint64() : reader.fixed64()
      if (zigzag) {
        const wide = BigInt(bits)
        return shape((wide >> 1n) ^ -(wide & 1n))
      }
      return shape(isSigned ? asSigned(bits) : bits)
    },
  }
}

function int64Cure(value: unknown): string {
  const isLarge = typeof value === 'number' && Number.isInteger(value)
  return isLarge ? ': numbers are exact up to 2^53 only, give a bigint or text' : ''
}

const INT64_RULES: Readonly<Record<string, Int64Rules>> = {
  int64: { name: 'int64', wireType: 0, isSigned: true, zigzag: false },
  uint64: { name: 'uint64', wireType: 0, isSigned: false, zigzag: false },
  sint64: { name: 'sint64', wireType: 0, isSigned: true, zigzag: true },
  fixed64: { name: 'fixed64', wireType: 1, isSigned: false, zigzag: false },
  sfixed64: { name: 'sfixed64', wireType: 1, isSigned: true, zigzag: false },
}

const SCALARS: Readonly<Record<string, Scalar>> = {
  int32: INT32,
  uint32: integer(
    'uint32',
    0,
    unsigned,
    (writer, value) => writer.varint(value),
    reader => reader.varint(),
  ),
  sint32: integer(
    'sint32',
    0,
    signed,
    (writer, value) => writer.varint(((value << 1) ^ (value >> 31)) >>> 0),
    reader => {
      const bits = reader.varint()
      return (bits >>> 1) ^ -(bits & 1)
    },
  ),
  fixed32: integer(
    'fixed32',
    5,
    unsigned,
    (writer, value) => writer.fixed32(value),
    reader => reader.fixed32(),
  ),
  sfixed32: integer(
    'sfixed32',
    5,
    signed,
    (writer, value) => writer.fixed32(value >>> 0),
    reader => reader.sfixed32(),
  ),
  float: FLOAT,
  double: DOUBLE,
  bool: BOOL,
  bytes: BYTES,
}

const STRICT_TEXT: Scalar = text(true)
const LENIENT_TEXT: Scalar = text(false)

/** The scalar type called `name`; undefined where that is none. `strictText`: text that arrives must be UTF-8. */
export function scalarOf(name: string, form: Int64Form, strictText: boolean): Scalar | undefined {
  if (name === 'string') return strictText ? STRICT_TEXT : LENIENT_TEXT
  if (Object.hasOwn(INT64_RULES, name)) return int64(form, INT64_RULES[name]!)
  return Object.hasOwn(SCALARS, name) ? SCALARS[name] : undefined
}

/** Names an error lists at the most. */
const NAMES_SHOWN_MAX = 10

/** An enum: numbers and names are given, numbers arrive. A closed one has no other values than its own. */
export function enumScalar(
  name: string,
  values: Readonly<Record<string, number>>,
  closed: boolean,
  zero: number,
): Scalar {
  const numbers = new Set(Object.values(values))
  const numberOf = (value: unknown): number => {
    if (typeof value === 'number') {
      if ((value | 0) !== value) wrong(value, `value of the enum ${name}`)
      if (closed && !numbers.has(value)) wrong(value, `value of the closed enum ${name}`)
      return value
    }
    if (typeof value === 'string' && Object.hasOwn(values, value)) return values[value]!
    const names = Object.keys(values)
    const more = names.length > NAMES_SHOWN_MAX ? ', ...' : ''
    return wrong(
      value,
      `value of the enum ${name}`,
      `: ${names.slice(0, NAMES_SHOWN_MAX).join(', ')}${more}`,
    )
  }
  return {
    wireType: 0,
    zero,
    isZero: value =>
      value === zero ||
      (typeof value === 'string' && Object.hasOwn(values, value) && values[value] === zero),
    write: (writer, value) => putInt32(writer, numberOf(value)),
    read: readInt32,
  }
}
