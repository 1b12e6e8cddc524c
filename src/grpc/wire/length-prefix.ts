/**
 * Size of the prefix of each message: one byte of flags, four of length. Unit: bytes.
 * PROTOCOL-HTTP2.md, "Length-Prefixed-Message".
 */
export const LENGTH_PREFIX_SIZE = 5

/** First byte of the prefix: whether the message is compressed. Other values are errors. */
export const MessageFlag = { Plain: 0, Compressed: 1 } as const
export type MessageFlag = (typeof MessageFlag)[keyof typeof MessageFlag]

/** Writes the prefix of a message of `size` bytes and returns the offset after it. */
export function writeLengthPrefix(
  target: Buffer,
  offset: number,
  flag: MessageFlag,
  size: number,
): number {
  target[offset] = flag
  target[offset + 1] = size >>> 24
  target[offset + 2] = size >>> 16
  target[offset + 3] = size >>> 8
  target[offset + 4] = size
  return offset + LENGTH_PREFIX_SIZE
}

/** Reads the size in the prefix at `offset`: up to 2^32 - 1. Unit: bytes. */
export function readMessageSize(bytes: Buffer, offset: number): number {
  return (
    ((bytes[offset + 1]! << 24) |
      (bytes[offset + 2]! << 16) |
      (bytes[offset + 3]! << 8) |
      bytes[offset + 4]!) >>>
    0 // the first octet may set the sign
  )
}

/**
 * Whether `bytes[start, end)` is exactly one plain message of at most `sizeMax`
 * octets: what nearly all unary calls look like.
 */
export function isWholeMessage(
  bytes: Buffer,
  start: number,
  end: number,
  sizeMax: number,
): boolean {
  const size = end - start - LENGTH_PREFIX_SIZE
  return (
    size >= 0 &&
    size <= sizeMax &&
    bytes[start] === MessageFlag.Plain &&
    readMessageSize(bytes, start) === size
  )
}
