import { DynamicTable, ENTRY_OVERHEAD } from './dynamic-table.js'
import { STATIC_TABLE_LENGTH } from './static-table.js'

/** A field we inserted, and hence one that the peer has too. */
export interface EncoderEntry {
  readonly name: string
  readonly value: string
  readonly size: number
  /** Number of its insertion; the distance to the newest one gives its index. */
  readonly number: number
  /** How many entries of this name there are, up to this one. */
  readonly nameCount: number
  /** The sizes of those entries together. */
  readonly nameSize: number
  /** The next older entry of equal value. */
  older: EncoderEntry | undefined
}

/** Until the first insertion: many connections never make one. */
const NONE: Map<string, EncoderEntry> = new Map()

/**
 * The encoder's copy of the peer's dynamic table, which can also be searched: by name, and by
 * value (few names share a value, while `:path` alone has many values).
 */
export class EncoderTable {
  readonly #table: DynamicTable<EncoderEntry>
  /** The newest entry of each name. */
  #byName: Map<string, EncoderEntry> = NONE
  /** The newest entry of each value; older ones hang on it. */
  #byValue: Map<string, EncoderEntry> = NONE

  constructor(sizeMax: number) {
    this.#table = new DynamicTable(sizeMax)
  }

  get size(): number {
    return this.#table.size
  }

  get sizeMax(): number {
    return this.#table.sizeMax
  }

  get length(): number {
    return this.#table.length
  }

  /** The entry at `position`, 0 being the newest. The caller keeps it below `length`. */
  at(position: number): EncoderEntry {
    return this.#table.at(position)
  }

  /** Index of the field, or 0 when it is not in the table. */
  findField(name: string, value: string): number {
    let entry = this.#byValue.get(value)
    while (entry !== undefined && entry.name !== name) entry = entry.older
    return entry === undefined ? 0 : this.#indexOf(entry)
  }

  /** Index of the newest field of that name, or 0. */
  findName(name: string): number {
    const entry = this.#byName.get(name)
    return entry === undefined ? 0 : this.#indexOf(entry)
  }

  /** The newest entry of that name, which knows how many there are. */
  newestOf(name: string): EncoderEntry | undefined {
    return this.#byName.get(name)
  }

  /** Whether a field of `size` octets would push others out. */
  overflows(size: number): boolean {
    return this.#table.overflows(size)
  }

  /** Inserts a field, evicting what it takes. One larger than the table empties it. §4.4. */
  insert(name: string, value: string): void {
    const size = name.length + value.length + ENTRY_OVERHEAD
    this.#evictFor(size)
    if (this.#table.overflows(size)) return
    if (this.#byName === NONE) {
      this.#byName = new Map()
      this.#byValue = new Map()
    }
    const sameName = this.#byName.get(name)
    const entry: EncoderEntry = {
      name,
      value,
      size,
      number: this.#table.insertCount,
      nameCount: sameName === undefined ? 1 : sameName.nameCount + 1,
      nameSize: sameName === undefined ? size : sameName.nameSize + size,
      older: this.#byValue.get(value),
    }
    this.#table.push(entry)
    this.#byName.set(name, entry)
    this.#byValue.set(value, entry)
  }

  /** Sets the bound and evicts down to it. RFC 7541 §4.3. */
  resize(sizeMax: number): void {
    this.#table.resize(sizeMax)
    this.#evictFor(0)
  }

  /** Evicts everything. */
  clear(): void {
    this.#evictFor(Number.POSITIVE_INFINITY)
  }

  #indexOf(entry: EncoderEntry): number {
    return STATIC_TABLE_LENGTH + ((this.#table.insertCount - entry.number) | 0)
  }

  #evictFor(size: number): void {
    while (this.#table.length > 0 && this.#table.overflows(size)) this.#forget(this.#table.evict())
  }

  /** The evicted entry is the oldest of all: the last of its chain, and of its name. */
  #forget(entry: EncoderEntry): void {
    if (this.#byName.get(entry.name) === entry) this.#byName.delete(entry.name)
    let newer = this.#byValue.get(entry.value)!
    if (newer === entry) {
      this.#byValue.delete(entry.value)
      return
    }
    while (newer.older !== entry) newer = newer.older!
    newer.older = undefined
  }
}
