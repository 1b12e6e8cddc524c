/** A peer's text in a message of ours: short, and without control characters. */
export function quote(text: string): string {
  const short = text.length > 64 ? `${text.slice(0, 64)}...` : text
  return `'${short.replace(/[^\x20-\x7e]/g, '?')}'`
}
