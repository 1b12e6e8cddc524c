import { createRequire } from 'node:module'

/**
 * A second HPACK decoder, written from RFC 7541 for reading and not for speed.
 * Its static table and Huffman codes come from hpack.js, so that it shares no
 * number with `src/hpack`.
 */

const require = createRequire(import.meta.url)
const STATIC: readonly { name: string; value: string }[] = (
  require('hpack.js/lib/hpack/static-table.js') as { table: { name: string; value: string }[] }
).table
/** [bits, code] of each octet, and of EOS. */
const CODES: readonly (readonly [number, number])[] = (
  require('hpack.js/lib/hpack/huffman.js') as { encode: [number, number][] }
).encode

const SYMBOLS = new Map<string, number>()
for (const [symbol, [bits, code]] of CODES.entries()) {
  SYMBOLS.set(code.toString(2).padStart(bits, '0'), symbol)
}

/** The block breaks RFC 7541. */
export class OracleError extends Error {
  override readonly name: string = 'OracleError'
}

/** The text of Huffman-coded octets. RFC 7541 §5.2. */
export function decodeHuffmanText(octets: Buffer): string {
  const text: number[] = []
  let bits = ''
  for (const octet of octets) {
    for (let shift = 7; shift >= 0; shift--) {
      bits += (octet >> shift) & 1
      const symbol = SYMBOLS.get(bits)
      if (symbol === undefined) continue
      if (symbol === 256) throw new OracleError('EOS')
      text.push(symbol)
      bits = ''
    }
  }
  if (bits.length > 7 || bits.includes('0')) throw new OracleError('padding')
  return Buffer.from(text).toString('latin1')
}

/** Huffman-coded octets of a text. */
export function encodeHuffmanText(text: string): Buffer {
  let bits = ''
  for (const octet of Buffer.from(text, 'latin1')) {
    const [count, code] = CODES[octet]!
    bits += code.toString(2).padStart(count, '0')
  }
  while (bits.length % 8 !== 0) bits += '1'
  return Buffer.from(bits.match(/.{8}/g)?.map(octet => Number.parseInt(octet, 2)) ?? [])
}

/** Sizes that RFC 7541 leaves open. */
export interface OracleLimits {
  readonly integerMax: number
  readonly updatesMax: number
}

export class OracleDecoder {
  /** Newest first. */
  readonly table: [name: string, value: string][] = []
  /** What the peer set the table to. */
  capacity = 4_096
  #limit = 4_096
  #due = -1
  readonly #limits: OracleLimits
  #octets: Buffer = Buffer.alloc(0)
  #at = 0

  constructor(limits: OracleLimits) {
    this.#limits = limits
  }

  get size(): number {
    let size = 0
    for (const [name, value] of this.table) size += name.length + value.length + 32
    return size
  }

  /** Our SETTINGS_HEADER_TABLE_SIZE has been acknowledged. */
  setLimit(limit: number): void {
    this.#limit = limit
    const reach = this.#due < 0 ? this.capacity : this.#due
    if (limit < reach) this.#due = limit
  }

  decode(block: Buffer): string[] {
    this.#octets = block
    this.#at = 0
    const list: string[] = []
    let updates = 0
    let isFirst = true
    while (this.#at < block.length) {
      const octet = block[this.#at]!
      if (octet >= 0x20 && octet < 0x40) {
        if (!isFirst || ++updates > this.#limits.updatesMax) throw new OracleError('size update')
        const size = this.#integer(5)
        if (size > (this.#due < 0 ? this.#limit : this.#due)) throw new OracleError('table size')
        this.#due = -1
        this.capacity = size
        this.#evict(0)
        continue
      }
      if (isFirst && this.#due >= 0) throw new OracleError('size update is due')
      isFirst = false
      if (octet >= 0x80) list.push(...this.#entry(this.#integer(7)))
      else if (octet >= 0x40) {
        const [name, value] = this.#literal(6)
        list.push(name, value)
        const size = name.length + value.length + 32
        this.#evict(size)
        if (size <= this.capacity) this.table.unshift([name, value])
      } else list.push(...this.#literal(4))
    }
    if (isFirst && this.#due >= 0) throw new OracleError('size update is due')
    return list
  }

  #evict(room: number): void {
    while (this.table.length > 0 && this.size + room > this.capacity) this.table.pop()
  }

  #entry(index: number): [string, string] {
    if (index >= 1 && index <= 61) return [STATIC[index - 1]!.name, STATIC[index - 1]!.value]
    const entry = this.table[index - 62]
    if (index === 0 || entry === undefined) throw new OracleError('index')
    return entry
  }

  #literal(prefix: number): [string, string] {
    const index = this.#integer(prefix)
    const name = index === 0 ? this.#string() : this.#entry(index)[0]
    return [name, this.#string()]
  }

  #integer(prefix: number): number {
    const full = 2 ** prefix - 1
    let value = this.#octet() & full
    if (value < full) return value
    for (let scale = 1, count = 0; ; scale *= 128, count++) {
      if (count === 4) throw new OracleError('integer')
      const octet = this.#octet()
      value += (octet % 128) * scale
      if (octet < 128) break
    }
    if (value > this.#limits.integerMax) throw new OracleError('integer')
    return value
  }

  #string(): string {
    const isHuffman = (this.#octets[this.#at] ?? 0) >= 0x80
    const size = this.#integer(7)
    if (this.#at + size > this.#octets.length) throw new OracleError('cut')
    const octets = this.#octets.subarray(this.#at, this.#at + size)
    this.#at += size
    return isHuffman ? decodeHuffmanText(octets) : octets.toString('latin1')
  }

  #octet(): number {
    if (this.#at >= this.#octets.length) throw new OracleError('cut')
    return this.#octets[this.#at++]!
  }
}
