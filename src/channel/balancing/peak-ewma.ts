import { checkOptions, type OptionKinds, rangeOf } from '../../options/index.js'
import type { Balancer, BalancerOutside, Balancing, Candidate, Ended } from './balancer.js'
import { betterOfTwo } from './two-choices.js'

/** Options of `peakEwma`. */
export interface PeakEwmaOptions {
  /** How fast what was measured is forgotten: after so long a third of it is left. Unit: ms. Default: 10_000. */
  readonly decayMs?: number
  /** What a call that failed counts as, unless it took longer: failing fast must not look like being fast. Unit: ms. Default: 5_000. */
  readonly penaltyMs?: number
  /** An endpoint that was not chosen for so long is tried again with one call, whatever was measured. Unit: ms. Default: 30_000. */
  readonly retryAfterMs?: number
}

const KINDS: OptionKinds<PeakEwmaOptions> = {
  decayMs: rangeOf(1),
  penaltyMs: rangeOf(0),
  retryAfterMs: rangeOf(1),
}

const DECAY_MS = 10_000
const PENALTY_MS = 5_000
const RETRY_AFTER_MS = 30_000
/** The longest a server may ask to be left alone for. Unit: ms. */
const PUSHBACK_MAX_MS = 300_000
/** Load of one that is being tried: nobody else goes there meanwhile. */
const BEING_TRIED = Number.MAX_SAFE_INTEGER

/**
 * Creates a balancer that draws two endpoints and takes the one with the smaller load: a moving average of its
 * latency, which rises at once to each peak, times the calls under way. It remembers who is slow when nothing runs there.
 *
 * @throws TypeError or RangeError naming the option that cannot be used
 */
export function peakEwma(options: PeakEwmaOptions = {}): Balancing {
  checkOptions('peakEwma', options, KINDS)
  return { name: 'peakEwma', create: outside => new PeakEwma(options, outside) }
}

/** What is known of one endpoint. */
interface Estimate {
  latencyMs: number
  /** When `latencyMs` was right. */
  at: number
}

class PeakEwma implements Balancer {
  readonly #outside: BalancerOutside
  readonly #decayMs: number
  readonly #penaltyMs: number
  readonly #retryAfterMs: number
  /** As of the last call that ended, or the start: a reading of the clock costs as much as a pick. */
  #now: number
  #running = 0

  constructor(options: PeakEwmaOptions, outside: BalancerOutside) {
    this.#outside = outside
    this.#decayMs = options.decayMs ?? DECAY_MS
    this.#penaltyMs = options.penaltyMs ?? PENALTY_MS
    this.#retryAfterMs = options.retryAfterMs ?? RETRY_AFTER_MS
    this.#now = outside.now()
  }

  pick(candidates: readonly Candidate[]): Candidate {
    // While nothing runs nothing ends, and the clock is not looked at otherwise.
    if (this.#running <= 0) this.#now = this.#outside.now()
    return betterOfTwo(candidates, this.#outside.random, this.#load)
  }

  onBegin(): void {
    this.#running++
  }

  onEnd(candidate: Candidate, { outcome, durationMs, at: now, pushbackMs }: Ended): void {
    this.#running--
    this.#now = now
    const estimate = candidate.known as Estimate | undefined
    const sampleMs = this.#sample(outcome, durationMs, pushbackMs)
    if (estimate === undefined) {
      if (outcome === 'neutral') return
      candidate.known = { latencyMs: sampleMs, at: now }
      return
    }
    // A call that was given up says how long it took at least.
    if (outcome === 'neutral' && sampleMs <= estimate.latencyMs) return
    const passedMs = Math.max(0, now - estimate.at)
    const weight = this.#weight(passedMs)
    estimate.latencyMs =
      sampleMs > estimate.latencyMs
        ? sampleMs
        : estimate.latencyMs * weight + sampleMs * (1 - weight)
    estimate.at = now
  }

  /** What is left of a measurement after so long. */
  #weight(passedMs: number): number {
    const part = passedMs / this.#decayMs
    // The first terms of its series: as exact as a clock of whole milliseconds, at a fraction of the price.
    return part <= 0.01 ? 1 - part + (part * part) / 2 : Math.exp(-part)
  }

  #sample(outcome: Ended['outcome'], durationMs: number, pushbackMs: number | undefined): number {
    if (outcome === 'ok' || outcome === 'neutral') return durationMs
    if (pushbackMs !== undefined && pushbackMs >= 0) return Math.min(pushbackMs, PUSHBACK_MAX_MS)
    return Math.max(durationMs, this.#penaltyMs)
  }

  readonly #load = (candidate: Candidate): number => {
    const { pending } = candidate
    const estimate = candidate.known as Estimate | undefined
    const passedMs = estimate === undefined ? 0 : this.#now - estimate.at
    if (estimate === undefined || passedMs >= this.#retryAfterMs) {
      return pending === 0 ? 0 : BEING_TRIED
    }
    const weight = this.#weight(passedMs)
    // Below the clock's grain all are equally fast: the calls under way decide.
    return (estimate.latencyMs * weight + 0.5) * (pending + 1)
  }
}
