import type { TypedCodec } from '../micro/index.js'
import type { Field, MessageType } from './message-type.js'

/** Wire types: protobuf, "Encoding". */
const VARINT = 0
const FIXED64 = 1
const SIZED = 2
const GROUP_START = 3
const FIXED32 = 5

/** Messages within messages, as protobuf's own decoders. */
const DEPTH_MAX = 100

type Fields = Record<string, unknown>

/** The codec of a message type; subtype `proto`. `T` must be what its fields say. */
export function messageCodec<T>(type: MessageType): TypedCodec<T> {
  return {
    subtypes: ['proto'],
    encode: value => encodeMessage(type, value),
    decode: (bytes, start, end) => decodeMessage(type, bytes, start, end) as T,
  }
}

/** A message as octets. Fields that are undefined, or `single` and zero, are left out. */
export function encodeMessage(type: MessageType, value: unknown): Buffer {
  const parts: Uint8Array[] = []
  const fields = (value ?? {}) as Fields
  for (const field of type.fields) {
    const content = fields[field.key]
    if (content === undefined || content === null) continue
    if (field.rule === 'repeated') {
      for (const each of content as Iterable<unknown>) writeField(parts, field, each)
    } else if (field.rule === 'map') {
      for (const [key, each] of content as ReadonlyMap<string, unknown>) {
        writeEntry(parts, field, key, each)
      }
    } else if (field.rule === 'optional' || !isZero(content)) {
      writeField(parts, field, content)
    }
  }
  return Buffer.concat(parts)
}

function isZero(content: unknown): boolean {
  return content === 0 || content === '' || content === false
}

function writeField(parts: Uint8Array[], field: Field, content: unknown): void {
  const { type, number } = field
  if (type === 'string') {
    writeSized(parts, number, Buffer.from(String(content)))
  } else if (type === 'bytes') {
    writeSized(parts, number, content as Uint8Array)
  } else if (typeof type === 'function') {
    writeSized(parts, number, encodeMessage(type(), content))
  } else {
    parts.push(varint(number * 8 + VARINT), varint(Number(content)))
  }
}

function writeEntry(parts: Uint8Array[], field: Field, key: string, content: unknown): void {
  const entry: Uint8Array[] = []
  writeSized(entry, 1, Buffer.from(key))
  writeField(entry, { ...field, number: 2 }, content)
  writeSized(parts, field.number, Buffer.concat(entry))
}

function writeSized(parts: Uint8Array[], number: number, content: Uint8Array): void {
  parts.push(varint(number * 8 + SIZED), varint(content.length), content)
}

/** An int32: negative numbers take ten octets. */
function varint(value: number): Buffer {
  const octets: number[] = []
  let rest = BigInt.asUintN(64, BigInt(value))
  while (rest > 0x7fn) {
    octets.push(Number(rest & 0x7fn) | 0x80)
    rest >>= 7n
  }
  octets.push(Number(rest))
  return Buffer.from(octets)
}

/**
 * The message in `[start, end)`. Unknown fields are skipped; octets are copied.
 *
 * @throws RangeError when the message is cut short or malformed
 */
export function decodeMessage(
  type: MessageType,
  bytes: Buffer,
  start: number,
  end: number,
  depth = 0,
): Fields {
  if (depth > DEPTH_MAX) throw new RangeError(`more than ${DEPTH_MAX} messages within messages`)
  const message = emptyMessage(type)
  const reader = new Reader(bytes, start, end)
  while (!reader.done) {
    const tag = reader.varint()
    const field = type.fields.find(each => each.number === tag >>> 3)
    if (field === undefined || (tag & 7) !== wireTypeOf(field)) {
      if (field?.type === 'int32' && (tag & 7) === SIZED) readPacked(reader, message, field)
      else reader.skip(tag & 7)
    } else if (field.rule === 'map') {
      readEntry(reader, message[field.key] as Map<string, unknown>, field, depth)
    } else {
      const content = readContent(reader, field, depth)
      if (field.oneof !== undefined) clearOneof(message, type, field.oneof)
      if (field.rule === 'repeated') (message[field.key] as unknown[]).push(content)
      else message[field.key] = content
    }
  }
  return message
}

