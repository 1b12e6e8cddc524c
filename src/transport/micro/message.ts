import { ProtobufReader, WireType } from './protobuf-reader.js'
import { StringCache } from './string-cache.js'
import type { Message } from './transport.js'

/**
 * The protobuf form of a `Message`, written by hand because every call of the
 * transport passes through it:
 *
 *     message Message { map<string, string> header = 1; bytes body = 2; }
 */

/** Default limit of one encoded message, in both directions, as in grpc-go. Unit: bytes. */
export const MESSAGE_SIZE_MAX = 4_194_304

/** Octets below which a loop over characters beats a call into the runtime. */
const LOOP_SIZE_MAX = 24

/** `utf8Write` exists on every Buffer but not in its published types. */
interface Utf8Buffer extends Buffer {
  utf8Write(text: string, offset: number, size: number): number
}

const HEADER_TAG = (1 << 3) | WireType.Bytes
const BODY_TAG = (2 << 3) | WireType.Bytes
const KEY_TAG = (1 << 3) | WireType.Bytes
const VALUE_TAG = (2 << 3) | WireType.Bytes

const keys: StringCache = new StringCache()
const values: StringCache = new StringCache()

// Sizes of the strings of the message being measured: key, value, key, value.
// `encodeMessage` never re-enters itself, so one array serves all.
let sizes: Int32Array = new Int32Array(64)

/**
 * Encodes `message`. An empty body is omitted, as in proto3.
 *
 * @throws TypeError when it is no message: the header no Map of strings, the
 * body no Uint8Array. RangeError when a key or value is not well-formed text (a
 * lone surrogate), or the result would be larger than `sizeMax`.
 */
export function encodeMessage(message: Message, sizeMax: number = MESSAGE_SIZE_MAX): Buffer {
  const size = measure(message)
  if (size > sizeMax) {
    throw new RangeError(`message is ${size} octets; the limit is ${sizeMax}`)
  }
  const target = Buffer.allocUnsafe(size)
  let offset = 0
  let index = 0
  for (const [key, value] of message.header) {
    const keySize = sizes[index++]!
    const valueSize = sizes[index++]!
    target[offset++] = HEADER_TAG
    offset = writeVarint(target, offset, entrySize(keySize, valueSize))
    target[offset++] = KEY_TAG
    offset = writeText(target, writeVarint(target, offset, keySize), key, keySize)
    target[offset++] = VALUE_TAG
    offset = writeText(target, writeVarint(target, offset, valueSize), value, valueSize)
  }
  if (message.body.length > 0) {
    target[offset++] = BODY_TAG
    offset = writeVarint(target, offset, message.body.length)
    target.set(message.body, offset)
  }
  return target
}

/** @throws TypeError naming what is not as `Message` says. Values are looked at when they are measured. */
export function checkMessage(message: Message): void {
  if (typeof message !== 'object' || message === null) {
    throw new TypeError(`message is ${nameOf(message)}; expected { header, body }`)
  }
  const { header, body } = message
  if (!(header instanceof Map)) {
    throw new TypeError(`message.header is ${nameOf(header)}; expected a Map of strings`)
  }
  if (!(body instanceof Uint8Array)) {
    throw new TypeError(`message.body is ${nameOf(body)}; expected a Uint8Array`)
  }
}

/** @throws TypeError naming the key. */
export function checkHeader(key: unknown, value: unknown): void {
  if (typeof key !== 'string') {
    throw new TypeError(`message.header has a key that is ${nameOf(key)}; expected a string`)
  }
  if (typeof value !== 'string') {
    const name = JSON.stringify(key)
    throw new TypeError(`message.header ${name} is ${nameOf(value)}; expected a string`)
  }
}

function nameOf(value: unknown): string {
  if (value === null) return 'null'
  if (typeof value !== 'object') return value === undefined ? 'undefined' : `a ${typeof value}`
  return `an instance of ${value.constructor?.name ?? 'no class'}`
}

