import { checkOptions, describe, type OptionKinds, oneOf } from '../options/index.js'
import { checkSize } from './decoder-options.js'
import { ENTRY_OVERHEAD } from './dynamic-table.js'
import { EncoderTable } from './encoder-table.js'
import { FieldHistory } from './field-history.js'
import { encodeHuffman, huffmanEncodedSize } from './huffman.js'
import { Indexing, type NameRule, nameRule } from './indexing-rule.js'
import { INTEGER_MAX, INTEGER_SIZE_MAX, writeInteger } from './integer.js'
import { writeLatin1 } from './latin1.js'
import type { TableEntry } from './table-entry.js'

/**
 * What the encoder optimises: `fast` costs bytes (no Huffman coding; the table is filled with what
 * stays the same and then left alone), `compact` costs time (Huffman coding where it is shorter,
 * and everything that may recur is indexed).
 */
export type HpackPolicy = 'fast' | 'compact'

/** Options of an `HpackEncoder`. */
export interface HpackEncoderOptions {
  /**
   * The most octets of dynamic table we keep, whatever the peer grants, and the table's size to
   * begin with. Default: 4096, SETTINGS_HEADER_TABLE_SIZE's initial value.
   */
  readonly tableSizeMax?: number
  /** Default: 'fast'. */
  readonly policy?: HpackPolicy
  /** Further lower-case names whose values are secrets: never-indexed literals, RFC 7541 §7.1.3. */
  readonly neverIndexed?: readonly string[]
}

const KINDS: OptionKinds<HpackEncoderOptions> = {
  tableSizeMax(name, value) {
    const size = checkSize(name, value)
    if (size <= INTEGER_MAX) return
    throw new RangeError(`${name} is ${size}; expected at most ${INTEGER_MAX}`)
  },
  policy: oneOf('fast', 'compact'),
  neverIndexed: checkNames,
}

function checkNames(option: string, value: unknown): void {
  if (!Array.isArray(value)) {
    throw new TypeError(`${option} is ${describe(value)}; expected a list of field names`)
  }
  const index = value.findIndex(name => typeof name !== 'string')
  if (index < 0) return
  throw new TypeError(`${option}[${index}] is ${describe(value[index])}; expected a field name`)
}

/** Fields of one name in the table under `fast`, so that no name crowds out the others. */
const ENTRIES_PER_NAME_MAX = 64

/** Shorter cookies could be guessed through a table shared with an attacker. RFC 7541 §7.1. */
const GUESSABLE_COOKIE_SIZE = 20

/** The pattern octet with two integers: index or name size, and value size. */
const FIELD_SIZE_MAX = 1 + 2 * INTEGER_SIZE_MAX
const SIZE_UPDATES_SIZE_MAX = 2 * INTEGER_SIZE_MAX

/** First octets of the representations. RFC 7541 §6. */
const INDEXED = 0x80
const LITERAL_INSERTED = 0x40
const LITERAL_NEVER_INDEXED = 0x10
const LITERAL_WITHOUT_INDEXING = 0x00
const SIZE_UPDATE = 0x20

const HUFFMAN = 0x80

/**
 * Encodes the header blocks of one direction of one connection. The peer must decode each of them,
 * in order. RFC 7541.
 *
 * Under `fast` the table is filled once and never evicts: an insertion for which something else
 * would have to go is not made. So it cannot thrash, and `generation` comes to rest.
 */
export class HpackEncoder {
  readonly #table: EncoderTable
  readonly #tableSizeCap: number
  readonly #compact: boolean
  readonly #neverIndexed: ReadonlySet<string> | undefined
  #history: FieldHistory | undefined
  #generation = 0

  /** Whether the next block begins with a size update. RFC 7541 §4.2. */
  #updateDue = false
  /** The table size that the peer's decoder knows. */
  #announcedSize: number
  /** The smallest table size since then. */
  #smallestSize: number

  #encoding = false
  #generationBefore = 0

