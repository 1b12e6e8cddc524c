import { Flag, FrameType } from '../../src/frame/index.js'
import { HpackEncoder } from '../../src/hpack/index.js'

/** RFC 9113 §7, as numbers: what a situation must end with. */
const PROTOCOL = 1
const FLOW_CONTROL = 3
const STREAM_CLOSED = 5
const FRAME_SIZE = 6
const REFUSED = 7
const COMPRESSION = 9

/** What has to come of it. Streams are numbered as on the wire. */
export type Outcome =
  | { readonly scope: 'connection'; readonly code: number }
  | { readonly scope: 'stream'; readonly code: number; readonly streamId: number }
  /** Not HTTP/2 at all: closed, without a promise of how. */
  | { readonly scope: 'closed' }
  /** Nothing wrong: `answered` requests get their answer. */
  | { readonly scope: 'none'; readonly answered: number }

/** Octets for a server that has just been greeted, and what must come of them. */
export interface Situation {
  readonly name: string
  readonly bytes: Buffer
  readonly outcome: Outcome
  /** Answers to wait for before `after` is sent. Default: none. */
  readonly after?: Buffer
  /** Sent instead of the connection preface and SETTINGS. */
  readonly greeting?: Buffer
  /** Requests that are answered all the same. Default: 0. */
  readonly answered?: number
}

const connection = (code: number): Outcome => ({ scope: 'connection', code })
const stream = (code: number, streamId = 1): Outcome => ({ scope: 'stream', code, streamId })
const none = (answered = 0): Outcome => ({ scope: 'none', answered })

const GET = [':method', 'GET', ':scheme', 'http', ':path', '/', ':authority', '127.0.0.1']
const POST = [':method', 'POST', ...GET.slice(2)]
const END = Flag.EndStream | Flag.EndHeaders

/** A frame of any shape, right or wrong. `size` is what its header claims. */
function frame(
  type: number,
  flags: number,
  streamId: number,
  payload: Buffer = Buffer.alloc(0),
  size: number = payload.length,
): Buffer {
  const header = Buffer.alloc(9)
  header.writeUIntBE(size, 0, 3)
  header[3] = type
  header[4] = flags
  header.writeUInt32BE(streamId >>> 0, 5)
  return Buffer.concat([header, payload])
}

/** A header block that refers to nothing in the dynamic table. */
function block(list: readonly string[]): Buffer {
  const encoder = new HpackEncoder()
  const target = Buffer.alloc(encoder.encodedSizeMax(list))
  return target.subarray(0, encoder.encode(list, target, 0))
}

const hex = (text: string) => Buffer.from(text, 'hex')
const many = (...frames: Buffer[]) => Buffer.concat(frames)
const u32 = (value: number) => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}
const headers = (streamId: number, list: readonly string[] = GET, flags: number = END) =>
  frame(FrameType.Headers, flags, streamId, block(list))
const data = (
  streamId: number,
  payload: Buffer = Buffer.from('test'),
  flags: number = Flag.EndStream,
) => frame(FrameType.Data, flags, streamId, payload)
const windowUpdate = (streamId: number, increment: number) =>
  frame(FrameType.WindowUpdate, 0, streamId, u32(increment))
const reset = (streamId: number, code = 8) => frame(FrameType.RstStream, 0, streamId, u32(code))
const priority = (streamId: number, dependsOn = 0) =>
  frame(FrameType.Priority, 0, streamId, many(u32(dependsOn), hex('ff')))
const setting = (id: number, value: number) => {
  const bytes = Buffer.alloc(6)
  bytes.writeUInt16BE(id)
  bytes.writeUInt32BE(value, 2)
  return bytes
}
const settings = (...entries: Buffer[]) => frame(FrameType.Settings, 0, 0, many(...entries))
const continuation = (
  streamId: number,
  payload: Buffer = block(GET),
  flags: number = Flag.EndHeaders,
) => frame(FrameType.Continuation, flags, streamId, payload)
const open = (streamId: number) => headers(streamId, POST, Flag.EndHeaders)
const without = (name: string) => GET.filter((_, i) => GET[i - (i % 2)] !== name)

