import {
  checkOptions,
  type OptionCheck,
  type OptionKinds,
  rangeOf,
  withMethods,
} from '../options/index.js'
import { type BackOffOptions, checkBackOff, nodeRuntime, type Runtime } from '../transport/index.js'
import { type BrokerLimits, brokerLimits } from './broker-limits.js'

/** What a broker needs of its surroundings. */
export type BrokerRuntime = Pick<Runtime, 'now' | 'schedule' | 'random' | 'afterTurn' | 'warn'>

/** Whether a broker's engine can be reached. */
export type BrokerState = 'connected' | 'disconnected'

/** Options of every broker whose engine is a server of its own. */
export interface EngineOptions {
  /**
   * `connect`, and so `server.start`, fails when the first attempt does. Otherwise the engine is tried further, and
   * `onError` hears of it once. Default: false.
   */
  readonly mustConnect?: boolean
  /** Timeout of one attempt to connect. Unit: ms. Default: 5_000. */
  readonly connectTimeoutMs?: number
  /** How long `publish` waits for an engine that is away. Unit: ms. Default: 5_000. */
  readonly publishTimeoutMs?: number
  /** How long `close` waits for handlers that run. Unit: ms. Default: 5_000. */
  readonly closeGraceMs?: number
  /**
   * Delays between attempts to connect. Default: 100 ms, growing by 2 up to 10_000 ms, each plus or minus 50 %, so that
   * many do not come back at once.
   */
  readonly backOff?: BackOffOptions
  /** What may wait and run: see `BrokerLimits`. Default: `DEFAULT_BROKER_LIMITS`. */
  readonly limits?: Partial<BrokerLimits>
  /**
   * Called when the engine cannot be reached or is lost, once until it is back; with messages that were dropped, and
   * with exceptions of handlers. Exceptions it throws are ignored. Default: a warning of the process.
   */
  readonly onError?: (error: unknown) => void
  /** Called when the engine is connected, and when it is lost. Default: none. */
  readonly onState?: (state: BrokerState) => void
  /** Clock, timers and randomness. Default: those of Node. */
  readonly runtime?: BrokerRuntime
}

const aboveZero: OptionCheck = rangeOf(1)

/** Every option of `EngineOptions`, and what it may be. */
export const ENGINE_KINDS: OptionKinds<EngineOptions> = {
  mustConnect: 'boolean',
  connectTimeoutMs: aboveZero,
  publishTimeoutMs: rangeOf(0),
  closeGraceMs: rangeOf(0),
  backOff: (_, value) => checkBackOff(value as BackOffOptions),
  limits: (_, value) => void brokerLimits(value as Partial<BrokerLimits>),
  onError: 'function',
  onState: 'function',
  runtime: withMethods(['now', 'schedule', 'random', 'afterTurn']),
}

/** The options with their defaults. */
export interface EngineSettings {
  readonly mustConnect: boolean
  readonly connectTimeoutMs: number
  readonly publishTimeoutMs: number
  readonly closeGraceMs: number
  readonly backOff: BackOffOptions
  readonly limits: BrokerLimits
  readonly onError: (error: unknown) => void
  readonly onState: (state: BrokerState) => void
  readonly runtime: BrokerRuntime
}

/** @throws TypeError or RangeError naming the option that cannot be used. @param what the function that was given them */
export function engineSettings<Options extends EngineOptions>(
  what: string,
  options: Options,
  kinds: OptionKinds<Options>,
): EngineSettings {
  checkOptions(what, options, kinds)
  const runtime = options.runtime ?? nodeRuntime
  return {
    mustConnect: options.mustConnect ?? false,
    connectTimeoutMs: options.connectTimeoutMs ?? 5_000,
    publishTimeoutMs: options.publishTimeoutMs ?? 5_000,
    closeGraceMs: options.closeGraceMs ?? 5_000,
    backOff: { initialMs: 100, multiplier: 2, maxMs: 10_000, jitter: 0.5, ...options.backOff },
    limits: brokerLimits(options.limits),
    onError: safely(options.onError ?? (error => runtime.warn?.(error as Error))),
    onState: safely(options.onState ?? (() => undefined)),
    runtime,
  }
}

/** A listener as it may be called anywhere. */
export function safely<T>(listener: (value: T) => unknown): (value: T) => void {
  return value => {
    try {
      const result = listener(value)
      if (result instanceof Promise) result.catch(() => undefined)
    } catch {
      // As its documentation says.
    }
  }
}
