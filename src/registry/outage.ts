import type { Runtime } from '../transport/index.js'

/** First and longest pause between attempts to reach an engine. Unit: ms. */
const PAUSE_MIN_MS = 250
const PAUSE_MAX_MS = 15_000
/** Part of a pause that is drawn, so that a thousand clients do not come back at once. */
const JITTER = 0.5

/** What is told of an engine's losses: once each, however many of a registry's parts meet it. */
export class OutageNews {
  readonly #tell: (error: Error) => void
  #isTold = false

  constructor(tell: (error: Error) => void) {
    this.#tell = tell
  }

  lost(error: Error): void {
    if (this.#isTold) return
    this.#isTold = true
    this.#tell(error)
  }

  back(): void {
    this.#isTold = false
  }
}

/** One part of a registry that lost its engine: when it tries again. */
export class Outage {
  readonly #random: () => number
  readonly #news: OutageNews
  #failures = 0

  constructor(runtime: Pick<Runtime, 'random'>, news: OutageNews) {
    this.#random = () => runtime.random()
    this.#news = news
  }

  get isOn(): boolean {
    return this.#failures > 0
  }

  /** One more attempt failed. How long to wait. Unit: ms. */
  failed(error: Error): number {
    this.#news.lost(error)
    const pauseMs = Math.min(PAUSE_MAX_MS, PAUSE_MIN_MS * 2 ** Math.min(this.#failures, 16))
    this.#failures++
    return pauseMs * (1 - JITTER * this.#random())
  }

  over(): void {
    this.#news.back()
    this.#failures = 0
  }
}

/** Who hears of an engine's troubles: `onError`, whatever it does, else a warning of the process. */
export function teller(
  onError: ((error: Error) => void) | undefined,
  runtime: Pick<Runtime, 'warn'>,
): (error: Error) => void {
  return error => {
    if (onError === undefined) return runtime.warn?.(error)
    try {
      onError(error)
    } catch {
      // It was told; what it makes of it is its own affair.
    }
  }
}
