import { CLIENT_PREFACE, Flag, FrameType } from '../frame/index.js'
import { HpackEncoder } from '../hpack/index.js'
import { buildFrame } from './frame-list.js'
import {
  REQUEST_FIELDS,
  RESPONSE_FIELDS,
  randomBlock,
  randomFields,
  TRAILER_FIELDS,
} from './header-generator.js'
import { randomMessages } from './message-generator.js'
import { EDGE_NUMBERS } from './octet-mutator.js'
import type { Random } from './random.js'

const NOTHING: Buffer = Buffer.alloc(0)

/** Generates one frame of any type, mostly valid. */
export function randomFrame(random: Random): Buffer {
  const streamId = random.pick([0, 1, 1, 2, 3, 5, 7, 9, 101])
  const own = streamId === 0 ? 1 : streamId
  switch (random.integer(0, 11)) {
    case 0:
      return buildFrame(FrameType.Data, random.integer(0, 1), own, random.octets(random.size(300)))
    case 1:
      return buildFrame(FrameType.Headers, random.pick([4, 5]), own, blockOf(random))
    case 2:
      return buildFrame(FrameType.Priority, 0, own, random.octets(random.pick([5, 5, 4])))
    case 3:
      return buildFrame(FrameType.RstStream, 0, own, word(random.integer(0, 14)))
    case 4:
      return randomSettings(random)
    case 5:
      return buildFrame(FrameType.Ping, random.integer(0, 1), 0, random.octets(8))
    case 6:
      return randomGoaway(random)
    case 7:
      return buildFrame(FrameType.WindowUpdate, 0, streamId, word(random.pick(EDGE_NUMBERS)))
    case 8:
      return buildFrame(FrameType.Continuation, random.pick([0, 4]), own, blockOf(random))
    case 9:
      return buildFrame(FrameType.Settings, Flag.Ack, 0, NOTHING)
    case 10:
      return buildFrame(
        FrameType.PushPromise,
        4,
        own,
        Buffer.concat([word(random.integer(0, 4)), blockOf(random)]),
      )
    default:
      return buildFrame(
        random.pick([0x10, 0x0a, 0xee]),
        random.integer(0, 255),
        streamId,
        random.octets(random.size(64)),
      )
  }
}

/** Generates SETTINGS with a few entries, most of them valid. */
export function randomSettings(random: Random): Buffer {
  const count = random.size(6)
  const payload = Buffer.alloc(6 * count)
  for (let i = 0; i < count; i++) {
    payload.writeUInt16BE(
      random.chance(0.95) ? random.integer(1, 9) : random.integer(0, 65_535),
      6 * i,
    )
    payload.writeUInt32BE(random.pick(EDGE_NUMBERS), 6 * i + 2)
  }
  return buildFrame(FrameType.Settings, 0, 0, payload)
}

function randomGoaway(random: Random): Buffer {
  const lastStreamId = random.pick([0, 1, 3, 5, 0x7fff_ffff])
  const debug = random.octets(random.size(300))
  return buildFrame(
    FrameType.Goaway,
    0,
    0,
    Buffer.concat([word(lastStreamId), word(random.integer(0, 14)), debug]),
  )
}

/**
 * Generates what a client might send on one connection: preface, SETTINGS, some concurrent calls,
 * and occasionally a frame of another kind.
 */
export function randomClientOctets(random: Random): Buffer {
  const frames = [Buffer.from(CLIENT_PREFACE), safeSettings(random), ack()]
  const count = random.integer(1, 4)
  const encoder = new HpackEncoder({ policy: random.pick(['fast', 'compact']) })
  const calls: Buffer[][] = []
  for (let call = 0; call < count; call++) {
    // Blocks are encoded in the order in which the streams open, and leave in it.
    calls.push(requestFrames(random, 2 * call + 1, encoder))
  }
  return Buffer.concat([...frames, ...interleave(random, calls)])
}

/** Generates what a server might send on one connection in answer to streams 1, 3, 5 and 7. */
export function randomServerOctets(random: Random): Buffer {
  const encoder = new HpackEncoder({ policy: random.pick(['fast', 'compact']) })
  const calls: Buffer[][] = []
  for (const streamId of [1, 3, 5, 7]) {
    if (random.chance(0.8)) calls.push(responseFrames(random, streamId, encoder))
  }
  return Buffer.concat([safeSettings(random), ack(), ...calls.flat(), ...extras(random)])
}

function requestFrames(random: Random, streamId: number, encoder: HpackEncoder): Buffer[] {
  const path = random.pick(['Unary', 'Client', 'Server', 'Bidi'])
  const list = REQUEST_FIELDS.map(text =>
    text === '/test.Test/Unary' ? `/test.Test/${path}` : text,
  )
  if (random.chance(0.2)) list.push('grpc-timeout', random.pick(['1S', '100m', '0n', '1H']))
  if (random.chance(0.2)) list.push('grpc-encoding', random.pick(['gzip', 'identity', 'deflate']))
  if (random.chance(0.15)) list.push('content-length', String(random.integer(0, 40)))
  if (random.chance(0.2)) list.push('x-request-id', String(random.integer(0, 9)))
  const ends = random.chance(0.15)
  const frames = blockFrames(random, streamId, encode(encoder, list), ends)
  if (ends) return frames
  frames.push(...bodyFrames(random, streamId, random.chance(0.8)))
  if (random.chance(0.15)) frames.push(buildFrame(FrameType.RstStream, 0, streamId, word(8)))
  return frames
}

