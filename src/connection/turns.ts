import { CallAllowance } from './call-allowance.js'
import type { Connection } from './connection.js'

/** How many calls are told between two looks at the stopwatch. */
const CALLS_PER_LOOK = 16

/**
 * How much one connection does before others get their turn. The rest waits for another turn, if
 * the host supports turns; otherwise everything is done at once.
 */
export class Turns {
  /** Measures what holds the thread. Unit: ms. */
  readonly stopwatch: (() => number) | undefined
  readonly #connection: Connection
  /** When this turn was first looked at: short ones never are. Unit: ms, of the stopwatch. */
  #lookedAt: number | undefined = undefined
  /** Somebody has more to do. */
  #requested = false
  readonly #allowance: CallAllowance
  /** Somebody waits until no more than this is queued. Unit: octets. */
  #roomSize = -1

  constructor(connection: Connection, stopwatch: (() => number) | undefined) {
    this.#connection = connection
    this.stopwatch = stopwatch
    this.#allowance = new CallAllowance(connection.limits.turnCallsMax, stopwatch)
  }

  /** Whether somebody has more to do: nothing is read before that is done. */
  get requested(): boolean {
    return this.#requested
  }

  /** For the handler, in `onReceived`, once a turn `isOver`: it is called again, in a turn of its own. */
  request(): void {
    this.#requested = true
  }

  /**
   * For the handler, at any time: what it waited for outside of the connection has come, and it is
   * called in a turn of its own. Without `onTurn` that is now.
   */
  ask(): void {
    const connection = this.#connection
    const { host, over } = connection
    this.#requested = true
    if (host.onTurn !== undefined) host.onTurn()
    else if (over) this.end()
    else connection.onTime(connection.now, () => {})
  }

  /** For the handler: it is called in another turn once no more than `size` octets are queued for the peer. */
  awaitRoom(size: number): void {
    this.#roomSize = size
  }

  /** @internal Queued octets have left: whether somebody waited for that. */
  roomCame(): boolean {
    if (this.#connection.sender.queuedSize > this.#roomSize) return false
    this.#roomSize = -1
    return true
  }

  /** @internal To be asked now and then: whether this turn has taken its time, counted from when it was first asked. */
  isTimeUp(): boolean {
    const { stopwatch } = this
    if (stopwatch === undefined) return false
    const at = stopwatch()
    this.#lookedAt ??= at
    return (at - this.#lookedAt) * 1_000 >= this.#connection.limits.turnTimeMaxUs
  }

  /** After the call that is the `count`th to hear news in this turn: whether the next ones wait. */
  isOver(count: number): boolean {
    if (this.#connection.host.onTurn === undefined) return false
    return this.#allowance.isReached(count) || (count % CALLS_PER_LOOK === 0 && this.isTimeUp())
  }

  /** @internal Ends a turn: streams hear that the connection has gone, then the handler lets user code run. */
  end(): void {
    const { handler, host, streams, over } = this.#connection
    this.#allowance.onTurn()
    do {
      // Nothing starts on a stream that has not heard yet.
      this.#requested = over && streams.loseMore()
      try {
        if (!this.#requested) handler.onReceived()
      } catch (error) {
        host.onHandlerError(error, 0)
      }
    } while (this.#requested && host.onTurn === undefined)
    // What the handler did not take is for others.
    streams.slots.serve()
    this.#lookedAt = undefined
    if (this.#requested) host.onTurn!()
  }
}
