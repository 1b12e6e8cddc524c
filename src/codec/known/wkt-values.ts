import { formOf, isWide, scalarFromJson, scalarToJson } from '../json/json-scalars.js'
import { camelName, Kind } from '../message/field-row.js'
import { MessageType } from '../message/message-type.js'
import { FieldError, show, UNFIT } from '../wire/field-error.js'
import {
  leave,
  leaveGroup,
  type Reader,
  readBool,
  readBytes,
  readDouble,
  readFloat,
  readInt32,
  readInt64,
  readString,
  readTag,
  readUint32,
  readUint64,
  skip,
} from '../wire/reader.js'
import { writeList } from '../wire/write-lists.js'
import {
  isEmpty,
  isZero,
  isZero64,
  putString,
  writeBool,
  writeBytes,
  writeDouble,
  writeFloat,
  writeInt32,
  writeInt64,
  writeString,
  writeUint32,
  writeUint64,
} from '../wire/write-scalars.js'
import { isGiven, type Writer } from '../wire/writer.js'

// Wrappers, FieldMask, Empty.

type WriteOne = (w: Writer, tag: number, value: unknown) => void

/** The value of a wrapper: as it is, or as the message it was. */
function unwrap(value: unknown): unknown {
  if (isGiven(value) && Object.keys(value).join() === 'value') return value['value']
  return value
}

/** A wrapper type as the value it wraps. */
function wrapper<T>(
  name: string,
  kind: number,
  tag: number,
  zero: T,
  write: WriteOne,
  read: (r: Reader, end: number) => T,
  flags: number = 0,
): MessageType<T> {
  const isNothing = isWide(kind)
    ? isZero64
    : (value: unknown) => value === zero && !isNegativeZero(value)
  return new MessageType<T>(
    `google.protobuf.${name}`,
    (w, given) => {
      const value = unwrap(given)
      if (isNothing(value) || isEmpty(value)) return
      try {
        write(w, tag, value)
      } catch (error) {
        throw error === UNFIT ? new FieldError(`${show(value)} is no ${name}`) : error
      }
    },
    (r, end, before = zero, group = 0) => {
      let value = before
      while (r.at < end) {
        const found = readTag(r)
        if (found === tag) value = read(r, end)
        else if (found === group) {
          leaveGroup(r, end)
          return value
        } else skip(r, found, end)
      }
      leave(r, end, group)
      return value
    },
    () => [],
    {
      to: given => scalarToJson(kind, unwrap(given)),
      from: json => scalarFromJson(kind, json, flags) as T,
    },
  )
}

function isNegativeZero(value: unknown): boolean {
  return value === 0 && !isZero(value)
}

/** `google.protobuf.DoubleValue` as the value it wraps. */
export const DoubleValue: MessageType<number> = /*@__PURE__*/ wrapper(
  'DoubleValue',
  Kind.Double,
  9,
  0,
  writeDouble,
  readDouble,
)
/** `google.protobuf.FloatValue` as the value it wraps. */
export const FloatValue: MessageType<number> = /*@__PURE__*/ wrapper(
  'FloatValue',
  Kind.Float,
  13,
  0,
  writeFloat,
  readFloat,
)
/** `google.protobuf.Int32Value` as the value it wraps. */
export const Int32Value: MessageType<number> = /*@__PURE__*/ wrapper(
  'Int32Value',
  Kind.Int32,
  8,
  0,
  writeInt32,
  readInt32,
)
/** `google.protobuf.UInt32Value` as the value it wraps. */
export const UInt32Value: MessageType<number> = /*@__PURE__*/ wrapper(
  'UInt32Value',
  Kind.Uint32,
  8,
  0,
  writeUint32,
  readUint32,
)
/** `google.protobuf.BoolValue` as the value it wraps. */
export const BoolValue: MessageType<boolean> = /*@__PURE__*/ wrapper(
  'BoolValue',
  Kind.Bool,
  8,
  false,
  writeBool,
  readBool,
)
/** `google.protobuf.StringValue` as the value it wraps. */
export const StringValue: MessageType<string> = /*@__PURE__*/ wrapper(
  'StringValue',
  Kind.String,
  10,
  '',
  writeString,
  readString,
)
/** `google.protobuf.BytesValue` as the value it wraps. */
export const BytesValue: MessageType<Uint8Array> = /*@__PURE__*/ wrapper(
  'BytesValue',
  Kind.Bytes,
  10,
  /*@__PURE__*/ new Uint8Array(0),
  writeBytes,
  readBytes,
)

