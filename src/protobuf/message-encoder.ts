import { FieldError, show } from '../codec/index.js'
import type { FieldPlan, MessagePlan } from './message-plan.js'
import { OctetWriter } from './octet-writer.js'

/** Messages within messages, as protobuf's other implementations count. */
const DEPTH_MAX = 100

/** One writer for all messages: they share its chunks. */
let writer: OctetWriter = new OctetWriter()

type Given = Readonly<Record<string, unknown>>

/**
 * The octets of a message. One pass: each value is checked as it is written.
 *
 * @throws FieldError that names the field, for a value that it cannot hold, for a name that no field has,
 * for two fields of one oneof, for a required field that is not there
 */
export function encodeMessage(plan: MessagePlan, value: unknown): Buffer {
  const outer = writer
  // A getter of a message that is being written may encode another one.
  if (outer.isBusy) writer = new OctetWriter()
  try {
    writeMessage(plan, value, DEPTH_MAX)
    return writer.take()
  } catch (error) {
    writer.reset()
    throw error instanceof FieldError ? error.within(plan.name) : error
  } finally {
    writer = outer
  }
}

function writeMessage(plan: MessagePlan, value: unknown, depth: number): void {
  if (depth < 0) throw new FieldError(`messages are nested deeper than ${DEPTH_MAX}`)
  const given = fieldsOf(plan, value)
  let seen = 0
  for (const field of plan.fields) {
    const { name } = field
    const held = given[name]
    if (held === undefined || (field.ownOnly && !Object.hasOwn(given, name))) {
      if (field.required) throw new FieldError('is required, and was not given').within(name)
      if (held === undefined && !field.ownOnly && name in given) seen++
      continue
    }
    seen++
    if (held !== field.skipped) writeField(field, held, depth)
  }
  if (plan.ignoreUnknownFields) return
  let count = 0
  for (const _ in given) count++
  if (count !== seen) checkNames(plan, given)
  if (plan.oneofs.length > 0) checkOneofs(plan, given)
}

/** The fields of what was given: an object as it is, or what a well-known type stands for. */
function fieldsOf(plan: MessagePlan, value: unknown): Given {
  if (
    plan.wellKnown !== undefined &&
    value !== undefined &&
    (value !== null || plan.wellKnown.takesNull === true)
  ) {
    return plan.wellKnown.toFields(value) as Given
  }
  if (isGiven(value)) return value
  // A message without fields has nothing to say.
  if (value === undefined && plan.fields.length === 0) return {}
  throw new FieldError(`${show(value)} is no message: give an object with its fields`)
}

/** Whether its properties are what `value` has: a plain object, or one of a class that is not built in. */
function isGiven(value: unknown): value is Given {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === Object.prototype || prototype === null) return true
  return !(
    Array.isArray(value) ||
    ArrayBuffer.isView(value) ||
    BUILT_IN.some(type => value instanceof type)
  )
}

/** Objects that hold their values elsewhere than in properties: they would be written as nothing. */
const BUILT_IN: readonly (new (...args: never[]) => object)[] = [
  Date,
  Map,
  Set,
  WeakMap,
  Promise,
  ArrayBuffer,
  RegExp,
  Error,
]

function writeField(field: FieldPlan, value: unknown, depth: number): void {
  const { scalar } = field
  try {
    if (field.shape === 'list') {
      if (value !== null) writeList(field, value, depth)
    } else if (field.shape === 'map') {
      if (value !== null) writeMap(field, value, depth)
    } else if (scalar !== undefined) {
      if (value === null) return refuseNull(field)
      if (field.implicit && scalar.isZero(value)) return
      writer.varint(field.tag)
      scalar.write(writer, value)
    } else if (value !== null || field.message!.wellKnown?.takesNull === true)
      writeNested(field, value, depth)
    else refuseNull(field)
  } catch (error) {
    throw error instanceof FieldError ? error.within(field.name) : error
  }
}

/** `null` is "not given". */
function refuseNull(field: FieldPlan): void {
  if (field.required) throw new FieldError('is required, and was not given')
}

function writeNested(field: FieldPlan, value: unknown, depth: number): void {
  writer.varint(field.tag)
  if (field.delimited) {
    writeMessage(field.message!, value, depth - 1)
    // The end tag has wire type 4, the start tag has 3.
    writer.varint(field.tag + 1)
    return
  }
  const start = writer.begin()
  writeMessage(field.message!, value, depth - 1)
  writer.end(start)
}

function writeList(field: FieldPlan, list: unknown, depth: number): void {
  if (!Array.isArray(list)) throw new FieldError(`${show(list)} is no array`)
  if (list.length === 0) return
  const { scalar, packed, tag } = field
  let start = 0
  if (packed) {
    writer.varint(((field.id << 3) | 2) >>> 0)
    start = writer.begin()
  }
  let index = 0
  try {
    for (; index < list.length; index++) {
      const value: unknown = list[index]
      if (scalar === undefined) writeNested(field, value, depth)
      else {
        if (!packed) writer.varint(tag)
        scalar.write(writer, value)
      }
    }
  } catch (error) {
    throw error instanceof FieldError ? error.within(`[${index}]`) : error
  }
  if (packed) writer.end(start)
}

function writeMap(field: FieldPlan, map: unknown, depth: number): void {
  if (!isGiven(map)) {
    const cure = map instanceof Map ? ': give Object.fromEntries(map)' : ': give an object'
    throw new FieldError(`${show(map)} is no map${cure}`)
  }
  for (const name of Object.keys(map)) {
    writer.varint(field.tag)
    const start = writer.begin()
    try {
      writer.varint(8 | field.key!.wireType)
      field.key!.write(writer, keyOf(field, name))
      const value = map[name]
      if (field.scalar === undefined) {
        writer.varint(18)
        const inner = writer.begin()
        writeMessage(field.message!, value, depth - 1)
        writer.end(inner)
      } else {
        writer.varint(16 | field.scalar.wireType)
        field.scalar.write(writer, value)
      }
    } catch (error) {
      throw error instanceof FieldError ? error.within(`['${name}']`) : error
    }
    writer.end(start)
  }
}

/** A map's key: in JavaScript it is text, whatever the field says. */
function keyOf({ keyType }: FieldPlan, name: string): unknown {
  if (keyType === 'string' || keyType.endsWith('64')) return name
  if (keyType === 'bool') return name === 'true' ? true : name === 'false' ? false : name
  const number = Number(name)
  return String(number) === name ? number : name
}

function checkNames(plan: MessagePlan, given: Given): void {
  for (const name of Object.keys(given)) {
    if (plan.names.has(name) || given[name] === undefined) continue
    const camel = name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())
    const cure = plan.names.has(camel)
      ? `: it is called ${camel} here`
      : `; it has ${[...plan.names].join(', ') || 'none'} (ignoreUnknownFields passes over such names)`
    throw new FieldError(`no field of ${plan.fullName} has this name${cure}`).within(name)
  }
}

function checkOneofs(plan: MessagePlan, given: Given): void {
  for (const members of plan.oneofs) {
    const there = members.filter(
      ({ name }) => Object.hasOwn(given, name) && given[name] !== undefined && given[name] !== null,
    )
    if (there.length < 2) continue
    const names = there.map(({ name }) => name).join(' and ')
    throw new FieldError(`only one field of a oneof may be given, got ${names}`).within(
      members[0]!.oneof!,
    )
  }
}