const FRAMES: readonly Situation[] = [
  {
    name: '3.4: no preface',
    bytes: hex(''),
    greeting: Buffer.from('INVALID CONNECTION PREFACE\r\n\r\n'),
    outcome: { scope: 'closed' },
  },
  {
    name: '4.1: a frame of unknown type is ignored',
    bytes: many(frame(0x16, 0, 0, hex('0000000000000000')), headers(1)),
    outcome: none(1),
  },
  {
    name: '4.1: undefined flags are ignored',
    bytes: many(frame(FrameType.Ping, 0x16, 0, Buffer.alloc(8)), headers(1)),
    outcome: none(1),
  },
  {
    name: '4.1: the reserved bit is ignored',
    bytes: many(frame(FrameType.Ping, 0, 0x80000000, Buffer.alloc(8)), headers(1)),
    outcome: none(1),
  },
  {
    name: '4.2: DATA of 2^14 octets',
    bytes: many(open(1), data(1, Buffer.alloc(16_384))),
    outcome: none(1),
  },
  {
    name: '4.2: DATA above SETTINGS_MAX_FRAME_SIZE',
    bytes: many(open(1), data(1, Buffer.alloc(16_385))),
    outcome: connection(FRAME_SIZE),
  },
  {
    name: '4.2: HEADERS above SETTINGS_MAX_FRAME_SIZE',
    bytes: frame(FrameType.Headers, END, 1, Buffer.alloc(16_385)),
    outcome: connection(FRAME_SIZE),
  },
  {
    name: '4.3: an invalid field block',
    bytes: frame(FrameType.Headers, END, 1, hex('8286844110ffffff')),
    outcome: connection(COMPRESSION),
  },
  {
    name: '4.3: PRIORITY within a field block',
    bytes: many(headers(1, GET, Flag.EndStream), priority(1), continuation(1, hex(''))),
    outcome: connection(PROTOCOL),
  },
  {
    name: '4.3: HEADERS of another stream within a field block',
    bytes: many(headers(1, GET, Flag.EndStream), headers(3)),
    outcome: connection(PROTOCOL),
  },
  {
    name: '5.5: an unknown frame within a field block',
    bytes: many(headers(1, GET, Flag.EndStream), frame(0x16, 0, 1), continuation(1, hex(''))),
    outcome: connection(PROTOCOL),
  },
]

const STATES: readonly Situation[] = [
  { name: '5.1: idle, DATA', bytes: data(1), outcome: connection(PROTOCOL) },
  { name: '5.1: idle, RST_STREAM', bytes: reset(1), outcome: connection(PROTOCOL) },
  { name: '5.1: idle, WINDOW_UPDATE', bytes: windowUpdate(1, 100), outcome: connection(PROTOCOL) },
  { name: '5.1: idle, CONTINUATION', bytes: continuation(1), outcome: connection(PROTOCOL) },
  { name: '5.1: idle, PRIORITY', bytes: many(priority(1), headers(3)), outcome: none(1) },
  {
    name: '5.1: half-closed (remote), DATA',
    bytes: many(headers(1), data(1)),
    outcome: stream(STREAM_CLOSED),
  },
  {
    name: '5.1: half-closed (remote), HEADERS',
    bytes: many(headers(1), headers(1)),
    outcome: stream(STREAM_CLOSED),
  },
  {
    name: '5.1: half-closed (remote), CONTINUATION',
    bytes: many(headers(1), continuation(1)),
    outcome: connection(PROTOCOL),
  },
  {
    name: '5.1: half-closed (remote), WINDOW_UPDATE',
    bytes: many(headers(1), windowUpdate(1, 1)),
    outcome: none(1),
  },
  {
    name: '5.1: half-closed (remote), PRIORITY',
    bytes: many(headers(1), priority(1)),
    outcome: none(1),
  },
  {
    name: '5.1: half-closed (remote), RST_STREAM',
    bytes: many(headers(1), reset(1), headers(3)),
    outcome: none(1),
  },
  {
    name: '5.1: closed by RST_STREAM, DATA',
    bytes: many(open(1), reset(1), data(1)),
    outcome: connection(STREAM_CLOSED),
  },
  {
    name: '5.1: closed by RST_STREAM, HEADERS',
    bytes: many(open(1), reset(1), headers(1)),
    outcome: connection(STREAM_CLOSED),
  },
  {
    name: '5.1: closed by RST_STREAM, CONTINUATION',
    bytes: many(open(1), reset(1), continuation(1)),
    outcome: connection(PROTOCOL),
  },
  {
    name: '5.1: closed by END_STREAM, DATA',
    bytes: headers(1),
    after: data(1),
    outcome: connection(STREAM_CLOSED),
    answered: 1,
  },
  {
    name: '5.1: closed by END_STREAM, HEADERS',
    bytes: headers(1),
    after: headers(1),
    outcome: connection(STREAM_CLOSED),
    answered: 1,
  },
  {
    name: '5.1: closed by END_STREAM, CONTINUATION',
    bytes: headers(1),
    after: continuation(1),
    outcome: connection(PROTOCOL),
    answered: 1,
  },
  {
    name: '5.1: closed by END_STREAM, PRIORITY',
    bytes: headers(1),
    after: priority(1),
    outcome: none(1),
  },
  {
    name: '5.1: closed by END_STREAM, WINDOW_UPDATE',
    bytes: headers(1),
    after: windowUpdate(1, 1),
    outcome: none(1),
  },
  { name: '5.1.1: an even stream identifier', bytes: headers(2), outcome: connection(PROTOCOL) },
  {
    name: '5.1.1: a smaller stream identifier than before',
    bytes: many(headers(5), headers(3)),
    outcome: connection(PROTOCOL),
  },
  {
    name: '5.1.2: a stream above the limit',
    bytes: many(...Array.from({ length: 1_001 }, (_, i) => open(2 * i + 1))),
    outcome: stream(REFUSED, 2_001),
  },
  {
    name: '5.3.1: HEADERS that depend on their own stream',
    bytes: frame(FrameType.Headers, END | Flag.Priority, 1, many(u32(1), hex('ff'), block(GET))),
    outcome: connection(PROTOCOL),
  },
  {
    name: '5.3.1: PRIORITY that depends on its own stream',
    bytes: priority(1, 1),
    outcome: connection(PROTOCOL),
  },
]

