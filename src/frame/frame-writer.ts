import { copyOctets } from './copy-octets.js'
import { writeFrameHeader, writeUint32 } from './frame-header.js'
import { GOAWAY_SIZE_MIN, PING_SIZE, PRIORITY_SIZE } from './frame-shape.js'
import { Flag, FrameType } from './frame-type.js'

/*
 * Each function writes one frame at `offset` of `target` and returns the offset
 * just past it. The caller has made sure of the room, that payloads respect the
 * peer's SETTINGS_MAX_FRAME_SIZE and that stream identifiers fit 31 bits.
 */

/** Size of an RST_STREAM frame, header included. Unit: bytes. */
export const RST_STREAM_FRAME_SIZE = 13
/** Size of a WINDOW_UPDATE frame, header included. Unit: bytes. */
export const WINDOW_UPDATE_FRAME_SIZE = 13
/** Size of a PRIORITY frame, header included. Unit: bytes. */
export const PRIORITY_FRAME_SIZE = 14
/** Size of a PING frame, header included. Unit: bytes. */
export const PING_FRAME_SIZE = 17
/** Size of a GOAWAY frame without debug data, header included. Unit: bytes. */
export const GOAWAY_FRAME_SIZE = 17

/** The priority fields of PRIORITY and HEADERS, which RFC 9113 §5.3.2 deprecates. */
export interface Priority {
  /** Stream to depend on; 0 for none. */
  readonly dependsOn: number
  /** 1 to 256. */
  readonly weight: number
  /** Whether the streams that depended on `dependsOn` now depend on this one. */
  readonly exclusive: boolean
}

/** Writes DATA with the bytes `bytes[start, end)`. RFC 9113 §6.1. */
export function writeData(
  target: Buffer,
  offset: number,
  streamId: number,
  bytes: Buffer,
  start: number,
  end: number,
  endStream: boolean,
): number {
  const payload = writeDataHeader(target, offset, streamId, end - start, endStream)
  return copyOctets(target, payload, bytes, start, end)
}

/**
 * Writes the header of a DATA frame whose `size` bytes of payload are written separately. RFC 9113
 * §6.1.
 */
export function writeDataHeader(
  target: Buffer,
  offset: number,
  streamId: number,
  size: number,
  endStream: boolean,
): number {
  const flags = endStream ? Flag.EndStream : 0
  return writeFrameHeader(target, offset, size, FrameType.Data, flags, streamId)
}

/** Writes DATA followed by `paddingSize` (0 to 255) bytes of padding. RFC 9113 §6.1. */
export function writePaddedData(
  target: Buffer,
  offset: number,
  streamId: number,
  bytes: Buffer,
  start: number,
  end: number,
  paddingSize: number,
  endStream: boolean,
): number {
  const flags = Flag.Padded | (endStream ? Flag.EndStream : 0)
  const size = 1 + end - start + paddingSize
  let at = writeFrameHeader(target, offset, size, FrameType.Data, flags, streamId)
  target[at++] = paddingSize
  at = copyOctets(target, at, bytes, start, end)
  return writeZeroes(target, at, paddingSize)
}

/**
 * Writes HEADERS with the fragment `block[start, end)`; `flags`: EndStream, EndHeaders. RFC 9113
 * §6.2.
 */
export function writeHeaders(
  target: Buffer,
  offset: number,
  streamId: number,
  block: Buffer,
  start: number,
  end: number,
  flags: number,
): number {
  return writeFragment(target, offset, FrameType.Headers, streamId, block, start, end, flags)
}

/**
 * Writes HEADERS with `paddingSize` (0 to 255) bytes of padding and, if given, priority fields. RFC
 * 9113 §6.2.
 */
export function writePaddedHeaders(
  target: Buffer,
  offset: number,
  streamId: number,
  block: Buffer,
  start: number,
  end: number,
  flags: number,
  paddingSize: number,
  priority?: Priority,
): number {
  const prefixSize = priority === undefined ? 0 : PRIORITY_SIZE
  const allFlags = flags | Flag.Padded | (priority === undefined ? 0 : Flag.Priority)
  const size = 1 + prefixSize + end - start + paddingSize
  let at = writeFrameHeader(target, offset, size, FrameType.Headers, allFlags, streamId)
  target[at++] = paddingSize
  if (priority !== undefined) at = writePriorityFields(target, at, priority)
  at = copyOctets(target, at, block, start, end)
  return writeZeroes(target, at, paddingSize)
}

