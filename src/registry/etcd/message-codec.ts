import type { TypedCodec } from '../../micro/index.js'

/** What a field holds. `long` is a bigint, for ids that use all 64 bits; `int` fits a number. */
type Kind = 'bytes' | 'text' | 'int' | 'long' | 'bool' | MessageFields

interface Field {
  readonly number: number
  readonly kind: Kind
  readonly isList: boolean
}

/** The fields of a message, by what they are called here. */
export interface MessageFields {
  readonly [name: string]: Field
}

export function one(number: number, kind: Kind): Field {
  return { number, kind, isList: false }
}

export function many(number: number, kind: Kind): Field {
  return { number, kind, isList: true }
}

const VARINT = 0
const FIXED64 = 1
const SIZED = 2
const FIXED32 = 5
/** Messages within messages. etcd's have four levels. */
const DEPTH_MAX = 16
const EMPTY = Buffer.alloc(0)

/** The proto3 codec of a message. `T` must be what its fields say. Fields that we do not know are passed over. */
export function messageCodec<T extends object>(fields: MessageFields): TypedCodec<T> {
  return {
    subtypes: ['proto'],
    encode: value => Buffer.concat(encoded(fields, value as Record<string, unknown>)),
    decode: (bytes, start, end) => decoded(fields, bytes, start, end, 0) as T,
  }
}

function encoded(fields: MessageFields, value: Readonly<Record<string, unknown>>): Uint8Array[] {
  const parts: Uint8Array[] = []
  for (const [name, field] of Object.entries(fields)) {
    const content = value[name]
    if (content === undefined) continue
    if (field.isList) {
      for (const each of content as readonly unknown[]) writeField(parts, field, each)
    } else if (!isZero(content)) writeField(parts, field, content)
  }
  return parts
}

/** Zero is not written, but for messages: an empty one is something. */
function isZero(content: unknown): boolean {
  return content === 0 || content === 0n || content === false || content === ''
}

function writeField(parts: Uint8Array[], { number, kind }: Field, content: unknown): void {
  if (kind === 'int' || kind === 'long' || kind === 'bool') {
    parts.push(varint(number * 8 + VARINT), varint(content as number | bigint | boolean))
    return
  }
  const body =
    kind === 'text' || kind === 'bytes'
      ? Buffer.from(content as string)
      : Buffer.concat(encoded(kind, content as Record<string, unknown>))
  parts.push(varint(number * 8 + SIZED), varint(body.length), body)
}

function varint(value: number | bigint | boolean): Buffer {
  const octets: number[] = []
  let rest = BigInt.asUintN(64, BigInt(value))
  for (; rest > 0x7fn; rest >>= 7n) octets.push(Number(rest & 0x7fn) | 0x80)
  octets.push(Number(rest))
  return Buffer.from(octets)
}

function decoded(
  fields: MessageFields,
  bytes: Buffer,
  start: number,
  end: number,
  depth: number,
): Record<string, unknown> {
  if (depth > DEPTH_MAX) throw new RangeError(`more than ${DEPTH_MAX} messages within messages`)
  const message: Record<string, unknown> = {}
  const byNumber = new Map<number, [name: string, field: Field]>()
  for (const [name, field] of Object.entries(fields)) {
    byNumber.set(field.number, [name, field])
    message[name] = field.isList ? [] : zeroOf(field.kind)
  }
  const reader = new Reader(bytes, start, end)
  while (reader.at < end) {
    const tag = Number(reader.varint())
    const known = byNumber.get(tag >>> 3)
    const wanted = typeof known?.[1].kind === 'string' && !['bytes', 'text'].includes(known[1].kind)
    if (known === undefined || (tag & 7) !== (wanted ? VARINT : SIZED)) {
      reader.skip(tag & 7)
      continue
    }
    const [name, { kind, isList }] = known
    const content = readContent(reader, kind, depth)
    if (isList) (message[name] as unknown[]).push(content)
    else message[name] = content
  }
  return message
}

function zeroOf(kind: Kind): unknown {
  if (typeof kind === 'object') return undefined
  return { bytes: EMPTY, text: '', int: 0, long: 0n, bool: false }[kind]
}

function readContent(reader: Reader, kind: Kind, depth: number): unknown {
  if (kind === 'bool') return reader.varint() !== 0n
  if (kind === 'long') return BigInt.asIntN(64, reader.varint())
  if (kind === 'int') return Number(BigInt.asIntN(64, reader.varint()))
  const [start, end] = reader.sized()
  if (kind === 'text') return reader.bytes.toString('utf8', start, end)
  if (kind === 'bytes') return Buffer.from(reader.bytes.subarray(start, end))
  return decoded(kind, reader.bytes, start, end, depth + 1)
}

class Reader {
  readonly bytes: Buffer
  readonly #end: number
  at: number

  constructor(bytes: Buffer, start: number, end: number) {
    this.bytes = bytes
    this.at = start
    this.#end = end
  }

  varint(): bigint {
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      if (this.at >= this.#end) throw new RangeError('the message is cut short')
      const octet = this.bytes[this.at++]!
      value |= BigInt(octet & 0x7f) << shift
      if (octet < 0x80) return value
    }
    throw new RangeError('a varint has more than ten octets')
  }

  sized(): [start: number, end: number] {
    const size = Number(this.varint())
    const start = this.at
    if (size > this.#end - start) throw new RangeError('the message is cut short')
    this.at = start + size
    return [start, this.at]
  }

  skip(wireType: number): void {
    if (wireType === VARINT) this.varint()
    else if (wireType === SIZED) this.sized()
    else if (wireType === FIXED64) this.at += 8
    else if (wireType === FIXED32) this.at += 4
    else throw new RangeError(`wire type ${wireType} is not used in proto3`)
    if (this.at > this.#end) throw new RangeError('the message is cut short')
  }
}
