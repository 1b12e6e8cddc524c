import { writeJson } from '../json/json.js'
import { jsonObject } from '../json/json-object.js'
import { readJson } from '../json/json-read.js'
import type { Extension } from '../message/extension.js'
import {
  type AnyMessageType,
  type JsonContext,
  Kind,
  type TypeRegistry,
} from '../message/field-row.js'
import { MessageType } from '../message/message-type.js'
import { FieldError, show } from '../wire/field-error.js'
import {
  leave,
  leaveGroup,
  type Reader,
  readBytes,
  readString,
  readTag,
  skip,
} from '../wire/reader.js'
import { isEmpty, writeBytes, writeString } from '../wire/write-scalars.js'
import type { Writer } from '../wire/writer.js'

/** A message of any type: `google.protobuf.Any`. */
export interface Any {
  /** `type.googleapis.com/` and the name of the message's type. */
  typeUrl: string
  /** The message's octets. */
  value: Uint8Array
}

/** What may be given for one. */
export interface AnyInit {
  readonly typeUrl?: string | undefined
  readonly value?: Uint8Array | undefined
}

const URL_PREFIX = 'type.googleapis.com/'

/** A message as an `Any`. @throws FieldError for a value that its field cannot hold */
export function packAny<I>(type: MessageType<unknown, I>, value: I): Any {
  return { typeUrl: URL_PREFIX + type.typeName, value: type.encode(value) }
}

/** The message in an `Any`; undefined when it is of another type. @throws RangeError when it is broken */
export function unpackAny<T>(any: AnyInit, type: MessageType<T, never>): T | undefined {
  if (nameOf(any.typeUrl ?? '') !== type.typeName) return undefined
  return type.decode(any.value ?? new Uint8Array(0))
}

/** Message types that an `Any` may hold: those given, and all that they have in fields. Extensions, for JSON. */
export function typeRegistry(...types: readonly (MessageType | Extension)[]): TypeRegistry {
  const byName = new Map<string, AnyMessageType>()
  const byExtendee = new Map<string, Extension[]>()
  const add = (type: AnyMessageType): void => {
    if (byName.has(type.typeName)) return
    byName.set(type.typeName, type)
    for (const { message } of type.fields) if (message !== undefined) add(message)
  }
  for (const type of types) {
    if (!('extendee' in type)) add(type)
    else byExtendee.set(type.extendee, [...(byExtendee.get(type.extendee) ?? []), type])
  }
  return {
    message: typeName => byName.get(typeName),
    extensions: extendee => byExtendee.get(extendee) ?? [],
  }
}

function nameOf(typeUrl: string): string {
  return typeUrl.slice(typeUrl.lastIndexOf('/') + 1)
}

function writeAny(w: Writer, value: AnyInit): void {
  const { typeUrl, value: octets } = value
  if (typeUrl !== undefined && typeUrl !== '') writeString(w, 10, typeUrl)
  if (octets !== undefined && !isEmpty(octets)) writeBytes(w, 18, octets)
}

function readAny(
  r: Reader,
  end: number,
  before: Any = { typeUrl: '', value: new Uint8Array(0) },
  group: number = 0,
): Any {
  while (r.at < end) {
    const tag = readTag(r)
    if (tag === 10) before.typeUrl = readString(r, end)
    else if (tag === 18) before.value = readBytes(r, end)
    else if (tag === group) {
      leaveGroup(r, end)
      return before
    } else skip(r, tag, end)
  }
  leave(r, end, group)
  return before
}

function typeOf(typeUrl: unknown, context: JsonContext): AnyMessageType {
  if (typeof typeUrl !== 'string' || !/^[^/]*\/.+$/.test(typeUrl)) {
    throw new FieldError(`${show(typeUrl)} is no URL of a type`)
  }
  const found = context.registry?.message(nameOf(typeUrl))
  if (found !== undefined) return found
  throw new FieldError(
    `${nameOf(typeUrl)} is not in the registry: give { registry: typeRegistry(...) }`,
  )
}

function anyToJson({ typeUrl = '', value }: AnyInit, context: JsonContext): unknown {
  const octets = value ?? new Uint8Array(0)
  if (typeUrl === '' && octets.length === 0) return {}
  const type = typeOf(typeUrl, context)
  const json = writeJson(type, type.decode(octets), context)
  if (type.json !== undefined) return { '@type': typeUrl, value: json }
  return { '@type': typeUrl, ...(json as object) }
}

function anyFromJson(json: unknown, context: JsonContext): Any {
  const given = jsonObject(json, 'Any')
  const { '@type': typeUrl, ...fields } = given
  if (Object.keys(given).length === 0) return { typeUrl: '', value: new Uint8Array(0) }
  const type = typeOf(typeUrl, context)
  const message =
    type.json === undefined
      ? readJson(type, fields, context, 100)
      : type.json.from(fields['value'], context)
  return { typeUrl: typeUrl as string, value: type.encode(message) }
}

/** `google.protobuf.Any`. */
export const Any: MessageType<Any, AnyInit> = /*@__PURE__*/ new MessageType<Any, AnyInit>(
  'google.protobuf.Any',
  writeAny,
  readAny,
  () => [
    [1, 'type_url', Kind.String],
    [2, 'value', Kind.Bytes],
  ],
  { to: anyToJson, from: anyFromJson },
)
