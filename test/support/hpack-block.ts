/** Octets of hexadecimal text; blanks may part it. */
export function hex(...parts: string[]): Buffer {
  return Buffer.from(parts.join('').replaceAll(' ', ''), 'hex')
}

/** One octet in hexadecimal. */
export function octet(value: number): string {
  return value.toString(16).padStart(2, '0')
}

/** The octets of a text in hexadecimal. */
export function hexText(text: string): string {
  return Buffer.from(text, 'latin1').toString('hex')
}

/** A raw string literal of fewer than 127 octets. RFC 7541 §5.2. */
export function string(text: string): string {
  return octet(text.length) + hexText(text)
}

/** A literal with incremental indexing and a new name. RFC 7541 §6.2.1. */
export function inserted(name: string, value: string): string {
  return `40${string(name)}${string(value)}`
}

/** A table size update to less than 31. RFC 7541 §6.3. */
export function update(size: number): string {
  return octet(0x20 | size)
}
