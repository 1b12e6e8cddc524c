import { type Extendable, type Extension, setExtension } from '../message/extension.js'
import {
  type AnyMessageType,
  FieldFlag,
  type FieldInfo,
  type JsonContext,
  Kind,
} from '../message/field-row.js'
import { FieldError, show } from '../wire/field-error.js'
import { Reader } from '../wire/reader.js'
import { jsonObject, setOwn } from './json-object.js'
import { enumFromJson, isWide, scalarFromJson } from './json-scalars.js'

type Fields = Record<string, unknown>

/** A message with nothing in it, as if no octets had arrived. */
function emptyOf(type: AnyMessageType): Fields {
  return type.read(new Reader(), 0) as Fields
}

/** @internal */
export function readJson(
  type: AnyMessageType,
  json: unknown,
  context: JsonContext,
  depth: number,
): unknown {
  if (depth < 0) throw new FieldError('messages are nested deeper than 100')
  if (type.json !== undefined) return type.json.from(json, context)
  const given = jsonObject(json, 'message')
  const fields = emptyOf(type)
  const byName = namesOf(type)
  const seen = new Set<unknown>()
  for (const [name, value] of Object.entries(given)) {
    const field = byName.get(name)
    if (field === undefined && readExtension(type, name, value, fields, context, depth)) continue
    if (field === undefined) {
      if (context.ignoreUnknownFields) continue
      throw new FieldError(`no field of ${type.typeName} has this name`).within(name)
    }
    if (seen.has(field)) throw new FieldError('is given twice').within(name)
    seen.add(field)
    try {
      readField(field, value, fields, context, depth)
    } catch (error) {
      throw error instanceof FieldError ? error.within(field.local) : error
    }
  }
  for (const field of type.fields) {
    if ((field.flags & FieldFlag.Required) === 0 || fields[field.local] !== undefined) continue
    throw new FieldError('is required, and was not given').within(field.local)
  }
  return fields
}

/** `[shop.v1.gift_wrap]`: whether the registry knows it. */
function readExtension(
  type: AnyMessageType,
  name: string,
  json: unknown,
  fields: Fields,
  context: JsonContext,
  depth: number,
): boolean {
  if (!name.startsWith('[') || context.registry === undefined) return false
  const all = context.registry.extensions(type.typeName)
  const extension = all.find(({ typeName }) => name === `[${typeName}]`)
  if (extension === undefined) return false
  const holder: Fields = {}
  readField(extension.field, json, holder, context, depth)
  setExtension(fields as Extendable, extension as Extension, holder['value'])
  return true
}

const byType: WeakMap<object, ReadonlyMap<string, FieldInfo>> = /*@__PURE__*/ new WeakMap()

/** Fields by their name in JSON, and by that in the schema. */
function namesOf(type: AnyMessageType): ReadonlyMap<string, FieldInfo> {
  let names = byType.get(type)
  if (names === undefined) {
    names = new Map([
      ...type.fields.map(field => [field.name, field] as const),
      ...type.fields.map(field => [field.json, field] as const),
    ])
    byType.set(type, names)
  }
  return names
}

function takesNull(field: FieldInfo): boolean {
  return (
    field.message?.json?.takesNull === true ||
    field.enumType?.typeName === 'google.protobuf.NullValue'
  )
}

function readField(
  field: FieldInfo,
  json: unknown,
  fields: Fields,
  context: JsonContext,
  depth: number,
): void {
  const { local, oneof } = field
  if (json === null && (field.isList || field.isMap || !takesNull(field))) return
  if (field.isList) {
    if (!Array.isArray(json)) throw new FieldError(`${show(json)} is no array`)
    fields[local] = readList(field, json, context, depth)
  } else if (field.isMap) fields[local] = readMap(field, json, context, depth)
  else {
    const value = readOne(field, json, context, depth)
    if (value === undefined) return
    if (oneof === undefined) fields[local] = value
    else if (fields[oneof] !== undefined) {
      throw new FieldError(`another field of the oneof ${oneof} is given, too`)
    } else fields[oneof] = { case: local, value }
  }
}

function readList(
  field: FieldInfo,
  json: readonly unknown[],
  context: JsonContext,
  depth: number,
): unknown[] {
  const list: unknown[] = []
  json.forEach((each, index) => {
    try {
      if (each === null && !takesNull(field)) throw new FieldError('null is no value of a list')
      const value = readOne(field, each, context, depth)
      if (value !== undefined) list.push(value)
    } catch (error) {
      throw error instanceof FieldError ? error.within(`[${index}]`) : error
    }
  })
  return list
}

function readMap(field: FieldInfo, json: unknown, context: JsonContext, depth: number): Fields {
  const map: Fields = {}
  for (const [key, each] of Object.entries(jsonObject(json, 'map'))) {
    try {
      if (each === null && !takesNull(field)) throw new FieldError('null is no value of a map')
      const value = readOne(field, each, context, depth)
      if (value !== undefined) setOwn(map, keyFromJson(field.keyKind, key), value)
    } catch (error) {
      throw error instanceof FieldError ? error.within(`['${key}']`) : error
    }
  }
  return map
}

function keyFromJson(kind: number, key: string): string {
  if (kind === Kind.Bool) {
    if (key === 'true' || key === 'false') return key
    throw new FieldError(`${show(key)} is no bool`)
  }
  if (kind === Kind.String) return scalarFromJson(kind, key, 0) as string
  return String(isWide(kind) ? scalarFromJson(kind, key, 0) : scalarFromJson(kind, key, 0))
}

function readOne(field: FieldInfo, json: unknown, context: JsonContext, depth: number): unknown {
  if (field.message !== undefined) return readJson(field.message, json, context, depth - 1)
  if (field.enumType !== undefined) {
    return enumFromJson(field.enumType, json, context.ignoreUnknownFields)
  }
  return scalarFromJson(field.kind, json, field.flags)
}
