import { checkOptions, type OptionKinds, rangeOf } from '../../options/index.js'
import type {
  Balancer,
  BalancerOutside,
  Balancing,
  Candidate,
  Ended,
} from '../balancing/balancer.js'
import { LOAD_REPORT_NAME, readLoadReport } from './load-report.js'
import { ReportedWeight, type WeightRules } from './reported-weight.js'
import { Stride } from './stride.js'

/** Options of `weightedRoundRobin`. gRPC A58. */
export interface WeightedRoundRobinOptions {
  /** Load reports of an endpoint count after it has sent them for so long. Unit: ms. Default: 10_000. */
  readonly blackoutPeriodMs?: number
  /** A weight that was not confirmed for so long is forgotten. Unit: ms. Default: 180_000. */
  readonly weightExpirationPeriodMs?: number
  /** How often shares are computed anew. At least 100. Unit: ms. Default: 1_000. */
  readonly weightUpdatePeriodMs?: number
  /** How much failures lower a weight. Default: 1. */
  readonly errorUtilizationPenalty?: number
}

const KINDS: OptionKinds<WeightedRoundRobinOptions> = {
  blackoutPeriodMs: rangeOf(0),
  weightExpirationPeriodMs: rangeOf(1),
  weightUpdatePeriodMs: rangeOf(100),
  errorUtilizationPenalty: rangeOf(0),
}

/**
 * Creates a balancer that takes one endpoint after the other, the stronger ones more often: by what servers report of their load with
 * each answer (`loadReports()` of ours, ORCA of others), and until they do by `weight` of the endpoint.
 *
 * @throws TypeError or RangeError naming the option that cannot be used
 */
export function weightedRoundRobin(options: WeightedRoundRobinOptions = {}): Balancing {
  checkOptions('weightedRoundRobin', options, KINDS)
  return { name: 'weightedRoundRobin', create: outside => new WeightedRoundRobin(options, outside) }
}

class WeightedRoundRobin implements Balancer {
  readonly #outside: BalancerOutside
  readonly #rules: WeightRules
  readonly #updateMs: number
  #of: readonly Candidate[] | undefined
  #stride: Stride | undefined
  #updatedAt = 0
  /** Reports have come since. */
  #isStale = false

  constructor(options: WeightedRoundRobinOptions, outside: BalancerOutside) {
    this.#outside = outside
    this.#updateMs = options.weightUpdatePeriodMs ?? 1_000
    this.#rules = {
      blackoutMs: options.blackoutPeriodMs ?? 10_000,
      expirationMs: options.weightExpirationPeriodMs ?? 180_000,
      errorPenalty: options.errorUtilizationPenalty ?? 1,
    }
  }

  pick(candidates: readonly Candidate[]): Candidate {
    if (candidates !== this.#of || this.#isStale) this.#update(candidates, this.#outside.now())
    return candidates[this.#stride!.next()]!
  }

  onEnd(candidate: Candidate, { at, trailers }: Ended): void {
    // Reports that cease are seen as well.
    if (at - this.#updatedAt >= this.#updateMs) this.#isStale = true
    const bytes = trailers?.getBinary(LOAD_REPORT_NAME)
    const report = bytes === undefined ? undefined : readLoadReport(bytes)
    if (report === undefined) return
    const known = candidate.known as ReportedWeight | undefined
    const weight = known ?? new ReportedWeight(this.#rules)
    candidate.known = weight
    weight.take(report, at)
  }

  #update(candidates: readonly Candidate[], now: number): void {
    this.#of = candidates
    this.#isStale = false
    this.#updatedAt = now
    const reported = candidates.map(
      ({ known }) => (known as ReportedWeight | undefined)?.weight(now) ?? 0,
    )
    const isReported = reported.filter(weight => weight > 0).length >= 2
    const weights = isReported ? reported : candidates.map(({ endpoint }) => endpoint.weight ?? 1)
    this.#stride = new Stride(weights, this.#outside.random)
  }
}
