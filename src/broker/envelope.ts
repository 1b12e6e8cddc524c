import type { Message } from '../transport/index.js'
import { base64Size, readBase64, writeBase64 } from './base64.js'

/** How a message travels on an engine that has no headers of its own, or whose headers are not used. */
export interface BrokerCodec {
  /** What the engine carries. */
  encode(message: Message): Uint8Array
  /** @throws Error for what is no message */
  decode(bytes: Buffer): Message
}

/**
 * A message as go-micro's brokers write it: `{"Header":{...},"Body":"<base64>"}`. Keys are read in any case, as Go
 * does; a body that is missing or null is empty.
 */
export const envelopeCodec: BrokerCodec = { encode: encodeEnvelope, decode: decodeEnvelope }

/** The body alone, as programs in other languages have it; its header is what `contentType` says. Metadata does not travel. */
export function rawCodec(contentType: string): BrokerCodec {
  const header: ReadonlyMap<string, string> = new Map([['Content-Type', contentType]])
  return {
    encode: ({ body }) => body,
    decode: body => ({ header: new Map(header), body }),
  }
}

const HEAD = '{"Header":'
const MIDDLE = ',"Body":"'
const END = '"}'
const QUOTE = 0x22
const BRACE = 0x7d

function encodeEnvelope({ header, body }: Message): Uint8Array {
  const head = HEAD + headerJson(header) + MIDDLE
  const headSize = Buffer.byteLength(head)
  const envelope = Buffer.allocUnsafe(headSize + base64Size(body.length) + END.length)
  envelope.write(head, 0, headSize === head.length ? 'latin1' : 'utf8')
  const end = writeBase64(envelope, headSize, body)
  envelope[end] = QUOTE
  envelope[end + 1] = BRACE
  return envelope
}

function headerJson(header: ReadonlyMap<string, string>): string {
  let text = '{'
  for (const [name, value] of header) {
    text += `${text === '{' ? '' : ','}${JSON.stringify(name)}:${JSON.stringify(value)}`
  }
  return `${text}}`
}

function decodeEnvelope(bytes: Buffer): Message {
  return readWellFormed(bytes) ?? readAny(bytes)
}

const HEAD_OCTETS = Buffer.from(HEAD)
const MIDDLE_OCTETS = Buffer.from(MIDDLE)

/**
 * The two keys as Go and we write them, in that order: then the body need not go through a parser of JSON. If what
 * stands between is one JSON value, the whole is what it seems to be.
 */
function readWellFormed(bytes: Buffer): Message | undefined {
  const end = bytes.length - END.length
  if (bytes[end] !== QUOTE || bytes[end + 1] !== BRACE) return undefined
  const bodyStart = bytes.lastIndexOf(QUOTE, end - 1) + 1
  const headEnd = bodyStart - MIDDLE.length
  if (headEnd < HEAD.length || !startsWith(bytes, 0, HEAD_OCTETS)) return undefined
  if (!startsWith(bytes, headEnd, MIDDLE_OCTETS)) return undefined
  const header = readHeader(bytes, HEAD.length, headEnd)
  return header === undefined ? undefined : { header, body: readBase64(bytes, bodyStart, end) }
}

/** The header that was read last, and its octets: those of one publisher are often all the same. */
let lastOctets: Buffer = Buffer.alloc(0)
let lastHeader: ReadonlyMap<string, string> = new Map()

/** Above it a header is not remembered. Reason: what is kept is of somebody else. Unit: octets. */
const REMEMBERED_SIZE_MAX = 1_024

/** Undefined: what is there is no JSON. */
function readHeader(bytes: Buffer, start: number, end: number): Map<string, string> | undefined {
  const size = end - start
  if (size === lastOctets.length && bytes.compare(lastOctets, 0, size, start, end) === 0) {
    return new Map(lastHeader)
  }
  let value: unknown
  try {
    value = JSON.parse(bytes.toString('utf8', start, end))
  } catch {
    return undefined
  }
  const header = headerMap(value)
  if (size <= REMEMBERED_SIZE_MAX) {
    lastOctets = Buffer.from(bytes.subarray(start, end))
    lastHeader = new Map(header)
  }
  return header
}

function startsWith(bytes: Buffer, offset: number, start: Buffer): boolean {
  for (let i = 0; i < start.length; i++) if (bytes[offset + i] !== start[i]) return false
  return true
}

function readAny(bytes: Buffer): Message {
  const value: unknown = JSON.parse(bytes.toString('utf8'))
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new TypeError('expected an object with Header and Body')
  }
  let header: unknown
  let body: unknown
  for (const [key, member] of Object.entries(value)) {
    const name = key.toLowerCase()
    if (name === 'header') header = member
    else if (name === 'body') body = member
  }
  if (body !== undefined && body !== null && typeof body !== 'string') {
    throw new TypeError(`Body must be base64 text, got ${typeof body}`)
  }
  return { header: headerMap(header), body: textBody(body ?? '') }
}

function headerMap(header: unknown): Map<string, string> {
  const map = new Map<string, string>()
  if (header === undefined || header === null) return map
  if (typeof header !== 'object' || Array.isArray(header)) {
    throw new TypeError('Header must be an object of texts')
  }
  for (const name in header) {
    const value = (header as Record<string, unknown>)[name]
    if (typeof value !== 'string') throw new TypeError(`Header.${name} must be a text`)
    map.set(name, value)
  }
  return map
}

function textBody(text: string): Buffer {
  const octets = Buffer.from(text, 'latin1')
  return readBase64(octets, 0, octets.length)
}