const FRAME_RULES: readonly Situation[] = [
  { name: '6.1: DATA on stream 0', bytes: many(open(1), data(0)), outcome: connection(PROTOCOL) },
  {
    name: '6.1: DATA with more padding than payload',
    bytes: many(open(1), frame(FrameType.Data, Flag.Padded, 1, hex('0574657374'))),
    outcome: connection(PROTOCOL),
  },
  { name: '6.2: HEADERS on stream 0', bytes: headers(0), outcome: connection(PROTOCOL) },
  {
    name: '6.2: HEADERS with more padding than payload',
    bytes: frame(FrameType.Headers, END | Flag.Padded, 1, many(hex('ff'), block(GET))),
    outcome: connection(PROTOCOL),
  },
  { name: '6.3: PRIORITY on stream 0', bytes: priority(0), outcome: connection(PROTOCOL) },
  {
    name: '6.3: PRIORITY of a wrong size',
    bytes: many(open(1), frame(FrameType.Priority, 0, 1, hex('00000000'))),
    outcome: stream(FRAME_SIZE),
  },
  { name: '6.4: RST_STREAM on stream 0', bytes: reset(0), outcome: connection(PROTOCOL) },
  {
    name: '6.4: RST_STREAM of a wrong size',
    bytes: many(open(1), frame(FrameType.RstStream, 0, 1, hex('000000'))),
    outcome: connection(FRAME_SIZE),
  },
  {
    name: '6.5: SETTINGS with ACK and a payload',
    bytes: frame(FrameType.Settings, Flag.Ack, 0, setting(3, 1)),
    outcome: connection(FRAME_SIZE),
  },
  {
    name: '6.5: SETTINGS on stream 1',
    bytes: frame(FrameType.Settings, 0, 1, setting(3, 1)),
    outcome: connection(PROTOCOL),
  },
  {
    name: '6.5: SETTINGS of a size not divisible by 6',
    bytes: frame(FrameType.Settings, 0, 0, hex('000300')),
    outcome: connection(FRAME_SIZE),
  },
  {
    name: '6.5.2: ENABLE_PUSH of 2',
    bytes: settings(setting(2, 2)),
    outcome: connection(PROTOCOL),
  },
  {
    name: '6.5.2: INITIAL_WINDOW_SIZE of 2^31',
    bytes: settings(setting(4, 0x80000000)),
    outcome: connection(FLOW_CONTROL),
  },
  {
    name: '6.5.2: MAX_FRAME_SIZE of 16,383',
    bytes: settings(setting(5, 16_383)),
    outcome: connection(PROTOCOL),
  },
  {
    name: '6.5.2: MAX_FRAME_SIZE of 2^24',
    bytes: settings(setting(5, 1 << 24)),
    outcome: connection(PROTOCOL),
  },
  {
    name: '6.5.2: an unknown setting',
    bytes: many(settings(setting(0xff, 1)), headers(1)),
    outcome: none(1),
  },
  {
    name: '6.5.3: the last of two values holds',
    bytes: many(settings(setting(4, 0), setting(4, 65_535)), headers(1)),
    outcome: none(1),
  },
  {
    name: '6.7: PING is acknowledged',
    bytes: frame(FrameType.Ping, 0, 0, Buffer.from('h2spec--')),
    outcome: none(),
  },
  {
    name: '6.7: PING acknowledgement nobody asked for',
    bytes: many(frame(FrameType.Ping, Flag.Ack, 0, Buffer.alloc(8)), headers(1)),
    outcome: none(1),
  },
  {
    name: '6.7: PING on stream 1',
    bytes: frame(FrameType.Ping, 0, 1, Buffer.alloc(8)),
    outcome: connection(PROTOCOL),
  },
  {
    name: '6.7: PING of a wrong size',
    bytes: frame(FrameType.Ping, 0, 0, Buffer.alloc(6)),
    outcome: connection(FRAME_SIZE),
  },
  {
    name: '6.8: GOAWAY on stream 1',
    bytes: frame(FrameType.Goaway, 0, 1, Buffer.alloc(8)),
    outcome: connection(PROTOCOL),
  },
  {
    name: '6.8: GOAWAY of a wrong size',
    bytes: frame(FrameType.Goaway, 0, 0, Buffer.alloc(7)),
    outcome: connection(FRAME_SIZE),
  },
  {
    name: '6.9: WINDOW_UPDATE of 0 for the connection',
    bytes: windowUpdate(0, 0),
    outcome: connection(PROTOCOL),
  },
  {
    name: '6.9: WINDOW_UPDATE of 0 for a stream',
    bytes: many(open(1), windowUpdate(1, 0)),
    outcome: stream(PROTOCOL),
  },
  {
    name: '6.9: WINDOW_UPDATE of a wrong size',
    bytes: frame(FrameType.WindowUpdate, 0, 0, hex('000001')),
    outcome: connection(FRAME_SIZE),
  },
  {
    name: '6.9.1: the window of the connection overflows',
    bytes: many(windowUpdate(0, 0x7fffffff), windowUpdate(0, 0x7fffffff)),
    outcome: connection(FLOW_CONTROL),
  },
  {
    name: '6.9.1: the window of a stream overflows',
    bytes: many(open(1), windowUpdate(1, 0x7fffffff), windowUpdate(1, 0x7fffffff)),
    outcome: stream(FLOW_CONTROL),
  },
  {
    name: '6.9.2: SETTINGS make the window of a stream overflow',
    bytes: many(open(1), windowUpdate(1, 0x7fff0000), settings(setting(4, 0x7fffffff))),
    outcome: connection(FLOW_CONTROL),
  },
  {
    name: '6.10: CONTINUATION frames end a field block',
    bytes: many(
      headers(1, GET.slice(0, 2), Flag.EndStream),
      continuation(1, block(GET.slice(2, 4)), 0),
      continuation(1, block(GET.slice(4))),
    ),
    outcome: none(1),
  },
  {
    name: '6.10: CONTINUATION on stream 0',
    bytes: many(headers(1, GET, Flag.EndStream), continuation(0)),
    outcome: connection(PROTOCOL),
  },
  {
    name: '6.10: CONTINUATION after END_HEADERS',
    bytes: many(open(1), continuation(1)),
    outcome: connection(PROTOCOL),
  },
  {
    name: '6.10: DATA within a field block',
    bytes: many(headers(1, GET, 0), data(1)),
    outcome: connection(PROTOCOL),
  },
  {
    name: '7: an unknown error code in GOAWAY',
    bytes: frame(FrameType.Goaway, 0, 0, many(u32(0), u32(0xff))),
    outcome: none(),
  },
  {
    name: '7: an unknown error code in RST_STREAM',
    bytes: many(open(1), reset(1, 0xff), headers(3)),
    outcome: none(1),
  },
]

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

const MESSAGES: readonly Situation[] = [
  trailers('8.1: a second HEADERS without END_STREAM', ['x-test', 'ok'], Flag.EndHeaders),
  malformed('8.2.1: an upper-case field name', [...GET, 'X-TEST', 'ok']),
  malformed('8.2.1: a line feed in a value', [...GET, 'x-test', 'a\nb']),
  malformed('8.2.1: a space before a value', [...GET, 'x-test', ' a']),
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

const HPACK: readonly Situation[] = [
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

/** What h2spec tries, once more, with the one outcome that is right for us. */
export const SITUATIONS: readonly Situation[] = [
  ...FRAMES,
  ...STATES,
  ...FRAME_RULES,
  ...MESSAGES,
  ...HPACK,
]