/** What a proxy or a web server answers, perhaps without an end. */
function foreignFrames(random: Random, streamId: number, encoder: HpackEncoder): Buffer[] {
  const status = random.pick(['200', '404', '502', '503'])
  const list = [':status', status, 'content-type', random.pick(['text/html', ' text/plain '])]
  const frames = blockFrames(random, streamId, encode(encoder, list), random.chance(0.2))
  if (random.chance(0.8)) frames.push(...bodyFrames(random, streamId, random.chance(0.3)))
  return frames
}

function responseFrames(random: Random, streamId: number, encoder: HpackEncoder): Buffer[] {
  const frames: Buffer[] = []
  if (random.chance(0.1))
    frames.push(...blockFrames(random, streamId, encode(encoder, [':status', '103']), false))
  if (random.chance(0.15)) {
    const only = [...RESPONSE_FIELDS, 'grpc-status', String(random.integer(0, 16))]
    frames.push(...blockFrames(random, streamId, encode(encoder, only), true))
    return frames
  }
  if (random.chance(0.1)) return [...frames, ...foreignFrames(random, streamId, encoder)]
  frames.push(...blockFrames(random, streamId, encode(encoder, RESPONSE_FIELDS), false))
  frames.push(...bodyFrames(random, streamId, false))
  if (random.chance(0.8)) {
    frames.push(...blockFrames(random, streamId, encode(encoder, TRAILER_FIELDS), true))
  } else frames.push(buildFrame(FrameType.RstStream, 0, streamId, word(random.integer(0, 13))))
  return frames
}

/** A block as HEADERS, or as HEADERS and CONTINUATION. */
function blockFrames(
  random: Random,
  streamId: number,
  block: Buffer,
  endStream: boolean,
): Buffer[] {
  const flags = endStream ? Flag.EndStream : 0
  if (random.chance(0.8))
    return [buildFrame(FrameType.Headers, flags | Flag.EndHeaders, streamId, block)]
  const cut = random.integer(0, block.length)
  return [
    buildFrame(FrameType.Headers, flags, streamId, block.subarray(0, cut)),
    buildFrame(FrameType.Continuation, Flag.EndHeaders, streamId, block.subarray(cut)),
  ]
}

/** gRPC messages as DATA frames that do not care where a message ends. */
function bodyFrames(random: Random, streamId: number, ends: boolean): Buffer[] {
  const octets = randomMessages(random)
  const frames: Buffer[] = []
  for (let start = 0; start < octets.length; ) {
    const end = random.chance(0.6) ? octets.length : random.integer(start + 1, octets.length)
    frames.push(buildFrame(FrameType.Data, 0, streamId, octets.subarray(start, end)))
    start = end
  }
  if (!ends) return frames
  if (frames.length === 0 || random.chance(0.3)) {
    frames.push(buildFrame(FrameType.Data, Flag.EndStream, streamId, NOTHING))
  } else frames[frames.length - 1]![4] = Flag.EndStream
  return frames
}

/** Frames of several streams in one row; each stream keeps its order, and HEADERS keep theirs. */
function interleave(random: Random, calls: Buffer[][]): Buffer[] {
  const row: Buffer[] = []
  let opened = 0
  let block = -1
  while (calls.some(call => call.length > 0)) {
    // A header block must not be interrupted (RFC 9113 §4.3), and blocks must leave as they were encoded.
    const ready = calls.flatMap((call, at) => (call.length > 0 && at <= opened ? [at] : []))
    const at = block >= 0 ? block : random.pick(ready.length > 0 ? ready : [opened])
    const frame = calls[at]!.shift()
    if (at === opened) opened++
    if (frame === undefined) continue
    const isOpenBlock = frame[3] === FrameType.Headers && (frame[4]! & Flag.EndHeaders) === 0
    block = isOpenBlock ? at : -1
    row.push(frame)
    if (block < 0 && random.chance(0.1)) row.push(...extras(random))
  }
  return row
}

function extras(random: Random): Buffer[] {
  const frames: Buffer[] = []
  for (let count = random.size(3); count > 0; count--) {
    frames.push(
      random.chance(0.5)
        ? buildFrame(
            FrameType.WindowUpdate,
            0,
            random.pick([0, 1, 3, 5]),
            word(random.integer(1, 70_000)),
          )
        : randomFrame(random),
    )
  }
  return frames
}

/** SETTINGS that every peer accepts. */
function safeSettings(random: Random): Buffer {
  const entries: Buffer[] = []
  const add = (id: number, value: number): void => {
    if (random.chance(0.3)) entries.push(Buffer.concat([Buffer.of(0, id), word(value)]))
  }
  add(1, random.pick([0, 64, 4_096, 65_536]))
  add(3, random.pick([1, 2, 100]))
  add(4, random.pick([0, 1, 100, 65_535, 1_000_000]))
  add(5, random.pick([16_384, 65_536, 0xff_ffff]))
  add(6, random.pick([100, 8_192, 0xffff_ffff]))
  return buildFrame(FrameType.Settings, 0, 0, Buffer.concat(entries))
}

function ack(): Buffer {
  return buildFrame(FrameType.Settings, Flag.Ack, 0, NOTHING)
}

function blockOf(random: Random): Buffer {
  return randomBlock(random, randomFields(random))
}

function encode(encoder: HpackEncoder, list: readonly string[]): Buffer {
  const block = Buffer.alloc(encoder.encodedSizeMax(list))
  return block.subarray(0, encoder.encode(list, block, 0))
}

function word(value: number): Buffer {
  const octets = Buffer.alloc(4)
  octets.writeUInt32BE(value >>> 0, 0)
  return octets
}
