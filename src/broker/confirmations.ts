import type { EngineSession } from './engine.js'
import { unconfirmed } from './engine-errors.js'

/** The messages of a session that its engine confirms one by one. */
export class Confirmations implements Pick<EngineSession, 'unconfirmed' | 'unconfirmedSize'> {
  unconfirmed = 0
  unconfirmedSize = 0
  readonly #engine: { readonly name: string; readonly address: string }
  readonly #open = new Set<(cause: unknown) => void>()

  constructor(engine: { readonly name: string; readonly address: string }) {
    this.#engine = engine
  }

  /**
   * What `send` gives, or BROKER_LOST when the session ends first.
   *
   * @param send calls `done` when the engine has confirmed, with what it said against it
   */
  wait(
    topic: string,
    size: number,
    send: (done: (error?: unknown) => void) => void,
  ): Promise<void> {
    this.unconfirmed++
    this.unconfirmedSize += size
    return new Promise((resolve, reject) => {
      const lose = (cause: unknown): void => settle(unconfirmed(this.#engine, topic, cause))
      const settle = (error?: unknown): void => {
        if (!this.#open.delete(lose)) return
        this.unconfirmed--
        this.unconfirmedSize -= size
        if (error === undefined || error === null) resolve()
        else reject(error)
      }
      this.#open.add(lose)
      send(settle)
    })
  }

  /** The session is over: whatever waits may be there, or not. */
  lost(cause: unknown): void {
    for (const lose of [...this.#open]) lose(cause)
  }
}
