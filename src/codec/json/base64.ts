/** Standard and URL-safe alphabet, padded or not. */
const BASE64 = /^[A-Za-z0-9+/_-]*={0,2}$/

/** Standard base64 with padding. */
export function toBase64(bytes: Uint8Array): string {
  let text = ''
  for (let at = 0; at < bytes.length; at += 8_190) {
    text += btoa(String.fromCharCode(...bytes.subarray(at, at + 8_190)))
  }
  return text
}

/** Octets of base64 in either alphabet; undefined where it is none. */
export function fromBase64(text: string): Uint8Array | undefined {
  if (!BASE64.test(text)) return undefined
  const plain = text.replace(/=+$/, '').replace(/-/g, '+').replace(/_/g, '/')
  if (plain.length % 4 === 1) return undefined
  const octets = atob(plain)
  const bytes = new Uint8Array(octets.length)
  for (let at = 0; at < bytes.length; at++) bytes[at] = octets.charCodeAt(at)
  return bytes
}

/** Octets that generated code holds as text. */
export function fromBase64List(texts: readonly string[]): readonly Uint8Array[] {
  return texts.map(text => fromBase64(text)!)
}
