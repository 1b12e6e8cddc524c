import type { StreamConnection } from '../../connection/index.js'
import { MessageCoder } from './message-coder.js'

/** A call that has something to tell its user. */
export interface BatchedCall {
  /** Tells it. May throw: it runs user code. */
  dispatch(): void
  /** What `dispatch` threw. */
  onThrown(error: unknown): void
}

/** Says how many calls a turn may hold: `Connection.turns`. */
export interface TurnBudget {
  /** After the `count`th of them: whether the next ones wait. */
  isOver(count: number): boolean
}

/**
 * The calls of one connection that have news since the last dispatch. User
 * code runs from here, at the end of a `receive`, never inside the parser.
 */
export class CallBatch {
  readonly #calls: BatchedCall[] = []
  #running = false
  #coder: MessageCoder | undefined = undefined

  /** Compresses and inflates for these calls, which are all of `connection`. Made at the first need. */
  coder(connection: StreamConnection): MessageCoder {
    this.#coder ??= new MessageCoder(connection)
    return this.#coder
  }

  add(call: BatchedCall): void {
    this.#calls.push(call)
  }

  /**
   * Lets each call tell its news, as many as `turn` may hold; true when more wait.
   * What one throws keeps no other from its turn.
   */
  run(turn: TurnBudget | undefined): boolean {
    // User code may close the connection, which ends in another run: this one goes on with it.
    if (this.#running) return false
    this.#coder?.deliver()
    if (this.#calls.length === 0) return false
    this.#running = true
    const calls = this.#calls
    let index = 0
    // The list may grow while it is walked.
    while (index < calls.length) {
      dispatchCall(calls[index++]!)
      if (turn?.isOver(index) === true) break
    }
    if (index === calls.length) calls.length = 0
    else calls.splice(0, index)
    this.#running = false
    if (this.#coder?.isPending === true) this.#coder.ask()
    return calls.length > 0
  }
}

/** Lets one call tell its news. Never throws. */
export function dispatchCall(call: BatchedCall): void {
  try {
    call.dispatch()
  } catch (error) {
    call.onThrown(error)
  }
}
