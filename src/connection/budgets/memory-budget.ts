/** What one connection holds, as its budget sees it. */
export interface BudgetAccount {
  /** What is held now. Unit: octets. */
  readonly total: number
  /** What the budget has been told of. Unit: octets. */
  readonly charged: number
  /** The same without what will come back. */
  readonly kept: number
  /** Nothing can be given up any more. */
  readonly isOver: boolean
  /** Of all connections this one holds most: it gives something up. */
  order(fault: string): void
}

const MEMORY_MAX = 1_073_741_824

/**
 * What all connections that share it may hold together for their peers. Each charges its account by difference, in
 * steps; beyond half of `memoryMax` all become frugal, beyond it the connection that holds most gives up its largest call.
 */
export class MemoryBudget {
  /** Unit: octets. Default: 1_073_741_824. Reason: four connections at their own `memoryMax`. */
  readonly memoryMax: number
  #used = 0
  /** Of calls that were given up: it will come back. */
  #doomed = 0
  /** Connections that hold more than a step. */
  readonly #accounts: Set<BudgetAccount> = new Set()
  /** Who is to give up a call, and has not yet. */
  #asked: BudgetAccount | undefined = undefined

  /** @throws RangeError for less than 1_048_576 */
  constructor(memoryMax: number = MEMORY_MAX) {
    if (!(typeof memoryMax === 'number' && memoryMax >= 1_048_576)) {
      throw new RangeError(`memoryMax is ${String(memoryMax)}; expected 1048576 octets or more`)
    }
    this.memoryMax = memoryMax
  }

  /** That of all connections that were given none. */
  static get ofProcess(): MemoryBudget {
    return PROCESS_MEMORY
  }

  /** What is charged now, each connection to a step. Unit: octets. */
  get used(): number {
    return this.#used
  }

  /** @internal What is held now, to the octet. */
  get exact(): number {
    let sum = this.#used
    for (const account of this.#accounts) sum += account.total - account.charged
    return sum
  }

  /** Connections that hold more than a step. */
  get connectionCount(): number {
    return this.#accounts.size
  }

  /** Whether more than half is used: who could be faster with more memory waits. */
  get isShort(): boolean {
    return this.#used > this.memoryMax / 2
  }

  /** What is not of a connection: a handshake under way. */
  add(size: number): void {
    this.#used += size
  }

  /** @internal */
  change(account: BudgetAccount, difference: number): void {
    this.#used += difference
    if (account.charged > 0) this.#accounts.add(account)
    else this.#accounts.delete(account)
  }

  /** @internal */
  doom(size: number): void {
    this.#doomed += size
  }

  /** @internal More may be used than there is: the largest gives up, one after the other. */
  check(): void {
    if (this.#used - this.#doomed <= this.memoryMax) return
    if (this.#asked !== undefined && !this.#asked.isOver) return
    this.#asked = this.#largest()
    this.#asked?.order(this.fault)
  }

  /** @internal What the largest hears. */
  protected get fault(): string {
    return `this process holds ${this.#used} octets for its peers; memoryMax of its MemoryBudget is ${this.memoryMax}`
  }

  /** @internal The account has done what it was asked for. */
  done(account: BudgetAccount): void {
    if (this.#asked === account) this.#asked = undefined
    this.check()
  }

  #largest(): BudgetAccount | undefined {
    let found: BudgetAccount | undefined
    for (const account of this.#accounts) {
      if (!account.isOver && account.kept > (found?.kept ?? 0)) found = account
    }
    return found
  }
}

/** Of all connections that are given none. */
export const PROCESS_MEMORY: MemoryBudget = new MemoryBudget()

/** An option that is a budget, or absent. @throws TypeError for anything else */
export function checkMemory(name: string, value: unknown): void {
  if (value === undefined || value instanceof MemoryBudget) return
  const found = typeof value === 'number' ? String(value) : typeof value
  throw new TypeError(`${name} is ${found}; expected a MemoryBudget: new MemoryBudget(bytes)`)
}
