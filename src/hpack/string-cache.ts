import { decodeHuffman, huffmanDecodedSizeMax } from './huffman.js'
import { readLatin1 } from './latin1.js'

/** The most encoded octets of a string in the cache. */
export const CACHED_SIZE_MAX = 32

const SLOT_COUNT = 1024

/**
 * Strings by their encoded octets: a name or value that peers repeat becomes the same string
 * object without being decoded again, and comparing it later compares pointers.
 *
 * Direct mapped: each hash has one slot, so memory is bounded (1024 strings of at most 51
 * characters and 32 KiB of octets) whatever peers send. A string enters at its second sight in
 * a row, so that values seen once (identifiers, timeouts) push nothing out.
 */
export class StringCache {
  readonly #strings: string[] = new Array<string>(SLOT_COUNT).fill('')
  /** Size of the encoded octets; 0 for an empty slot. Huffman-coded ones have bit 7 set. */
  readonly #kinds = new Uint8Array(SLOT_COUNT)
  readonly #octets = Buffer.alloc(SLOT_COUNT * CACHED_SIZE_MAX)
  /** The hash that last missed each slot. */
  readonly #missed = new Int32Array(SLOT_COUNT)
  readonly #scratch = Buffer.alloc(huffmanDecodedSizeMax(CACHED_SIZE_MAX) + 2)

  /** The string that raw octets stand for. 1..CACHED_SIZE_MAX octets. */
  raw(bytes: Buffer, start: number, end: number): string {
    const kind = end - start
    const hash = hashOctets(bytes, start, end, kind)
    const slot = hash & (SLOT_COUNT - 1)
    if (this.#holds(slot, kind, bytes, start, end)) return this.#strings[slot]!
    const text = readLatin1(bytes, start, end)
    this.#missAt(slot, hash, kind, bytes, start, text)
    return text
  }

  /**
   * The string that Huffman-coded octets stand for, or a negative HuffmanFault.
   * 1..CACHED_SIZE_MAX octets.
   */
  huffman(bytes: Buffer, start: number, end: number): string | number {
    const kind = (end - start) | 0x80
    const hash = hashOctets(bytes, start, end, kind)
    const slot = hash & (SLOT_COUNT - 1)
    if (this.#holds(slot, kind, bytes, start, end)) return this.#strings[slot]!
    const size = decodeHuffman(bytes, start, end, this.#scratch)
    if (size < 0) return size
    const text = readLatin1(this.#scratch, 0, size)
    this.#missAt(slot, hash, kind, bytes, start, text)
    return text
  }

  #holds(slot: number, kind: number, bytes: Buffer, start: number, end: number): boolean {
    if (this.#kinds[slot] !== kind) return false
    const octets = this.#octets
    let at = slot * CACHED_SIZE_MAX
    for (let i = start; i < end; i++) {
      if (octets[at++] !== bytes[i]) return false
    }
    return true
  }

  #missAt(
    slot: number,
    hash: number,
    kind: number,
    bytes: Buffer,
    start: number,
    text: string,
  ): void {
    if (this.#missed[slot] !== hash) {
      this.#missed[slot] = hash
      return
    }
    this.#strings[slot] = text
    this.#kinds[slot] = kind
    bytes.copy(this.#octets, slot * CACHED_SIZE_MAX, start, start + (kind & 0x7f))
  }
}

/**
 * A hash of the size and of twelve octets: the first four, the middle four and the last four.
 * Names and values that differ do so there, mostly; a collision costs a slot, never a wrong
 * string, and hashing all octets took half of the whole decoding time.
 */
function hashOctets(bytes: Buffer, start: number, end: number, kind: number): number {
  if (end - start < 4) {
    let hash = kind
    for (let i = start; i < end; i++) hash = (hash << 8) ^ bytes[i]!
    return mix(0, hash)
  }
  const middle = ((start + end) >>> 1) - 2
  return mix(mix(mix(kind, word(bytes, start)), word(bytes, middle)), word(bytes, end - 4))
}

function word(bytes: Buffer, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
}

function mix(hash: number, octets: number): number {
  const mixed = Math.imul(hash ^ octets, 0x9e3779b1)
  return mixed ^ (mixed >>> 15)
}

/** One cache for the process: peers of one service repeat the same names and values. */
export const stringCache: StringCache = new StringCache()