/** 64 bits in the form that a field has; flags as of a `FieldRow`. */
export function int64Value<T>(flags: number): MessageType<T, bigint | number | string> {
  const zero = formOf(0n, flags)
  const read = (r: Reader): unknown => formOf(readInt64(r), flags)
  return wrapper('Int64Value', Kind.Int64, 8, zero, writeInt64, read, flags) as MessageType<
    T,
    never
  >
}

/** As `int64Value`, without sign. */
export function uint64Value<T>(flags: number): MessageType<T, bigint | number | string> {
  const zero = formOf(0n, flags)
  const read = (r: Reader): unknown => formOf(readUint64(r), flags)
  return wrapper('UInt64Value', Kind.Uint64, 8, zero, writeUint64, read, flags) as MessageType<
    T,
    never
  >
}

/** `google.protobuf.Int64Value` as the value it wraps. */
export const Int64Value: MessageType<bigint, bigint | number | string> = /*@__PURE__*/ int64Value(0)
/** `google.protobuf.UInt64Value` as the value it wraps. */
export const UInt64Value: MessageType<bigint, bigint | number | string> =
  /*@__PURE__*/ uint64Value(0)
/** `google.protobuf.Int64Value` as the value it wraps. */
export const NumberInt64Value: MessageType<number, bigint | number | string> =
  /*@__PURE__*/ int64Value(16)
/** `google.protobuf.UInt64Value` as the value it wraps. */
export const NumberUInt64Value: MessageType<number, bigint | number | string> =
  /*@__PURE__*/ uint64Value(16)
/** `google.protobuf.Int64Value` as the value it wraps. */
export const StringInt64Value: MessageType<string, bigint | number | string> =
  /*@__PURE__*/ int64Value(32)
/** `google.protobuf.UInt64Value` as the value it wraps. */
export const StringUInt64Value: MessageType<string, bigint | number | string> =
  /*@__PURE__*/ uint64Value(32)

function pathsOf(value: unknown): readonly string[] {
  const paths = isGiven(value) && !Array.isArray(value) ? value['paths'] : value
  if (Array.isArray(paths)) return paths as readonly string[]
  throw new FieldError(`${show(value)} is no FieldMask: give an array of paths`)
}

const SNAKE_PATH = /^[a-z0-9_.]*$/
const CAMEL_PATH = /^[A-Za-z0-9.]*$/

function pathToJson(path: string): string {
  const camel = camelName(path)
  if (!SNAKE_PATH.test(path) || snakePath(camel) !== path) {
    throw new FieldError(`${show(path)} has no form in JSON`)
  }
  return camel
}

function snakePath(camel: string): string {
  return camel.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`)
}

/** `google.protobuf.FieldMask` as an array of paths. */
export const FieldMask: MessageType<
  string[],
  readonly string[] | { readonly paths: readonly string[] }
> = /*@__PURE__*/ new MessageType(
  'google.protobuf.FieldMask',
  (w, value) => {
    try {
      writeList(w, 10, putString, pathsOf(value))
    } catch (error) {
      throw error === UNFIT ? new FieldError(`${show(value)} is no FieldMask`) : error
    }
  },
  (r, end, before: string[] = [], group = 0) => {
    while (r.at < end) {
      const tag = readTag(r)
      if (tag === 10) before.push(readString(r, end))
      else if (tag === group) {
        leaveGroup(r, end)
        return before
      } else skip(r, tag, end)
    }
    leave(r, end, group)
    return before
  },
  () => [],
  {
    to: value => pathsOf(value).map(pathToJson).join(','),
    from(json) {
      if (typeof json !== 'string' || !json.split(',').every(path => CAMEL_PATH.test(path))) {
        throw new FieldError(`${show(json)} is no FieldMask`)
      }
      return json === '' ? [] : json.split(',').map(snakePath)
    },
  },
)

/** `google.protobuf.Empty`. */
export type Empty = Record<never, never>

/** `google.protobuf.Empty`: a message without fields. */
export const Empty: MessageType<Empty> = /*@__PURE__*/ new MessageType<Empty>(
  'google.protobuf.Empty',
  () => undefined,
  (r, end, before = {}, group = 0) => {
    while (r.at < end) {
      const tag = readTag(r)
      if (tag === group) {
        leaveGroup(r, end)
        return before
      }
      skip(r, tag, end)
    }
    leave(r, end, group)
    return before
  },
  () => [],
)
