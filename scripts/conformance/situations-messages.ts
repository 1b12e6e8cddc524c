import { Flag, FrameType } from '../../src/frame/index.js'
import {
  block,
  COMPRESSION,
  connection,
  data,
  END,
  frame,
  GET,
  headers,
  hex,
  many,
  none,
  open,
  POST,
  PROTOCOL,
  type Situation,
  stream,
  u32,
} from './situation.js'

const without = (name: string): string[] => GET.filter((_, i) => GET[i - (i % 2)] !== name)

const malformed = (name: string, list: readonly string[]): Situation => ({
  name,
  bytes: headers(1, list),
  outcome: stream(PROTOCOL),
})
const trailers = (name: string, list: readonly string[], flags: number = END): Situation => ({
  name,
  bytes: many(open(1), data(1, Buffer.from('test'), 0), headers(1, list, flags)),
  outcome: stream(PROTOCOL),
})
const length = (name: string, value: string, ...bodies: readonly string[]): Situation => ({
  name,
  bytes: many(
    headers(1, [...POST, 'content-length', value], Flag.EndHeaders),
    ...bodies.map((body, i) =>
      data(1, Buffer.from(body), i === bodies.length - 1 ? Flag.EndStream : 0),
    ),
  ),
  outcome: stream(PROTOCOL),
})

/** RFC 9113 §8: requests. */
export const MESSAGE_SITUATIONS: readonly Situation[] = [
  trailers('8.1: a second HEADERS without END_STREAM', ['x-test', 'ok'], Flag.EndHeaders),
  malformed('8.2.1: an upper-case field name', [...GET, 'X-TEST', 'ok']),
  malformed('8.2.1: a line feed in a value', [...GET, 'x-test', 'a\nb']),
  malformed('8.3: an unknown pseudo-header field', [...GET, ':test', 'ok']),
  malformed('8.3: a pseudo-header field of responses', [...GET, ':status', '200']),
  trailers('8.3: a pseudo-header field in trailers', [':method', 'POST']),
  malformed('8.3: a pseudo-header field after a regular one', [
    ...GET.slice(0, 6),
    'x-test',
    'ok',
    ':authority',
    'a',
  ]),
  malformed('8.2.2: connection', [...GET, 'connection', 'keep-alive']),
  malformed('8.2.2: transfer-encoding', [...GET, 'transfer-encoding', 'chunked']),
  malformed('8.2.2: te other than trailers', [...GET, 'te', 'trailers, deflate;q=0.5']),
  malformed('8.3.1: an empty :path', [...without(':path'), ':path', '']),
  malformed('8.3.1: no :method', without(':method')),
  malformed('8.3.1: no :scheme', without(':scheme')),
  malformed('8.3.1: no :path', without(':path')),
  malformed('8.3.1: two :method', [':method', 'GET', ...GET]),
  malformed('8.3.1: two :scheme', [':scheme', 'http', ...GET]),
  malformed('8.3.1: two :path', [':path', '/', ...GET]),
  length('8.1.1: content-length above one DATA frame', '5', 'test'),
  length('8.1.1: content-length below one DATA frame', '1', 'test'),
  length('8.1.1: content-length against several DATA frames', '1', 'test', 'test'),
  {
    name: '8.4: PUSH_PROMISE from a client',
    bytes: many(
      open(1),
      frame(FrameType.PushPromise, Flag.EndHeaders, 1, many(u32(2), block(GET))),
    ),
    outcome: connection(PROTOCOL),
  },
]

const badBlock = (name: string, octets: string): Situation => ({
  name,
  bytes: frame(FrameType.Headers, END, 1, many(block(GET), hex(octets))),
  outcome: connection(COMPRESSION),
})

/** RFC 7541: field blocks. */
export const HPACK_SITUATIONS: readonly Situation[] = [
  badBlock('RFC 7541 2.3.3: an index beyond both tables', 'c6'),
  badBlock('RFC 7541 2.3.3: a name index beyond both tables', '7f0701'),
  badBlock('RFC 7541 4.2: a table size update at the end of a block', '20'),
  badBlock('RFC 7541 5.2: padding longer than 7 bits', '00821fff00'),
  badBlock('RFC 7541 5.2: padding that is not all ones', '00811800'),
  badBlock('RFC 7541 5.2: EOS within a string', '0084ffffffff00'),
  badBlock('RFC 7541 6.1: index 0', '80'),
  {
    name: 'RFC 7541 6.3: a table size above the limit',
    bytes: frame(FrameType.Headers, END, 1, many(hex('3fe1ff3f'), block(GET))),
    outcome: connection(COMPRESSION),
  },
  {
    name: 'RFC 7541 6.1: an indexed field',
    bytes: frame(FrameType.Headers, END, 1, many(hex('828684'), block([':authority', 'a']))),
    outcome: none(1),
  },
  {
    name: 'RFC 7541 6.2.1: a literal that is indexed',
    bytes: frame(FrameType.Headers, END, 1, many(block(GET), hex('4001610162'))),
    outcome: none(1),
  },
  {
    name: 'RFC 7541 6.2.2: a literal that is not indexed',
    bytes: frame(FrameType.Headers, END, 1, many(block(GET), hex('0001610162'))),
    outcome: none(1),
  },
  {
    name: 'RFC 7541 6.2.3: a literal that is never indexed',
    bytes: frame(FrameType.Headers, END, 1, many(block(GET), hex('1001610162'))),
    outcome: none(1),
  },
  {
    name: 'RFC 7541 6.3: two table size updates',
    bytes: frame(FrameType.Headers, END, 1, many(hex('203fe11f'), block(GET))),
    outcome: none(1),
  },
]
