import type { Cancellable, Runtime } from '../transport/index.js'

/** Pauses of loops that run until their registry is closed. */
export class Pauses {
  readonly #runtime: Pick<Runtime, 'schedule'>
  readonly #waiting = new Map<() => void, Cancellable>()
  #isClosed = false

  constructor(runtime: Pick<Runtime, 'schedule'>) {
    this.#runtime = runtime
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** Waits. False: the registry was closed. */
  wait(delayMs: number): Promise<boolean> {
    if (this.#isClosed) return Promise.resolve(false)
    return new Promise(resolve => {
      const done = () => {
        this.#waiting.delete(done)
        resolve(!this.#isClosed)
      }
      this.#waiting.set(done, this.#runtime.schedule(delayMs, done))
    })
  }

  /** Ends all pauses, and every one to come. */
  close(): void {
    this.#isClosed = true
    for (const [done, timer] of [...this.#waiting]) {
      timer.cancel()
      done()
    }
  }
}

/** Lets a few in at a time, in order: a thousand services that are read anew are no storm on their engine. */
export class Gate {
  readonly #most: number
  readonly #waiting: (() => void)[] = []
  #inside = 0

  constructor(most: number) {
    this.#most = most
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#inside >= this.#most) await new Promise<void>(enter => this.#waiting.push(enter))
    else this.#inside++
    try {
      return await work()
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#inside--
      else next()
    }
  }
}

/** What is under way at an engine. A registry that is closed lets it end first: a server that stops without waiting still leaves. */
export class Unfinished {
  readonly #works = new Set<Promise<unknown>>()

  track<T>(work: Promise<T>): Promise<T> {
    const settled: Promise<unknown> = work.then(
      () => this.#works.delete(settled),
      () => this.#works.delete(settled),
    )
    this.#works.add(settled)
    return work
  }

  async settled(): Promise<void> {
    while (this.#works.size > 0) await Promise.all(this.#works)
  }
}
