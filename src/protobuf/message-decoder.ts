import type { FieldPlan, MessagePlan } from './message-plan.js'
import { OctetReader } from './octet-reader.js'

/** Messages within messages, as protobuf's other implementations count. */
const DEPTH_MAX = 100

/** One reader for all messages. */
const reader: OctetReader = new OctetReader()

type Fields = Record<string, unknown>

/**
 * The message in bytes[start, end), as a plain object. `owned`: the buffer belongs to the message, which may keep views of it.
 *
 * @throws RangeError that says what is wrong, and where: in which message, at which offset
 */
export function decodeMessage(
  plan: MessagePlan,
  bytes: Buffer,
  start: number,
  end: number,
  owned: boolean,
): unknown {
  reader.open(bytes, start, end, owned)
  try {
    return finish(plan, readFields(plan, begin(plan), DEPTH_MAX, 0))
  } catch (error) {
    if (error instanceof RangeError) error.message = `${plan.name}: ${error.message}`
    throw error
  } finally {
    reader.close()
  }
}

/** What a message has of which nothing arrived. */
function begin(plan: MessagePlan): Fields {
  const fields: Fields = { ...plan.template }
  for (const { name, shape } of plan.fresh) {
    fields[name] = shape === 'list' ? [] : shape === 'map' ? {} : Buffer.alloc(0)
  }
  return fields
}

function finish(plan: MessagePlan, fields: Fields): unknown {
  for (const { name } of plan.required) {
    if (!Object.hasOwn(fields, name))
      reader.fail(`${plan.name}.${name} is required, and did not come`)
  }
  return plan.wellKnown === undefined ? fields : plan.wellKnown.fromFields(fields)
}

/** Reads up to the end of the range, or of the group `group`. */
function readFields(plan: MessagePlan, fields: Fields, depth: number, group: number): Fields {
  if (depth < 0) reader.fail(`messages are nested deeper than ${DEPTH_MAX}`)
  while (!reader.done) {
    const tag = reader.varint()
    const wireType = tag & 7
    const number = tag >>> 3
    if (number === 0) reader.fail('field number 0')
    if (wireType === 4) {
      if (number === group) return fields
      reader.fail(`the end of a group ${number} that is not open`)
    }
    const field = plan.byId.get(number)
    if (field === undefined || !readField(field, fields, wireType, depth)) {
      reader.skip(wireType, number, depth)
    }
  }
  if (group !== 0) reader.fail(`group ${group} is cut short`)
  return fields
}

/** False when what lies there is not of the field's type: it is as unknown as a field without plan. */
function readField(field: FieldPlan, fields: Fields, wireType: number, depth: number): boolean {
  const { scalar, shape } = field
  if (shape === 'map') {
    if (wireType !== 2) return false
    readEntry(field, fields[field.name] as Fields, depth)
    return true
  }
  if (scalar === undefined) {
    if (wireType !== 2 && wireType !== 3) return false
    readMessage(field, fields, wireType, depth)
    return true
  }
  if (shape === 'list') return readList(field, fields[field.name] as unknown[], wireType)
  if (wireType !== scalar.wireType) return false
  put(field, fields, scalar.read(reader))
  return true
}

function put(field: FieldPlan, fields: Fields, value: unknown): void {
  if (field.known !== undefined && !field.known.has(value as number)) return
  if (field.oneof !== undefined) choose(field, fields)
  set(fields, field.name, value)
}

/** Of a oneof the last field counts. */
function choose(field: FieldPlan, fields: Fields): void {
  const before = fields[field.oneof!] as string | undefined
  if (before !== undefined && before !== field.name) delete fields[before]
  fields[field.oneof!] = field.name
}

/** `__proto__` may be a name as any other. */
function set(fields: Fields, name: string, value: unknown): void {
  if (name !== '__proto__') fields[name] = value
  else
    Object.defineProperty(fields, name, {
      value,
      configurable: true,
      enumerable: true,
      writable: true,
    })
}

function readMessage(field: FieldPlan, fields: Fields, wireType: number, depth: number): void {
  const plan = field.message!
  if (field.shape === 'list') {
    const target = begin(plan)
    readNested(plan, target, wireType, field.id, depth)
    ;(fields[field.name] as unknown[]).push(finish(plan, target))
    return
  }
  if (field.oneof !== undefined) choose(field, fields)
  // A message that comes in parts is merged. One that has become a value of JavaScript is replaced.
  const before =
    plan.wellKnown === undefined && Object.hasOwn(fields, field.name) ? fields[field.name] : null
  const target = (before ?? begin(plan)) as Fields
  readNested(plan, target, wireType, field.id, depth)
  set(fields, field.name, finish(plan, target))
}

function readNested(
  plan: MessagePlan,
  target: Fields,
  wireType: number,
  id: number,
  depth: number,
): void {
  if (wireType === 3) {
    readFields(plan, target, depth - 1, id)
    return
  }
  const outer = reader.narrow(reader.limit())
  readFields(plan, target, depth - 1, 0)
  reader.widen(outer)
}

/** A list comes packed or one by one, whatever its field says. */
function readList(field: FieldPlan, list: unknown[], wireType: number): boolean {
  const scalar = field.scalar!
  if (wireType === scalar.wireType) {
    add(field, list, scalar.read(reader))
    return true
  }
  if (wireType !== 2) return false
  const outer = reader.narrow(reader.limit())
  while (!reader.done) add(field, list, scalar.read(reader))
  reader.widen(outer)
  return true
}

function add(field: FieldPlan, list: unknown[], value: unknown): void {
  if (field.known === undefined || field.known.has(value as number)) list.push(value)
}

/** One entry of a map: a message with a key and a value, either of which may be left out. */
function readEntry(field: FieldPlan, map: Fields, depth: number): void {
  const { key, scalar, message } = field
  const outer = reader.narrow(reader.limit())
  let name: unknown = key!.zero
  let value: unknown
  let nested: Fields | undefined
  while (!reader.done) {
    const tag = reader.varint()
    if (tag >>> 3 === 1 && (tag & 7) === key!.wireType) name = key!.read(reader)
    else if (tag >>> 3 !== 2) reader.skip(tag & 7, tag >>> 3, depth)
    else if (scalar !== undefined && (tag & 7) === scalar.wireType) value = scalar.read(reader)
    else if (message !== undefined && (tag & 7) === 2) {
      nested ??= begin(message)
      readNested(message, nested, 2, 2, depth)
    } else reader.skip(tag & 7, 2, depth)
  }
  reader.widen(outer)
  if (message !== undefined) value = finish(message, nested ?? begin(message))
  else if (value === undefined) value = scalar!.zero ?? Buffer.alloc(0)
  if (field.known !== undefined && !field.known.has(value as number)) return
  set(map, String(name), value)
}
