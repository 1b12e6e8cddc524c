import {
  ConnectionError,
  describeFrame,
  type FrameDescription,
  FrameReader,
  type FrameReaderOptions,
  writeFrameHeader,
} from '../../src/frame/index.js'

/** A frame from its parts, right or wrong; the payload is hex, or a number of zeroes. */
export function frame(
  type: number,
  flags: number,
  streamId: number,
  payload: string | number = '',
): Buffer {
  const body = typeof payload === 'number' ? Buffer.alloc(payload) : Buffer.from(payload, 'hex')
  const header = Buffer.alloc(9)
  writeFrameHeader(header, 0, body.length, type, flags, streamId)
  return Buffer.concat([header, body])
}

/** What a reader made of some bytes. */
export interface Reading {
  readonly frames: FrameDescription[]
  readonly error: ConnectionError | undefined
}

/**
 * Reads `bytes` pushed in pieces that end at each of `cuts`. Each piece is a
 * buffer of its own, overwritten when the reader is done with it, so that a
 * reader which keeps borrowed octets is found out.
 */
export function readInPieces(
  bytes: Buffer,
  cuts: readonly number[],
  options: FrameReaderOptions = {},
): Reading {
  const reader = new FrameReader(options)
  const frames: FrameDescription[] = []
  let start = 0
  try {
    for (const end of [...cuts, bytes.length]) {
      const piece = Buffer.concat([Buffer.alloc(3, 0xee), bytes.subarray(start, end)])
      reader.push(piece, 3)
      while (reader.next()) frames.push(describeFrame(reader))
      piece.fill(0xee)
      start = end
    }
  } catch (error) {
    if (error instanceof ConnectionError) return { frames, error }
    throw error
  }
  return { frames, error: undefined }
}

/** Reads `bytes` pushed at once. */
export function readWhole(bytes: Buffer, options: FrameReaderOptions = {}): Reading {
  return readInPieces(bytes, [], options)
}

/** A reader that stands on the only frame in `bytes`. */
export function readOne(bytes: Buffer): FrameReader {
  const reader = new FrameReader()
  reader.push(bytes)
  if (!reader.next()) throw new Error('there is no whole frame')
  return reader
}

/** What the frame of `reader` carries, in hex. */
export function payloadOf(reader: FrameReader): string {
  return reader.bytes.toString('hex', reader.start, reader.end)
}
