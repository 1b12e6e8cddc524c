import type { ParsedField, ParsedType, ResolvedField } from './parsed-type.js'
import { enumScalar, type Int64Form, type Scalar, scalarOf } from './scalars.js'
import { type WellKnown, wellKnownOf } from './well-known.js'

/** What messages look like to their users. */
export interface MessageForm {
  /** How 64-bit integers arrive. */
  readonly int64: Int64Form
  /** Well-known types as JavaScript values, or as the messages they are. */
  readonly wellKnown: 'native' | 'raw'
  /** Whether names that no field has are passed over when a message is written. */
  readonly ignoreUnknownFields: boolean
}

/** How the values of a field lie in its message. */
export type FieldShape = 'single' | 'list' | 'map'

/** All that is known of a field before there is a value. */
export interface FieldPlan {
  readonly id: number
  /** In JavaScript. */
  readonly name: string
  readonly shape: FieldShape
  /** Of a field of single values; else undefined, and `message` is there. */
  readonly scalar: Scalar | undefined
  readonly message: MessagePlan | undefined
  /** Tag of a value, as it is written alone. */
  readonly tag: number
  /** A list that is written in one run. */
  readonly packed: boolean
  /** A message between a start and an end tag. */
  readonly delimited: boolean
  /** Zero is not written, and there when nothing was read. */
  readonly implicit: boolean
  /** What need not be written, as seen without a call; a symbol where only `Scalar.isZero` can tell. */
  readonly skipped: unknown
  readonly required: boolean
  /** The name of its oneof, where that is one of several fields. */
  readonly oneof: string | undefined
  /** Whether every object has something of that name: only an own property counts. */
  readonly ownOnly: boolean
  /** Values of a closed enum that arrive and are not its own are passed over. */
  readonly known: ReadonlySet<number> | undefined
  /** Of a map. */
  readonly keyType: string
  readonly key: Scalar | undefined
}

/** A message type, as its codec uses it. */
export interface MessagePlan {
  /** With its package; errors begin with the last part. */
  readonly fullName: string
  readonly name: string
  /** In the order of their numbers. */
  readonly fields: readonly FieldPlan[]
  readonly byId: ReadonlyMap<number, FieldPlan>
  /** What an object may have: fields and oneofs. */
  readonly names: ReadonlySet<string>
  readonly oneofs: readonly (readonly FieldPlan[])[]
  readonly required: readonly FieldPlan[]
  /** What is there when nothing arrived; lists, maps and octets are made anew. */
  readonly template: Readonly<Record<string, unknown>>
  readonly fresh: readonly FieldPlan[]
  readonly wellKnown: WellKnown | undefined
  readonly ignoreUnknownFields: boolean
}

/** Types where `===` does not tell what zero is: -0 is written, octets are objects. */
const INEXACT_ZEROS: ReadonlySet<string> = new Set(['float', 'double', 'bytes'])
const NEVER: unique symbol = Symbol('never')

type Mutable<T> = { -readonly [name in keyof T]: T[name] }

/** Plans of the types of one schema, each made once. */
export class MessagePlans {
  readonly #plans = new Map<ParsedType, MessagePlan>()
  readonly #form: MessageForm

  constructor(form: MessageForm) {
    this.#form = form
  }

  of(type: ParsedType): MessagePlan {
    const known = this.#plans.get(type)
    if (known !== undefined) return known
    const plan = {} as Mutable<MessagePlan>
    // Ahead of its fields: a message may have itself in one.
    this.#plans.set(type, plan)
    plan.fullName = type.fullName.slice(1)
    plan.name = type.name
    plan.ignoreUnknownFields = this.#form.ignoreUnknownFields
    plan.wellKnown = this.#form.wellKnown === 'native' ? wellKnownOf(plan.fullName) : undefined
    const fields = type.fieldsArray.map(field => this.#field(field))
    plan.fields = fields.sort((one, other) => one.id - other.id)
    plan.byId = new Map(fields.map(field => [field.id, field]))
    plan.names = new Set(
      fields.flatMap(({ name, oneof }) => (oneof === undefined ? [name] : [name, oneof])),
    )
    plan.oneofs = type.oneofsArray
      .map(({ name }) => fields.filter(field => field.oneof === name))
      .filter(members => members.length > 0)
    plan.required = fields.filter(field => field.required)
    const declared = type.fieldsArray.map(field => plan.byId.get(field.id)!)
    plan.template = Object.fromEntries(
      declared.filter(isAlwaysThere).map(field => [field.name, zeroOf(field)]),
    )
    plan.fresh = declared.filter(field => isAlwaysThere(field) && isMade(field))
    return plan
  }

  #field(given: ParsedField): FieldPlan {
    const field = given.resolve() as ResolvedField
    const { resolvedType } = field
    const isMessage = resolvedType !== null && 'fieldsArray' in resolvedType
    const enumeration =
      resolvedType !== null && 'valuesById' in resolvedType ? resolvedType : undefined
    const strictText = field._features['utf8_validation'] !== 'NONE'
    const closed = enumeration !== undefined && enumeration._features['enum_type'] === 'CLOSED'
    const scalar = isMessage
      ? undefined
      : enumeration !== undefined
        ? enumScalar(
            enumeration.name,
            enumeration.values,
            closed,
            Object.values(enumeration.values)[0] ?? 0,
          )
        : scalarOf(field.type, this.#form.int64, strictText)
    const shape = field.map ? 'map' : field.repeated ? 'list' : 'single'
    const keyType = field.keyType ?? ''
    const packed = field.packed && scalar !== undefined && scalar.wireType !== 2
    const wireType = scalar === undefined ? (field.delimited ? 3 : 2) : scalar.wireType
    const implicit = shape === 'single' && scalar !== undefined && !field.hasPresence
    const oneof =
      field.partOf !== null && !isOptionalMark(field.partOf) ? field.partOf.name : undefined
    return {
      id: field.id,
      name: field.name,
      shape,
      scalar,
      message: isMessage ? this.of(resolvedType) : undefined,
      tag: ((field.id << 3) | (shape === 'map' ? 2 : wireType)) >>> 0,
      packed,
      delimited: field.delimited,
      implicit,
      skipped: implicit && !INEXACT_ZEROS.has(field.type) ? scalar.zero : NEVER,
      required: field.required,
      oneof,
      ownOnly: field.name in Object.prototype,
      known: closed ? new Set(Object.values(enumeration.values)) : undefined,
      keyType,
      key: shape === 'map' ? scalarOf(keyType, 'string', true) : undefined,
    }
  }
}

/** `optional` is a oneof of one, which nobody wants to see. */
function isOptionalMark(oneof: object): boolean {
  return (oneof as { isProto3Optional: boolean }).isProto3Optional
}

/** What has presence is there when it was sent; a message that was not sent is null, unless another of its oneof may be. */
function isAlwaysThere(field: FieldPlan): boolean {
  if (field.shape !== 'single' || field.implicit) return true
  return field.message !== undefined && field.oneof === undefined && !field.required
}

function isMade(field: FieldPlan): boolean {
  return field.shape !== 'single' || (field.scalar !== undefined && field.scalar.zero === undefined)
}

function zeroOf(field: FieldPlan): unknown {
  return field.shape !== 'single' || field.message !== undefined ? null : field.scalar!.zero
}
