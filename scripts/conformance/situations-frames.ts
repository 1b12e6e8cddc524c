import { Flag, FrameType } from '../../src/frame/index.js'
import {
  block,
  COMPRESSION,
  connection,
  continuation,
  data,
  END,
  FRAME_SIZE,
  frame,
  GET,
  headers,
  hex,
  many,
  none,
  open,
  PROTOCOL,
  priority,
  REFUSED,
  reset,
  type Situation,
  STREAM_CLOSED,
  stream,
  u32,
  windowUpdate,
} from './situation.js'

/** RFC 9113 §3.4, §4, §5: frames as such, and the states of streams. */
export const FRAME_SITUATIONS: readonly Situation[] = [
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

export const STATE_SITUATIONS: readonly Situation[] = [
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
