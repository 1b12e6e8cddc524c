import {
  checkOptions,
  type OptionKinds,
  rangeOf,
  within,
  withMethods,
} from '../../options/index.js'
import { Around } from './around.js'
import type { Balancer, BalancerOutside, Balancing, Candidate, Ended } from './balancer.js'
import { leastRequest } from './least-request.js'
import { ejectionMs, outlierRate } from './outlier-rules.js'

/** `successRate` of `outlierDetection`. gRPC A50. */
export interface SuccessRateOptions {
  /** Thousandths of a standard deviation below the mean that make an outlier. Default: 1_900. */
  readonly stdevFactor?: number
  /** An outlier is also so much below the mean; of servers that are nearly perfect one is always the worst. Unit: percent. Default: 5. */
  readonly gapPercent?: number
  /** Share of the outliers that is ejected. Unit: percent. Default: 100. */
  readonly enforcementPercent?: number
  /** Endpoints with enough calls that there have to be. Default: 5. */
  readonly minimumHosts?: number
  /** Calls of an interval that are enough. Default: 100. */
  readonly requestVolume?: number
}

/** `failurePercentage` of `outlierDetection`. gRPC A50. */
export interface FailurePercentageOptions {
  /** Share of failures beyond which an endpoint is ejected. Unit: percent. Default: 85. */
  readonly thresholdPercent?: number
  /** Share of those that is ejected. Unit: percent. Default: 100. */
  readonly enforcementPercent?: number
  /** Endpoints with enough calls that there have to be. Default: 5. */
  readonly minimumHosts?: number
  /** Calls of an interval that are enough. Default: 50. */
  readonly requestVolume?: number
}

/** Options of `outlierDetection`. */
export interface OutlierDetectionOptions {
  /** Whom calls go to among those that are well. Default: `leastRequest()`. */
  readonly balancer?: Balancing
  /** Failures without a success in between that eject an endpoint, however few there are; after its time one more failure is enough. Default: 5; with `successRate` or `failurePercentage` none. */
  readonly consecutiveFailures?: number
  /** How often success rates are compared. Unit: ms. Default: 10_000. */
  readonly intervalMs?: number
  /** How long a first ejection lasts; a second one twice as long. Unit: ms. Default: 30_000. */
  readonly baseEjectionTimeMs?: number
  /** The longest ejection. Unit: ms. Default: 300_000. */
  readonly maxEjectionTimeMs?: number
  /** Share that may be ejected at the same time; one always may. Unit: percent. Default: 10; with `consecutiveFailures` 50. */
  readonly maxEjectionPercent?: number
  /** Ejects who succeeds clearly less often than the others. Default: none. */
  readonly successRate?: SuccessRateOptions
  /** Ejects who fails more often than it may. Default: none. */
  readonly failurePercentage?: FailurePercentageOptions
}

const PERCENT = rangeOf(0, 100)
const KINDS: OptionKinds<OutlierDetectionOptions> = {
  balancer: withMethods(['create'], '; use one like roundRobin()'),
  consecutiveFailures: rangeOf(1),
  intervalMs: rangeOf(1),
  baseEjectionTimeMs: rangeOf(1),
  maxEjectionTimeMs: rangeOf(1),
  maxEjectionPercent: PERCENT,
  successRate: within<SuccessRateOptions>({
    stdevFactor: rangeOf(0),
    gapPercent: PERCENT,
    enforcementPercent: PERCENT,
    minimumHosts: rangeOf(0),
    requestVolume: rangeOf(0),
  }),
  failurePercentage: within<FailurePercentageOptions>({
    thresholdPercent: PERCENT,
    enforcementPercent: PERCENT,
    minimumHosts: rangeOf(0),
    requestVolume: rangeOf(0),
  }),
}

const RATE = {
  stdevFactor: 1_900,
  gapPercent: 5,
  enforcementPercent: 100,
  minimumHosts: 5,
  requestVolume: 100,
}
const PERCENTAGE = {
  thresholdPercent: 85,
  enforcementPercent: 100,
  minimumHosts: 5,
  requestVolume: 50,
}

/**
 * Creates a balancer that leaves out endpoints which fail while others do not, for a while. Their connections and the calls under way
 * there go on. When all are ejected, calls go to any of them. gRPC A50, and one that works for few endpoints and few calls.
 *
 * @throws TypeError or RangeError naming the option that cannot be used
 */
export function outlierDetection(options: OutlierDetectionOptions = {}): Balancing {
  checkOptions('outlierDetection', options, KINDS)
  const child = options.balancer ?? leastRequest()
  if (child.connects === 'first') {
    throw new TypeError(
      `outlierDetection needs a balancer of several connections, got ${child.name}`,
    )
  }
  return {
    ...child,
    name: `outlierDetection(${child.name})`,
    create: outside => new OutlierDetection(options, child.create(outside), outside),
  }
}

/** What is known of one endpoint. */
interface Record {
  succeeded: number
  failed: number
  inARow: number
  /** When it may be called again; 0: it may. */
  ejectedUntil: number
  /** Ejections that count for the next one's length. */
  multiplier: number
}

class OutlierDetection extends Around {
  readonly #outside: BalancerOutside
  readonly #options: OutlierDetectionOptions
  readonly #inARowMax: number
  readonly #percentMax: number
  readonly #records = new Map<Candidate, Record>()
  #of: readonly Candidate[] = []
  #well: readonly Candidate[] = []
  #ejectedCount = 0
  #isStale = true
  #sweptAt: number

