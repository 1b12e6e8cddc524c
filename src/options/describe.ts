/** What stands where something else is expected: its kind, never the value, which may be a secret in the wrong place. */
export function describeKind(value: unknown): string {
  return typeof value === 'string' ? 'string' : describe(value)
}

/** A value as the texts of errors show it. */
export function describe(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`
  if (typeof value !== 'object' || value === null) return value === null ? 'null' : typeof value
  const { name } = (value as { constructor?: { name?: unknown } }).constructor ?? {}
  return typeof name === 'string' && name !== '' && name !== 'Object' ? name : 'object'
}
