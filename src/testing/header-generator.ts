import type { Random } from './random.js'

/** The headers of a gRPC request. */
export const REQUEST_FIELDS: readonly string[] = [
  ':method',
  'POST',
  ':scheme',
  'http',
  ':path',
  '/test.Test/Unary',
  ':authority',
  'localhost:50051',
  'te',
  'trailers',
  'content-type',
  'application/grpc',
]

/** The first headers of a gRPC response. */
export const RESPONSE_FIELDS: readonly string[] = [
  ':status',
  '200',
  'content-type',
  'application/grpc',
]

/** The trailers of a gRPC response. */
export const TRAILER_FIELDS: readonly string[] = ['grpc-status', '0']

/** Names that have a rule somewhere: in HTTP/2, HPACK, gRPC or JavaScript. */
const NAMES: readonly string[] = [
  ':method',
  ':path',
  ':scheme',
  ':authority',
  ':status',
  ':protocol',
  ':unknown',
  'te',
  'host',
  'cookie',
  'content-length',
  'content-type',
  'connection',
  'transfer-encoding',
  'grpc-timeout',
  'grpc-encoding',
  'grpc-accept-encoding',
  'grpc-status',
  'grpc-message',
  'trace-bin',
  'authorization',
  'x-token',
  'user-agent',
  'timeout',
  'date',
  '__proto__',
  'constructor',
  'X-Upper',
  '',
  'a b',
]

const VALUES: readonly string[] = [
  '',
  '0',
  '1',
  '5',
  '12',
  '100',
  '101',
  '103',
  '200',
  '204',
  '304',
  '404',
  '999',
  '007',
  '-1',
  '18446744073709551616',
  'trailers',
  'gzip',
  'identity',
  'application/grpc',
  'application/grpc+json',
  'text/html',
  '/test.Test/Unary',
  '/test.Test/Client',
  '/test.Test/Server',
  '/test.Test/Bidi',
  '/',
  '*',
  'GET',
  'HEAD',
  'CONNECT',
  'http',
  'localhost:50051',
  'user@host',
  '100m',
  '1n',
  '0S',
  '123456789S',
  'AAEC',
  'AAE=',
  '%E4%',
  'a=b',
  ' spaced ',
  '\r\n',
  '\u00ff\u0080',
]

/** Generates one header value: a known one, text or bytes. */
export function randomValue(random: Random): string {
  if (random.chance(0.7)) return random.pick(VALUES)
  const size = random.size(random.chance(0.9) ? 64 : 6_000)
  if (random.chance(0.5)) return String.fromCharCode(random.integer(0x20, 0x7e)).repeat(size)
  return random.octets(size).toString('latin1')
}

/**
 * Generates a list of names and values: a request, a response or trailers with fields added,
 * changed or left out.
 */
export function randomFields(random: Random): string[] {
  const list = [...random.pick([REQUEST_FIELDS, REQUEST_FIELDS, RESPONSE_FIELDS, TRAILER_FIELDS])]
  for (let changes = random.size(4); changes > 0; changes--) {
    const at = random.integer(0, list.length / 2) * 2
    const kind = random.integer(0, 3)
    if (kind === 0 && at < list.length) list.splice(at, 2)
    else if (kind === 1 && at < list.length) list[at + 1] = randomValue(random)
    else list.splice(at, 0, random.pick(NAMES), randomValue(random))
  }
  return list
}

/** Generates a header block of `list` in random representations, or in broken ones. RFC 7541 §6. */
export function randomBlock(random: Random, list: readonly string[]): Buffer {
  const parts: Buffer[] = []
  if (random.chance(0.1)) {
    for (let count = random.integer(1, 3); count > 0; count--) {
      parts.push(hpackInteger(random.pick([0, 30, 31, 64, 100, 4_096, 4_097]), 5, 0x20))
    }
  }
  for (let i = 0; i < list.length; i += 2) {
    if (random.chance(0.1)) parts.push(hpackInteger(random.integer(0, 70), 7, 0x80))
    parts.push(randomField(random, list[i]!, list[i + 1]!))
  }
  const block = Buffer.concat(parts)
  return random.chance(0.95) ? block : block.subarray(0, random.integer(0, block.length))
}

function randomField(random: Random, name: string, value: string): Buffer {
  const [bits, pattern] = random.pick([
    [6, 0x40],
    [6, 0x40],
    [4, 0x00],
    [4, 0x10],
  ] as const)
  const named = random.chance(0.08)
    ? hpackInteger(random.integer(1, 66), bits, pattern)
    : Buffer.concat([Buffer.of(pattern), hpackString(name)])
  return Buffer.concat([named, hpackString(value)])
}

/** Encodes an integer with a prefix of `prefixBits` bits. RFC 7541 §5.1. */
export function hpackInteger(value: number, prefixBits: number, pattern: number): Buffer {
  const prefixMax = 2 ** prefixBits - 1
  if (value < prefixMax) return Buffer.of(pattern | value)
  const octets = [pattern | prefixMax]
  let rest = value - prefixMax
  for (; rest >= 128; rest = Math.floor(rest / 128)) octets.push((rest % 128) | 128)
  octets.push(rest)
  return Buffer.from(octets)
}

/** Encodes a raw string literal. RFC 7541 §5.2. */
export function hpackString(text: string): Buffer {
  return Buffer.concat([hpackInteger(text.length, 7, 0), Buffer.from(text, 'latin1')])
}
