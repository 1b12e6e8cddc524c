const SCALE = 65_535
/** A weight counts as no less, and no more, than so many times the mean. */
const LEAST = 0.1
const MOST = 10

/** Whose turn it is among endpoints of different weight: each gets its share, spread evenly. gRPC A58, the static stride scheduler. */
export class Stride {
  readonly #scaled: readonly number[]
  #turn: number

  /** @param weights 0: not known, counts as the mean of the others */
  constructor(weights: readonly number[], random: () => number) {
    const known = weights.filter(weight => weight > 0)
    // Of fewer than two nothing can be compared.
    const mean =
      known.length < 2 ? 1 : known.reduce((sum, weight) => sum + weight, 0) / known.length
    const bounded = weights.map(weight => {
      if (known.length < 2 || !(weight > 0)) return mean
      return Math.max(mean * LEAST, Math.min(mean * MOST, weight))
    })
    const most = Math.max(...bounded)
    this.#scaled = bounded.map(weight => Math.round((weight / most) * SCALE))
    this.#turn = Math.floor(random() * 65_536)
  }

  /** The index of the next. */
  next(): number {
    const count = this.#scaled.length
    for (;;) {
      const turn = this.#turn++
      const at = turn % count
      const round = Math.floor(turn / count)
      const weight = this.#scaled[at]!
      // Those of the same weight are not all passed over in the same round.
      const offset = (SCALE >> 1) * at
      if ((weight * round + offset) % SCALE >= SCALE - weight) return at
    }
  }
}
