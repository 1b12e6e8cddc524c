/** RFC 8878 §3.1.1. */
const MAGIC = 0xfd2fb528
/** RFC 8878 §3.1.2: the last four bits are free. */
const SKIPPABLE_MAGIC = 0x184d2a50
const BLOCK_HEADER_SIZE = 3
const CHECKSUM_SIZE = 4
const BLOCK_RLE = 1

/** Sizes by the two bits that say so, RFC 8878 §3.1.1.1: a single segment has a content size of one octet at least. */
const DICTIONARY_ID_SIZES = [0, 1, 2, 4] as const
const CONTENT_SIZE_SIZES = [0, 2, 4, 8] as const

/**
 * Whether all frames in `bytes` are there to their end. Node 22 and 24, Bun and Deno inflate a frame that was cut off
 * without an error, to the part of it that came; later ones refuse it themselves. What else is wrong with a frame the
 * decoder says.
 */
export function isWholeZstd(bytes: Uint8Array): boolean {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = 0
  do {
    at = frameEnd(view, at)
  } while (at < view.length)
  return at === view.length
}

/** The end of the frame at `start`; more than there is when it is cut off. */
function frameEnd(bytes: Buffer, start: number): number {
  const at = start + 4
  if (at >= bytes.length) return Number.POSITIVE_INFINITY
  const magic = bytes.readUInt32LE(start)
  // Not zstd at all: the decoder has the words for it.
  if (magic !== MAGIC && magic >>> 4 !== SKIPPABLE_MAGIC >>> 4) return bytes.length
  if (magic !== MAGIC) return at + 4 > bytes.length ? at + 4 : at + 4 + bytes.readUInt32LE(at)
  const descriptor = bytes[at]!
  const isSingle = (descriptor & 0x20) !== 0
  const contentSize = CONTENT_SIZE_SIZES[descriptor >> 6]! || Number(isSingle)
  const headerSize = 1 + Number(!isSingle) + DICTIONARY_ID_SIZES[descriptor & 3]! + contentSize
  const end = blocksEnd(bytes, at + headerSize)
  return (descriptor & 4) === 0 ? end : end + CHECKSUM_SIZE
}

function blocksEnd(bytes: Buffer, start: number): number {
  for (let at = start; ; ) {
    if (at + BLOCK_HEADER_SIZE > bytes.length) return Number.POSITIVE_INFINITY
    const header = bytes.readUIntLE(at, BLOCK_HEADER_SIZE)
    at += BLOCK_HEADER_SIZE + (((header >> 1) & 3) === BLOCK_RLE ? 1 : header >> 3)
    if ((header & 1) === 1) return at
  }
}
