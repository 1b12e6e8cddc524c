import {
  type Classify,
  checkDecoderOptions,
  checkSize,
  type FieldSink,
  type HpackDecoderOptions,
} from './decoder-options.js'
import { DynamicTable, ENTRY_OVERHEAD } from './dynamic-table.js'
import { HpackError, type HpackErrorCode, HpackLimitError } from './hpack-error.js'
import {
  decodeHuffman,
  HuffmanFault,
  huffmanDecodedSize,
  huffmanDecodedSizeMax,
} from './huffman.js'
import { INTEGER_MAX } from './integer.js'
import { readLatin1 } from './latin1.js'
import { type KnownLiteral, LiteralMemory, literalEnd } from './literal-memory.js'
import { STATIC_TABLE_LENGTH } from './static-table.js'
import { CACHED_SIZE_MAX, stringCache } from './string-cache.js'
import {
  type ClassifiedEntry,
  classifiedStaticTable,
  classifyNothing,
  newEntry,
  type TableEntry,
} from './table-entry.js'

/** Where long Huffman strings are decoded before they become strings; grows up to `listSizeMax`. */
let scratch = Buffer.alloc(1024)

/**
 * Names repeat, so any that fits is looked up in the cache. Longer values seldom do, and then
 * the comparison costs more than a new string. Measured on the hpack-test-case stories:
 * 33 ns a field with this bound, 48 ns with 64 octets.
 */
const CACHED_VALUE_SIZE_MAX = 16

const PADDING_FAULTS: Readonly<Record<number, string>> = {
  [HuffmanFault.PaddingTooLong]: 'Huffman padding of more than 7 bits',
  [HuffmanFault.PaddingNotOnes]: 'Huffman padding that is not all ones',
}

const NO_BYTES = Buffer.alloc(0)

/**
 * Decodes the header blocks of one direction of one connection, in the order they were sent. RFC
 * 7541. It does not validate names and values; all of them enter the table.
 */
export class HpackDecoder {
  readonly #table: DynamicTable<ClassifiedEntry>
  readonly #static: readonly ClassifiedEntry[]
  readonly #classify: Classify
  readonly #fieldsMax: number
  readonly #listSizeMax: number
  readonly #tableSizeUpdatesMax: number
  /** Our SETTINGS_HEADER_TABLE_SIZE: what a size update may ask for. */
  #tableSizeMax: number
  /** The next block must begin with an update to this or less; -1 when nothing is due. */
  #updateDueMax = -1
  #generation = 0
  #failure: HpackError | undefined
  /** Made at the first literal that is worth it. */
  #literals: LiteralMemory | undefined

  // The block being decoded.
  #decoding = false
  #bytes: Buffer = NO_BYTES
  #offset = 0
  #end = 0
  #listSize = 0
  #fieldCount = 0

  constructor(options: HpackDecoderOptions = {}) {
    checkDecoderOptions(options)
    this.#tableSizeMax = options.tableSizeMax ?? 4096
    this.#fieldsMax = options.fieldsMax ?? 1000
    this.#listSizeMax = options.listSizeMax ?? 65_536
    this.#tableSizeUpdatesMax = options.tableSizeUpdatesMax ?? 2
    this.#classify = options.classify ?? classifyNothing
    this.#static = classifiedStaticTable(this.#classify)
    this.#table = new DynamicTable(this.#tableSizeMax)
  }

  /**
   * Moves on with each insertion, eviction and change of size. While it stands still, equal
   * blocks decode to equal lists, so a block that left it alone may be remembered whole.
   */
  get generation(): number {
    return this.#generation
  }

  /** Size of the dynamic table in octets. RFC 7541 §4.1. */
  get tableSize(): number {
    return this.#table.size
  }

  /** What the peer lets the table grow to, in octets: its last size update. RFC 7541 §4.2. */
  get tableCapacity(): number {
    return this.#table.sizeMax
  }

  /** Entries in the dynamic table. */
  get tableLength(): number {
    return this.#table.length
  }

