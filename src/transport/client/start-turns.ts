import type { ConnectionLimits } from '../../connection/index.js'
import type { Runtime } from '../runtime/runtime.js'

/** Calls that start between two looks at the stopwatch. */
const CALLS_PER_LOOK = 16
/** How long calls that waited may start, with all that their users do meanwhile, before others have their turn. Unit: ms. */
const TURN_TIME_MAX_MS = 5

/**
 * Calls that waited start in turns of the event loop. A connection that comes, with room for a thousand of
 * them, is bounded by the connection's own limits (`turnTimeMaxUs`, `turnCallsMax`). A call that ends makes
 * room for the next one, which may end in the same turn too: the chain is bounded by the time it takes.
 */
export class StartTurns {
  readonly #runtime: Pick<Runtime, 'afterTurn' | 'stopwatch'>
  readonly #start: () => void
  /** When the first call started in this turn of the loop. Unit: ms, of the stopwatch. */
  #since: number | undefined = undefined
  #isArmed = false

  /** @param start lets calls start, in a turn of its own */
  constructor(runtime: Pick<Runtime, 'afterTurn' | 'stopwatch'>, start: () => void) {
    this.#runtime = runtime
    this.#start = start
  }

  /** Whether calls may start now; where not, `start` is called in another turn. */
  mayStart(): boolean {
    if (this.#isArmed) return false
    const now = this.#runtime.stopwatch?.()
    if (now === undefined) return true
    if (this.#since === undefined) {
      this.#since = now
      this.#runtime.afterTurn(this.#onTurnEnd)
    } else if (now - this.#since >= TURN_TIME_MAX_MS) {
      this.arm()
      return false
    }
    return true
  }

  /** The rest starts in another turn. */
  arm(): void {
    this.#isArmed = true
    this.#runtime.afterTurn(this.#onTurn)
  }

  /** After the call that is the `count`th to start in one go: whether the next ones wait. */
  budget({ turnCallsMax, turnTimeMaxUs }: ConnectionLimits): (count: number) => boolean {
    const start = this.#runtime.stopwatch?.()
    return count => {
      if (count >= turnCallsMax) return true
      if (start === undefined || count % CALLS_PER_LOOK !== 0) return false
      return (this.#runtime.stopwatch!() - start) * 1_000 >= turnTimeMaxUs
    }
  }

  readonly #onTurnEnd = (): void => {
    this.#since = undefined
  }

  readonly #onTurn = (): void => {
    this.#isArmed = false
    this.#start()
  }
}
