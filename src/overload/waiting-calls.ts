import { PRIORITY_COUNT, type Priority } from './priority.js'

/** The links of a call that waits. */
export interface Waiting {
  readonly priority: Priority
  /** Unit: ms, on the server's clock. */
  waitsSince: number
  isWaiting: boolean
  before: Waiting | undefined
  after: Waiting | undefined
}

/** Calls that wait for a place, those that matter most ahead; among equals the oldest or the newest, as is asked. */
export class WaitingCalls<Call extends Waiting> {
  readonly #oldest: (Waiting | undefined)[] = Array(PRIORITY_COUNT).fill(undefined)
  readonly #newest: (Waiting | undefined)[] = Array(PRIORITY_COUNT).fill(undefined)
  #count = 0

  get count(): number {
    return this.#count
  }

  add(call: Call, now: number): void {
    const { priority } = call
    call.waitsSince = now
    call.isWaiting = true
    call.before = this.#newest[priority]
    if (call.before === undefined) this.#oldest[priority] = call
    else call.before.after = call
    this.#newest[priority] = call
    this.#count++
  }

  /** Does nothing for one that does not wait. */
  delete(call: Call): void {
    if (!call.isWaiting) return
    const { priority, before, after } = call
    if (before === undefined) this.#oldest[priority] = after
    else before.after = after
    if (after === undefined) this.#newest[priority] = before
    else after.before = before
    call.before = undefined
    call.after = undefined
    call.isWaiting = false
    this.#count--
  }

  /** Who is next, and stays. */
  next(isNewestFirst: boolean): Call | undefined {
    const ends = isNewestFirst ? this.#newest : this.#oldest
    return ends.find(call => call !== undefined) as Call | undefined
  }

  /** The newest of those that matter less than `priority`, the least of them. */
  lesser(priority: Priority): Call | undefined {
    for (let at = PRIORITY_COUNT - 1; at > priority; at--) {
      if (this.#newest[at] !== undefined) return this.#newest[at] as Call
    }
    return undefined
  }

  /** Whoever has waited longest. */
  get oldest(): Call | undefined {
    let found: Waiting | undefined
    for (const call of this.#oldest) {
      if (call !== undefined && (found === undefined || call.waitsSince < found.waitsSince))
        found = call
    }
    return found as Call | undefined
  }
}
