import type { Runtime } from '../../src/transport/index.js'

interface Scheduled {
  at: number
  run: () => void
}

/** A clock that only moves when told to. */
export class FakeRuntime implements Pick<Runtime, 'now' | 'schedule' | 'random'> {
  #now = 1_000
  #timers: Scheduled[] = []
  randomNext = 0

  get timerCount(): number {
    return this.#timers.length
  }

  now(): number {
    return this.#now
  }

  random(): number {
    return this.randomNext
  }

  schedule(delayMs: number, run: () => void): ReturnType<Runtime['schedule']> {
    const timer = { at: this.#now + delayMs, run }
    this.#timers.push(timer)
    return {
      cancel: () => {
        this.#timers = this.#timers.filter(other => other !== timer)
      },
      ref: () => undefined,
    } as ReturnType<Runtime['schedule']>
  }

  /** Moves the clock, running timers in their order. */
  advance(ms: number): void {
    const end = this.#now + ms
    for (;;) {
      const due = this.#timers.filter(timer => timer.at <= end).sort((a, b) => a.at - b.at)[0]
      if (due === undefined) break
      this.#timers = this.#timers.filter(other => other !== due)
      this.#now = Math.max(this.#now, due.at)
      due.run()
    }
    this.#now = end
  }
}

/** Lets everything that only waits for promises go on. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await undefined
}
