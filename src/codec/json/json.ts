import {
  type Extendable,
  type Extension,
  getExtension,
  hasExtension,
} from '../message/extension.js'
import {
  type AnyMessageType,
  FieldFlag,
  type FieldInfo,
  type JsonContext,
  Kind,
  type TypeRegistry,
} from '../message/field-row.js'
import type { MessageType } from '../message/message-type.js'
import { FieldError } from '../wire/field-error.js'
import { isEmpty, isZero, isZero64 } from '../wire/write-scalars.js'
import { setOwn } from './json-object.js'
import { readJson } from './json-read.js'
import { enumToJson, isWide, scalarToJson } from './json-scalars.js'
import { parseJson } from './json-text.js'

/** Options of `toJson` and `fromJson`. */
export interface JsonOptions {
  /** The messages that an `Any` may hold. Default: none. */
  readonly registry?: TypeRegistry | undefined
  /** `fromJson`: names that no field and no enum has are passed over. Default: false. */
  readonly ignoreUnknownFields?: boolean | undefined
}

function contextOf({ registry, ignoreUnknownFields = false }: JsonOptions): JsonContext {
  return { registry, ignoreUnknownFields }
}

/**
 * The ProtoJSON of a message, for `JSON.stringify`. 64-bit integers are text, octets base64; what
 * has its zero value is left out.
 *
 * @throws FieldError for a value that its field cannot hold, or JSON cannot carry
 */
export function toJson<I>(
  type: MessageType<unknown, I>,
  value: I,
  options: JsonOptions = {},
): unknown {
  // So that both have the same mistakes.
  type.encode(value)
  return writeJson(type as MessageType, value, contextOf(options))
}

/**
 * The message that a JSON value stands for, in ProtoJSON.
 *
 * @throws FieldError that names the field
 */
export function fromJson<T>(
  type: MessageType<T, never>,
  json: unknown,
  options: JsonOptions = {},
): T {
  try {
    return readJson(type as unknown as AnyMessageType, json, contextOf(options), 100) as T
  } catch (error) {
    if (error instanceof FieldError)
      error.within(type.typeName.slice(type.typeName.lastIndexOf('.') + 1))
    throw error
  }
}

/**
 * As `fromJson`, from text, in which no name comes twice in an object.
 *
 * @throws SyntaxError for a text that is no JSON, FieldError that names the field
 */
export function fromJsonText<T>(
  type: MessageType<T, never>,
  text: string,
  options: JsonOptions = {},
): T {
  return fromJson(type, parseJson(text), options)
}

/** @internal A message that is known to fit. */
export function writeJson(type: AnyMessageType, value: unknown, context: JsonContext): unknown {
  if (type.json !== undefined) return type.json.to(value, context)
  const json: Record<string, unknown> = {}
  // A message without fields may be undefined.
  const given = (value ?? {}) as Readonly<Record<string, unknown>>
  for (const field of type.fields) {
    const held = heldBy(field, given)
    if (held === undefined || (held === null && field.message?.json?.takesNull !== true)) continue
    if (isLeftOut(field, held)) continue
    try {
      setOwn(json, field.json, fieldToJson(field, held, context))
    } catch (error) {
      throw error instanceof FieldError ? error.within(field.local) : error
    }
  }
  writeExtensions(type, given as Extendable, json, context)
  return json
}

function writeExtensions(
  type: AnyMessageType,
  message: Extendable,
  json: Record<string, unknown>,
  context: JsonContext,
): void {
  if (message.$unknown === undefined || context.registry === undefined) return
  for (const extension of context.registry.extensions(type.typeName)) {
    if (!hasExtension(message, extension as Extension)) continue
    const value = getExtension(message, extension as Extension)
    json[`[${extension.typeName}]`] = fieldToJson(extension.field, value, context)
  }
}

function heldBy({ oneof, local }: FieldInfo, given: Readonly<Record<string, unknown>>): unknown {
  if (oneof === undefined) return given[local]
  const chosen = given[oneof] as { case?: string; value?: unknown } | null | undefined
  if (chosen?.case !== local) return undefined
  return chosen.value
}

function isLeftOut(field: FieldInfo, value: unknown): boolean {
  if (field.isList) return (value as readonly unknown[]).length === 0
  if (field.isMap) return Object.keys(value as object).length === 0
  if ((field.flags & (FieldFlag.Presence | FieldFlag.Required)) !== 0) return false
  if (field.message !== undefined || field.oneof !== undefined) return false
  if (isWide(field.kind)) return isZero64(value)
  return isZero(value) || value === '' || value === false || isEmpty(value)
}

function fieldToJson(field: FieldInfo, value: unknown, context: JsonContext): unknown {
  if (field.isList)
    return (value as readonly unknown[]).map(each => oneToJson(field, each, context))
  if (!field.isMap) return oneToJson(field, value, context)
  const json: Record<string, unknown> = {}
  for (const [key, each] of Object.entries(value as object)) {
    setOwn(json, key, oneToJson(field, each, context))
  }
  return json
}

function oneToJson(field: FieldInfo, value: unknown, context: JsonContext): unknown {
  if (field.message !== undefined) return writeJson(field.message, value, context)
  if (field.kind === Kind.Enum) return enumToJson(field.enumType!, value)
  return scalarToJson(field.kind, value)
}
