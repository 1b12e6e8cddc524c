/**
 * A budget for what a peer may make us do: spent on waste, regained by useful
 * work and, slowly, by time. RFC 9113 §10.5.
 */
export class TokenBucket {
  readonly #tokensMax: number
  readonly #perMs: number
  #tokens: number
  #filledAt: number

  constructor(tokensMax: number, tokensPerSecond: number, now: number) {
    this.#tokensMax = tokensMax
    this.#perMs = tokensPerSecond / 1_000
    this.#tokens = tokensMax
    this.#filledAt = now
  }

  get tokens(): number {
    return this.#tokens
  }

  /** Takes `cost` tokens. False when they are not there: the budget is spent. */
  spend(cost: number, now: number): boolean {
    if (this.#tokens < this.#tokensMax) {
      const grown = this.#tokens + (now - this.#filledAt) * this.#perMs
      this.#tokens = Math.min(grown, this.#tokensMax)
    }
    this.#filledAt = now
    if (this.#tokens < cost) return false
    this.#tokens -= cost
    return true
  }

  /** Gives tokens back for useful work. */
  credit(tokens: number): void {
    const grown = this.#tokens + tokens
    this.#tokens = Math.min(grown, this.#tokensMax)
  }
}