/**
 * Writes CONTINUATION with the fragment `block[start, end)`; `flags`: EndHeaders. RFC 9113 §6.10.
 */
export function writeContinuation(
  target: Buffer,
  offset: number,
  streamId: number,
  block: Buffer,
  start: number,
  end: number,
  flags: number,
): number {
  return writeFragment(target, offset, FrameType.Continuation, streamId, block, start, end, flags)
}

/**
 * Writes PUSH_PROMISE with the fragment `block[start, end)`; `flags`: EndHeaders. RFC 9113 §6.6.
 */
export function writePushPromise(
  target: Buffer,
  offset: number,
  streamId: number,
  promisedStreamId: number,
  block: Buffer,
  start: number,
  end: number,
  flags: number,
): number {
  const size = 4 + end - start
  let at = writeFrameHeader(target, offset, size, FrameType.PushPromise, flags, streamId)
  at = writeUint32(target, at, promisedStreamId)
  return copyOctets(target, at, block, start, end)
}

/** Writes PRIORITY. RFC 9113 §6.3. */
export function writePriority(
  target: Buffer,
  offset: number,
  streamId: number,
  priority: Priority,
): number {
  const at = writeFrameHeader(target, offset, PRIORITY_SIZE, FrameType.Priority, 0, streamId)
  return writePriorityFields(target, at, priority)
}

/** Writes PRIORITY_UPDATE with a priority field value such as `u=1, i`, in ASCII. RFC 9218 §7.1. */
export function writePriorityUpdate(
  target: Buffer,
  offset: number,
  prioritizedStreamId: number,
  value: string,
): number {
  const size = 4 + value.length
  let at = writeFrameHeader(target, offset, size, FrameType.PriorityUpdate, 0, 0)
  at = writeUint32(target, at, prioritizedStreamId)
  return at + target.write(value, at, 'latin1')
}

/** Writes RST_STREAM. RFC 9113 §6.4. */
export function writeRstStream(
  target: Buffer,
  offset: number,
  streamId: number,
  errorCode: number,
): number {
  const at = writeFrameHeader(target, offset, 4, FrameType.RstStream, 0, streamId)
  return writeUint32(target, at, errorCode)
}

/**
 * Writes WINDOW_UPDATE; stream 0 is the connection. `increment` is 1 to 2^31 - 1 bytes. RFC 9113
 * §6.9.
 */
export function writeWindowUpdate(
  target: Buffer,
  offset: number,
  streamId: number,
  increment: number,
): number {
  const at = writeFrameHeader(target, offset, 4, FrameType.WindowUpdate, 0, streamId)
  return writeUint32(target, at, increment)
}

/** Writes PING with the eight bytes `opaque[start, start + 8)`. RFC 9113 §6.7. */
export function writePing(
  target: Buffer,
  offset: number,
  opaque: Buffer,
  start: number,
  ack: boolean,
): number {
  const flags = ack ? Flag.Ack : 0
  const at = writeFrameHeader(target, offset, PING_SIZE, FrameType.Ping, flags, 0)
  return copyOctets(target, at, opaque, start, start + PING_SIZE)
}

/** Writes GOAWAY, with `debug` as its debug data if given. RFC 9113 §6.8. */
export function writeGoaway(
  target: Buffer,
  offset: number,
  lastStreamId: number,
  errorCode: number,
  debug?: Buffer,
): number {
  const size = GOAWAY_SIZE_MIN + (debug?.length ?? 0)
  let at = writeFrameHeader(target, offset, size, FrameType.Goaway, 0, 0)
  at = writeUint32(target, at, lastStreamId)
  at = writeUint32(target, at, errorCode)
  return debug === undefined ? at : copyOctets(target, at, debug, 0, debug.length)
}

function writeFragment(
  target: Buffer,
  offset: number,
  type: number,
  streamId: number,
  block: Buffer,
  start: number,
  end: number,
  flags: number,
): number {
  const at = writeFrameHeader(target, offset, end - start, type, flags, streamId)
  return copyOctets(target, at, block, start, end)
}

function writePriorityFields(target: Buffer, offset: number, priority: Priority): number {
  const { dependsOn, weight, exclusive } = priority
  const at = writeUint32(target, offset, exclusive ? dependsOn | 0x8000_0000 : dependsOn)
  target[at] = weight - 1
  return at + 1
}

/** Padding is sent as zeroes. RFC 9113 §6.1. */
function writeZeroes(target: Buffer, offset: number, size: number): number {
  target.fill(0, offset, offset + size)
  return offset + size
}
