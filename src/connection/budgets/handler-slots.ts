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
export class HandlerSlots {
  /** How many may run. */
  readonly max: number
  readonly #waker: SlotWaker | undefined
  /** Handlers that have not settled. */
  running = 0
  /** The handler of the connection asked in vain, and goes on when one settles. */
  #wanted = false
  /** Others that did, the first one first. Most connections never have any. */
  #waiting: Set<() => void> | undefined = undefined
  /** Who has the next slot when both wait. */
  #isTheirTurn = false

  /** @param waker whose handler is asked again; none: everybody who waits says so by `wait` */
  constructor(max: number, waker?: SlotWaker) {
    this.max = max
    this.#waker = waker
  }

  /** False when as many handlers run as may: `handler.onReceived` is called once one has settled. CVE-2023-44487. */
  take(): boolean {
    if (this.tryTake()) return true
    this.#wanted = true
    return false
  }

  /** As `take`, for those whom nobody asks again: see `wait`. */
  tryTake(): boolean {
    if (this.running >= this.max) return false
    this.running++
    return true
  }

  /** After `tryTake` in vain: `onTaken` is called when a slot is the caller's. Returns how to wait no more. */
  wait(onTaken: () => void): () => void {
    const waiting = this.#waiting ?? new Set()
    this.#waiting = waiting
    // An entry of its own, whatever the caller passes.
    const entry = (): void => onTaken()
    waiting.add(entry)
    return () => void waiting.delete(entry)
  }

  /** A handler has settled. */
  free(): void {
    this.running--
    const hasWaiting = this.#waiting !== undefined && this.#waiting.size > 0
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
    if (this.#waiting === undefined) return
    for (const entry of this.#waiting) {
      if (!this.tryTake()) return
      this.#waiting.delete(entry)
      entry()
    }
  }
}
