import { hasValue } from '../wire/enum-type.js'
import { FieldError, show, UNFIT } from '../wire/field-error.js'
import {
  INT64_MAX,
  INT64_MIN,
  type Put,
  putBool,
  putBytes,
  putDouble,
  putFixed32,
  putFixed64,
  putFloat,
  putInt32,
  putInt64,
  putSfixed32,
  putSfixed64,
  putSint32,
  putSint64,
  putString,
  putUint32,
  putUint64,
  UINT64_MAX,
} from '../wire/write-scalars.js'
import { DEPTH_MAX, isGiven, isText, reset, Writer } from '../wire/writer.js'
import { type AnyMessageType, type FieldInfo, Kind } from './field-row.js'

/** How the values of each kind are called, and how they are written. */
export const SCALARS: Readonly<Record<number, readonly [name: string, put: Put]>> = {
  [Kind.Double]: ['double', putDouble],
  [Kind.Float]: ['float', putFloat],
  [Kind.Int64]: ['int64', putInt64],
  [Kind.Uint64]: ['uint64', putUint64],
  [Kind.Int32]: ['int32', putInt32],
  [Kind.Fixed64]: ['fixed64', putFixed64],
  [Kind.Fixed32]: ['fixed32', putFixed32],
  [Kind.Bool]: ['bool', putBool],
  [Kind.String]: ['string', putString],
  [Kind.Bytes]: ['Uint8Array', putBytes],
  [Kind.Uint32]: ['uint32', putUint32],
  [Kind.Enum]: ['enum', putInt32],
  [Kind.Sfixed32]: ['sfixed32', putSfixed32],
  [Kind.Sfixed64]: ['sfixed64', putSfixed64],
  [Kind.Sint32]: ['sint32', putSint32],
  [Kind.Sint64]: ['sint64', putSint64],
}

/** Where values are tried. */
const scratch: Writer = /*@__PURE__*/ new Writer()

type Given = Readonly<Record<string, unknown>>

/** Why a message cannot be written; undefined when nothing is wrong with it. */
export function explain(type: AnyMessageType, value: unknown): FieldError | undefined {
  return faultOf(type, value, DEPTH_MAX)?.within(shortName(type.typeName))
}

function shortName(typeName: string): string {
  return typeName.slice(typeName.lastIndexOf('.') + 1)
}

function faultOf(type: AnyMessageType, value: unknown, depth: number): FieldError | undefined {
  if (depth < 0) return new FieldError(`messages are nested deeper than ${DEPTH_MAX}`)
  if (type.json !== undefined) return faultOfNative(type, value)
  if (!isGiven(value)) {
    return new FieldError(`${show(value)} is no message: give an object with its fields`)
  }
  for (const field of type.fields) {
    const fault = faultOfField(field, value, depth) ?? faultOfChoice(type, field, value)
    if (fault !== undefined) return fault
  }
  return undefined
}

/** A choice that a oneof does not have. */
function faultOfChoice(
  type: AnyMessageType,
  { oneof }: FieldInfo,
  given: Given,
): FieldError | undefined {
  const chosen = oneof === undefined ? undefined : (given[oneof] as { case?: unknown } | undefined)
  if (chosen === undefined || chosen === null || chosen.case === undefined) return undefined
  const names = type.fields.filter(field => field.oneof === oneof).map(({ local }) => local)
  if (names.includes(chosen.case as string)) return undefined
  return new FieldError(`there is no '${String(chosen.case)}' among ${names.join(', ')}`).within(
    oneof!,
  )
}

/** A value of JavaScript says itself what is wrong with it. */
function faultOfNative(type: AnyMessageType, value: unknown): FieldError | undefined {
  try {
    type.write(scratch, value)
    return undefined
  } catch (error) {
    if (error instanceof FieldError) return error
    return new FieldError(`${show(value)} is no ${shortName(type.typeName)}`)
  } finally {
    reset(scratch)
  }
}

