/** The text of whatever was thrown. Never throws itself: an object may have no text, a getter may fail. */
export function thrownText(value: unknown): string {
  try {
    return value instanceof Error ? String(value.message) : String(value)
  } catch {
    return `${typeof value} without a text`
  }
}

/** Whatever was thrown, as an error: `onError` is told errors only. Never throws. */
export function thrownError(value: unknown): Error {
  return value instanceof Error ? value : new Error(thrownText(value), { cause: value })
}
