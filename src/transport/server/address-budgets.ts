import { type MemoryBudget, NestedBudget } from '../../connection/index.js'
import { groupOf } from './admission.js'

/** What the connections of each remote address hold together: a budget for each that is connected, a part of that of all. */
export class AddressBudgets {
  readonly #memoryMax: number
  readonly #parent: MemoryBudget
  readonly #entries = new Map<string, { readonly budget: NestedBudget; count: number }>()

  /** @param memoryMax for each address. Unit: octets */
  constructor(memoryMax: number, parent: MemoryBudget) {
    this.#memoryMax = memoryMax
    this.#parent = parent
  }

  /** Addresses that have a connection. */
  get size(): number {
    return this.#entries.size
  }

  /** That of one connection more from there. A unix socket has no address: its budget is that of all. */
  enter(remoteAddress: string): MemoryBudget {
    if (remoteAddress === '') return this.#parent
    const group = groupOf(remoteAddress)
    let entry = this.#entries.get(group)
    if (entry === undefined) {
      entry = { budget: new NestedBudget(this.#memoryMax, this.#parent, group), count: 0 }
      this.#entries.set(group, entry)
    }
    entry.count++
    return entry.budget
  }

  leave(remoteAddress: string): void {
    const group = remoteAddress === '' ? '' : groupOf(remoteAddress)
    const entry = this.#entries.get(group)
    // What handlers still hold goes on counting in the budget they know, and in that of all.
    if (entry !== undefined && --entry.count === 0) this.#entries.delete(group)
  }
}
