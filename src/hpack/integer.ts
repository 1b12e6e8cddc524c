/**
 * The largest integer we read or write. A prefix and four further octets hold it, and every
 * size and index we accept lies far below. RFC 7541 §5.1 leaves the limit to us.
 */
export const INTEGER_MAX = 0x0fff_ffff

/** The most octets one integer takes: its prefix and four more. */
export const INTEGER_SIZE_MAX = 5

/**
 * Writes `value` with a prefix of `prefixBits` bits at `offset` and returns the offset just past
 * it. `firstByteBits` are the bits above the prefix. RFC 7541 §5.1.
 *
 * The caller has made sure of five octets of room and that `value` is in 0..INTEGER_MAX.
 */
export function writeInteger(
  target: Buffer,
  offset: number,
  value: number,
  prefixBits: number,
  firstByteBits: number,
): number {
  const prefixMax = (1 << prefixBits) - 1
  if (value < prefixMax) {
    target[offset] = firstByteBits | value
    return offset + 1
  }
  target[offset] = firstByteBits | prefixMax
  let next = offset + 1
  let rest = value - prefixMax
  while (rest > 0x7f) {
    target[next++] = 0x80 | (rest & 0x7f)
    rest >>>= 7
  }
  target[next++] = rest
  return next
}
