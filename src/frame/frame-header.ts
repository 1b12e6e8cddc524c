/** Size of a frame header. Unit: bytes. RFC 9113 §4.1. */
export const FRAME_HEADER_SIZE = 9

/** Largest stream identifier: 2^31 - 1. RFC 9113 §5.1.1. */
export const STREAM_ID_MAX = 0x7fff_ffff

/**
 * Payload size that every endpoint accepts; the initial SETTINGS_MAX_FRAME_SIZE. Unit: bytes. RFC
 * 9113 §4.2.
 */
export const FRAME_SIZE_MIN = 16_384

/** Largest value of SETTINGS_MAX_FRAME_SIZE: 2^24 - 1. Unit: bytes. RFC 9113 §4.2. */
export const FRAME_SIZE_LIMIT = 0xff_ffff

/**
 * Writes a frame header at `offset` and returns the offset after it.
 *
 * The caller has made sure that nine octets of room are left, that
 * `payloadSize` is at most FRAME_SIZE_LIMIT and `streamId` at most STREAM_ID_MAX.
 */
export function writeFrameHeader(
  target: Buffer,
  offset: number,
  payloadSize: number,
  type: number,
  flags: number,
  streamId: number,
): number {
  target[offset] = payloadSize >>> 16
  target[offset + 1] = payloadSize >>> 8
  target[offset + 2] = payloadSize
  target[offset + 3] = type
  target[offset + 4] = flags
  return writeUint32(target, offset + 5, streamId)
}

/**
 * Reads the payload size of the frame header at `offset`: 24 bits, excluding the header. RFC 9113
 * §4.1.
 */
export function readPayloadSize(source: Buffer, offset: number): number {
  return (source[offset]! << 16) | (source[offset + 1]! << 8) | source[offset + 2]!
}

/** Reads the stream identifier at `offset`. The reserved bit is ignored. RFC 9113 §4.1. */
export function readStreamId(source: Buffer, offset: number): number {
  return (
    ((source[offset]! & 0x7f) << 24) |
    (source[offset + 1]! << 16) |
    (source[offset + 2]! << 8) |
    source[offset + 3]!
  )
}

/** Reads an unsigned 32-bit big-endian integer at `offset`. */
export function readUint32(source: Buffer, offset: number): number {
  // `>>> 0`: `<< 24` gives a negative number when the top bit is set.
  return (
    ((source[offset]! << 24) |
      (source[offset + 1]! << 16) |
      (source[offset + 2]! << 8) |
      source[offset + 3]!) >>>
    0
  )
}

/** Writes `value` (0 to 2^32 - 1) in big-endian order and returns the offset after it. */
export function writeUint32(target: Buffer, offset: number, value: number): number {
  target[offset] = value >>> 24
  target[offset + 1] = value >>> 16
  target[offset + 2] = value >>> 8
  target[offset + 3] = value
  return offset + 4
}
