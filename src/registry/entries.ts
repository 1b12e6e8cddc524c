import { describe } from '../options/index.js'

/** Where what cannot be used is told. */
export type OnFault = (key: string, error: unknown) => void

/** Reads the entries of an answer one by one: an odd one costs nobody but itself. */
export function readEach<Entry>(
  entries: Iterable<Entry>,
  keyOf: (entry: Entry) => string | undefined,
  onFault: OnFault,
  read: (entry: Entry) => void,
): void {
  let index = 0
  for (const entry of entries) {
    try {
      read(entry)
    } catch (error) {
      onFault(keyFor(entry, keyOf) ?? `[${index}]`, error)
    }
    index++
  }
}

function keyFor<Entry>(
  entry: Entry,
  keyOf: (entry: Entry) => string | undefined,
): string | undefined {
  try {
    const key: unknown = keyOf(entry)
    return typeof key === 'string' ? key : undefined
  } catch {
    return undefined
  }
}

/** The text of a field. @throws TypeError naming it where it is none */
export function textOf(name: string, value: unknown): string {
  if (typeof value === 'string') return value
  throw new TypeError(`${name} is ${describe(value)}; expected text`)
}

/** The port of a field; undefined where it is left out or 0. @throws TypeError naming it where it is none */
export function portOf(name: string, value: unknown): number | undefined {
  if (value === undefined || value === null || value === 0) return undefined
  if (typeof value === 'number' && Number.isInteger(value) && value > 0 && value < 65_536) {
    return value
  }
  const shown = typeof value === 'number' ? value : describe(value)
  throw new TypeError(`${name} is ${shown}; expected 1 to 65535`)
}

/** The members of a map that are text; those that are none say nothing to us. */
export function textsOf(
  value: unknown,
  texts: Record<string, string> = {},
): Record<string, string> {
  for (const [key, text] of Object.entries(value ?? {})) {
    if (typeof text !== 'string') continue
    Object.defineProperty(texts, key, { value: text, enumerable: true })
  }
  return texts
}
