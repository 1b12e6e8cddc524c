import { jsonObject } from '../json/json-object.js'
import type { JsonHooks } from '../message/field-row.js'
import { MessageType } from '../message/message-type.js'
import type { EnumType } from '../wire/enum-type.js'
import { FieldError, show } from '../wire/field-error.js'
import { setEntry } from '../wire/read-lists.js'
import {
  enter,
  leave,
  leaveGroup,
  type Reader,
  readBool,
  readDouble,
  readInt32,
  readString,
  readTag,
  skip,
} from '../wire/reader.js'
import { writeBool, writeDouble, writeInt32, writeString } from '../wire/write-scalars.js'
import { close, closeRange, DEPTH_MAX, openNative, openRange, type Writer } from '../wire/writer.js'

/** A JSON value: the JavaScript value of a `google.protobuf.Value`. */
export type JsonValue = null | number | string | boolean | JsonObject | readonly JsonValue[]
/** A JSON object: the JavaScript value of a `google.protobuf.Struct`. */
export type JsonObject = { readonly [name: string]: JsonValue }

function writeStruct(w: Writer, value: unknown): void {
  const prototype: unknown =
    typeof value === 'object' && value !== null ? Object.getPrototypeOf(value) : undefined
  if (prototype !== Object.prototype && prototype !== null) {
    throw new FieldError(`${show(value)} is no Struct: give a plain object of JSON values`)
  }
  for (const [name, each] of Object.entries(value as JsonObject)) {
    // As JSON has it: a name with `undefined` is not there.
    if (each === undefined) continue
    const begun = openRange(w, 10)
    writeString(w, 10, name)
    const inner = openNative(w, 18)
    writeValue(w, each)
    close(w, inner)
    closeRange(w, begun)
  }
}

function writeListValue(w: Writer, value: unknown): void {
  if (!Array.isArray(value)) {
    throw new FieldError(`${show(value)} is no ListValue: give an array of JSON values`)
  }
  for (const each of value as readonly JsonValue[]) {
    const begun = openNative(w, 10)
    writeValue(w, each)
    close(w, begun)
  }
}

function writeValue(w: Writer, value: unknown): void {
  if (value === null) writeInt32(w, 8, 0)
  else if (typeof value === 'number' && Number.isFinite(value)) writeDouble(w, 17, value)
  else if (typeof value === 'string') writeString(w, 26, value)
  else if (typeof value === 'boolean') writeBool(w, 32, value)
  else if (typeof value === 'object') {
    const isList = Array.isArray(value)
    const begun = openNative(w, isList ? 50 : 42)
    if (isList) writeListValue(w, value)
    else writeStruct(w, value)
    close(w, begun)
  } else throw new FieldError(`${show(value)} is no JSON value`)
}

function readStruct(
  r: Reader,
  end: number,
  before: JsonObject = {},
  group: number = 0,
): JsonObject {
  while (r.at < end) {
    const tag = readTag(r)
    if (tag === 10) readEntry(r, enter(r, end), before)
    else if (tag === group) {
      leaveGroup(r, end)
      return before
    } else skip(r, tag, end)
  }
  leave(r, end, group)
  return before
}

function readEntry(r: Reader, end: number, fields: JsonObject): void {
  let name = ''
  let value: JsonValue = null
  while (r.at < end) {
    const tag = readTag(r)
    if (tag === 10) name = readString(r, end)
    else if (tag === 18) value = readValue(r, enter(r, end))
    else skip(r, tag, end)
  }
  leave(r, end, 0)
  setEntry(fields, name, value)
}

function readListValue(
  r: Reader,
  end: number,
  before: readonly JsonValue[] = [],
  group: number = 0,
): readonly JsonValue[] {
  const list = before as JsonValue[]
  while (r.at < end) {
    const tag = readTag(r)
    if (tag === 10) list.push(readValue(r, enter(r, end)))
    else if (tag === group) {
      leaveGroup(r, end)
      return list
    } else skip(r, tag, end)
  }
  leave(r, end, group)
  return list
}

function readValue(r: Reader, end: number, before: JsonValue = null, group: number = 0): JsonValue {
  let value = before
  while (r.at < end) {
    const tag = readTag(r)
    if (tag === 26) value = readString(r, end)
    else if (tag === 17) value = readDouble(r)
    else if (tag === 32) value = readBool(r)
    else if (tag === 42) {
      const known = typeof value === 'object' && value !== null && !Array.isArray(value)
      value = readStruct(r, enter(r, end), known ? (value as JsonObject) : undefined)
    } else if (tag === 50) {
      value = readListValue(r, enter(r, end), Array.isArray(value) ? value : undefined)
    } else if (tag === 8) {
      readInt32(r)
      value = null
    } else if (tag === group) {
      leaveGroup(r, end)
      return value
    } else skip(r, tag, end)
  }
  leave(r, end, group)
  return value
}

/** JSON as it is: nothing of it needs another form. */
function checkJson(json: unknown, depth: number): JsonValue {
  if (depth < 0) throw new FieldError(`messages are nested deeper than ${DEPTH_MAX}`)
  if (typeof json === 'number' && !Number.isFinite(json))
    throw new FieldError(`${json} is no JSON value`)
  if (typeof json !== 'object' || json === null) return json as JsonValue
  for (const each of Object.values(json)) checkJson(each, depth - 2)
  return json as JsonValue
}

const VALUE_HOOKS: JsonHooks<JsonValue> = {
  takesNull: true,
  to: value => checkJson(value, DEPTH_MAX),
  from: json => checkJson(json, DEPTH_MAX),
}

/** `google.protobuf.Value` as a JSON value. */
export const ValueType: MessageType<JsonValue> = /*@__PURE__*/ new MessageType(
  'google.protobuf.Value',
  writeValue,
  readValue,
  () => [],
  VALUE_HOOKS,
)

/** `google.protobuf.Struct` as a JSON object. */
export const StructType: MessageType<JsonObject> = /*@__PURE__*/ new MessageType(
  'google.protobuf.Struct',
  writeStruct,
  readStruct,
  () => [],
  {
    to: value => checkJson(value, DEPTH_MAX),
    from: json => checkJson(jsonObject(json, 'Struct'), DEPTH_MAX) as JsonObject,
  },
)

/** `google.protobuf.ListValue` as an array of JSON values. */
export const ListValueType: MessageType<readonly JsonValue[]> = /*@__PURE__*/ new MessageType(
  'google.protobuf.ListValue',
  writeListValue,
  readListValue,
  () => [],
  {
    to: value => checkJson(value, DEPTH_MAX),
    from(json) {
      if (!Array.isArray(json)) throw new FieldError(`${show(json)} is no ListValue`)
      return checkJson(json, DEPTH_MAX) as readonly JsonValue[]
    },
  },
)

/** `google.protobuf.NullValue`. */
export const NullValue = { NULL_VALUE: 0 } as const
/** `google.protobuf.NullValue`: the null of JSON. */
export type NullValue = (typeof NullValue)[keyof typeof NullValue]

/** What ProtoJSON knows of `NullValue`. */
export const NULL_VALUE_TYPE: EnumType = {
  typeName: 'google.protobuf.NullValue',
  values: NullValue,
  isClosed: false,
}
