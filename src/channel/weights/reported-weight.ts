import type { LoadReport } from './load-report.js'

/** How weights come of load reports. gRPC A58. */
export interface WeightRules {
  /** Reports of an endpoint do not count until it has sent them for so long. Unit: ms. */
  readonly blackoutMs: number
  /** A weight that was not confirmed for so long is none. Unit: ms. */
  readonly expirationMs: number
  /** How much failures cost. */
  readonly errorPenalty: number
}

/** `qps / (utilization + eps / qps * penalty)`; 0: the report says nothing. gRPC A58. */
export function weightOf(report: LoadReport, penalty: number): number {
  const { applicationUtilization, cpuUtilization, callsPerSecond, errorsPerSecond } = report
  const utilization = applicationUtilization > 0 ? applicationUtilization : cpuUtilization
  if (callsPerSecond <= 0 || utilization <= 0) return 0
  return callsPerSecond / (utilization + (errorsPerSecond / callsPerSecond) * penalty)
}

/** The weight of one endpoint by its reports. */
export class ReportedWeight {
  readonly #rules: WeightRules
  #weight = 0
  #since = -1
  #at = 0

  constructor(rules: WeightRules) {
    this.#rules = rules
  }

  /** Whether it says something. */
  take(report: LoadReport, now: number): boolean {
    const weight = weightOf(report, this.#rules.errorPenalty)
    if (weight === 0) return false
    if (this.#since < 0 || now - this.#at >= this.#rules.expirationMs) this.#since = now
    this.#weight = weight
    this.#at = now
    return true
  }

  /** 0: there is none yet, or any more. */
  weight(now: number): number {
    const { blackoutMs, expirationMs } = this.#rules
    if (this.#since < 0 || now - this.#at >= expirationMs) return 0
    return now - this.#since < blackoutMs ? 0 : this.#weight
  }
}
