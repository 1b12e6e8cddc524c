import { LOAD_REPORT_NAME, writeLoadReport } from '../../channel/index.js'
import { checkOptions, type OptionKinds } from '../../options/index.js'
import { nodeRuntime, type Runtime } from '../../transport/index.js'
import type { Middleware } from '../call/middleware.js'
import { CLOCK } from '../call/option-checks.js'

/** Options of `loadReports`. */
export interface LoadReportsOptions {
  /** How busy the server is, 0 to 1, where it knows better than its event loop: the share of its database's connections in use. Default: the event loop's. */
  readonly utilization?: () => number
  /** Clock and event loop. Default: those of Node. */
  readonly runtime?: Pick<Runtime, 'now' | 'loopActiveMs'>
}

const KINDS: OptionKinds<LoadReportsOptions> = { utilization: 'function', runtime: CLOCK }

/** A report says what was in the time since the last one. Unit: ms. */
const PERIOD_MS = 500

/**
 * Creates middleware for `server.use` that tells callers with each answer how busy the server is (ORCA, gRPC A51): how much of its time
 * the event loop works, calls and failures a second. `weightedRoundRobin` of clients goes by it, ours and others'. Native calls only.
 *
 * @throws TypeError naming the option that cannot be used
 */
export function loadReports(options: LoadReportsOptions = {}): Middleware {
  checkOptions('loadReports', options, KINDS)
  const meter = new LoadMeter(options.runtime ?? nodeRuntime, options.utilization)
  return (call, next) => {
    if (call.context?.door !== 'grpc') return next(call.request)
    call.trailers.setBinary(LOAD_REPORT_NAME, meter.report())
    let result: unknown
    try {
      result = next(call.request)
    } catch (error) {
      meter.onFailure()
      throw error
    }
    if (result instanceof Promise) result.catch(() => meter.onFailure())
    return result
  }
}

/** What happened since the last report. */
class LoadMeter {
  readonly #runtime: Pick<Runtime, 'now' | 'loopActiveMs'>
  readonly #utilization: (() => number) | undefined
  #bytes: Buffer = Buffer.alloc(0)
  #since: number
  #activeMs: number
  #calls = 0
  #failures = 0

  constructor(
    runtime: Pick<Runtime, 'now' | 'loopActiveMs'>,
    utilization: (() => number) | undefined,
  ) {
    this.#runtime = runtime
    this.#utilization = utilization
    this.#since = runtime.now()
    this.#activeMs = runtime.loopActiveMs?.() ?? 0
  }

  onFailure(): void {
    this.#failures++
  }

  /** A call has come: the newest report. */
  report(): Buffer {
    this.#calls++
    const now = this.#runtime.now()
    const passedMs = now - this.#since
    if (passedMs < PERIOD_MS) return this.#bytes
    const activeMs = this.#runtime.loopActiveMs?.() ?? 0
    this.#bytes = writeLoadReport({
      cpuUtilization: (activeMs - this.#activeMs) / passedMs,
      applicationUtilization: this.#utilization?.() ?? 0,
      callsPerSecond: (this.#calls * 1_000) / passedMs,
      errorsPerSecond: (this.#failures * 1_000) / passedMs,
    })
    this.#since = now
    this.#activeMs = activeMs
    this.#calls = 0
    this.#failures = 0
    return this.#bytes
  }
}
