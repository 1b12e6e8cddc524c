import { createFileRegistry, type DescMessage, fromBinary, toBinary } from '@bufbuild/protobuf'
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import protobuf from 'protobufjs'
import ts from 'typescript'
import * as codec from '../src/codec/index.js'
import { FileDescriptorSet, generate, loadSchema, parseOptions } from '../src/codegen/index.js'
import { OctetSource, Random } from '../src/testing/index.js'
import { invariant } from './invariant.js'

// T18: code generated for any schema, against protobufjs and protobuf-es, which read and write the same.

const SCALARS = [
  'double',
  'float',
  'int32',
  'int64',
  'uint32',
  'uint64',
  'sint32',
  'sint64',
  'fixed32',
  'fixed64',
  'sfixed32',
  'sfixed64',
  'bool',
  'string',
  'bytes',
] as const
const KEYS = ['int32', 'uint64', 'sint32', 'fixed32', 'bool', 'string'] as const
const NUMBERS = [1, 2, 15, 16, 100, 2_047, 2_048, 300_000, 536_870_911] as const

type Shape = 'single' | 'optional' | 'list' | 'map' | 'choice'

interface Field {
  readonly name: string
  readonly type: string
  readonly shape: Shape
  readonly key: string
}

interface Pair {
  readonly ours: codec.MessageType
  readonly theirs: protobuf.Type
  /** Of protobuf-es. */
  readonly third: DescMessage
  readonly fields: readonly Field[]
}

type Value = Record<string, unknown>

const pairs = new Map<string, Pair>()
/** A schema takes long to be compiled: one octet says which. */
const SCHEMAS = 256

/** The first octet is a schema, the rest a value of it, and whether it is damaged on the way. */
export function fuzz(data: Buffer): void {
  const source = new OctetSource(data)
  const pair = pairOf(fieldsOf(new OctetSource(new Random(source.octet() % SCHEMAS).octets(30))))
  const isDamaged = source.flag()
  const value = messageOf(pair.fields, source, 2)
  const octets = pair.ours.encode(value)
  if (isDamaged) damaged(pair, Buffer.from(octets), source)
  else compare(pair, value, octets)
}

function fieldsOf(source: OctetSource): Field[] {
  const fields: Field[] = []
  for (let count = source.integer(1, 6), at = 0; at < count; at++) {
    const type = source.pick([...SCALARS, 'M', 'E'])
    const shape = source.pick<Shape>(['single', 'optional', 'list', 'map', 'choice'])
    fields.push({ name: `f${at}`, type, shape, key: source.pick(KEYS) })
  }
  return fields
}

function schemaOf(fields: readonly Field[]): string {
  const line = ({ name, type, shape, key }: Field, at: number): string => {
    const label = { single: '', optional: 'optional ', list: 'repeated ', map: '', choice: '' }[
      shape
    ]
    const whole = shape === 'map' ? `map<${key}, ${type}>` : `${label}${type}`
    return `${whole} ${name} = ${NUMBERS[at]};`
  }
  const lines = fields.map((field, at) => [field, line(field, at)] as const)
  const choices = lines.filter(([{ shape }]) => shape === 'choice').map(([, text]) => text)
  const others = lines.filter(([{ shape }]) => shape !== 'choice').map(([, text]) => text)
  const oneof = choices.length === 0 ? '' : `oneof c { ${choices.join(' ')} }`
  return `syntax = "proto3"; message M { ${others.join(' ')} ${oneof} } enum E { A = 0; B = 1; C = -5; }`
}

function pairOf(fields: readonly Field[]): Pair {
  const schema = schemaOf(fields)
  const known = pairs.get(schema)
  if (known !== undefined) return known
  const files = loadSchema(['a.proto'], () => schema)
  const [file] = generate(files, ['a.proto'], parseOptions(''))
  const { outputText } = ts.transpileModule(file!.content, {
    compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.CommonJS },
  })
  const module = { exports: {} as Record<string, unknown> }
  new Function('exports', 'require', outputText)(module.exports, () => codec)
  const theirs = protobuf.parse(schema).root.lookupType('M')
  const set = fromBinary(FileDescriptorSetSchema, FileDescriptorSet.encode({ file: files }))
  const third = createFileRegistry(set).getMessage('M')!
  const pair = { ours: module.exports['M'] as codec.MessageType, theirs, third, fields }
  pairs.set(schema, pair)
  return pair
}

