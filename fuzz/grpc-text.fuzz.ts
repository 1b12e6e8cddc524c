import { authorityFault } from '../src/connection/headers/authority.js'
import { DecodedBlock } from '../src/connection/headers/header-block.js'
import { classifyField } from '../src/connection/headers/header-rules.js'
import {
  decodeStatusMessage,
  encodeStatusMessage,
  encodeTimeout,
  Metadata,
  parseTimeout,
} from '../src/grpc/index.js'
import { decodeBase64, encodeBase64 } from '../src/grpc/wire/base64.js'
import { OctetSource } from '../src/testing/index.js'
import { invariant, sameLines } from './invariant.js'

// T10: the small languages of gRPC's header fields, each against a plain definition.

export function fuzz(data: Buffer): void {
  const source = new OctetSource(data)
  switch (source.integer(0, 8)) {
    case 0:
      return timeouts(source)
    case 1:
      return base64(source.rest())
    case 2:
      return statusMessages(source)
    case 3:
      return receivedMetadata(source)
    case 4:
      return sentMetadata(source)
    case 5:
      return receivedFields(source)
    case 6:
      return refusedMetadata(source)
    case 7:
      return authorities(source)
    default:
      return timeoutRoundTrip(source)
  }
}

const UNITS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1_000,
  m: 1,
  u: 1e-3,
  n: 1e-6,
}
const TIMEOUT_CHARACTERS = '0123456789HMSmun +-.eh'

function timeouts(source: OctetSource): void {
  let text = ''
  for (let size = source.integer(0, 10); size > 0; size--) {
    const octet = source.octet()
    text += octet < 224 ? String(octet % 10) : source.pick([...TIMEOUT_CHARACTERS])
  }
  if (source.octet() < 240) text += source.pick([...'HMSmun'])
  const match = /^([0-9]{1,8})([HMSmun])$/.exec(text)
  const expected = match === null ? -1 : Number(match[1]) * UNITS[match[2]!]!
  invariant(
    parseTimeout(text) === expected,
    'T10 a timeout is 1 to 8 digits and a unit',
    () => `${text}: ${parseTimeout(text)}`,
  )
}

function timeoutRoundTrip(source: OctetSource): void {
  const timeoutMs = source.number(4) * 10 ** source.integer(-6, 6)
  const text = encodeTimeout(timeoutMs)
  const parsed = parseTimeout(text)
  invariant(/^[0-9]{1,8}[HMSmun]$/.test(text), 'I-OUT a timeout of ours is legal', () => text)
  const reach = 99_999_999 * 3_600_000
  // A last bit may be lost in the division; a server must not be early by more.
  invariant(
    parsed >= Math.min(timeoutMs, reach) * (1 - 1e-12),
    'T10 never shorter than meant',
    () => `${timeoutMs}: ${text}`,
  )
  invariant(
    parsed <= timeoutMs * 1.000_2 + 1e-6 || parsed === reach,
    'T10 hardly longer than meant',
    () => `${timeoutMs}: ${text}`,
  )
}

function base64(octets: Buffer): void {
  const text = encodeBase64(octets)
  invariant(/^[A-Za-z0-9+/]*$/.test(text), 'I-OUT base64 without padding')
  invariant(Buffer.compare(decodeBase64(text)!, octets) === 0, 'I-RT base64')
  invariant(
    Buffer.compare(decodeBase64(octets.toString('base64'))!, octets) === 0,
    'I-RT base64 with padding',
  )
  const raw = octets.toString('latin1')
  const isLegal = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/.test(raw)
  invariant((decodeBase64(raw) !== undefined) === isLegal, 'T10 what is base64', () => raw)
}

function statusMessages(source: OctetSource): void {
  const sizeMax = 1 + source.octet() * 16
  const octets = source.rest()
  const text = octets.toString('utf8')
  const encoded = encodeStatusMessage(text, sizeMax)
  invariant(
    /^[ -~]*$/.test(encoded) && !/%(?![0-9A-F]{2})/.test(encoded),
    'I-OUT grpc-message is printable ASCII',
    () => encoded,
  )
  invariant(encoded.length <= sizeMax, 'I-BOUND grpc-message is cut')
  const back = decodeStatusMessage(encoded, 1 << 20)
  invariant(
    text.startsWith(back),
    'I-RT grpc-message',
    () => `${JSON.stringify(text)}: ${JSON.stringify(back)}`,
  )
  if (encoded.length < sizeMax - 12) invariant(back === text, 'I-RT grpc-message, whole')
  // Anything may come; nothing of it throws.
  const raw = octets.toString('latin1')
  const decoded = decodeStatusMessage(raw, sizeMax)
  const cut = raw
    .slice(0, sizeMax)
    .replace(/%([0-9a-fA-F]{2})/g, (_, digits: string) =>
      String.fromCharCode(Number.parseInt(digits, 16)),
    )
  invariant(
    decoded === Buffer.from(cut, 'latin1').toString('utf8'),
    'T10 escapes are undone once',
    () => raw,
  )
}

const NAMES: readonly string[] = [
  'a',
  'b-bin',
  'grpc-status',
  'grpc-tags-bin',
  'te',
  ':path',
  'content-type',
  '__proto__',
  'x-1',
]