  constructor(options: OutlierDetectionOptions, child: Balancer, outside: BalancerOutside) {
    super(child)
    this.#options = options
    this.#outside = outside
    this.#sweptAt = outside.now()
    const isCompared = options.successRate !== undefined || options.failurePercentage !== undefined
    this.#inARowMax = options.consecutiveFailures ?? (isCompared ? Number.POSITIVE_INFINITY : 5)
    const isCounted = this.#inARowMax !== Number.POSITIVE_INFINITY
    this.#percentMax = options.maxEjectionPercent ?? (isCounted ? 50 : 10)
    this.onEnd = (candidate, ended) => {
      child.onEnd?.(candidate, ended)
      this.#onEnd(candidate, ended)
    }
  }

  pick(candidates: readonly Candidate[]): Candidate {
    if (this.#ejectedCount > 0) this.#readmit(this.#outside.now())
    if (candidates !== this.#of || this.#isStale) this.#sort(candidates)
    return this.child.pick(this.#well)
  }

  #onEnd(candidate: Candidate, ended: Ended): void {
    const { outcome, at, pushbackMs } = ended
    // Who says when to come again is overloaded, and not ill: to leave it out would only overload the others.
    if (outcome === 'neutral' || (pushbackMs !== undefined && pushbackMs >= 0)) return
    const record = this.#recordOf(candidate)
    if (outcome === 'ok') {
      record.succeeded++
      record.inARow = 0
    } else {
      record.failed++
      record.inARow++
      if (record.inARow >= this.#inARowMax) this.#eject(record, at)
    }
    if (at - this.#sweptAt >= (this.#options.intervalMs ?? 10_000)) this.#sweep(at)
  }

  #recordOf(candidate: Candidate): Record {
    let record = this.#records.get(candidate)
    if (record === undefined) {
      record = { succeeded: 0, failed: 0, inARow: 0, ejectedUntil: 0, multiplier: 0 }
      this.#records.set(candidate, record)
    }
    return record
  }

  /** Those that are not ejected; all when that is nobody. */
  #sort(candidates: readonly Candidate[]): void {
    this.#of = candidates
    this.#isStale = false
    if (this.#ejectedCount === 0) {
      this.#well = candidates
      return
    }
    const well = candidates.filter(each => (this.#records.get(each)?.ejectedUntil ?? 0) === 0)
    this.#well = well.length === 0 ? candidates : well
  }

  #eject(record: Record, now: number): void {
    if (record.ejectedUntil > 0) return
    const all = Math.max(1, this.#of.length)
    // One always may: of three, one is a third.
    if (this.#ejectedCount > 0 && (this.#ejectedCount * 100) / all >= this.#percentMax) return
    if (this.#percentMax === 0) return
    const { baseEjectionTimeMs = 30_000, maxEjectionTimeMs = 300_000 } = this.#options
    record.multiplier++
    record.ejectedUntil = now + ejectionMs(baseEjectionTimeMs, maxEjectionTimeMs, record.multiplier)
    this.#ejectedCount++
    this.#isStale = true
  }

  #readmit(now: number): void {
    for (const record of this.#records.values()) {
      if (record.ejectedUntil === 0 || record.ejectedUntil > now) continue
      record.ejectedUntil = 0
      // The next call decides.
      record.inARow = Math.max(0, this.#inARowMax - 1)
      this.#ejectedCount--
      this.#isStale = true
    }
  }

  /** One time for all of it. */
  #sweep(now: number): void {
    this.#sweptAt = now
    this.#readmit(now)
    const { successRate, failurePercentage } = this.#options
    if (successRate !== undefined) this.#compare({ ...RATE, ...successRate }, now)
    if (failurePercentage !== undefined) this.#judge({ ...PERCENTAGE, ...failurePercentage }, now)
    const present = new Set(this.#of)
    for (const [candidate, record] of this.#records) {
      record.succeeded = 0
      record.failed = 0
      if (record.ejectedUntil > 0) continue
      record.multiplier = Math.max(0, record.multiplier - 1)
      if (!present.has(candidate) && candidate.pending === 0) this.#records.delete(candidate)
    }
  }

  #compare(rule: Required<SuccessRateOptions>, now: number): void {
    const busy = this.#busy(rule.requestVolume)
    if (busy.length === 0 || busy.length < rule.minimumHosts) return
    const rates = busy.map(rateOf)
    const mean = rates.reduce((sum, rate) => sum + rate, 0) / rates.length
    const limit = Math.min(outlierRate(rates, rule.stdevFactor), mean - rule.gapPercent / 100)
    for (const record of busy) {
      if (rateOf(record) < limit && this.#isEnforced(rule.enforcementPercent))
        this.#eject(record, now)
    }
  }

  #judge(rule: Required<FailurePercentageOptions>, now: number): void {
    const busy = this.#busy(rule.requestVolume)
    if (busy.length < rule.minimumHosts) return
    for (const record of busy) {
      const isBad = (1 - rateOf(record)) * 100 > rule.thresholdPercent
      if (isBad && this.#isEnforced(rule.enforcementPercent)) this.#eject(record, now)
    }
  }

  #busy(volume: number): Record[] {
    return [...this.#records.values()].filter(({ succeeded, failed }) => {
      return succeeded + failed > 0 && succeeded + failed >= volume
    })
  }

  #isEnforced(percent: number): boolean {
    return this.#outside.random() * 100 < percent
  }
}

function rateOf({ succeeded, failed }: Record): number {
  return succeeded / (succeeded + failed)
}