function emptyMessage(type: MessageType): Fields {
  const message: Fields = {}
  for (const { key, rule, type: fieldType } of type.fields) {
    if (rule === 'repeated') message[key] = []
    else if (rule === 'map') message[key] = new Map()
    else if (rule === 'single' && typeof fieldType !== 'function') message[key] = zeroOf(fieldType)
  }
  return message
}

function zeroOf(type: Exclude<Field['type'], () => MessageType>): unknown {
  if (type === 'string') return ''
  if (type === 'bool') return false
  return type === 'bytes' ? Buffer.alloc(0) : 0
}

function wireTypeOf({ type }: Field): number {
  return type === 'int32' || type === 'bool' || (typeof type === 'object' && 'values' in type)
    ? VARINT
    : SIZED
}

function readContent(reader: Reader, { type }: Field, depth: number): unknown {
  if (type === 'int32') return reader.varint() | 0
  if (type === 'bool') return reader.varint() !== 0
  if (typeof type === 'object') return reader.varint() | 0
  const { start, end } = reader.sized()
  if (type === 'string') return reader.bytes.toString('utf8', start, end)
  if (type === 'bytes') return Buffer.from(reader.bytes.subarray(start, end))
  return decodeMessage(type(), reader.bytes, start, end, depth + 1)
}

function readPacked(reader: Reader, message: Fields, { key, rule }: Field): void {
  const { start, end } = reader.sized()
  const packed = new Reader(reader.bytes, start, end)
  while (!packed.done) {
    const value = packed.varint() | 0
    if (rule === 'repeated') (message[key] as number[]).push(value)
    else message[key] = value
  }
}

function readEntry(
  reader: Reader,
  entries: Map<string, unknown>,
  field: Field,
  depth: number,
): void {
  const { start, end } = reader.sized()
  const entry = new Reader(reader.bytes, start, end)
  let key = ''
  let content: unknown
  while (!entry.done) {
    const tag = entry.varint()
    if (tag === 8 + SIZED) {
      const name = entry.sized()
      key = reader.bytes.toString('utf8', name.start, name.end)
    } else if (tag === 16 + SIZED) {
      content = readContent(entry, field, depth)
    } else {
      entry.skip(tag & 7)
    }
  }
  entries.set(key, content ?? emptyMessage((field.type as () => MessageType)()))
}

/** The last member of a oneof wins. */
function clearOneof(message: Fields, type: MessageType, name: string): void {
  for (const field of type.fields) {
    if (field.oneof === name) delete message[field.key]
  }
}

class Reader {
  readonly bytes: Buffer
  readonly #end: number
  #offset: number

  constructor(bytes: Buffer, start: number, end: number) {
    this.bytes = bytes
    this.#offset = start
    this.#end = end
  }

  get done(): boolean {
    return this.#offset >= this.#end
  }

  /** The lower 32 bits. */
  varint(): number {
    let value = 0
    for (let shift = 0; shift < 70; shift += 7) {
      const octet = this.#octet()
      if (shift < 32) value |= (octet & 0x7f) << shift
      if (octet < 0x80) return value >>> 0
    }
    throw new RangeError('a varint has more than 10 octets')
  }

  sized(): { start: number; end: number } {
    const size = this.varint()
    const start = this.#offset
    this.#advance(size)
    return { start, end: this.#offset }
  }

  skip(wireType: number): void {
    if (wireType === VARINT) this.varint()
    else if (wireType === SIZED) this.sized()
    else if (wireType === FIXED64) this.#advance(8)
    else if (wireType === FIXED32) this.#advance(4)
    else if (wireType === GROUP_START) this.#skipGroup()
    else throw new RangeError(`wire type ${wireType} is not known here`)
  }

  /** Groups may lie in groups. */
  #skipGroup(): void {
    for (let depth = 1; depth > 0; ) {
      const wireType = this.varint() & 7
      if (wireType === GROUP_START) depth++
      else if (wireType === GROUP_START + 1) depth--
      else this.skip(wireType)
    }
  }

  #octet(): number {
    if (this.done) throw new RangeError('the message is cut short')
    return this.bytes[this.#offset++]!
  }

  #advance(size: number): void {
    if (size > this.#end - this.#offset) {
      throw new RangeError(
        `a field of ${size} octets is cut short: ${this.#end - this.#offset} are left`,
      )
    }
    this.#offset += size
  }
}
