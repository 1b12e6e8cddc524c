import { Flag, FRAME_HEADER_SIZE, FrameType } from '../../src/frame/index.js'
import { HpackEncoder } from '../../src/hpack/index.js'

/** RFC 9113 §7, as numbers: what a situation must end with. */
export const PROTOCOL = 1
export const FLOW_CONTROL = 3
export const STREAM_CLOSED = 5
export const FRAME_SIZE = 6
export const REFUSED = 7
export const COMPRESSION = 9

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

export function connection(code: number): Outcome {
  return { scope: 'connection', code }
}

export function stream(code: number, streamId: number = 1): Outcome {
  return { scope: 'stream', code, streamId }
}

export function none(answered: number = 0): Outcome {
  return { scope: 'none', answered }
}

export const GET: readonly string[] = [
  ':method',
  'GET',
  ':scheme',
  'http',
  ':path',
  '/',
  ':authority',
  '127.0.0.1',
]
export const POST: readonly string[] = [':method', 'POST', ...GET.slice(2)]
export const END: number = Flag.EndStream | Flag.EndHeaders

/** A frame of any shape, right or wrong. */
export function frame(
  type: number,
  flags: number,
  streamId: number,
  payload: Buffer = Buffer.alloc(0),
): Buffer {
  const header = Buffer.alloc(FRAME_HEADER_SIZE)
  header.writeUIntBE(payload.length, 0, 3)
  header[3] = type
  header[4] = flags
  header.writeUInt32BE(streamId >>> 0, 5)
  return Buffer.concat([header, payload])
}

/** A header block that refers to nothing in the dynamic table. */
export function block(list: readonly string[]): Buffer {
  const encoder = new HpackEncoder()
  const target = Buffer.alloc(encoder.encodedSizeMax(list))
  return target.subarray(0, encoder.encode(list, target, 0))
}

export function hex(text: string): Buffer {
  return Buffer.from(text, 'hex')
}

export function many(...frames: readonly Buffer[]): Buffer {
  return Buffer.concat(frames)
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

export function headers(
  streamId: number,
  list: readonly string[] = GET,
  flags: number = END,
): Buffer {
  return frame(FrameType.Headers, flags, streamId, block(list))
}

/** HEADERS of a request whose body is still to come. */
export function open(streamId: number): Buffer {
  return headers(streamId, POST, Flag.EndHeaders)
}

export function data(
  streamId: number,
  payload: Buffer = Buffer.from('test'),
  flags: number = Flag.EndStream,
): Buffer {
  return frame(FrameType.Data, flags, streamId, payload)
}

export function windowUpdate(streamId: number, increment: number): Buffer {
  return frame(FrameType.WindowUpdate, 0, streamId, u32(increment))
}

export function reset(streamId: number, code: number = 8): Buffer {
  return frame(FrameType.RstStream, 0, streamId, u32(code))
}

export function priority(streamId: number, dependsOn: number = 0): Buffer {
  return frame(FrameType.Priority, 0, streamId, many(u32(dependsOn), hex('ff')))
}

export function setting(id: number, value: number): Buffer {
  const bytes = Buffer.alloc(6)
  bytes.writeUInt16BE(id)
  bytes.writeUInt32BE(value, 2)
  return bytes
}

export function settings(...entries: readonly Buffer[]): Buffer {
  return frame(FrameType.Settings, 0, 0, many(...entries))
}

export function continuation(
  streamId: number,
  payload: Buffer = block(GET),
  flags: number = Flag.EndHeaders,
): Buffer {
  return frame(FrameType.Continuation, flags, streamId, payload)
}
