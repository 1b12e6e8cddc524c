import { type Cancellable, nodeRuntime } from '../transport/index.js'

interface Happening {
  readonly at: number
  /** What is due at the same time happens in the order it was asked for. */
  readonly order: number
  run: (() => void) | undefined
}

/** Events between two looks at Node's own event loop, which tells of unhandled rejections. */
const EVENTS_PER_TURN = 64

/**
 * Virtual time: a queue of events and the loop that runs them. Time passes only when there is
 * nothing left to do now.
 */
export class SimulatedClock {
  #now = 1_000
  #order = 0
  /** A binary heap by time, then order. */
  readonly #heap: Happening[] = []
  #pending = 0
  #microtasks: (() => void)[] = []
  #turns: (() => void)[] = []
  #events = 0
  #error: { readonly error: unknown } | undefined

  /** Unit: ms. */
  now(): number {
    return this.#now
  }

  /** Things that will happen and were not cancelled. */
  get pending(): number {
    return this.#pending
  }

  /** Events so far. */
  get events(): number {
    return this.#events
  }

  /** As `Runtime.schedule`. */
  schedule(delayMs: number, run: () => void): Cancellable {
    const happening: Happening = { at: this.#now + delayMs, order: this.#order++, run }
    this.#pending++
    this.#push(happening)
    return {
      cancel: () => {
        if (happening.run === undefined) return
        happening.run = undefined
        this.#pending--
      },
      ref: () => {},
    }
  }

  /** As `Runtime.afterMicrotasks`. */
  afterMicrotasks(run: () => void): void {
    this.#microtasks.push(run)
  }

  /** As `Runtime.afterTurn`. */
  afterTurn(run: () => void): void {
    this.#turns.push(run)
  }

  /** Settles when `ms` of virtual time have passed. */
  sleep(ms: number): Promise<void> {
    return new Promise(resolve => void this.schedule(ms, resolve))
  }

  /**
   * Lets things happen until `goal` settles, and returns what it resolves with.
   *
   * @throws Error when nothing is left to happen and `goal` has not settled, or `untilMs` of virtual time have passed;
   * what an event threw; what `goal` rejects with.
   */
  async run<T>(goal: Promise<T>, untilMs: number = Number.POSITIVE_INFINITY): Promise<T> {
    let settled = false
    const mark = () => {
      settled = true
    }
    goal.then(mark, mark)
    const end = this.#now + untilMs
    for (;;) {
      await this.#settle()
      if (settled) return goal
      const next = this.#pop()
      if (next === undefined) throw new Error(`${this.#now} ms: nothing is left to happen`)
      if (next.at > end) throw new Error(`${this.#now} ms: not done after ${untilMs} ms`)
      this.#happen(next)
    }
  }

  /** Lets everything happen that is due within `ms`. */
  async idle(ms: number): Promise<void> {
    await this.run(this.sleep(ms))
  }

  #happen(next: Happening): void {
    this.#now = Math.max(this.#now, next.at)
    this.#events++
    this.#pending--
    const { run } = next
    next.run = undefined
    this.#guard(run!)
    if (this.#error !== undefined) {
      const { error } = this.#error
      this.#error = undefined
      throw error
    }
  }

  #guard(run: () => void): void {
    try {
      run()
    } catch (error) {
      this.#error ??= { error }
    }
  }

  /** Microtasks, what waits for their end, and what waits for the end of the turn, until there is none. */
  async #settle(): Promise<void> {
    for (;;) {
      const wait =
        this.#events % EVENTS_PER_TURN === 0 ? nodeRuntime.afterTurn : nodeRuntime.afterMicrotasks
      await new Promise<void>(resolve => wait(resolve))
      if (this.#microtasks.length > 0) {
        for (const run of this.#microtasks.splice(0)) this.#guard(run)
      } else if (this.#turns.length > 0) {
        for (const run of this.#turns.splice(0)) this.#guard(run)
      } else break
    }
    if (this.#error !== undefined) throw this.#error.error
  }

  #push(happening: Happening): void {
    const heap = this.#heap
    let at = heap.length
    heap.push(happening)
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!isBefore(happening, heap[parent]!)) break
      heap[at] = heap[parent]!
      at = parent
    }
    heap[at] = happening
  }

  /** The next one that was not cancelled. */
  #pop(): Happening | undefined {
    for (;;) {
      const heap = this.#heap
      const first = heap[0]
      const last = heap.pop()
      if (first === undefined || last === undefined) return undefined
      if (heap.length > 0) this.#sink(last)
      if (first.run !== undefined) return first
    }
  }

  #sink(happening: Happening): void {
    const heap = this.#heap
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++
      if (!isBefore(heap[child]!, happening)) break
      heap[at] = heap[child]!
      at = child
    }
    heap[at] = happening
  }
}

function isBefore(a: Happening, b: Happening): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order)
}
