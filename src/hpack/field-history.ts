const SLOT_COUNT = 64
const NONE: string[] = []

/**
 * Remembers recent fields, to tell those that come back from those that do not. RFC 7541 leaves
 * it to the encoder what to index; an entry for a value that never returns costs the peer memory
 * and us the cached blocks.
 *
 * Direct mapped on a few characters: 64 fields, and a new one takes the place of another.
 */
export class FieldHistory {
  /** Name and value by turns; made at the first field. */
  #fields: string[] = NONE

  /** Whether this field is remembered; if not, it is from now on. */
  recall(name: string, value: string): boolean {
    if (this.#fields === NONE) this.#fields = new Array<string>(2 * SLOT_COUNT).fill('')
    const fields = this.#fields
    const slot = slotOf(name, value)
    if (fields[slot + 1] === value && fields[slot] === name) return true
    fields[slot] = name
    fields[slot + 1] = value
    return false
  }
}

function slotOf(name: string, value: string): number {
  const size = value.length
  let hash = name.length * 31 + size
  if (name.length > 0) hash = hash * 31 + name.charCodeAt(name.length - 1)
  if (size > 0) hash = hash * 31 + value.charCodeAt(size >>> 1) * 7 + value.charCodeAt(size - 1)
  return 2 * (hash & (SLOT_COUNT - 1))
}