/** Octets of the whole message; leaves the size of each string in `sizes`. */
function measure(message: Message): number {
  checkMessage(message)
  const count = message.header.size * 2
  if (count > sizes.length) sizes = new Int32Array(count * 2)
  let index = 0
  let size = 0
  for (const [key, value] of message.header) {
    if (typeof key !== 'string' || typeof value !== 'string') checkHeader(key, value)
    const keySize = textSize(key, key)
    const valueSize = textSize(value, key)
    sizes[index++] = keySize
    sizes[index++] = valueSize
    const entry = entrySize(keySize, valueSize)
    size += 1 + varintSize(entry) + entry
  }
  const bodySize = message.body.length
  return bodySize === 0 ? size : size + 1 + varintSize(bodySize) + bodySize
}

function entrySize(keySize: number, valueSize: number): number {
  return 2 + varintSize(keySize) + keySize + varintSize(valueSize) + valueSize
}

function varintSize(value: number): number {
  if (value < 0x80) return 1
  if (value < 0x4000) return 2
  if (value < 0x20_0000) return 3
  return value < 0x1000_0000 ? 4 : 5
}

function writeVarint(target: Buffer, offset: number, value: number): number {
  let at = offset
  let rest = value
  while (rest > 0x7f) {
    target[at++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  target[at] = rest
  return at + 1
}

/** UTF-8 octets of `text`; `key` names the header in the error. */
function textSize(text: string, key: string): number {
  const length = text.length
  if (length > LOOP_SIZE_MAX) {
    const size = Buffer.byteLength(text)
    if (size === length) return size
  }
  let size = length
  for (let i = 0; i < length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0x80) continue
    size += unit < 0x800 ? 1 : 2
    if ((unit & 0xf800) !== 0xd800) continue
    // A pair is two units and four octets; half a pair has no UTF-8.
    const low = i + 1 < length ? text.charCodeAt(i + 1) : 0
    if (unit >= 0xdc00 || (low & 0xfc00) !== 0xdc00) {
      throw new RangeError(
        `header ${JSON.stringify(key)} has half a surrogate pair at character ${i}; text must be well-formed Unicode`,
      )
    }
    i++
  }
  return size
}

function writeText(target: Buffer, offset: number, text: string, size: number): number {
  if (size > LOOP_SIZE_MAX || size !== text.length) {
    ;(target as Utf8Buffer).utf8Write(text, offset, size)
    return offset + size
  }
  for (let i = 0; i < size; i++) target[offset + i] = text.charCodeAt(i)
  return offset + size
}

// Decoding never re-enters itself either.
const reader: ProtobufReader = new ProtobufReader()

/**
 * Decodes the message in `bytes[start, end)`. The body is a copy.
 *
 * As other protobuf readers do: any order, keys or values that are missing are
 * empty, of duplicates the last wins, unknown fields are skipped, a known field
 * of another wire type counts as unknown.
 *
 * @throws MessageError when the octets are not protobuf or text is not UTF-8.
 */
export function decodeMessage(bytes: Buffer, start: number, end: number): Message {
  const header = readFields(bytes, start, end)
  const body = Buffer.allocUnsafe(bodyEnd - bodyStart)
  bytes.copy(body, 0, bodyStart, bodyEnd)
  return { header, body }
}

/** The same, of octets that are the message's own: the body is a part of them. */
export function decodeOwnMessage(bytes: Buffer, start: number, end: number): Message {
  return { header: readFields(bytes, start, end), body: bytes.subarray(bodyStart, bodyEnd) }
}

// Where the body is of the message that was read last.
let bodyStart = 0
let bodyEnd = 0

function readFields(bytes: Buffer, start: number, end: number): Map<string, string> {
  const header = new Map<string, string>()
  bodyStart = bodyEnd = end
  reader.begin(bytes, start)
  while (reader.offset < end) {
    const tag = reader.tag(end)
    if (tag === HEADER_TAG) {
      const size = reader.size(end)
      readEntry(header, reader.offset + size)
    } else if (tag === BODY_TAG) {
      const size = reader.size(end)
      bodyStart = reader.offset
      bodyEnd = reader.offset = bodyStart + size
    } else {
      reader.skip(tag, end)
    }
  }
  return header
}

function readEntry(header: Map<string, string>, end: number): void {
  let key = ''
  let value = ''
  while (reader.offset < end) {
    const tag = reader.tag(end)
    if (tag === KEY_TAG) key = reader.text(keys, end)
    else if (tag === VALUE_TAG) value = reader.text(values, end)
    else reader.skip(tag, end)
  }
  header.set(key, value)
}
