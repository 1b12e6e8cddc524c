import { UNFIT } from './field-error.js'

/** Messages lie one behind the other in chunks of this size, as Node's own small buffers do. Unit: octets. */
const CHUNK_SIZE = 8_192
/** Room for a tag and a number behind it. Unit: octets. */
const NUMBER_ROOM = 15
/** Text up to here is written by a loop, and its length has one octet whatever it holds. Unit: UTF-16 code units. */
const LOOP_TEXT_MAX = 42
/** Text up to here gets room for three octets a character, and is measured by writing it. Unit: UTF-16 code units. */
const ROOMY_TEXT_MAX = 1_024
/** Messages within messages, as protobuf's other implementations count. */
export const DEPTH_MAX = 100

/** Where a message is being written. Its functions are below: what a module does not use is not in a bundle. */
export class Writer {
  bytes: Octets = makeOctets(CHUNK_SIZE)
  /** Where the message begins. */
  start: number = 0
  at: number = 0
  /** Up to here there is room for a number. */
  last: number = CHUNK_SIZE - NUMBER_ROOM
  depth: number = 0
}

/** A Buffer where there is one: text goes faster into it. */
export type Octets = Uint8Array & Partial<NodeOctets>

/** What a Buffer of Node can besides. */
interface NodeOctets {
  utf8Write(text: string, start: number): number
}

/** What Node has of a Buffer, as far as codecs use it. */
interface NodeBuffer {
  allocUnsafe(size: number): Uint8Array
  allocUnsafeSlow(size: number): Uint8Array
  byteLength(text: string): number
  readonly prototype: {
    latin1Slice(this: Uint8Array, start: number, end: number): string
    utf8Slice(this: Uint8Array, start: number, end: number): string
  }
}

/** Undefined in browsers and workers. */
export const NODE: NodeBuffer | undefined = (globalThis as { Buffer?: NodeBuffer }).Buffer

const ENCODER: InstanceType<typeof TextEncoder> = /*@__PURE__*/ new TextEncoder()

function makeOctets(size: number): Octets {
  return NODE === undefined ? new Uint8Array(size) : NODE.allocUnsafeSlow(size)
}

/** What was written since the last time, in memory that nobody else writes to. */
export function take(w: Writer): Uint8Array {
  const { bytes, start, at } = w
  w.start = at
  if (bytes.length === CHUNK_SIZE) return bytes.subarray(start, at)
  renew(w)
  // Half empty, the buffer is not worth keeping for the message.
  return at * 2 >= bytes.length ? bytes.subarray(0, at) : copyOf(bytes, 0, at)
}

/** Forgets what was written since `take`. */
export function reset(w: Writer): void {
  w.at = w.start
  w.depth = 0
  if (w.bytes.length > CHUNK_SIZE) renew(w)
}

function renew(w: Writer): void {
  w.bytes = makeOctets(CHUNK_SIZE)
  w.start = 0
  w.at = 0
  w.last = CHUNK_SIZE - NUMBER_ROOM
}

/** Octets of their own. */
export function copyOf(bytes: Uint8Array, start: number, end: number): Uint8Array {
  const size = end - start
  const copy = NODE === undefined ? new Uint8Array(size) : NODE.allocUnsafe(size)
  if (size < 32) for (let index = 0; index < size; index++) copy[index] = bytes[start + index]!
  else copy.set(bytes.subarray(start, end))
  return copy
}

/** Makes room for `size` octets more. */
export function room(w: Writer, size: number): void {
  if (w.at + size > w.bytes.length) grow(w, size)
}

function grow(w: Writer, size: number): void {
  const { bytes, start } = w
  const written = w.at - start
  const needed = written + size + NUMBER_ROOM
  // A message that fills much of a chunk gets a buffer of its own.
  const isLarge = needed * 2 > CHUNK_SIZE
  const grown = makeOctets(isLarge ? Math.max(needed, CHUNK_SIZE) * 2 : CHUNK_SIZE)
  grown.set(bytes.subarray(start, w.at))
  w.bytes = grown
  w.start = 0
  w.at = written
  w.last = grown.length - NUMBER_ROOM
}

/** A field's tag, with room for a number behind it. */
export function writeTag(w: Writer, tag: number): void {
  if (w.at > w.last) grow(w, NUMBER_ROOM)
  if (tag < 128) w.bytes[w.at++] = tag
  else w.at = putVarint(w.bytes, w.at, tag)
}

/** A number below 2^32; returns the offset behind it. */
export function putVarint(bytes: Uint8Array, start: number, value: number): number {
  let at = start
  let rest = value
  while (rest > 127) {
    bytes[at++] = (rest & 127) | 128
    rest >>>= 7
  }
  bytes[at++] = rest
  return at
}

