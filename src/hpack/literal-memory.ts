/** Literals kept for each connection; a power of two. */
const SLOT_COUNT = 4
/** Shorter literals cost less to decode than to find. Unit: encoded octets. */
const SIZE_MIN = 48
/** Longer ones are decoded each time, so that what is kept has a bound. Unit: encoded octets. */
const SIZE_MAX = 1_024

/** What a literal came to. */
export interface KnownLiteral {
  readonly value: string
  readonly fieldClass: number
}

interface Kept extends KnownLiteral {
  readonly name: string
  /** The value as it was sent, from the first octet of its length. */
  readonly octets: Buffer
}

/**
 * Long literals that enter no table, by their octets. A token is never indexed (RFC 7541 §7.1.3), so it comes
 * whole in every call; what equals the one before, octet for octet, is not decoded and looked at again.
 *
 * Of one connection, as its dynamic table is: nobody else's request is faster for a token that was sent here.
 * A literal is kept at its second sight, 4 at most, of up to 1,024 octets; to find one takes all of its octets.
 */
export class LiteralMemory {
  readonly #kept: (Kept | undefined)[] = [undefined, undefined, undefined, undefined]
  /** The hash that last missed each slot. */
  readonly #missed: number[] = [0, 0, 0, 0]
  #size = 0

  /** Octets and characters that are kept. Unit: octets. */
  get size(): number {
    return this.#size
  }

  /** What bytes[start, end) came to in the field `name`; undefined when that is not known. */
  find(name: string, bytes: Buffer, start: number, end: number): KnownLiteral | undefined {
    const kept = this.#kept[hashOf(bytes, start, end) & (SLOT_COUNT - 1)]
    if (kept === undefined || kept.name !== name) return undefined
    return kept.octets.length === end - start && kept.octets.compare(bytes, start, end) === 0
      ? kept
      : undefined
  }

  /** Tells what `find` did not know. */
  learn(name: string, bytes: Buffer, start: number, end: number, known: KnownLiteral): void {
    const hash = hashOf(bytes, start, end)
    const slot = hash & (SLOT_COUNT - 1)
    if (this.#missed[slot] !== hash) {
      this.#missed[slot] = hash
      return
    }
    const { value, fieldClass } = known
    const before = this.#kept[slot]
    const octets = Buffer.allocUnsafeSlow(end - start)
    bytes.copy(octets, 0, start, end)
    this.#kept[slot] = { name, octets, value, fieldClass }
    this.#size += sizeOf(octets, value)
    if (before !== undefined) this.#size -= sizeOf(before.octets, before.value)
  }
}

/**
 * Where the string literal at `start` ends, 0 if it is not whole before `limit` or of no size to be kept. RFC 7541
 * §5.1, §5.2: sizes that are worth it take three octets at most.
 */
export function literalEnd(bytes: Buffer, start: number, limit: number): number {
  if (start + SIZE_MIN > limit) return 0
  const first = bytes[start]! & 0x7f
  const second = bytes[start + 1]!
  const third = bytes[start + 2]!
  let end = start + 1 + first
  if (first === 0x7f) {
    if (second >= 0x80 && third >= 0x80) return 0
    end += second < 0x80 ? 1 + second : 2 + (second & 0x7f) + (third << 7)
  }
  const size = end - start
  return size >= SIZE_MIN && size <= SIZE_MAX && end <= limit ? end : 0
}

function sizeOf(octets: Buffer, value: string): number {
  return octets.length + value.length
}

/** Of octets at the end and in the middle: tokens of one issuer begin alike and are of one size. */
function hashOf(bytes: Buffer, start: number, end: number): number {
  let hash = end - start
  const middle = (start + end) >>> 1
  for (let i = 2; i < 8; i++) {
    hash = Math.imul(hash ^ bytes[end - i]!, 0x01000193)
    hash = Math.imul(hash ^ bytes[middle + i]!, 0x01000193)
  }
  return hash ^ (hash >>> 15)
}