  /** Octets kept of literals that entered no table. */
  get literalsSize(): number {
    return this.#literals?.size ?? 0
  }

  /** The dynamic table's entry at `position`, 0 being the newest; undefined past the oldest. */
  tableEntry(position: number): TableEntry | undefined {
    return position >= 0 && position < this.#table.length ? this.#table.at(position) : undefined
  }

  /**
   * Sets the bound of the dynamic table: our SETTINGS_HEADER_TABLE_SIZE, from the moment the peer
   * acknowledged it. When the table may be larger than that, the next block must begin with a
   * size update that brings it down. RFC 7541 §4.2, RFC 9113 §4.3.1.
   */
  setTableSizeMax(size: number): void {
    this.#tableSizeMax = checkSize('tableSizeMax', size)
    const allowed = this.#updateDueMax < 0 ? this.#table.sizeMax : this.#updateDueMax
    if (size < allowed) this.#updateDueMax = size
    this.#generation++
  }

  /**
   * Decodes one whole header block, bytes[start, end), into `sink`.
   *
   * Throws HpackError when the block breaks RFC 7541 and HpackLimitError when it passes a limit. After either,
   * or when `sink` throws, the table no longer matches the peer's and the decoder takes no further block.
   */
  decode(bytes: Buffer, start: number, end: number, sink: FieldSink): void {
    if (this.#decoding) this.#refuse()
    this.#decoding = true
    this.#bytes = bytes
    this.#offset = start
    this.#end = end
    this.#listSize = 0
    this.#fieldCount = 0

    this.#readSizeUpdates()
    while (this.#offset < end) {
      const first = bytes[this.#offset++]!
      if (first >= 0x80) this.#readIndexed(first, sink)
      else if (first >= 0x40) this.#readInserted(first, sink)
      else if (first < 0x20) this.#readLiteral(first, sink)
      else {
        this.#fail(
          'HPACK_TABLE_SIZE',
          'RFC 7541 §4.2',
          'table size update after the first field of a block',
        )
      }
    }

    this.#bytes = NO_BYTES
    this.#decoding = false
  }

  /** `decode` for callers without a sink: a flat list of names and values. */
  decodeList(bytes: Buffer, start = 0, end: number = bytes.length): string[] {
    const list: string[] = []
    this.decode(bytes, start, end, { onField: (name, value) => void list.push(name, value) })
    return list
  }

  /** 001xxxxx, only before the first field. RFC 7541 §4.2 and §6.3. */
  #readSizeUpdates(): void {
    let updateCount = 0
    while (this.#offset < this.#end && this.#bytes[this.#offset]! >>> 5 === 1) {
      updateCount++
      if (updateCount > this.#tableSizeUpdatesMax) {
        this.#fail(
          'HPACK_TABLE_SIZE',
          'RFC 7541 §4.2',
          `more than ${this.#tableSizeUpdatesMax} table size updates in a block`,
        )
      }
      const size = this.#readInteger(this.#bytes[this.#offset++]! & 0x1f, 0x1f)
      this.#resizeTable(size)
    }
    if (this.#updateDueMax >= 0) {
      this.#fail(
        'HPACK_TABLE_SIZE',
        'RFC 9113 §4.3.1',
        `block does not begin with a table size update to ${this.#updateDueMax} or less`,
      )
    }
  }

  #resizeTable(size: number): void {
    const sizeMax = this.#updateDueMax < 0 ? this.#tableSizeMax : this.#updateDueMax
    if (size > sizeMax) {
      this.#fail(
        'HPACK_TABLE_SIZE',
        'RFC 7541 §6.3',
        `table size update to ${size}; the limit is ${sizeMax}`,
      )
    }
    this.#updateDueMax = -1
    this.#generation++
    this.#table.resize(size)
    while (this.#table.overflows(0)) this.#table.evict()
  }

  /** 1xxxxxxx: a field that is in a table. RFC 7541 §6.1. */
  #readIndexed(first: number, sink: FieldSink): void {
    let index = first & 0x7f
    if (index === 0x7f) index = this.#readInteger(index, 0x7f)
    const entry = this.#entryAt(index)
    this.#count(entry.size)
    sink.onField(entry.name, entry.value, entry.fieldClass, false)
  }

  /** 01xxxxxx: a field that enters the dynamic table. RFC 7541 §6.2.1. */
  #readInserted(first: number, sink: FieldSink): void {
    // The name is read before anything is evicted: it may be the name of an evicted entry.
    const name = this.#readName(first & 0x3f, 0x3f)
    const value = this.#readString(name.length, CACHED_VALUE_SIZE_MAX)
    const entry = newEntry(name, value, this.#classify(name, value))
    this.#count(entry.size)
    this.#insert(entry)
    sink.onField(name, value, entry.fieldClass, false)
  }

  /** 0000xxxx and 0001xxxx: a field that enters no table. RFC 7541 §6.2.2 and §6.2.3. */
  #readLiteral(first: number, sink: FieldSink): void {
    const neverIndexed = first >= 0x10
    const name = this.#readName(first & 0x0f, 0x0f)
    const start = this.#offset
    const end = literalEnd(this.#bytes, start, this.#end)
    const known = end > 0 ? this.#readLong(name, start, end) : undefined
    const value =
      known?.value ?? this.#readString(name.length, neverIndexed ? 0 : CACHED_VALUE_SIZE_MAX)
    this.#count(name.length + value.length + ENTRY_OVERHEAD)
    sink.onField(name, value, known?.fieldClass ?? this.#classify(name, value), neverIndexed)
  }

  /** A value that may be the one before: see `LiteralMemory`. */
  #readLong(name: string, start: number, end: number): KnownLiteral {
    this.#literals ??= new LiteralMemory()
    let known = this.#literals.find(name, this.#bytes, start, end)
    if (known === undefined) {
      const value = this.#readString(name.length, 0)
      known = { value, fieldClass: this.#classify(name, value) }
      this.#literals.learn(name, this.#bytes, start, end, known)
    }
    this.#offset = end
    return known
  }

  #insert(entry: ClassifiedEntry): void {
    const table = this.#table
    this.#generation++
    // An entry larger than the table leaves the table empty, without error. RFC 7541 §4.4.
    while (table.length > 0 && table.overflows(entry.size)) table.evict()
    if (!table.overflows(entry.size)) table.push(entry)
  }

  #readName(prefix: number, prefixMax: number): string {
    if (prefix === 0) return this.#readString(0, CACHED_SIZE_MAX)
    const index = prefix < prefixMax ? prefix : this.#readInteger(prefix, prefixMax)
    return this.#entryAt(index).name
  }

  #entryAt(index: number): ClassifiedEntry {
    const position = index - STATIC_TABLE_LENGTH - 1
    if (position < 0) return this.#static[index - 1] ?? this.#failIndex(index)
    if (position < this.#table.length) return this.#table.at(position)
    return this.#failIndex(index)
  }

  /** RFC 7541 §5.1. `prefix` has been read, and is `prefixMax` when more octets follow. */
  #readInteger(prefix: number, prefixMax: number): number {
    if (prefix < prefixMax) return prefix
    let value = prefixMax
    for (let shift = 0; shift <= 21; shift += 7) {
      if (this.#offset === this.#end) this.#failTruncated('an integer')
      const octet = this.#bytes[this.#offset++]!
      value += (octet & 0x7f) << shift
      if (octet < 0x80) {
        if (value > INTEGER_MAX) break
        return value
      }
    }
    return this.#fail('HPACK_INTEGER', 'RFC 7541 §5.1', `integer is above ${INTEGER_MAX}`)
  }

  /**
   * A string literal. RFC 7541 §5.2. `sizeBefore` is what the same field has used already.
   * Strings of up to `cachedSizeMax` octets come from the shared cache; secrets stay out of it.
   */
  #readString(sizeBefore: number, cachedSizeMax: number): string {
    if (this.#offset === this.#end) this.#failTruncated('a string')
    const first = this.#bytes[this.#offset++]!
    const size = this.#readInteger(first & 0x7f, 0x7f)
    const start = this.#offset
    const end = start + size
    if (end > this.#end) this.#failTruncated(`a string of ${size} octets`)
    this.#offset = end
    if (size === 0) return ''
    if (size > cachedSizeMax) {
      return first < 0x80
        ? this.#readLongRaw(start, end, sizeBefore)
        : this.#readLongHuffman(start, end, sizeBefore)
    }
    if (first < 0x80) return stringCache.raw(this.#bytes, start, end)
    const text = stringCache.huffman(this.#bytes, start, end)
    return typeof text === 'string' ? text : this.#failHuffman(text)
  }

  #readLongRaw(start: number, end: number, sizeBefore: number): string {
    this.#checkListSize(sizeBefore + end - start + ENTRY_OVERHEAD)
    return readLatin1(this.#bytes, start, end)
  }

  #readLongHuffman(start: number, end: number, sizeBefore: number): string {
    let room = huffmanDecodedSizeMax(end - start)
    if (this.#listSize + sizeBefore + room + ENTRY_OVERHEAD > this.#listSizeMax) {
      // It may not fit: find out how long it is before anything is allocated for it.
      room = huffmanDecodedSize(this.#bytes, start, end)
      if (room < 0) this.#failHuffman(room)
      this.#checkListSize(sizeBefore + room + ENTRY_OVERHEAD)
    }
    if (scratch.length < room + 2) scratch = Buffer.alloc(room + 2)
    const size = decodeHuffman(this.#bytes, start, end, scratch)
    if (size < 0) this.#failHuffman(size)
    return readLatin1(scratch, 0, size)
  }

  /** Counts one field before it reaches anybody. */
  #count(size: number): void {
    this.#fieldCount++
    if (this.#fieldCount > this.#fieldsMax) {
      this.#throw(
        new HpackLimitError('RFC 9113 §10.5.1', `block of more than ${this.#fieldsMax} fields`),
      )
    }
    this.#checkListSize(size)
    this.#listSize += size
  }

  #checkListSize(size: number): void {
    if (this.#listSize + size > this.#listSizeMax) {
      this.#throw(
        new HpackLimitError(
          'RFC 9113 §6.5.2',
          `header list of ${this.#listSize + size} octets or more; the limit is ${this.#listSizeMax}`,
        ),
      )
    }
  }

  #failIndex(index: number): never {
    return this.#fail(
      'HPACK_INDEX',
      'RFC 7541 §2.3.3',
      `index ${index}; the tables end at ${STATIC_TABLE_LENGTH + this.#table.length}`,
    )
  }

  #failTruncated(what: string): never {
    return this.#fail('HPACK_TRUNCATED', 'RFC 7541 §5', `block ends inside ${what}`)
  }

  #failHuffman(fault: number): never {
    if (fault === HuffmanFault.EndOfString) {
      return this.#fail('HPACK_HUFFMAN', 'RFC 7541 §5.2', 'EOS inside a Huffman-coded string')
    }
    const message = PADDING_FAULTS[fault] ?? ''
    return this.#fail('HPACK_HUFFMAN', 'RFC 7541 §5.2', message)
  }

  #fail(code: HpackErrorCode, rule: string, message: string): never {
    return this.#throw(new HpackError(code, rule, message))
  }

  #throw(error: HpackError): never {
    this.#failure = error
    this.#bytes = NO_BYTES
    throw error
  }

  /** A former block was not decoded to its end. */
  #refuse(): never {
    this.#failure ??= new HpackError(
      'HPACK_ABANDONED',
      'RFC 9113 §4.3',
      'decoder used again after a block that was not decoded to its end',
    )
    throw this.#failure
  }
}
