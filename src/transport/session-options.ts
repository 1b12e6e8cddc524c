import {
  type ConnectionLimits,
  type FrameObserver,
  neverIndexedNames,
  resolveLimits,
} from '../connection/index.js'
import { type BackOffOptions, checkBackOff } from './back-off.js'
import { errorListener } from './error-listener.js'
import { checkRanges, DELAY_MAX_MS, type NumberRange } from './number-range.js'
import { checkOptions, type OptionKinds } from './option-check.js'
import type { ClientTlsOptions, Runtime } from './runtime.js'
import type { TimerHost } from './timer-host.js'
import { checkTls } from './tls-options.js'

/** How a session connects. */
export interface SessionOptions {
  /** Use TLS: `ca`, `cert`, `key`, `servername` ... ALPN `h2` and TLS 1.2 or newer are required. Default: plain text. */
  readonly tls?: ClientTlsOptions
  /** Connect at once, and again whenever the connection is lost. Default: false, at the first call. */
  readonly eager?: boolean
  /** TCP, TLS and the server's first SETTINGS together. Unit: ms. Default: 20_000. Source: gRPC connection-backoff.md. */
  readonly connectTimeoutMs?: number
  readonly backOff?: BackOffOptions
  /** Calls that may wait for a connection or for room on it; more fail with RESOURCE_EXHAUSTED. Default: 100_000. */
  readonly waitingCallsMax?: number
  /**
   * Time without any progress of calls that wait for room on a connection (the server's
   * MAX_CONCURRENT_STREAMS) after which `onError` hears of it, once until none waits; without `onError` the
   * process gets a warning. Unit: ms; Infinity: never. Default: 10_000.
   */
  readonly waitingWarningMs?: number
  /**
   * Silence, while calls run, after which a PING asks whether the server lives.
   * At least 10_000; servers complain about less than 300_000 unless they were
   * told otherwise, and it is doubled when one does. Unit: ms. Default: Infinity.
   * Source: gRPC A8.
   */
  readonly keepaliveIntervalMs?: number
  /**
   * Ask also while no call runs. Servers complain unless they permit it: ours by
   * `limits.pingIdleIntervalMinMs`. Default: false. Source: gRPC A8.
   */
  readonly keepaliveWithoutCalls?: boolean
  /** Time for any octet to come after that PING; else the connection is given up and its calls are UNAVAILABLE. Unit: ms. Default: 20_000. Source: gRPC A8. */
  readonly keepaliveTimeoutMs?: number
  /** See `ConnectionLimits`. */
  readonly limits?: Partial<ConnectionLimits>
  /** Further names of header fields whose values are secrets: they enter no compression table. Many are known without it (SECURITY.md). Default: none. */
  readonly neverIndexed?: readonly string[]
  /** Sees the frame headers of every connection of the session. */
  readonly observer?: FrameObserver
  /** Hears what a receiver of a call threw; what it throws itself is dropped. Default: it becomes an uncaught exception. */
  readonly onError?: (error: unknown) => void
  /** Time, randomness and sockets. Default: `nodeRuntime`. */
  readonly runtime?: Runtime
  /** @internal The wheel of the transport that owns the session. */
  readonly timers?: TimerHost
}

/** How one call wants to be started. */
export interface StartOptions {
  /** Wait while the server cannot be reached, instead of failing with UNAVAILABLE. Default: false. */
  readonly waitForReady?: boolean
}

/** gRPC A8 has clients ask no more often. Unit: ms. */
const KEEPALIVE_INTERVAL_MIN_MS = 10_000
const RANGES: readonly NumberRange<
  | 'connectTimeoutMs'
  | 'waitingCallsMax'
  | 'waitingWarningMs'
  | 'keepaliveIntervalMs'
  | 'keepaliveTimeoutMs'
>[] = [
  ['connectTimeoutMs', 1, DELAY_MAX_MS],
  ['waitingCallsMax', 0, Number.POSITIVE_INFINITY],
  ['waitingWarningMs', 1, Number.POSITIVE_INFINITY],
  ['keepaliveIntervalMs', KEEPALIVE_INTERVAL_MIN_MS, Number.POSITIVE_INFINITY],
  ['keepaliveTimeoutMs', 1, Number.POSITIVE_INFINITY],
]

const KINDS: OptionKinds<SessionOptions> = {
  tls: 'any',
  eager: 'boolean',
  connectTimeoutMs: 'number',
  backOff: 'object',
  waitingCallsMax: 'number',
  waitingWarningMs: 'number',
  keepaliveWithoutCalls: 'boolean',
  keepaliveIntervalMs: 'number',
  keepaliveTimeoutMs: 'number',
  limits: 'object',
  neverIndexed: 'any',
  observer: 'object',
  onError: 'function',
  runtime: 'object',
  timers: 'object',
}

/**
 * @param what Who was given them.
 * @throws RangeError or TypeError naming the option that cannot be used.
 */
export function checkSessionOptions(options: SessionOptions, what = 'connect'): void {
  checkOptions(what, options, KINDS)
  errorListener('onError', options.onError)
  checkTls('client', options.tls)
  resolveLimits('client', options.limits)
  neverIndexedNames(options.neverIndexed)
  checkRanges(options, RANGES)
  checkBackOff(options.backOff ?? {})
}

/** The limits of the session's connections; `keepaliveFactor` grows when servers complain about PINGs. */
export function sessionLimits(
  options: SessionOptions,
  keepaliveFactor: number,
): Partial<ConnectionLimits> | undefined {
  const { limits, keepaliveTimeoutMs, keepaliveWithoutCalls } = options
  const intervalMs = options.keepaliveIntervalMs ?? limits?.keepaliveIntervalMs
  if (intervalMs === undefined && keepaliveTimeoutMs === undefined) return limits
  return {
    ...limits,
    ...(keepaliveTimeoutMs === undefined ? {} : { keepaliveTimeoutMs }),
    ...(intervalMs === undefined ? {} : { keepaliveIntervalMs: intervalMs * keepaliveFactor }),
    ...(intervalMs === undefined || keepaliveWithoutCalls !== true
      ? {}
      : { keepaliveIdleIntervalMs: intervalMs * keepaliveFactor }),
  }
}
