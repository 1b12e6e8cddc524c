import { type BudgetAccount, MemoryBudget } from './memory-budget.js'

/** A part of another budget, for those who share something more, such as a remote address: what it is charged, both are. */
export class NestedBudget extends MemoryBudget {
  readonly #parent: MemoryBudget
  readonly #owner: string

  /** @param owner who it is for, in the text of errors */
  constructor(memoryMax: number, parent: MemoryBudget, owner: string) {
    super(memoryMax)
    this.#parent = parent
    this.#owner = owner
  }

  override get isShort(): boolean {
    return super.isShort || this.#parent.isShort
  }

  override change(account: BudgetAccount, difference: number): void {
    super.change(account, difference)
    this.#parent.change(account, difference)
  }

  override doom(size: number): void {
    super.doom(size)
    this.#parent.doom(size)
  }

  override check(): void {
    super.check()
    this.#parent.check()
  }

  override done(account: BudgetAccount): void {
    super.done(account)
    this.#parent.done(account)
  }

  protected override get fault(): string {
    return `${this.used} octets are held for ${this.#owner}; memoryPerAddressMax is ${this.memoryMax}`
  }
}
