import { FieldFlag, Kind } from '../message/field-row.js'
import { type EnumType, namesOf } from '../wire/enum-type.js'
import { FieldError, show } from '../wire/field-error.js'
import { INT64_MAX, INT64_MIN, UINT64_MAX, wideOf } from '../wire/write-scalars.js'
import { isText } from '../wire/writer.js'
import { fromBase64, toBase64 } from './base64.js'

const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/
const SPECIAL: Readonly<Record<string, number>> = {
  NaN: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY,
  '-Infinity': Number.NEGATIVE_INFINITY,
}

/** A single value as JSON. */
export function scalarToJson(kind: number, value: unknown): unknown {
  if (kind === Kind.Double || kind === Kind.Float) {
    const number = value as number
    if (!Number.isFinite(number)) return String(number)
    // JSON.stringify would make it 0.
    if (Object.is(number, -0)) return '-0'
    return kind === Kind.Float ? shortest(number) : number
  }
  if (kind === Kind.Bytes) return toBase64(value as Uint8Array)
  return isWide(kind) ? String(value) : value
}

/** The shortest number that is the same as a float. */
function shortest(value: number): number {
  const float = Math.fround(value)
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(float.toPrecision(digits))
    if (Math.fround(short) === float) return short
  }
  return Number(float.toPrecision(9))
}

export function isWide(kind: number): boolean {
  return (
    kind === Kind.Int64 ||
    kind === Kind.Uint64 ||
    kind === Kind.Sint64 ||
    kind === Kind.Fixed64 ||
    kind === Kind.Sfixed64
  )
}

/** A single value from JSON. @throws FieldError */
export function scalarFromJson(kind: number, json: unknown, flags: number): unknown {
  if (kind === Kind.String) {
    if (typeof json !== 'string') throw new FieldError(`${show(json)} is no string`)
    if (!isText(json)) throw new FieldError('the text has half of a surrogate pair')
    return json
  }
  if (kind === Kind.Bool) {
    if (typeof json !== 'boolean') throw new FieldError(`${show(json)} is no bool`)
    return json
  }
  if (kind === Kind.Bytes) {
    const bytes = typeof json === 'string' ? fromBase64(json) : undefined
    if (bytes === undefined) throw new FieldError(`${show(json)} is no base64`)
    return bytes
  }
  if (kind === Kind.Double || kind === Kind.Float) return floatFromJson(kind, json)
  return isWide(kind) ? wideFromJson(kind, json, flags) : intFromJson(kind, json)
}

function floatFromJson(kind: number, json: unknown): number {
  const name = kind === Kind.Float ? 'float' : 'double'
  if (typeof json === 'string' && Object.hasOwn(SPECIAL, json)) return SPECIAL[json]!
  const isNumber = typeof json === 'number' || (typeof json === 'string' && NUMBER.test(json))
  if (!isNumber) throw new FieldError(`${show(json)} is no ${name}`)
  const number = Number(json)
  const kept = kind === Kind.Float ? Math.fround(number) : number
  if (!Number.isFinite(kept)) throw new FieldError(`${show(json)} is too large for a ${name}`)
  return kept
}

function intFromJson(kind: number, json: unknown): number {
  const isNumber = typeof json === 'number' || (typeof json === 'string' && NUMBER.test(json))
  const number = isNumber ? Number(json) : Number.NaN
  const isUnsigned = kind === Kind.Uint32 || kind === Kind.Fixed32
  const kept = isUnsigned ? number >>> 0 : number | 0
  if (kept === number) return kept
  throw new FieldError(`${show(json)} is no ${isUnsigned ? 'uint32' : 'int32'}`)
}

function wideFromJson(kind: number, json: unknown, flags: number): bigint | number | string {
  const isUnsigned = kind === Kind.Uint64 || kind === Kind.Fixed64
  const wide = toWide(json)
  const [least, most] = isUnsigned ? [0n, UINT64_MAX] : [INT64_MIN, INT64_MAX]
  if (wide === undefined || wide < least || wide > most) {
    throw new FieldError(`${show(json)} is no ${isUnsigned ? 'uint64' : 'int64'}`)
  }
  return formOf(wide, flags)
}

/** 64 bits in the form that a field has. */
export function formOf(wide: bigint, flags: number): bigint | number | string {
  if ((flags & FieldFlag.Int64Number) !== 0) return Number(wide)
  return (flags & FieldFlag.Int64String) !== 0 ? String(wide) : wide
}

function toWide(json: unknown): bigint | undefined {
  if (typeof json === 'bigint') return json
  if (typeof json === 'number') return Number.isInteger(json) ? BigInt(json) : undefined
  if (typeof json !== 'string' || !NUMBER.test(json)) return undefined
  try {
    return wideOf(json)
  } catch {
    // With a point or an exponent it is a number still.
    const number = Number(json)
    return Number.isInteger(number) ? BigInt(number) : undefined
  }
}

/** An enum's value as JSON: its name, or the number of one that has none. */
export function enumToJson(type: EnumType, value: unknown): unknown {
  if (type.typeName === 'google.protobuf.NullValue') return null
  return namesOf(type).get(value as number) ?? value
}

/** An enum's value from JSON; undefined for a name that it does not have, where that is no fault. */
export function enumFromJson(
  type: EnumType,
  json: unknown,
  ignoreUnknown: boolean,
): number | undefined {
  if (json === null && type.typeName === 'google.protobuf.NullValue') return 0
  if (typeof json === 'string') {
    if (Object.hasOwn(type.values, json)) return type.values[json]!
    if (ignoreUnknown) return undefined
    throw new FieldError(`${show(json)} is no value of ${type.typeName}`)
  }
  if (typeof json !== 'number' || (json | 0) !== json) {
    throw new FieldError(`${show(json)} is no value of ${type.typeName}`)
  }
  if (!type.isClosed || namesOf(type).has(json)) return json
  if (ignoreUnknown) return undefined
  throw new FieldError(`${show(json)} is no value of ${type.typeName}, which is closed`)
}