function messageOf(fields: readonly Field[], source: OctetSource, depth: number): Value {
  const value: Value = {}
  for (const field of fields) {
    const { name, shape } = field
    const one = (): unknown => givenFor(field.type, fields, source, depth)
    if (source.flag()) continue
    if (shape === 'list') value[name] = Array.from({ length: source.integer(0, 40) }, one)
    else if (shape === 'map') {
      const map: Value = {}
      for (let count = source.integer(0, 3); count > 0; count--) {
        map[String(givenFor(field.key, fields, source, depth))] = one()
      }
      value[name] = map
    } else if (shape === 'choice') value['c'] = { case: name, value: one() }
    else value[name] = one()
  }
  return value
}

function givenFor(
  type: string,
  fields: readonly Field[],
  source: OctetSource,
  depth: number,
): unknown {
  if (type === 'M') return depth === 0 ? {} : messageOf(fields, source, depth - 1)
  if (type === 'E') return source.pick([0, 1, -5, 77])
  if (type === 'bool') return source.flag()
  if (type === 'bytes') return new Uint8Array(source.block())
  if (type === 'string') return textOf(source)
  if (type === 'double')
    return source.pick([0, -0, 1.5, Number.NaN, Number.NEGATIVE_INFINITY, source.number(4) / 3])
  if (type === 'float')
    return Math.fround(source.pick([0, -0, 0.1, Number.NaN, source.number(4) / 7]))
  const isUnsigned = type.startsWith('u') || type === 'fixed32' || type === 'fixed64'
  const bits = BigInt(source.number(4)) >> BigInt(source.integer(0, 31))
  if (!type.endsWith('64'))
    return Number(isUnsigned ? bits : BigInt.asIntN(32, source.flag() ? -bits : bits))
  const wide = source.flag() ? (bits << 32n) | BigInt(source.number(4)) : bits
  return isUnsigned ? BigInt.asUintN(64, wide) : BigInt.asIntN(64, source.flag() ? -wide : wide)
}

function textOf(source: OctetSource): string {
  const letter = source.pick(['a', 'é', '€', '😀'])
  const count = source.integer(0, 60)
  return (
    letter.repeat(source.flag() ? count * 40 : count) + String.fromCharCode(source.integer(32, 126))
  )
}

/** All say the same of what each has written. */
function compare({ ours, theirs, third, fields }: Pair, value: Value, octets: Uint8Array): void {
  const said = (): string =>
    `${schemaOf(fields)} ${Buffer.from(octets).toString('hex').slice(0, 2_000)}`
  const foreign = theirs.encode(theirs.fromObject(plain(value, fields) as object)).finish()
  const expected = canonOfTheirs(theirs.decode(foreign), fields)
  invariant(
    canonOfTheirs(theirs.decode(octets), fields) === expected,
    'T18 protobufjs reads what we write',
    said,
  )
  invariant(
    canonOfOurs(ours.decode(octets), fields) === expected,
    'T18 we read what we write',
    said,
  )
  invariant(
    canonOfOurs(ours.decode(foreign), fields) === expected,
    'T18 we read what protobufjs writes',
    said,
  )
  const read = fromBinary(third, octets)
  invariant(canonOfOurs(read, fields) === expected, 'T18 protobuf-es reads what we write', said)
  const written = toBinary(third, read)
  invariant(
    canonOfOurs(ours.decode(written), fields) === expected,
    'T18 we read what protobuf-es writes',
    said,
  )
  // Readers pass over the upper bits of an int32: only the size tells that they are wrong.
  invariant(
    written.length === octets.length,
    'T18 we write as many octets as protobuf-es',
    () => `${written.length} and ${octets.length} ${said()}`,
  )
  const hasNaN = /nan|inf/i.test(expected)
  const json = JSON.stringify(codec.toJson(ours, value))
  const back = canonOfOurs(codec.fromJsonText(ours, json), fields)
  invariant(hasNaN || back === expected, 'T18 JSON brings back what it was', said)
}

