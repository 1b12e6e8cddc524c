import { HandlerGroup, type MemoryBudget, NestedBudget } from '../../connection/index.js'
import { groupOf } from './admission.js'

/** What one address may have; Infinity: what it likes. */
export interface AddressLimits {
  /** Unit: octets. */
  readonly memoryMax: number
  readonly handlersMax: number
}

/** What bounds one connection together with the others of its address. */
export interface AddressShare {
  readonly memory: MemoryBudget
  readonly handlerGroup: HandlerGroup | undefined
}

interface Entry extends AddressShare {
  readonly handlerGroup: HandlerGroup
  /** Connections. */
  count: number
}

/** What the connections of each remote address hold and run together: a budget for each that is connected, a part of that of all. */
export class AddressBudgets {
  readonly #limits: AddressLimits
  readonly #parent: MemoryBudget
  readonly #nobody: AddressShare
  readonly #entries = new Map<string, Entry>()

  /** @param limits for each address */
  constructor(limits: AddressLimits, parent: MemoryBudget) {
    this.#limits = limits
    this.#parent = parent
    this.#nobody = { memory: parent, handlerGroup: undefined }
  }

  /** Addresses that have a connection, or a handler that runs. */
  get size(): number {
    return this.#entries.size
  }

  /** That of one connection more from there. A unix socket has no address: its budget is that of all. */
  enter(remoteAddress: string): AddressShare {
    if (remoteAddress === '') return this.#nobody
    const group = groupOf(remoteAddress)
    let entry = this.#entries.get(group)
    if (entry === undefined) {
      entry = this.#entryOf(group)
      this.#entries.set(group, entry)
    }
    entry.count++
    return entry
  }

  leave(remoteAddress: string): void {
    if (remoteAddress === '') return
    const group = groupOf(remoteAddress)
    const entry = this.#entries.get(group)
    if (entry === undefined) return
    entry.count--
    this.#forget(group, entry)
  }

  #entryOf(group: string): Entry {
    const { memoryMax, handlersMax } = this.#limits
    const memory =
      memoryMax === Number.POSITIVE_INFINITY
        ? this.#parent
        : new NestedBudget(memoryMax, this.#parent, group)
    const entry: Entry = {
      memory,
      handlerGroup: new HandlerGroup(handlersMax, group, () => this.#forget(group, entry)),
      count: 0,
    }
    return entry
  }

  /** Not before its last handler has settled: whoever leaves and comes back would have as much again. */
  #forget(group: string, entry: Entry): void {
    if (entry.count === 0 && entry.handlerGroup.running === 0) this.#entries.delete(group)
  }
}