  constructor(options: HpackEncoderOptions = {}) {
    checkOptions('HpackEncoder', options, KINDS)
    const { policy = 'fast', neverIndexed = [], tableSizeMax = 4096 } = options
    this.#tableSizeCap = tableSizeMax
    this.#table = new EncoderTable(tableSizeMax)
    this.#announcedSize = tableSizeMax
    this.#smallestSize = tableSizeMax
    this.#compact = policy === 'compact'
    this.#neverIndexed = neverIndexed.length === 0 ? undefined : new Set(neverIndexed)
  }

  /**
   * Moves on when the table changes and when a size update falls due or is written. A block whose
   * encoding left it alone may be sent again, octet for octet, while it stands still.
   */
  get generation(): number {
    return this.#generation
  }

  /** Size of the dynamic table in octets. RFC 7541 §4.1. */
  get tableSize(): number {
    return this.#table.size
  }

  /** What the table may grow to, in octets: the peer's bound or ours, whichever is less. */
  get tableCapacity(): number {
    return this.#table.sizeMax
  }

  /** Entries in the dynamic table. */
  get tableLength(): number {
    return this.#table.length
  }

  /** The dynamic table's entry at `position`, 0 being the newest; undefined past the oldest. */
  tableEntry(position: number): TableEntry | undefined {
    return position >= 0 && position < this.#table.length ? this.#table.at(position) : undefined
  }

  /**
   * Takes the peer's SETTINGS_HEADER_TABLE_SIZE, in octets. The table gets that size or our own
   * bound, whichever is less, and the next block says so. RFC 7541 §4.2, RFC 9113 §4.3.1.
   */
  setTableSizeMax(size: number): void {
    checkSize('tableSizeMax', size)
    const sizeMax = Math.min(size, this.#tableSizeCap)
    if (sizeMax === this.#table.sizeMax) return
    this.#smallestSize = Math.min(this.#smallestSize, sizeMax)
    // After a dip the next block begins with an update to 0, which empties the peer's table.
    if (this.#dippedBelow(sizeMax)) {
      this.#table.clear()
      // Whatever size comes before that block: the peer's table is to be empty, as ours is.
      this.#smallestSize = 0
    }
    this.#table.resize(sizeMax)
    this.#updateDue = sizeMax !== this.#announcedSize || this.#dippedBelow(sizeMax)
    this.#generation++
  }

  /** An upper bound of what `encode` writes for this list, in octets. */
  encodedSizeMax(list: readonly string[]): number {
    let size = SIZE_UPDATES_SIZE_MAX + (list.length >>> 1) * FIELD_SIZE_MAX
    for (let i = 0; i < list.length; i++) size += list[i]!.length
    return size
  }

  /**
   * Writes the header block of `list` (names and values in turn; lower-case names, one character
   * for each octet) at `offset` and returns the offset just past it. The caller has made sure of
   * room for encodedSizeMax().
   *
   * Throws TypeError for a character above 0xff and RangeError when the target is too small. The
   * block is void then, and the next one makes the peer start again from an empty table.
   */
  encode(list: readonly string[], target: Buffer, offset: number): number {
    if ((list.length & 1) !== 0) {
      throw new TypeError(`list has ${list.length} items; expected names and values in turn`)
    }
    if (this.#encoding) this.#recover()
    this.#encoding = true
    this.#generationBefore = this.#generation

    let next = this.#updateDue ? this.#writeSizeUpdates(target, offset) : offset
    for (let i = 0; i < list.length; i += 2) {
      next = this.#writeField(target, next, list[i]!, list[i + 1]!)
    }
    if (next > target.length) {
      throw new RangeError(`target has ${target.length} octets; the block ends at ${next}`)
    }

    this.#encoding = false
    return next
  }

  /**
   * The last block was given up half-way. What it inserted never reached the peer, so both
   * tables are emptied.
   */
  #recover(): void {
    if (this.#generation === this.#generationBefore) return
    this.#table.clear()
    this.#announcedSize = INTEGER_MAX
    this.#smallestSize = 0
    this.#updateDue = true
    this.#generation++
  }

  /** Whether the table was smaller for a while than the peer knew it and than it is to be. */
  #dippedBelow(sizeMax: number): boolean {
    return this.#smallestSize < Math.min(this.#announcedSize, sizeMax)
  }

  /**
   * RFC 7541 §4.2: after a dip, first the smallest size, then the last one. We say 0 for the
   * former: some decoders take a second update only while their table is empty.
   */
  #writeSizeUpdates(target: Buffer, offset: number): number {
    const size = this.#table.sizeMax
    let next = offset
    if (this.#dippedBelow(size)) target[next++] = SIZE_UPDATE
    this.#announcedSize = size
    this.#smallestSize = size
    this.#updateDue = false
    this.#generation++
    return writeInteger(target, next, size, 5, SIZE_UPDATE)
  }

  #writeField(target: Buffer, offset: number, name: string, value: string): number {
    const rule = nameRule(name)
    const indexing = this.#indexingOf(rule, name, value)
    if (indexing !== Indexing.Never) {
      const index = this.#findField(rule, indexing, name, value)
      if (index !== 0) return writeInteger(target, offset, index, 7, INDEXED)
    }
    if (typeof value !== 'string') {
      throw new TypeError(`value of header field "${name}" is ${typeof value}; expected a string`)
    }
    const inserts =
      indexing <= Indexing.WhenRepeated && this.#isWorthInserting(indexing, name, value)
    const nameIndex = rule.staticIndex !== 0 ? rule.staticIndex : this.#table.findName(name)
    let next = inserts
      ? writeInteger(target, offset, nameIndex, 6, LITERAL_INSERTED)
      : writeInteger(target, offset, nameIndex, 4, literalPattern(indexing))
    if (nameIndex === 0) next = this.#writeString(target, next, name, name, 'name')
    next = this.#writeString(target, next, value, name, 'value')
    if (inserts) {
      this.#table.insert(name, value)
      this.#generation++
    }
    return next
  }

  /** Index of the whole field in either table, or 0. */
  #findField(rule: NameRule, indexing: Indexing, name: string, value: string): number {
    if (rule.staticIndex !== 0) {
      const index =
        rule.staticValues !== undefined
          ? rule.staticValues.get(value)
          : value === ''
            ? rule.staticIndex
            : undefined
      if (index !== undefined) return index
    }
    return indexing === Indexing.Without ? 0 : this.#table.findField(name, value)
  }

