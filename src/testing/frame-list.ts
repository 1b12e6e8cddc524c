import { CLIENT_PREFACE, FRAME_HEADER_SIZE, readPayloadSize } from '../frame/index.js'

/**
 * Splits bytes into frames without validation; the last piece may be part of a frame. The client's
 * preface, if there, is a piece of its own.
 */
export function splitFrames(bytes: Buffer): Buffer[] {
  const pieces: Buffer[] = []
  let start = 0
  if (bytes.length >= CLIENT_PREFACE.length && bytes.indexOf(CLIENT_PREFACE) === 0) {
    start = CLIENT_PREFACE.length
    pieces.push(bytes.subarray(0, start))
  }
  while (start < bytes.length) {
    const size =
      start + FRAME_HEADER_SIZE <= bytes.length
        ? FRAME_HEADER_SIZE + readPayloadSize(bytes, start)
        : bytes.length
    const end = Math.min(bytes.length, start + size)
    pieces.push(bytes.subarray(start, end))
    start = end
  }
  return pieces
}

/**
 * Builds one frame with any header, valid or not. `size` is the declared size, by default that of
 * the payload.
 */
export function buildFrame(
  type: number,
  flags: number,
  streamId: number,
  payload: Uint8Array,
  size: number = payload.length,
): Buffer {
  const frame = Buffer.allocUnsafe(FRAME_HEADER_SIZE + payload.length)
  frame.writeUIntBE(size, 0, 3)
  frame[3] = type
  frame[4] = flags
  frame.writeUInt32BE(streamId >>> 0, 5)
  frame.set(payload, FRAME_HEADER_SIZE)
  return frame
}
