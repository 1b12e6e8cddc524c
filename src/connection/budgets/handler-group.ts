/** Connections whose handlers count together: `HandlerSlots`. */
export interface GroupMember {
  /** A place is the member's, which it uses in its next turn or gives back with `free`. False: it wants none any more. */
  grant(): boolean
}

/**
 * How many handlers of several connections run together, such as those of one remote address: their `streamsMax` is
 * no bound for a client that makes more connections. A place that comes free goes to the connection that has waited longest.
 */
export class HandlerGroup {
  /** How many may run. */
  readonly max: number
  /** Whose they are, in the text of errors. */
  readonly owner: string
  readonly #onIdle: (() => void) | undefined
  #running = 0
  /** Members that asked in vain, the first one first. */
  readonly #waiting: Set<GroupMember> = new Set()

  /** @param onIdle called when no handler runs any more */
  constructor(max: number, owner: string, onIdle?: () => void) {
    this.max = max
    this.owner = owner
    this.#onIdle = onIdle
  }

  /** Handlers that have not settled, and places that were granted. */
  get running(): number {
    return this.#running
  }

  get isFull(): boolean {
    return this.#running >= this.max
  }

  /** False when as many run as may. */
  tryTake(): boolean {
    if (this.isFull) return false
    this.#running++
    return true
  }

  /** Asked in vain: the member is granted a place when its turn has come. */
  wait(member: GroupMember): void {
    this.#waiting.add(member)
  }

  /** Wants none any more: nothing of a connection that has gone is kept. */
  leave(member: GroupMember): void {
    this.#waiting.delete(member)
  }

  /** A handler has settled, or a place that was granted was of no use. */
  free(): void {
    this.#running--
    for (const member of this.#waiting) {
      this.#waiting.delete(member)
      this.#running++
      if (member.grant()) return
      this.#running--
    }
    if (this.#running === 0) this.#onIdle?.()
  }
}

/** An option that is a group, or absent. @throws TypeError for anything else */
export function checkHandlerGroup(name: string, value: unknown): void {
  if (value === undefined || value instanceof HandlerGroup) return
  throw new TypeError(`${name} is ${typeof value}; expected a HandlerGroup`)
}
