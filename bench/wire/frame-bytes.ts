/** Octets of an HTTP/2 frame header (RFC 9113 §4.1). */
export const HEADER_SIZE = 9

/** The frame types that the canned servers and loaders act on (RFC 9113 §6). */
export const Type = {
  data: 0,
  headers: 1,
  rstStream: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
} as const

/** END_STREAM, and ACK of SETTINGS and PING. */
export const FLAG_1 = 0x1

/** END_HEADERS. */
export const END_HEADERS = 0x4

/** Largest flow-control window (RFC 9113 §6.9.1). */
export const WINDOW_MAX = 0x7fff_ffff

/** One frame, for bytes prepared outside the measured loop. */
export function frame(type: number, flags: number, streamId: number, payload: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(HEADER_SIZE + payload.length)
  bytes.writeUIntBE(payload.length, 0, 3)
  bytes[3] = type
  bytes[4] = flags
  bytes.writeUInt32BE(streamId, 5)
  bytes.set(payload, HEADER_SIZE)
  return bytes
}

/** A WINDOW_UPDATE frame. */
export function windowUpdate(streamId: number, size: number): Buffer {
  const payload = Buffer.allocUnsafe(4)
  payload.writeUInt32BE(size, 0)
  return frame(Type.windowUpdate, 0, streamId, payload)
}

/** A SETTINGS frame of `identifier, value, identifier, value`. */
export function settings(...pairs: readonly number[]): Buffer {
  const payload = Buffer.allocUnsafe(pairs.length * 3)
  for (let index = 0; index < pairs.length; index += 2) {
    payload.writeUInt16BE(pairs[index]!, index * 3)
    payload.writeUInt32BE(pairs[index + 1]!, index * 3 + 2)
  }
  return frame(Type.settings, 0, 0, payload)
}

/** The acknowledgement of a SETTINGS frame. */
export const SETTINGS_ACK: Buffer = frame(Type.settings, FLAG_1, 0, Buffer.alloc(0))
