/** A call that has something to tell its user. */
export interface BatchedCall {
  /** Tells it. May throw: it runs user code. */
  dispatch(): void
  /** What `dispatch` threw. */
  onThrown(error: unknown): void
}

/**
 * The calls of one connection that have news since the last dispatch. User
 * code runs from here, at the end of a `receive`, never inside the parser.
 */
export class CallBatch {
  readonly #calls: BatchedCall[] = []
  #running = false

  add(call: BatchedCall): void {
    this.#calls.push(call)
  }

  /** Lets each call tell its news. What one throws keeps no other from its turn. */
  run(): void {
    // User code may close the connection, which ends in another run: this one goes on with it.
    if (this.#running || this.#calls.length === 0) return
    this.#running = true
    const calls = this.#calls
    // The list may grow while it is walked.
    for (let index = 0; index < calls.length; index++) dispatchCall(calls[index]!)
    calls.length = 0
    this.#running = false
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