/** Damage is an error with an offset, or another message, which is stable. Nothing else leaves the codec. */
function damaged({ ours, third, fields }: Pair, octets: Buffer, source: OctetSource): void {
  for (let count = source.integer(1, 4); count > 0 && octets.length > 0; count--) {
    octets[source.integer(0, octets.length - 1)] = source.octet()
  }
  const end = octets.length === 0 ? 0 : source.integer(0, octets.length)
  let value: unknown
  try {
    value = ours.decode(octets, 0, end)
  } catch (error) {
    invariant(
      error instanceof RangeError && /at offset \d+ of the message/.test(error.message),
      'I-NOTHROW only a RangeError with the offset leaves the codec',
      () => String(error),
    )
    return
  }
  const other = readOrNothing(third, octets.subarray(0, end))
  invariant(
    other === undefined || canonOfOurs(other, fields) === canonOfOurs(value, fields),
    'T18 what we and protobuf-es read of damaged octets is the same',
    () => `${schemaOf(fields)} ${octets.toString('hex', 0, end)}`,
  )
  const again = ours.decode(ours.encode(value))
  invariant(
    canonOfOurs(again, fields) === canonOfOurs(value, fields),
    'T18 what was read is written as it was',
    () => octets.toString('hex'),
  )
}

/** protobuf-es refuses some octets that we take, such as a value beyond its type. */
function readOrNothing(type: DescMessage, octets: Uint8Array): unknown {
  try {
    return fromBinary(type, octets)
  } catch {
    return undefined
  }
}

/** A value as protobufjs wants it. */
function plain(value: unknown, fields: readonly Field[]): unknown {
  if (typeof value === 'bigint') return String(value)
  if (Array.isArray(value)) return value.map(each => plain(each, fields))
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value
  const result: Value = {}
  for (const [key, each] of Object.entries(value)) {
    if (key !== 'c') result[key] = plain(each, fields)
    else result[(each as { case: string }).case] = plain((each as { value: unknown }).value, fields)
  }
  return result
}

function canonOfOurs(message: unknown, fields: readonly Field[]): string {
  const given = message as Value
  const chosen = given['c'] as { case: string; value: unknown } | undefined
  return canon(
    fields,
    ({ name, shape }) =>
      shape === 'choice' ? (chosen?.case === name ? chosen.value : undefined) : given[name],
    canonOfOurs,
  )
}

function canonOfTheirs(message: unknown, fields: readonly Field[]): string {
  const given = message as Value
  return canon(
    fields,
    ({ name }) => (Object.hasOwn(given, name) ? given[name] : undefined),
    canonOfTheirs,
  )
}

/** Everything of a message as one text, the same for both. */
function canon(
  fields: readonly Field[],
  get: (field: Field) => unknown,
  within: (message: unknown, fields: readonly Field[]) => string,
): string {
  const parts = fields.map(field => {
    const { name, shape, type } = field
    const held = get(field)
    const one = (value: unknown): string =>
      type === 'M' ? `{${within(value, fields)}}` : scalar(value)
    if (shape === 'list') return `${name}[${((held ?? []) as unknown[]).map(one).join()}]`
    if (shape !== 'map') {
      const isNothing = held === undefined || held === null
      if (!isNothing)
        return shape === 'single' && type !== 'M' && isZero(held) ? '' : `${name}:${one(held)}`
      return ''
    }
    const entries = Object.entries((held ?? {}) as object).map(
      ([key, value]) => `${keyText(key, field)}=${one(value)}`,
    )
    return `${name}(${entries.sort().join()})`
  })
  return parts.join(';')
}

/** protobufjs has keys of 64 bits as eight characters. */
function keyText(key: string, { key: type }: Field): string {
  if (!type.endsWith('64') || key.length !== 8 || /^\d+$/.test(key)) return key
  const long = protobuf.util.longFromHash(key, true)
  return scalar(long)
}

function isZero(value: unknown): boolean {
  const text = scalar(value)
  return text === '0' || text === '' || text === 'false'
}

function scalar(value: unknown): string {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
  if (Object.is(value, -0)) return '-0'
  return String(value)
}
