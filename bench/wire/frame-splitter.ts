import { HEADER_SIZE } from './frame-bytes.js'

/**
 * Splits what a socket delivers into frames, for peers that know nothing of HTTP/2 but its frame
 * header. `onFrame` gets the payload as a range of `bytes`, valid until it returns.
 */
export class FrameSplitter {
  readonly #onFrame: FrameListener
  #rest: Buffer = Buffer.alloc(0)

  constructor(onFrame: FrameListener) {
    this.#onFrame = onFrame
  }

  push(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    let offset = 0
    while (offset + HEADER_SIZE <= bytes.length) {
      const size = (bytes[offset]! << 16) | (bytes[offset + 1]! << 8) | bytes[offset + 2]!
      const start = offset + HEADER_SIZE
      if (start + size > bytes.length) break
      const streamId =
        ((bytes[offset + 5]! & 0x7f) << 24) |
        (bytes[offset + 6]! << 16) |
        (bytes[offset + 7]! << 8) |
        bytes[offset + 8]!
      this.#onFrame(bytes[offset + 3]!, bytes[offset + 4]!, streamId, bytes, start, start + size)
      offset = start + size
    }
    this.#rest = bytes.subarray(offset)
  }
}

/** Hears one frame. */
export type FrameListener = (
  type: number,
  flags: number,
  streamId: number,
  bytes: Buffer,
  start: number,
  end: number,
) => void