/** Two halves of 32 bits as one varint, where there is room for it. */
export function putVarint64(w: Writer, low: number, high: number): void {
  const { bytes } = w
  let at = w.at
  let lower = low
  let upper = high
  while (upper > 0) {
    bytes[at++] = (lower & 127) | 128
    lower = ((lower >>> 7) | (upper << 25)) >>> 0
    upper >>>= 7
  }
  w.at = putVarint(bytes, at, lower)
}

/** Begins what has its length in front. Returns what `close` takes. */
export function openRange(w: Writer, tag: number): number {
  writeTag(w, tag)
  return ++w.at - w.start
}

/** Ends what began at `begun`: its length goes in front of it. */
export function closeRange(w: Writer, begun: number): void {
  const start = w.start + begun
  const size = w.at - start
  if (size < 128) w.bytes[start - 1] = size
  else widen(w, start, size, 1)
}

/** Begins a message in a field. Returns what `close` takes. */
export function open(w: Writer, tag: number, value: unknown): number {
  checkMessage(value)
  if (++w.depth > DEPTH_MAX) throw UNFIT
  return openRange(w, tag)
}

/** As `open`, of a value that is no message itself. */
export function openNative(w: Writer, tag: number): number {
  if (++w.depth > DEPTH_MAX) throw UNFIT
  return openRange(w, tag)
}

/** Ends a message in a field. */
export function close(w: Writer, begun: number): void {
  w.depth--
  closeRange(w, begun)
}

/** Begins a message between two tags. */
export function openGroup(w: Writer, tag: number, value: unknown): number {
  checkMessage(value)
  if (++w.depth > DEPTH_MAX) throw UNFIT
  writeTag(w, tag)
  // The end tag has wire type 4, the start tag has 3.
  return tag + 1
}

/** Ends a message between two tags. */
export function closeGroup(w: Writer, tag: number): void {
  w.depth--
  writeTag(w, tag)
}

/** Puts the length of what lies behind `start` in front of it, where `width` octets are free. */
export function widen(w: Writer, start: number, size: number, width: number): void {
  const more = varintSize(size) - width
  if (more === 0) {
    putVarint(w.bytes, start - width, size)
    return
  }
  const begun = start - w.start
  if (more > 0) room(w, more)
  const from = w.start + begun
  const { bytes } = w
  bytes.copyWithin(from + more, from, from + size)
  w.at = putVarint(bytes, from - width, size) + size
}

export function varintSize(value: number): number {
  let size = 1
  for (let rest = value >>> 7; rest > 0; rest >>>= 7) size++
  return size
}

/** Whether its properties are the fields of a message. */
export function checkMessage(value: unknown): void {
  if (typeof value !== 'object' || value === null) throw UNFIT
  if (Object.getPrototypeOf(value) !== Object.prototype && !isGiven(value)) throw UNFIT
}

/** A plain object, or one of a class that is not built in. */
export function isGiven(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === Object.prototype || prototype === null) return true
  // Those built in hold their values elsewhere than in properties: they would be written as nothing.
  const isBuiltIn = Object.prototype.toString.call(value) !== '[object Object]'
  return !(isBuiltIn || ArrayBuffer.isView(value))
}

/** Text as UTF-8 behind its length. */
export function putText(w: Writer, value: string): void {
  const { length } = value
  if (length > LOOP_TEXT_MAX) return putLongText(w, value)
  room(w, LOOP_TEXT_MAX * 3 + NUMBER_ROOM)
  const { bytes } = w
  const start = w.at + 1
  for (let index = 0; index < length; index++) {
    const octet = value.charCodeAt(index)
    if (octet > 127) return putWideText(w, value)
    bytes[start + index] = octet
  }
  bytes[start - 1] = length
  w.at = start + length
}

function putWideText(w: Writer, value: string): void {
  checkText(value)
  const start = w.at + 1
  const size = putUtf8(w.bytes, start, value)
  w.bytes[start - 1] = size
  w.at = start + size
}

/** Most text has one octet for each character: its length is written as if this had, too. */
function putLongText(w: Writer, value: string): void {
  const { length } = value
  const isRoomy = length <= ROOMY_TEXT_MAX
  const width = varintSize(isRoomy ? length : utf8Size(value))
  room(w, (isRoomy ? length * 3 : utf8Size(value)) + NUMBER_ROOM)
  const start = w.at + width
  const size = putUtf8(w.bytes, start, value)
  if (size !== length) checkText(value)
  w.at = start + size
  widen(w, start, size, width)
}

function putUtf8(bytes: Octets, start: number, value: string): number {
  if (bytes.utf8Write !== undefined) return bytes.utf8Write(value, start)
  return ENCODER.encodeInto(value, bytes.subarray(start)).written
}

function utf8Size(value: string): number {
  return NODE === undefined ? ENCODER.encode(value).length : NODE.byteLength(value)
}

const LONE_SURROGATE = /\p{Surrogate}/u

/** Whether UTF-8 can carry it. */
export function isText(value: string): boolean {
  return !LONE_SURROGATE.test(value)
}

function checkText(value: string): void {
  if (!isText(value)) throw UNFIT
}
