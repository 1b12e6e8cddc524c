import { CallAllowance } from '../../connection/index.js'
import type { Runtime } from './runtime.js'

/** Never more in one turn, however little they cost. Unit: steps. */
const STEPS_MAX = 1_000
/** Of the first turn: what waits for a connection is often the first of its kind in a process, and its code not compiled yet. Unit: steps. */
const FIRST = 16

/**
 * One step after another, as many in each turn of the event loop as what they set off allows: whoever waited
 * goes on in microtasks, so a thousand that are told at once hold the thread though telling costs nothing.
 */
export class InTurns {
  readonly #runtime: Pick<Runtime, 'afterTurn'>
  readonly #step: () => boolean
  readonly #allowance: CallAllowance
  /** A step is under way, or the next ones have a turn of their own. */
  #isBusy = false

  /** @param step does the next one; false: there is none now */
  constructor(runtime: Pick<Runtime, 'afterTurn' | 'stopwatch'>, step: () => boolean) {
    this.#runtime = runtime
    this.#step = step
    const stopwatch = runtime.stopwatch === undefined ? undefined : () => runtime.stopwatch!()
    this.#allowance = new CallAllowance(STEPS_MAX, stopwatch, FIRST)
  }

  /** There may be something to do. */
  run(): void {
    if (this.#isBusy) return
    this.#isBusy = true
    // A step that throws costs none of those behind it their turn.
    let isLeft = true
    try {
      isLeft = this.#runSome()
    } finally {
      if (isLeft) this.#runtime.afterTurn(this.#onTurn)
      else this.#isBusy = false
    }
  }

  #runSome(): boolean {
    let count = 0
    while (this.#step()) {
      if (this.#allowance.isReached(++count)) return true
    }
    return false
  }

  readonly #onTurn = (): void => {
    this.#allowance.onTurn()
    this.#isBusy = false
    this.run()
  }
}