function listOf(source: OctetSource): string[] {
  const list: string[] = []
  while (source.left > 0)
    list.push(source.pick(NAMES), source.octets(source.octet() & 31).toString('latin1'))
  return list
}

/** RFC 9113 §8.2.1: spaces and tabs around a value are taken off; NUL, CR and LF are malformed. */
function receivedFields(source: OctetSource): void {
  const block = new DecodedBlock()
  const expected: string[] = []
  let isBad = false
  while (source.left > 0) {
    const name = source.pick(['x', 'grpc-message', 'user-agent'])
    let value = ''
    for (let size = source.integer(0, 6); size > 0; size--)
      value += source.pick([...' \t\t ab\xff\0'])
    block.add(name, value, classifyField(name, value), 1 << 20, 1_000)
    isBad ||= value.includes('\0')
    if (!value.includes('\0')) expected.push(`${name} ${value.replace(/^[ \t]+|[ \t]+$/g, '')}`)
  }
  invariant((block.fault !== undefined) === isBad, 'T10 what makes a field malformed')
  if (isBad) return
  const got = block.list.flatMap((text, i) => (i % 2 === 0 ? [`${text} ${block.list[i + 1]}`] : []))
  if (!block.oversize) sameLines(got, expected, 'T10 white space around a value is taken off')
}

function receivedMetadata(source: OctetSource): void {
  const list = listOf(source)
  const metadata = Metadata.fromHeaders(list)
  const expected: string[] = []
  for (let i = 0; i < list.length; i += 2) {
    const [name, value] = [list[i]!, list[i + 1]!]
    if (name.startsWith(':') || name === 'te' || name === 'content-type' || name === 'grpc-status')
      continue
    if (name.endsWith('-bin')) {
      for (const part of value.split(','))
        if (decodeBase64(part.trim()) !== undefined) expected.push(`${name} ${part.trim()}`)
    } else if (/^[ -~]*$/.test(value)) expected.push(`${name} ${value.trim()}`)
  }
  sameLines(
    [...metadata].map(entry => entry.join(' ')),
    expected,
    'F7 metadata is what is neither reserved nor broken',
  )
  // What was received can always be sent on.
  const echo = new Metadata()
  for (const [name, value] of metadata) {
    if (name.endsWith('-bin')) echo.appendBinary(name, decodeBase64(value)!)
    else echo.append(name, value)
  }
  invariant(echo.size === metadata.size, 'T10 metadata can be echoed')
}

function sentMetadata(source: OctetSource): void {
  const metadata = new Metadata()
  const model: [string, string][] = []
  while (source.left > 0) {
    const name = source.pick(['a', 'b', 'A', 'c.d'])
    const value = String(source.integer(0, 9))
    switch (source.integer(0, 3)) {
      case 0: {
        metadata.set(name, value)
        remove(model, name)
        model.push([name.toLowerCase(), value])
        break
      }
      case 1:
        metadata.append(name, value)
        model.push([name.toLowerCase(), value])
        break
      case 2:
        invariant(
          metadata.delete(name) === remove(model, name),
          'T10 delete tells whether there was any',
        )
        break
      default:
        metadata.merge(metadata)
        model.push(...model.map((entry): [string, string] => [...entry]))
        if (model.length > 1_000) return
    }
    sameLines(
      [...metadata].map(entry => entry.join(' ')),
      model.map(entry => entry.join(' ')),
      'T10 metadata is a list of pairs',
    )
    invariant(
      metadata.get(name) === model.find(([key]) => key === name.toLowerCase())?.[1],
      'T10 get is the first of the name',
    )
  }
}

/** What may not be sent is refused, and the error does not show it. */
function refusedMetadata(source: OctetSource): void {
  const value = `hush${source.octets(source.octet() & 15).toString('latin1')}`
  const isLegal = /^[ -~]*$/.test(value)
  for (const put of ['set', 'append'] as const) {
    let error: unknown
    try {
      new Metadata()[put]('x-key', value)
    } catch (thrown) {
      error = thrown
    }
    invariant((error === undefined) === isLegal, 'T10 values are printable ASCII')
    invariant(!String(error).includes('hush'), 'T10 no error shows the value that it refuses')
  }
}

const PLACES = 'abz09.-_~:/?#@ ,[]%4F\u00e9'

/** RFC 9113 §8.3.1: a name or address and a port; no path, no second name, no user, no space. */
function authorities(source: OctetSource): void {
  let text = ''
  for (let size = source.integer(0, 8); size > 0; size--) text += source.pick([...PLACES])
  const fault = authorityFault('authority', text)
  const isPlain = /^[a-z0-9._~-]*(?::[0-9]*)?$/.test(text)
  const isBad = /[/?#@ ,\u00e9]/.test(text)
  if (isPlain) invariant(fault === undefined, 'T10 a name and a port are an authority', () => text)
  if (isBad) invariant(fault !== undefined, 'T10 what is no authority is refused', () => text)
}

function remove(model: [string, string][], name: string): boolean {
  const before = model.length
  const kept = model.filter(([key]) => key !== name.toLowerCase())
  model.splice(0, before, ...kept)
  return kept.length < before
}
