import type { Classify } from './decoder-options.js'
import { ENTRY_OVERHEAD } from './dynamic-table.js'
import { STATIC_TABLE } from './static-table.js'

/** An entry of the static or the dynamic table, as returned by `tableEntry`. */
export interface TableEntry {
  readonly name: string
  readonly value: string
  /** Octets of name and value plus 32. RFC 7541 §4.1. */
  readonly size: number
}

/** An entry with what `classify` said of it. */
export interface ClassifiedEntry extends TableEntry {
  readonly fieldClass: number
}

/** For callers who do not classify. */
export const classifyNothing: Classify = () => 0

const classifiedStaticTables = new WeakMap<Classify, readonly ClassifiedEntry[]>()

/** The static table with the answers of `classify`, asked once for the process. */
export function classifiedStaticTable(classify: Classify): readonly ClassifiedEntry[] {
  let entries = classifiedStaticTables.get(classify)
  if (entries === undefined) {
    entries = STATIC_TABLE.map(([name, value]) => newEntry(name, value, classify(name, value)))
    classifiedStaticTables.set(classify, entries)
  }
  return entries
}

/** An entry for a decoded field, with its size by RFC 7541 §4.1. */
export function newEntry(name: string, value: string, fieldClass: number): ClassifiedEntry {
  return { name, value, size: name.length + value.length + ENTRY_OVERHEAD, fieldClass }
}
