/** Standard alphabet of RFC 4648 §4: 1 where the character belongs to it. */
const ALPHABET: Uint8Array = new Uint8Array(256)
for (const character of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/') {
  ALPHABET[character.charCodeAt(0)] = 1
}

const PAD = 0x3d

/** Whether `text` is base64, padded or not (gRPC accepts both). RFC 4648 §4. */
export function isBase64(text: string): boolean {
  let end = text.length
  if (end > 0 && text.charCodeAt(end - 1) === PAD) {
    if (end % 4 !== 0) return false
    end--
    if (text.charCodeAt(end - 1) === PAD) end--
  }
  if (end % 4 === 1) return false
  for (let index = 0; index < end; index++) {
    // Beyond 255 the table answers undefined: not in the alphabet either.
    if (ALPHABET[text.charCodeAt(index)] !== 1) return false
  }
  return true
}

/** Octets of `text`; undefined when it is not base64. Unlike `Buffer.from`, which skips what it does not know. */
export function decodeBase64(text: string): Uint8Array | undefined {
  return isBase64(text) ? new Uint8Array(Buffer.from(text, 'base64')) : undefined
}

/** Base64 without padding, as gRPC asks of senders. */
export function encodeBase64(bytes: Uint8Array): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
  if (!text.endsWith('=')) return text
  return text.endsWith('==') ? text.slice(0, -2) : text.slice(0, -1)
}
