/** The object that a timer calls. */
export interface TimerOwner {
  /** Called when the timer is due. */
  onTimer(timer: Timer, now: number): void
}

/** One timer of a `TimerWheel`. Reuse it: scheduling does not allocate. */
export class Timer {
  readonly owner: TimerOwner
  /** When it is due. Unit: ms, on the wheel's clock. */
  at = 0
  /** @internal The wheel's own links; `slot` is -1 when not scheduled. */
  slot = -1
  /** @internal */
  next: Timer | undefined = undefined
  /** @internal */
  previous: Timer | undefined = undefined

  constructor(owner: TimerOwner) {
    this.owner = owner
  }

  /** Whether the wheel holds it. */
  get scheduled(): boolean {
    return this.slot >= 0
  }
}

const SLOTS = 256
const LEVELS = 4
/** Milliseconds in one slot of each level: 1 ms, 256 ms, 65 s, 4.7 h. The last level reaches 49 days. */
const SPAN: readonly number[] = [1, 2 ** 8, 2 ** 16, 2 ** 24]
const REACH = 2 ** 32

/**
 * Many timers at a low cost: four rings of slots, coarser with distance. A timer moves to a finer
 * ring as its time approaches and fires at its millisecond, never early. It has no clock: `advance`
 * sets the time.
 *
 * A deadline for each call makes inserting and removing the common case; firing is rare.
 */
export class TimerWheel {
  readonly #slots: (Timer | undefined)[] = new Array<Timer | undefined>(SLOTS * LEVELS).fill(
    undefined,
  )
  readonly #counts: number[] = [0, 0, 0, 0]
  #tick: number
  #count = 0
  #next = Number.POSITIVE_INFINITY
  #errors: unknown[] = []

  constructor(now: number) {
    this.#tick = Math.floor(now)
  }

  /** Timers scheduled. */
  get count(): number {
    return this.#count
  }

  /** When `advance` wants to be called: never later than the first timer is due. Infinity if none. */
  get next(): number {
    return this.#next
  }

  /** Schedules `timer` for `at`, wherever it was before. `at` = Infinity just cancels. Unit: ms. */
  schedule(timer: Timer, at: number): void {
    if (timer.slot >= 0) this.cancel(timer)
    if (at === Number.POSITIVE_INFINITY) return
    timer.at = at
    this.#place(timer)
    this.#count++
    if (at < this.#next) this.#next = Math.max(at, this.#tick)
  }

  /** Forgets `timer`; nothing happens when it was not scheduled. */
  cancel(timer: Timer): void {
    if (timer.slot < 0) return
    this.#unlink(timer)
    if (--this.#count === 0) this.#next = Number.POSITIVE_INFINITY
  }

  /**
   * Fires what is due at `now`, in order of time. An owner that throws stops no other: its error
   * comes out at the end.
   */
  advance(now: number): void {
    const target = Math.floor(now)
    while (this.#tick <= target) {
      if (this.#count === 0) {
        this.#tick = target + 1
        break
      }
      this.#fire(now)
      this.#tick = Math.min(this.#nextTick(), target + 1)
      this.#cascade()
    }
    this.#next = this.#count === 0 ? Number.POSITIVE_INFINITY : this.#earliest()
    if (this.#errors.length === 0) return
    const errors = this.#errors
    this.#errors = []
    throw errors.length === 1
      ? errors[0]
      : new AggregateError(errors, `${errors.length} timers failed`)
  }

  #place(timer: Timer): void {
    // A timer in the past is due at the next advance.
    const due = Math.max(Math.ceil(timer.at), this.#tick)
    const distance = due - this.#tick
    let level = 0
    while (level < LEVELS - 1 && distance >= SLOTS * SPAN[level]!) level++
    // Beyond the last ring: as far as it reaches, and placed anew from there.
    const reached = distance >= REACH ? this.#tick + REACH - SPAN[LEVELS - 1]! : due
    const slot = level * SLOTS + (Math.floor(reached / SPAN[level]!) % SLOTS)
    const head = this.#slots[slot]
    timer.slot = slot
    timer.previous = undefined
    timer.next = head
    if (head !== undefined) head.previous = timer
    this.#slots[slot] = timer
    this.#counts[level]!++
  }

  #unlink(timer: Timer): void {
    const { next, previous, slot } = timer
    if (previous === undefined) this.#slots[slot] = next
    else previous.next = next
    if (next !== undefined) next.previous = previous
    timer.next = undefined
    timer.previous = undefined
    timer.slot = -1
    this.#counts[slot >> 8]!--
  }

  /** What a timer schedules for right now waits for the next tick: it must not keep us here. */
  #fire(now: number): void {
    const due = this.#tick++
    const slot = due % SLOTS
    let timer = this.#slots[slot]
    while (timer !== undefined) {
      if (timer.at > due) {
        timer = timer.next
        continue
      }
      this.#unlink(timer)
      this.#count--
      try {
        timer.owner.onTimer(timer, now)
      } catch (error) {
        this.#errors.push(error)
      }
      timer = this.#slots[slot]
    }
    this.#tick = due
  }

  /** The next tick worth a look: the next slot, or, while rings are empty, the next turn of a coarser one. */
  #nextTick(): number {
    let level = 0
    while (level < LEVELS - 1 && this.#counts[level] === 0) level++
    const span = SPAN[level]!
    return (Math.floor(this.#tick / span) + 1) * span
  }

  /** Where a coarser ring has moved on, its timers move to finer ones. */
  #cascade(): void {
    for (let level = LEVELS - 1; level > 0; level--) {
      const span = SPAN[level]!
      if (this.#tick % span !== 0 || this.#counts[level] === 0) continue
      const slot = level * SLOTS + (Math.floor(this.#tick / span) % SLOTS)
      let timer = this.#slots[slot]
      this.#slots[slot] = undefined
      while (timer !== undefined) {
        const next = timer.next
        this.#counts[level]!--
        this.#place(timer)
        timer = next
      }
    }
  }

  /** The first occupied slot of the finest occupied ring: exact for the first ring, early for the others. */
  #earliest(): number {
    let earliest = Number.POSITIVE_INFINITY
    for (let level = 0; level < LEVELS; level++) {
      if (this.#counts[level] === 0) continue
      const span = SPAN[level]!
      const base = Math.floor(this.#tick / span)
      // In a coarser ring the current slot has been emptied: what stands there is a turn away.
      const first = level === 0 ? base : base + 1
      for (let index = first; index < first + SLOTS; index++) {
        if (this.#slots[level * SLOTS + (index % SLOTS)] === undefined) continue
        earliest = Math.min(earliest, index * span)
        break
      }
    }
    return earliest
  }
}