function faultOfField(field: FieldInfo, given: Given, depth: number): FieldError | undefined {
  const { oneof, local } = field
  if (oneof !== undefined) {
    const chosen = given[oneof]
    if (chosen === undefined || chosen === null) return undefined
    if (typeof chosen !== 'object' || !('case' in chosen)) {
      return new FieldError(`${show(chosen)} is no choice: give { case, value }`).within(oneof)
    }
    if (chosen.case !== local) return undefined
    const { value } = chosen as { value?: unknown }
    return faultOfOne(field, value, depth)?.within(`${oneof}.value`)
  }
  const value = given[local]
  if (value === undefined || value === null) {
    if ((field.flags & 8) === 0) return undefined
    return new FieldError('is required, and was not given').within(local)
  }
  if (field.isMap) return faultOfMap(field, value, depth)?.within(local)
  if (field.isList) return faultOfList(field, value, depth)?.within(local)
  return faultOfOne(field, value, depth)?.within(local)
}

function faultOfList(field: FieldInfo, list: unknown, depth: number): FieldError | undefined {
  if (!Array.isArray(list)) return new FieldError(`${show(list)} is no array`)
  for (let index = 0; index < list.length; index++) {
    const fault = faultOfOne(field, list[index], depth)
    if (fault !== undefined) return fault.within(`[${index}]`)
  }
  return undefined
}

function faultOfMap(field: FieldInfo, map: unknown, depth: number): FieldError | undefined {
  if (!isGiven(map) || Array.isArray(map)) {
    const cure = map instanceof Map ? ': give Object.fromEntries(map)' : ': give an object'
    return new FieldError(`${show(map)} is no map${cure}`)
  }
  for (const [key, value] of Object.entries(map)) {
    const fault =
      faultOfScalar(field.keyKind, keyOf(field.keyKind, key)) ?? faultOfOne(field, value, depth)
    if (fault !== undefined) return fault.within(`['${key}']`)
  }
  return undefined
}

const WIDE: ReadonlySet<number> = /*@__PURE__*/ new Set<number>([
  Kind.Int64,
  Kind.Uint64,
  Kind.Fixed64,
  Kind.Sfixed64,
  Kind.Sint64,
])

/** A map's key: in JavaScript it is text, whatever the field says. */
function keyOf(kind: number, key: string): unknown {
  if (kind === Kind.String || WIDE.has(kind)) return key
  if (kind === Kind.Bool) return key === 'true' ? true : key === 'false' ? false : key
  const number = Number(key)
  return String(number) === key ? number : key
}

function faultOfOne(field: FieldInfo, value: unknown, depth: number): FieldError | undefined {
  const { message, enumType } = field
  if (message !== undefined) return faultOf(message, value, depth - 1)
  const fault = faultOfScalar(field.kind, value)
  if (enumType === undefined) return fault
  if (fault !== undefined) {
    return new FieldError(
      `${show(value)} is no value of ${enumType.typeName}: give one of its numbers`,
    )
  }
  if (enumType.isClosed && !hasValue(enumType, value as number)) {
    return new FieldError(`${show(value)} is no value of ${enumType.typeName}, which is closed`)
  }
  return undefined
}

function faultOfScalar(kind: number, value: unknown): FieldError | undefined {
  const [name, put] = SCALARS[kind]!
  try {
    put(scratch, value)
    return undefined
  } catch (error) {
    if (error !== UNFIT) throw error
  } finally {
    reset(scratch)
  }
  if (typeof value === 'string' && kind === Kind.String && !isText(value)) {
    return new FieldError('the text has half of a surrogate pair, which UTF-8 cannot carry')
  }
  return new FieldError(`${show(value)} is no ${name}${cureOf(kind, value)}`)
}

/** What to do about it. */
function cureOf(kind: number, value: unknown): string {
  if (kind === Kind.Bytes) {
    if (typeof value === 'string') return ": give Buffer.from(text, 'utf8'), or 'base64'"
    if (value instanceof ArrayBuffer) return ': give new Uint8Array(buffer)'
    return Array.isArray(value) ? ': give Uint8Array.from(array)' : ''
  }
  if (kind === Kind.Float && typeof value === 'number') return ', whose largest is 3.4e38'
  if (!WIDE.has(kind)) return ''
  if (typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value)) {
    return ': numbers are exact up to 2^53 only, give a bigint or text'
  }
  if (typeof value !== 'bigint' && typeof value !== 'string') return ''
  const isUnsigned = kind === Kind.Uint64 || kind === Kind.Fixed64
  const [least, most] = isUnsigned ? [0n, UINT64_MAX] : [INT64_MIN, INT64_MAX]
  return `, which goes from ${least} to ${most}`
}
