const PERCENT = 0x25
const SPACE = 0x20
const ENCODED_SPACE = '%20'
const HEX = '0123456789ABCDEF'

/** Whether every character stands for itself in `grpc-message`. */
function isPlain(text: string): boolean {
  if (text.charCodeAt(0) === SPACE || text.charCodeAt(text.length - 1) === SPACE) return false
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    if (code < 0x20 || code > 0x7e || code === PERCENT) return false
  }
  return true
}

/**
 * Encodes `text` as `grpc-message`: UTF-8 with `%`, non-printable characters and spaces at either
 * end (which RFC 9113 §8.2.1 forbids) as `%XX`. A lone surrogate becomes U+FFFD. The result is cut
 * between characters to at most `sizeMax` bytes, so that it does not make trailers too large.
 * PROTOCOL-HTTP2.md, "Status-Message".
 */
export function encodeStatusMessage(text: string, sizeMax: number): string {
  if (text.length <= sizeMax && isPlain(text)) return text
  // Each UTF-16 unit encodes to one octet or more: the rest cannot fit anyway.
  const bytes = Buffer.from(text.slice(0, sizeMax), 'utf8')
  let encoded = ''
  let index = 0
  while (index < bytes.length) {
    let end = index + 1
    while (end < bytes.length && (bytes[end]! & 0xc0) === 0x80) end++
    let character = ''
    if (index === 0 && bytes[0] === SPACE) character = ENCODED_SPACE
    else for (; index < end; index++) character += encodeOctet(bytes[index]!)
    index = end
    if (encoded.length + character.length > sizeMax) break
    encoded += character
  }
  if (!encoded.endsWith(' ')) return encoded
  const whole = encoded.slice(0, -1) + ENCODED_SPACE
  return whole.length <= sizeMax ? whole : encoded.trimEnd()
}

function encodeOctet(octet: number): string {
  if (octet >= 0x20 && octet <= 0x7e && octet !== PERCENT) return String.fromCharCode(octet)
  return `%${HEX[octet >> 4]}${HEX[octet & 15]}`
}

/**
 * Decodes a received `grpc-message`, whose characters are bytes. Never fails: an invalid escape
 * stays as it is, and invalid UTF-8 becomes U+FFFD. Only the first `sizeMax` bytes are decoded.
 */
export function decodeStatusMessage(value: string, sizeMax: number): string {
  const text = value.length > sizeMax ? value.slice(0, sizeMax) : value
  if (isPlain(text)) return text
  const bytes = Buffer.allocUnsafe(text.length)
  let size = 0
  for (let index = 0; index < text.length; index++) {
    let octet = text.charCodeAt(index)
    if (octet === PERCENT && index + 2 < text.length) {
      const high = hexDigit(text.charCodeAt(index + 1))
      const low = hexDigit(text.charCodeAt(index + 2))
      if (high >= 0 && low >= 0) {
        octet = (high << 4) | low
        index += 2
      }
    }
    bytes[size++] = octet
  }
  return bytes.toString('utf8', 0, size)
}

function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30
  const lower = code | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1
}
