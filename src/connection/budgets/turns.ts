import type { ConnectionCore } from '../core/core.js'
import type { ConnectionHost } from '../core/host.js'
import { CallAllowance } from './call-allowance.js'

/** Who ends a turn: streams hear that the connection has gone, then the handler lets user code run. */
export interface TurnOwner {
  endTurn(): void
}

/** How many calls are told between two looks at the stopwatch. */
const CALLS_PER_LOOK = 16

/**
 * How much one connection does before others get their turn. The rest waits for another turn, if
 * the host supports turns; otherwise everything is done at once.
 */
export class Turns {
  /** Measures what holds the thread. Unit: ms. */
  readonly stopwatch: (() => number) | undefined
  readonly #core: ConnectionCore
  readonly #host: ConnectionHost
  readonly #owner: TurnOwner
  /** When this turn was first looked at: short ones never are. Unit: ms, of the stopwatch. */
  #lookedAt: number | undefined = undefined
  /** Somebody has more to do. */
  #requested = false
  readonly #allowance: CallAllowance
  /** Somebody waits until no more than this is queued. Unit: octets. */
  #roomSize = -1

  constructor(
    core: ConnectionCore,
    host: ConnectionHost,
    owner: TurnOwner,
    stopwatch: (() => number) | undefined,
  ) {
    this.#core = core
    this.#host = host
    this.#owner = owner
    this.stopwatch = stopwatch
    this.#allowance = new CallAllowance(core.limits.turnCallsMax, stopwatch)
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
    const core = this.#core
    this.#requested = true
    if (this.#host.onTurn !== undefined) this.#host.onTurn()
    else if (core.over) this.#owner.endTurn()
    else core.onTime(core.now, () => {})
  }

  /** As `ask`, unless a turn is under way: its end lets the handler go on in any case. */
  wake(): void {
    if (!this.#core.inTurn) this.ask()
  }

  /** For the handler: it is called in another turn once no more than `size` octets are queued for the peer. */
  awaitRoom(size: number): void {
    this.#roomSize = size
  }

  /** Octets have left, and `queuedSize` still wait: whether somebody waited for that. */
  roomCame(queuedSize: number): boolean {
    if (queuedSize > this.#roomSize) return false
    this.#roomSize = -1
    return true
  }

  /** To be asked now and then: whether this turn has taken its time, counted from when it was first asked. */
  isTimeUp(): boolean {
    const { stopwatch } = this
    if (stopwatch === undefined) return false
    const at = stopwatch()
    this.#lookedAt ??= at
    return (at - this.#lookedAt) * 1_000 >= this.#core.limits.turnTimeMaxUs
  }

  /** After the call that is the `count`th to hear news in this turn: whether the next ones wait. */
  isOver(count: number): boolean {
    if (this.#host.onTurn === undefined) return false
    return this.#allowance.isReached(count) || (count % CALLS_PER_LOOK === 0 && this.isTimeUp())
  }

  /** A turn comes to its end: what it left to the next one is told now. */
  resume(): void {
    this.#allowance.onTurn()
  }

  /** Those who asked for more are about to have it, or `isAsked` again. */
  begin(isAsked: boolean): void {
    this.#requested = isAsked
  }

  /** A turn has ended: the next one is measured anew. */
  ended(): void {
    this.#lookedAt = undefined
    if (this.#requested) this.#host.onTurn!()
  }
}
