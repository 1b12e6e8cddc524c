import type { BackOff } from './back-off.js'

/** A connection that lived so long is not what makes the next one fail. Unit: ms. */
const STABLE_AFTER_MS = 5_000

/** Whether a connection that is lost is replaced at once, or after the back-off. */
export class Replacements {
  readonly #backOff: BackOff
  /** Connections in a row that served nothing before they went. */
  #uselessCount = 0

  constructor(backOff: BackOff) {
    this.#backOff = backOff
  }

  /** At once after a connection that was of use, and once after one that was not: more of them in a row are failures. */
  mayFollow(hasServed: boolean, livedMs: number): boolean {
    if (hasServed || livedMs >= STABLE_AFTER_MS) {
      this.#backOff.reset()
      this.#uselessCount = 0
      return true
    }
    return ++this.#uselessCount === 1
  }
}
