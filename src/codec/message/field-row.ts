import type { MessageType } from './message-type.js'

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
  type?: MessageType | EnumType | undefined,
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

/** What is known of an enum beside its values. */
export interface EnumType {
  readonly typeName: string
  /** Names and their numbers, as the schema has them. */
  readonly values: Readonly<Record<string, number>>
  /** Numbers that have no name are none of its values. */
  readonly isClosed: boolean
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
  readonly message: MessageType | undefined
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
    message: isEnum ? undefined : (type as MessageType | undefined),
    enumType: isEnum ? (type as EnumType) : undefined,
    oneof: more?.oneof,
  }
}

const byNumber: WeakMap<object, ReadonlyMap<number, string>> = /*@__PURE__*/ new WeakMap()

/** The names of an enum's numbers; the first name counts. */
export function namesOf({ values }: EnumType): ReadonlyMap<number, string> {
  let names = byNumber.get(values)
  if (names === undefined) {
    const made = new Map<number, string>()
    for (const [name, number] of Object.entries(values))
      if (!made.has(number)) made.set(number, name)
    names = made
    byNumber.set(values, names)
  }
  return names
}

/** Whether a number is a value of a closed enum. */
export function hasValue(type: EnumType, value: number): boolean {
  return namesOf(type).has(value)
}
