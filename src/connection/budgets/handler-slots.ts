import type { GroupMember, HandlerGroup } from './handler-group.js'

/** Who lets the handler of a connection go on, in a turn of its own: `Turns`. */
export interface SlotWaker {
  /** The handler is asked again. */
  wake(): void
}

/**
 * How many handlers of one connection run, by whichever door they were called: at most
 * `streamsMax`. A stream that its client has reset is closed, but its handler runs until it
 * settles, and a mucp socket has many on one stream; clients within the limit can ask for more: who asks in vain waits.
 */
export class HandlerSlots implements GroupMember {
  /** How many may run. */
  readonly max: number
  readonly #waker: SlotWaker | undefined
  /** With whom they count together. */
  readonly #group: HandlerGroup | undefined
  /** Places of the group that are ours, and not used yet. */
  #granted = 0
  /** Handlers that have not settled. */
  running = 0
  /** The handler of the connection asked in vain, and goes on when one settles. */
  #wanted = false
  /** Others that did, the first one first. Most connections never have any. */
  #waiting: Set<() => void> | undefined = undefined
  /** Who has the next slot when both wait. */
  #isTheirTurn = false

  /**
   * @param waker whose handler is asked again; none: everybody who waits says so by `wait`
   * @param group what bounds several connections together
   */
  constructor(max: number, waker?: SlotWaker, group?: HandlerGroup) {
    this.max = max
    this.#waker = waker
    this.#group = group
  }

  /** False when as many handlers run as may: `handler.onReceived` is called once one has settled. CVE-2023-44487. */
  take(): boolean {
    if (this.tryTake()) return true
    this.#wanted = true
    this.#group?.wait(this)
    return false
  }

  /** As `take`, for those whom nobody asks again: see `wait`. */
  tryTake(): boolean {
    if (this.running >= this.max) return false
    if (this.#group !== undefined && !this.#takeOfGroup(this.#group)) return false
    this.running++
    return true
  }

  #takeOfGroup(group: HandlerGroup): boolean {
    if (this.#granted === 0) return group.tryTake()
    this.#granted--
    return true
  }

  /** What denies a place now, for the text of an error. */
  get fault(): string {
    const group = this.#group
    return this.running < this.max && group?.isFull === true
      ? `${group.max} handlers of ${group.owner} run (handlersPerAddressMax)`
      : `${this.max} handlers run (limits.streamsMax)`
  }

  /** How many of them may run, or with the others of the group, whichever denies a place now. */
  get bound(): number {
    const group = this.#group
    return this.running < this.max && group?.isFull === true ? group.max : this.max
  }

  /** For its group alone: a place for whoever asked in vain, in the next turn of the connection. */
  grant(): boolean {
    const hasWaiting = this.#waiting !== undefined && this.#waiting.size > 0
    // At its own maximum it asks again once one of its own settles.
    if (this.running >= this.max || (!this.#wanted && !hasWaiting)) return false
    this.#granted++
    this.#callNext(hasWaiting)
    return true
  }

  /** After `tryTake` in vain: `onTaken` is called when a slot is the caller's. Returns how to wait no more. */
  wait(onTaken: () => void): () => void {
    const waiting = this.#waiting ?? new Set()
    this.#waiting = waiting
    // An entry of its own, whatever the caller passes.
    const entry = (): void => onTaken()
    waiting.add(entry)
    this.#group?.wait(this)
    return () => {
      waiting.delete(entry)
      if (!this.#wanted) this.#leaveGroup(waiting)
    }
  }

  /** After `take` in vain: nobody wants it any more. */
  withdraw(): void {
    this.#wanted = false
    this.#leaveGroup(this.#waiting)
  }

  #leaveGroup(waiting: Set<() => void> | undefined): void {
    if (waiting === undefined || waiting.size === 0) this.#group?.leave(this)
  }

  /** A handler has settled. */
  free(): void {
    this.running--
    this.#group?.free()
    this.#callNext(this.#waiting !== undefined && this.#waiting.size > 0)
  }

  #callNext(hasWaiting: boolean): void {
    if (!this.#wanted || (hasWaiting && this.#isTheirTurn)) {
      this.#isTheirTurn = false
      if (hasWaiting) this.serve()
      return
    }
    this.#isTheirTurn = true
    this.#wanted = false
    this.#waker?.wake()
  }

  /** The handler of the connection has taken what it wants: others have the rest. */
  serve(): void {
    if (this.#waiting !== undefined) this.#serveWaiting(this.#waiting)
    // Nobody here has a use for it: the next connection of the group.
    while (this.#granted > 0) {
      this.#granted--
      this.#group!.free()
    }
  }

  #serveWaiting(waiting: Set<() => void>): void {
    for (const entry of waiting) {
      if (!this.tryTake()) return
      waiting.delete(entry)
      entry()
    }
  }
}
