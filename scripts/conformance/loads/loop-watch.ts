const TICK_MS = 5

/**
 * Finds the longest turn of the event loop. Of the time between two ticks, only what this
 * process spent on the CPU counts: on a busy machine others hold it up too.
 */
export class LoopWatch {
  #heldMs = 0
  #last = performance.now()
  #lastCpu = process.cpuUsage()
  readonly #timer = setInterval(() => this.#tick(), TICK_MS).unref()

  /** The longest turn since the last call of this. Unit: ms. */
  take(): number {
    const heldMs = this.#heldMs
    this.#heldMs = 0
    return heldMs
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #tick(): void {
    const now = performance.now()
    const cpu = process.cpuUsage(this.#lastCpu)
    const heldMs = Math.min(now - this.#last, (cpu.user + cpu.system) / 1_000)
    this.#heldMs = Math.max(this.#heldMs, heldMs)
    this.#last = now
    this.#lastCpu = process.cpuUsage()
  }
}
