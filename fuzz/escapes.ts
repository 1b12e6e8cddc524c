import { Strays, turnOfLoop } from '../scripts/strays.js'
import type { Finding, FuzzTarget } from '../src/testing/index.js'

/**
 * What an input leaves behind in the loop is a finding as well: a rejection that nobody handles
 * would end a process that serves others. It is told only when the loop turns, which targets
 * without promises never let it do.
 */
export class Escapes {
  readonly #strays = new Strays()
  readonly #target: FuzzTarget
  readonly #onBegin: (bytes: Buffer) => void
  #inputs: Buffer[] = []
  /** Waits for what each input leaves, so that it fails by itself: to find the one, and to make it smaller. */
  #isStrict = false

  /** `onBegin` hears of each input before it runs. */
  constructor(target: FuzzTarget, onBegin: (bytes: Buffer) => void) {
    this.#target = target
    this.#onBegin = onBegin
  }

  /** The target, watched. */
  get target(): FuzzTarget {
    return { ...this.#target, fuzz: bytes => this.#fuzz(bytes) }
  }

  /** Lets the loop turn; tells which input since the last call has left something, if one has. */
  async since(): Promise<Omit<Finding, 'runs'> | undefined> {
    const inputs = this.#inputs
    this.#inputs = []
    await turnOfLoop()
    const [first] = this.#strays.take()
    if (first === undefined) return undefined
    this.#isStrict = true
    for (const bytes of inputs) {
      try {
        await this.#fuzz(bytes)
      } catch (error) {
        return { bytes, error }
      }
    }
    // No input finds it again alone: it takes several, so the last one is told.
    return { bytes: inputs.at(-1) ?? Buffer.alloc(0), error: new Error(`escapes: ${first}`) }
  }

  #fuzz(bytes: Buffer): void | Promise<void> {
    this.#onBegin(bytes)
    if (this.#isStrict) return this.#alone(bytes)
    this.#inputs.push(bytes)
    return this.#target.fuzz(bytes)
  }

  async #alone(bytes: Buffer): Promise<void> {
    await this.#target.fuzz(bytes)
    await turnOfLoop()
    const [first] = this.#strays.take()
    if (first !== undefined) throw new Error(`escapes: ${first}`)
  }
}
