import { Flag, FrameType } from '../../src/frame/index.js'
import {
  block,
  connection,
  continuation,
  data,
  END,
  FLOW_CONTROL,
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
  reset,
  type Situation,
  setting,
  settings,
  stream,
  u32,
  windowUpdate,
} from './situation.js'

/** RFC 9113 §6, §7: the rules of each type of frame. */
export const RULE_SITUATIONS: readonly Situation[] = [
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
