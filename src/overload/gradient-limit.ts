/** Options of an adaptive limit. */
export interface AdaptiveOptions {
  /** Where it begins. Unit: calls. Default: 8. */
  readonly initial?: number
  /** It never falls below. Unit: calls. Default: 4. */
  readonly min?: number
  /** How many times longer than usual calls may take before the limit falls. Default: 1.5. */
  readonly tolerance?: number
}

/** Room beyond what latency says, so that a limit can grow. Unit: calls. */
const HEADROOM = 4
/** Share of a new limit that counts at once. */
const SMOOTHING = 0.2
/** A usual latency is the mean of so many windows. */
const LONG_WINDOWS = 600
/** The first of them count alike. */
const WARM_UP_WINDOWS = 10
/** How much slower one learns from windows in which calls were held back: their latency is partly the limit's own. */
const LIMITED_SLOWNESS = 10
/** Shorter calls say nothing: that is the clock. Unit: ms. */
const SHORTEST_MS = 0.1
/** How it grows with each window until it has been too high once: it begins low, for an overload that is there from the start would look usual. */
const START_FACTOR = 1.5
const WINDOW_MS = 250
const WINDOW_CALLS = 10

/**
 * The next limit, where calls take `shortMs` now and `longMs` usually: Gradient2 of Netflix's concurrency-limits. Calls that
 * take up to `tolerance` times as long as usual let it grow by a few; beyond that it falls as they take longer, by half at most.
 */
export function nextLimit(
  limit: number,
  longMs: number,
  shortMs: number,
  tolerance: number,
): number {
  const gradient = Math.max(0.5, Math.min(1, (tolerance * longMs) / shortMs))
  return (1 - SMOOTHING) * limit + SMOOTHING * (limit * gradient + HEADROOM)
}

/**
 * How many calls a server can do at once, found out by how long they take: as Gradient2, with three differences. Windows last 250 ms
 * in place of a second, so that it finds back within one. While the limit holds calls back, the usual latency is learned
 * ten times slower, or an overload that lasts would become the usual. And it begins low and grows by half until calls take longer.
 */
export class GradientLimit {
  readonly #min: number
  readonly #max: number
  readonly #tolerance: number
  #limit: number
  #longMs = 0
  #windows = 0
  /** It has not been too high yet. */
  #isStarting = true
  #openedAt = 0
  #count = 0
  #totalMs = 0
  #runningMax = 0

  /** @param max It never rises above. Unit: calls. */
  constructor(options: AdaptiveOptions, max: number) {
    this.#max = max
    this.#min = Math.min(options.min ?? 4, max)
    this.#tolerance = options.tolerance ?? 1.5
    this.#limit = Math.max(this.#min, Math.min(options.initial ?? 8, max))
  }

  /** Unit: calls. */
  get limit(): number {
    return Math.floor(this.#limit)
  }

  /** How long calls usually take. Unit: ms. */
  get usualMs(): number {
    return this.#longMs
  }

  /**
   * A call has ended that took `durationMs`, while `running` ran, itself among them.
   *
   * @param isCut its client gave up: it would have taken longer
   */
  onEnd(durationMs: number, running: number, isCut: boolean, now: number): void {
    this.#runningMax = Math.max(this.#runningMax, running)
    if (durationMs < SHORTEST_MS || (isCut && durationMs <= this.#longMs)) return
    if (this.#count === 0) this.#openedAt = now
    this.#count++
    this.#totalMs += durationMs
    if (this.#count < WINDOW_CALLS || now - this.#openedAt < WINDOW_MS) return
    this.#update(this.#totalMs / this.#count)
    this.#count = 0
    this.#totalMs = 0
    this.#runningMax = 0
  }

  #update(shortMs: number): void {
    const limit = this.#limit
    this.#learn(shortMs, this.#runningMax >= Math.floor(limit))
    // Nobody needs more than there is: it says nothing that calls went well.
    if (this.#runningMax < limit / 2) return
    if (this.#isStarting && this.#tolerance * this.#longMs < shortMs) {
      this.#isStarting = false
      this.#limit = Math.max(this.#min, limit / START_FACTOR)
      return
    }
    const next = this.#isStarting
      ? limit * START_FACTOR
      : nextLimit(limit, this.#longMs, shortMs, this.#tolerance)
    this.#limit = Math.max(this.#min, Math.min(this.#max, next))
  }

  #learn(shortMs: number, isLimited: boolean): void {
    const isSuspect = isLimited && shortMs > this.#longMs
    const isWarmingUp = this.#windows < (isSuspect ? 1 : WARM_UP_WINDOWS)
    this.#windows++
    const usual = isWarmingUp ? 1 / this.#windows : 2 / (LONG_WINDOWS + 1)
    this.#longMs +=
      (shortMs - this.#longMs) * (isSuspect && !isWarmingUp ? usual / LIMITED_SLOWNESS : usual)
    // After an overload it is to be found again soon what is usual.
    if (this.#longMs > 2 * shortMs) this.#longMs *= 0.95
  }
}
