import { OctetSource } from '../src/testing/index.js'
import { decodeMessage, encodeMessage, type Message, MessageError } from '../src/transport/index.js'
import { invariant } from './invariant.js'

// T11: the transport's `Message`, read by a second protobuf reader and written back.

/** The first octet: odd builds a message out of the rest, even decodes the rest. */
export function fuzz(data: Buffer): void {
  const source = new OctetSource(data)
  if (source.flag()) roundTrip(source)
  else decode(source.rest())
}

function decode(bytes: Buffer): void {
  const expected = readMessage(bytes)
  const framed = Buffer.concat([Buffer.of(0x08), bytes, Buffer.of(0x12, 0x7f)])
  let message: Message | undefined
  try {
    message = decodeMessage(framed, 1, 1 + bytes.length)
  } catch (error) {
    invariant(error instanceof MessageError, 'I-NOTHROW only MessageError leaves the codec', () =>
      String(error),
    )
    invariant(
      error.offset >= 0 && error.offset <= bytes.length,
      'T11 the error is within the message',
    )
  }
  invariant(
    (message === undefined) === (expected === undefined),
    'T11 both accept the octets or neither',
    () => bytes.toString('hex'),
  )
  if (message === undefined || expected === undefined) return
  framed.fill(0xee)
  compare(message, expected)
  // decode(encode(decode(x))) = decode(x)
  const again = encodeMessage(message)
  compare(decodeMessage(again, 0, again.length), expected)
}

function roundTrip(source: OctetSource): void {
  const header = new Map<string, string>()
  for (let count = source.integer(0, 5); count > 0; count--)
    header.set(textOf(source), textOf(source))
  const message: Message = { header, body: Buffer.from(source.rest()) }
  const bytes = encodeMessage(message)
  const expected = readMessage(bytes)
  invariant(expected !== undefined, 'I-OUT a second reader reads what we write')
  compare(message, expected)
  compare(decodeMessage(bytes, 0, bytes.length), expected)
}

function textOf(source: OctetSource): string {
  const octets = source.block()
  return (octets.length & 1) === 0 ? octets.toString('utf8') : octets.toString('latin1')
}

function compare(a: Message, b: Message): void {
  invariant(
    JSON.stringify([...a.header]) === JSON.stringify([...b.header]),
    'T11 the same header',
    () => `${JSON.stringify([...a.header])}, ${JSON.stringify([...b.header])}`,
  )
  invariant(Buffer.compare(a.body, b.body) === 0, 'T11 the same body')
}

class Malformed extends Error {}

/** Protobuf with 64-bit integers and recursion, as the encoding guide has it; undefined when malformed. */
function readMessage(bytes: Buffer): Message | undefined {
  const header = new Map<string, string>()
  let body: Buffer = Buffer.alloc(0)
  try {
    eachField(bytes, (field, wire, value) => {
      if (wire !== 2) return
      if (field === 2) body = value
      if (field !== 1) return
      let key = ''
      let text = ''
      eachField(value, (id, kind, octets) => {
        if (kind !== 2) return
        if (id === 1) key = utf8(octets)
        if (id === 2) text = utf8(octets)
      })
      header.set(key, text)
    })
  } catch (error) {
    if (error instanceof Malformed || error instanceof RangeError || error instanceof TypeError)
      return undefined
    throw error
  }
  return { header, body }
}

function eachField(
  bytes: Buffer,
  visit: (field: number, wire: number, value: Buffer) => void,
): void {
  let at = 0
  const varint = (): bigint => {
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      if (at >= bytes.length) throw new Malformed()
      const octet = bytes[at++]!
      value |= BigInt(octet & 0x7f) << shift
      if (octet < 0x80) {
        if (value >= 1n << 64n) throw new Malformed()
        return value
      }
    }
    throw new Malformed()
  }
  const take = (size: number): Buffer => {
    if (size > bytes.length - at) throw new Malformed()
    at += size
    return bytes.subarray(at - size, at)
  }
  const skipGroup = (field: number, depth: number): void => {
    if (depth > 100) throw new Malformed()
    for (;;) {
      const [id, wire] = tag()
      if (wire === 4) {
        if (id !== field) throw new Malformed()
        return
      }
      if (value(id, wire, depth) === undefined) continue
    }
  }
  const tag = (): [number, number] => {
    const number = varint()
    if (number >> 3n === 0n || number >> 3n > 0x1fff_ffffn) throw new Malformed()
    return [Number(number >> 3n), Number(number & 7n)]
  }
  const value = (field: number, wire: number, depth: number): Buffer | undefined => {
    if (wire === 0) varint()
    else if (wire === 1) take(8)
    else if (wire === 2) {
      const size = varint()
      if (size > BigInt(bytes.length)) throw new Malformed()
      return take(Number(size))
    } else if (wire === 3) skipGroup(field, depth + 1)
    else if (wire === 5) take(4)
    else throw new Malformed()
    return undefined
  }
  while (at < bytes.length) {
    const [field, wire] = tag()
    const octets = value(field, wire, 0)
    if (octets !== undefined) visit(field, wire, octets)
  }
}

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function utf8(octets: Buffer): string {
  return strict.decode(octets)
}
