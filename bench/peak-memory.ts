/** Greatest live memory of this process while something goes on, above what it was before. */
export class PeakMemory {
  readonly #before: number
  readonly #timer: NodeJS.Timeout
  #peak: number

  constructor() {
    this.#before = live()
    this.#peak = this.#before
    this.#timer = setInterval(() => {
      this.#peak = Math.max(this.#peak, live())
    }, 200)
  }

  /** Ends watching. Unit: octets. */
  stop(): number {
    clearInterval(this.#timer)
    return Math.max(this.#peak, live()) - this.#before
  }
}

function live(): number {
  globalThis.gc?.()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
