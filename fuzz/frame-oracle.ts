/**
 * What RFC 9113 §4 and §6 say of a row of octets, written for reading and not
 * for speed, and apart from `src/frame`.
 */

export interface OracleFrame {
  readonly type: number
  readonly flags: number
  readonly streamId: number
  readonly size: number
  /** What the frame carries without padding and fixed fields. */
  readonly content: string
  /** Fixed fields in the order of the RFC, for types that have them. */
  readonly fields: readonly number[]
}

export interface OracleResult {
  readonly frames: OracleFrame[]
  /** The error code of RFC 9113 §7 that ends the connection; undefined when the octets just end. */
  readonly errorCode: number | undefined
}

const PROTOCOL_ERROR = 1
const FRAME_SIZE_ERROR = 6
const KNOWN = new Set([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 16])
const ON_STREAM = new Set([0, 1, 2, 3, 5, 9])
const ON_CONNECTION = new Set([4, 6, 7, 16])

class Wrong extends Error {
  readonly code: number
  constructor(code: number) {
    super()
    this.code = code
  }
}

export function readFrames(bytes: Buffer, frameSizeMax: number): OracleResult {
  const frames: OracleFrame[] = []
  let at = 0
  try {
    while (bytes.length - at >= 9) {
      const size = bytes.readUIntBE(at, 3)
      const type = bytes[at + 3]!
      const flags = bytes[at + 4]!
      const streamId = bytes.readUInt32BE(at + 5) % 2 ** 31
      if (size > frameSizeMax) throw new Wrong(FRAME_SIZE_ERROR)
      if (ON_STREAM.has(type) && streamId === 0) throw new Wrong(PROTOCOL_ERROR)
      if (ON_CONNECTION.has(type) && streamId !== 0) throw new Wrong(PROTOCOL_ERROR)
      checkSize(type, flags, size)
      const isSkipped = !KNOWN.has(type) || (type === 2 && size !== 5)
      if (isSkipped) {
        // Its header counts at once, whatever there is of the payload (RFC 9113 §5.5, §6.3).
        frames.push({ type, flags, streamId, size, content: '', fields: [] })
        at += 9 + size
        continue
      }
      if (bytes.length - at - 9 < size) break
      const payload = bytes.subarray(at + 9, at + 9 + size)
      frames.push({ type, flags, streamId, size, ...parsePayload(type, flags, payload) })
      at += 9 + size
    }
  } catch (error) {
    if (!(error instanceof Wrong)) throw error
    return { frames, errorCode: error.code }
  }
  return { frames, errorCode: undefined }
}

function checkSize(type: number, flags: number, size: number): void {
  const padding = (flags & 8) !== 0 ? 1 : 0
  let right = true
  if (type === 0) right = size >= padding
  if (type === 1) right = size >= padding + ((flags & 0x20) !== 0 ? 5 : 0)
  if (type === 3 || type === 8) right = size === 4
  if (type === 4) right = (flags & 1) !== 0 ? size === 0 : size % 6 === 0
  if (type === 5) right = size >= padding + 4
  if (type === 6) right = size === 8
  if (type === 7) right = size >= 8
  if (type === 16) right = size >= 4
  if (!right) throw new Wrong(FRAME_SIZE_ERROR)
}

function parsePayload(
  type: number,
  flags: number,
  payload: Buffer,
): { content: string; fields: number[] } {
  let body = payload
  const isPadded = (flags & 8) !== 0 && (type === 0 || type === 1 || type === 5)
  const fieldsSize = type === 1 && (flags & 0x20) !== 0 ? 5 : type === 5 ? 4 : 0
  if (isPadded) {
    const padding = payload[0]!
    if (padding + 1 + fieldsSize > payload.length) throw new Wrong(PROTOCOL_ERROR)
    body = payload.subarray(1, payload.length - padding)
  }
  const fields: number[] = []
  const take = (size: number): Buffer => {
    const taken = body.subarray(0, size)
    body = body.subarray(size)
    return taken
  }
  const id = (): number => take(4).readUInt32BE(0) % 2 ** 31
  if (type === 1 && (flags & 0x20) !== 0) {
    fields.push(id())
    take(1)
  }
  if (type === 2) {
    fields.push(id())
    take(1)
  }
  if (type === 3) fields.push(take(4).readUInt32BE(0))
  if (type === 5) {
    const promised = id()
    if (promised === 0 || promised % 2 === 1) throw new Wrong(PROTOCOL_ERROR)
    fields.push(promised)
  }
  if (type === 7) fields.push(id(), take(4).readUInt32BE(0))
  if (type === 8) fields.push(id())
  if (type === 16) {
    const prioritized = id()
    if (prioritized === 0) throw new Wrong(PROTOCOL_ERROR)
    fields.push(prioritized)
  }
  return { content: body.toString('hex'), fields }
}
