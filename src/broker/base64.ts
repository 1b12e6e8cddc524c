/** Below it a loop is quicker than a call of Node and the text between. Unit: octets. */
const LOOP_SIZE_MAX = 1_024

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
const DIGITS: Uint8Array = Uint8Array.from(ALPHABET, digit => digit.charCodeAt(0))
const PADDING = 0x3d
const NO_DIGIT = 64
const VALUES: Uint8Array = new Uint8Array(256).fill(NO_DIGIT)
for (let value = 0; value < 64; value++) VALUES[DIGITS[value]!] = value

/** How much space `size` octets take in padded base64. Unit: octets. */
export function base64Size(size: number): number {
  return Math.ceil(size / 3) * 4
}

/** Writes `bytes` as padded base64 and returns the offset behind it. */
export function writeBase64(target: Buffer, offset: number, bytes: Uint8Array): number {
  const { length } = bytes
  if (length > LOOP_SIZE_MAX) {
    const octets = Buffer.from(bytes.buffer, bytes.byteOffset, length)
    return offset + target.write(octets.toString('base64'), offset, 'latin1')
  }
  let at = offset
  let i = 0
  for (; i + 2 < length; i += 3) {
    const group = (bytes[i]! << 16) | (bytes[i + 1]! << 8) | bytes[i + 2]!
    target[at++] = DIGITS[group >> 18]!
    target[at++] = DIGITS[(group >> 12) & 63]!
    target[at++] = DIGITS[(group >> 6) & 63]!
    target[at++] = DIGITS[group & 63]!
  }
  if (i === length) return at
  const rest = (bytes[i]! << 16) | ((bytes[i + 1] ?? 0) << 8)
  target[at++] = DIGITS[rest >> 18]!
  target[at++] = DIGITS[(rest >> 12) & 63]!
  target[at++] = i + 1 < length ? DIGITS[(rest >> 6) & 63]! : PADDING
  target[at++] = PADDING
  return at
}

/**
 * What `bytes[start, end)` stands for. Node passes over what is no base64; Go does not, and neither do we.
 *
 * @throws TypeError for what is no padded base64
 */
export function readBase64(bytes: Buffer, start: number, end: number): Buffer {
  const length = end - start
  if (length % 4 !== 0) throw notBase64(length)
  let padding = 0
  if (length > 0 && bytes[end - 1] === PADDING) padding = bytes[end - 2] === PADDING ? 2 : 1
  const size = (length / 4) * 3 - padding
  if (length > LOOP_SIZE_MAX) {
    const body = Buffer.from(bytes.toString('latin1', start, end), 'base64')
    if (body.length !== size) throw notBase64(length)
    return body
  }
  const body = Buffer.allocUnsafe(size)
  let at = 0
  const last = padding === 0 ? end : end - 4
  let wrong = 0
  for (let i = start; i < last; i += 4) {
    const a = VALUES[bytes[i]!]!
    const b = VALUES[bytes[i + 1]!]!
    const c = VALUES[bytes[i + 2]!]!
    const d = VALUES[bytes[i + 3]!]!
    wrong |= a | b | c | d
    body[at++] = (a << 2) | (b >> 4)
    body[at++] = (b << 4) | (c >> 2)
    body[at++] = (c << 6) | d
  }
  if (padding > 0) {
    const a = VALUES[bytes[last]!]!
    const b = VALUES[bytes[last + 1]!]!
    const c = padding === 1 ? VALUES[bytes[last + 2]!]! : 0
    wrong |= a | b | c
    body[at++] = (a << 2) | (b >> 4)
    if (padding === 1) body[at] = (b << 4) | (c >> 2)
  }
  if ((wrong & NO_DIGIT) !== 0) throw notBase64(length)
  return body
}

function notBase64(length: number): TypeError {
  return new TypeError(`Body is no padded base64: ${length} characters`)
}
