import type { EnumType } from '../wire/enum-type.js'
import type { Reader } from '../wire/reader.js'
import type { Writer } from '../wire/writer.js'

/** What is known of a field beside its code, for ProtoJSON and for errors. */
export type FieldRow = readonly [
  number: number,
  /** As the schema has it. */
  name: string,
  /** As in `FieldDescriptorProto.Type`; of a map that of its values. */
  kind: number,
  /** A sum of `FieldFlag`s; of a map 256 times the kind of its keys besides. */
  flags?: number,
  /** Of messages, and of enums. */
  type?: AnyMessageType | EnumType | undefined,
  more?: FieldMore,
]

/** What few fields have. */
export interface FieldMore {
  /** Its oneof, in JavaScript. */
  readonly oneof?: string
  /** In JSON, where that does not follow from the name. */
  readonly json?: string
  /** In JavaScript, where that does not follow from the name. */
  readonly local?: string
}

/** Flags of a `FieldRow`. */
export const FieldFlag = {
  List: 1,
  Map: 2,
  /** It knows whether it was given. */
  Presence: 4,
  Required: 8,
  /** 64 bits in JavaScript: neither is `bigint`. */
  Int64Number: 16,
  Int64String: 32,
  /** Octets that are no UTF-8 are taken for text. */
  LooseText: 64,
} as const

/** Kinds of fields, as in `FieldDescriptorProto.Type`. */
export const Kind = {
  Double: 1,
  Float: 2,
  Int64: 3,
  Uint64: 4,
  Int32: 5,
  Fixed64: 6,
  Fixed32: 7,
  Bool: 8,
  String: 9,
  Group: 10,
  Message: 11,
  Bytes: 12,
  Uint32: 13,
  Enum: 14,
  Sfixed32: 15,
  Sfixed64: 16,
  Sint32: 17,
  Sint64: 18,
} as const

/** How a well-known type that is a value of JavaScript is written as JSON. */
export interface JsonHooks<T> {
  to(value: T, options: JsonContext): unknown
  /** `null` comes only where `takesNull` says so. */
  from(json: unknown, options: JsonContext): T
  /** Whether `null` is a value of its own, and not "nothing". */
  readonly takesNull?: boolean
}

/** What a conversion to or from JSON needs to know. */
export interface JsonContext {
  readonly ignoreUnknownFields: boolean
  readonly registry: TypeRegistry | undefined
}

/** Message types by name, for `Any`, and extensions, for JSON. */
export interface TypeRegistry {
  /** `typeName` is without the prefix of a URL. */
  message(typeName: string): AnyMessageType | undefined
  /** Of a message type. */
  extensions(extendee: string): readonly AnyExtension[]
}

/** The parts of a message type that are generated. */
export type WriteFields<I> = { method(w: Writer, value: I): void }['method']
/** The generated function that reads a message. */
export type ReadFields<T> = {
  // As a method: a message type is one of `unknown`, too.
  method(r: Reader, end: number, before?: T, group?: number): T
}['method']

/** A message type, whatever its messages are: `MessageType` is one. */
export interface AnyMessageType {
  /** With its package: `shop.v1.Order`. */
  readonly typeName: string
  readonly write: WriteFields<unknown>
  readonly read: ReadFields<unknown>
  /** Of a type whose values are no objects with its fields. */
  readonly json: JsonHooks<unknown> | undefined
  /** In the order of the schema. */
  readonly fields: readonly FieldInfo[]
  encode(value: unknown): Uint8Array
  decode(bytes: Uint8Array, start?: number, end?: number): unknown
  decodeOwned(bytes: Uint8Array, start?: number, end?: number): unknown
}

/** A field that a schema adds to a message of another: `Extension` is one. */
export interface AnyExtension {
  readonly typeName: string
  readonly extendee: string
  readonly holder: AnyMessageType
  readonly field: FieldInfo
}

/** A field as ProtoJSON and errors want it. */
export interface FieldInfo {
  readonly number: number
  readonly name: string
  readonly local: string
  readonly json: string
  readonly kind: number
  readonly flags: number
  readonly isList: boolean
  readonly isMap: boolean
  readonly keyKind: number
  readonly message: AnyMessageType | undefined
  readonly enumType: EnumType | undefined
  readonly oneof: string | undefined
}

/** What JSON calls a field: `line_count` is `lineCount`. */
export function camelName(name: string): string {
  return name.replace(/_+(.?)/g, (_, letter: string) => letter.toUpperCase())
}

export function fieldInfo(row: FieldRow): FieldInfo {
  const [number, name, kind, flags = 0, type, more] = row
  const isEnum = kind === Kind.Enum
  return {
    number,
    name,
    local: more?.local ?? camelName(name),
    json: more?.json ?? camelName(name),
    kind,
    flags,
    isList: (flags & FieldFlag.List) !== 0,
    isMap: (flags & FieldFlag.Map) !== 0,
    keyKind: flags >> 8,
    message: isEnum ? undefined : (type as AnyMessageType | undefined),
    enumType: isEnum ? (type as EnumType) : undefined,
    oneof: more?.oneof,
  }
}
