/** What a process holds: the highest at any time, and whether what is left between phases grows. */

export class MemoryWatch {
  readonly #startedAt = performance.now()
  readonly #rss: [number, number][] = []
  readonly #heap: [number, number][] = []
  readonly #timer: NodeJS.Timeout
  #rssPeak = 0

  constructor() {
    this.#timer = setInterval(() => this.#look(), 50)
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  /** While nothing runs. */
  sample(): { readonly minute: number; readonly rssMib: number; readonly heapMib: number } {
    this.#look()
    globalThis.gc?.()
    globalThis.gc?.()
    const { rss, heapUsed, external } = process.memoryUsage()
    const minute = (performance.now() - this.#startedAt) / 60_000
    this.#rss.push([minute, rss / 1_024])
    this.#heap.push([minute, (heapUsed + external) / 1_024])
    return { minute, rssMib: mib(rss), heapMib: mib(heapUsed + external) }
  }

  /** Unit: MiB. */
  get rssPeakMib(): number {
    return mib(this.#rssPeak)
  }

  /** The first quarter warms up. Unit: KiB each minute. */
  get slopes(): { readonly rssKibPerMinute: number; readonly heapKibPerMinute: number } {
    const warm = (performance.now() - this.#startedAt) / 240_000
    const of = (points: readonly [number, number][]): number =>
      Math.round(slope(points.filter(([minute]) => minute >= warm)))
    return { rssKibPerMinute: of(this.#rss), heapKibPerMinute: of(this.#heap) }
  }

  #look(): void {
    this.#rssPeak = Math.max(this.#rssPeak, process.memoryUsage.rss())
  }
}

/** Least-squares slope of `y` over `x`. */
function slope(points: readonly (readonly [x: number, y: number])[]): number {
  const n = points.length
  const meanX = points.reduce((sum, [x]) => sum + x, 0) / n
  const meanY = points.reduce((sum, [, y]) => sum + y, 0) / n
  const over = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0)
  const under = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0)
  return n === 0 || under === 0 ? 0 : over / under
}

function mib(octets: number): number {
  return Math.round(octets / 104_857.6) / 10
}