  #indexingOf(rule: NameRule, name: string, value: string): Indexing {
    if (this.#neverIndexed?.has(name) === true) return Indexing.Never
    if (!this.#compact) return rule.indexing
    const isLongCookie = name === 'cookie' && value.length >= GUESSABLE_COOKIE_SIZE
    return isLongCookie ? Indexing.AtOnce : rule.compactIndexing
  }

  #isWorthInserting(indexing: Indexing, name: string, value: string): boolean {
    const size = name.length + value.length + ENTRY_OVERHEAD
    const sizeMax = this.#table.sizeMax
    if (this.#compact) return size <= sizeMax
    if (this.#table.overflows(size)) return false
    const newest = this.#table.newestOf(name)
    const nameCount = newest === undefined ? 0 : newest.nameCount
    const nameSize = newest === undefined ? 0 : newest.nameSize
    if (nameCount >= ENTRIES_PER_NAME_MAX || (nameSize + size) * 2 > sizeMax) return false
    if (indexing === Indexing.AtOnce) return true
    this.#history ??= new FieldHistory()
    return this.#history.recall(name, value)
  }

  /** A string literal. RFC 7541 §5.2. */
  #writeString(target: Buffer, offset: number, text: string, name: string, part: string): number {
    if (this.#compact) {
      const size = huffmanEncodedSize(text)
      if (size < 0) failCharacter(name, part)
      if (size < text.length) {
        return encodeHuffman(target, writeInteger(target, offset, size, 7, HUFFMAN), text)
      }
    }
    const next = writeLatin1(target, writeInteger(target, offset, text.length, 7, 0), text)
    if (next < 0) failCharacter(name, part)
    return next
  }
}

function literalPattern(indexing: Indexing): number {
  return indexing === Indexing.Never ? LITERAL_NEVER_INDEXED : LITERAL_WITHOUT_INDEXING
}

/** Says which field it is, but not its value, which may be a secret. */
function failCharacter(name: string, part: string): never {
  throw new TypeError(`${part} of header field "${name}" has a character above U+00FF`)
}
