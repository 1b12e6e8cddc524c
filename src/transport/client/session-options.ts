import {
  type ConnectionLimits,
  checkMemory,
  type FrameObserver,
  type MemoryBudget,
  neverIndexedNames,
  resolveLimits,
} from '../../connection/index.js'
import {
  checkOptions,
  checkRanges,
  DELAY_MAX_MS,
  type NumberRange,
  type OptionKinds,
  withMethods,
} from '../../options/index.js'
import { errorListener } from '../errors/error-listener.js'
import { checkProxy } from '../proxy/proxy-choice.js'
import type { ClientTlsOptions, Runtime } from '../runtime/runtime.js'
import { checkRuntime } from '../runtime/runtime-check.js'
import type { TimerHost } from '../runtime/timer-host.js'
import { messageLimits } from '../socket/message-limits.js'
import { checkTls } from '../tls/tls-options.js'
import { type BackOffOptions, checkBackOff } from './back-off.js'

/** Options of `connect`. */
export interface SessionOptions {
  /**
   * TLS options: `ca`, `cert`, `key`, `servername` ... ALPN `h2` and TLS 1.2 or newer are required.
   * `{}` trusts the CAs of the system. Default: plain text.
   */
  readonly tls?: ClientTlsOptions
  /**
   * Connect at once, and again whenever the connection is lost, instead of at the first call.
   * Default: false.
   */
  readonly eager?: boolean
  /**
   * HTTP proxy that connections are made through (CONNECT): `http://host:port`, or `http://user:password@host:port`. False:
   * none. Default: that of the environment, the first of `grpc_proxy`, `https_proxy`, `HTTPS_PROXY` and `http_proxy`, but
   * for what `no_grpc_proxy`, else `no_proxy` or `NO_PROXY` lists, and for this machine. Not for unix sockets.
   */
  readonly proxy?: string | false
  /**
   * Timeout of TCP, TLS and the server's first SETTINGS together. Source: gRPC
   * connection-backoff.md. Unit: ms. Default: 20_000.
   */
  readonly connectTimeoutMs?: number
  /**
   * Keep the process alive while connected, also when no call runs, as a plain socket does. Otherwise
   * an idle session lets the process end, as in grpc-js. Default: false.
   */
  readonly keepProcessAlive?: boolean
  /**
   * Delays between attempts to connect, see `BackOffOptions`. Default: 1_000 ms, growing by 1.6 up
   * to 120_000 ms.
   */
  readonly backOff?: BackOffOptions
  /**
   * Calls that may wait for a connection or for a free stream. Further ones fail with
   * RESOURCE_EXHAUSTED. Default: 100_000.
   */
  readonly waitingCallsMax?: number
  /**
   * Time without progress of calls that wait for a free stream (the server's
   * MAX_CONCURRENT_STREAMS) before `onError` is called, once until none waits. Without `onError` it
   * is a process warning. Infinity: never. Unit: ms. Default: 10_000.
   */
  readonly waitingWarningMs?: number
  /**
   * Time without incoming data, while calls run, after which a PING checks the connection. At least
   * 10_000. Servers reject less than 300_000 unless configured otherwise; if one does, the interval
   * is doubled. Source: gRPC A8. Unit: ms. Default: Infinity.
   */
  readonly keepaliveIntervalMs?: number
  /**
   * Send keepalive PINGs also while no call runs. Servers must allow it: microwire's with
   * `limits.pingIdleIntervalMinMs`. Source: gRPC A8. Default: false.
   */
  readonly keepaliveWithoutCalls?: boolean
  /**
   * Time to wait for data after a keepalive PING. Then the connection is closed and its calls fail
   * with UNAVAILABLE. Source: gRPC A8. Unit: ms. Default: 20_000.
   */
  readonly keepaliveTimeoutMs?: number
  /** Limits of each connection, see limits.md. Default: `DEFAULT_LIMITS`. */
  readonly limits?: Partial<ConnectionLimits>
  /**
   * Largest message that the calls take: `limits.receiveBufferMax` is raised to match, and refused
   * if it is less. Unit: bytes. Default: not known here, and not compared.
   */
  readonly messageSizeMax?: number
  /**
   * Additional header names whose values are secret and must not enter an HPACK table. Many are
   * built in (SECURITY.md). Default: none.
   */
  readonly neverIndexed?: readonly string[]
  /** Memory that all connections sharing this budget may hold for their peers: `new MemoryBudget(bytes)`. Default: one budget of 1 GiB for the whole process. */
  readonly memory?: MemoryBudget
  /** Observes the frame headers of every connection of the session. Default: none. */
  readonly observer?: FrameObserver
  /**
   * Called with exceptions that the receiver of a call throws. Exceptions it throws itself are
   * ignored. Default: the exception is uncaught.
   */
  readonly onError?: (error: unknown) => void
  /** Clock, timers, randomness and sockets. Default: `nodeRuntime`. */
  readonly runtime?: Runtime
  /** @internal Addresses of the host: it is not looked up. */
  readonly hosts?: readonly string[]
  /** @internal The wheel of the transport that owns the session. */
  readonly timers?: TimerHost
}

/** Options of `session.start`. */
export interface StartOptions {
  /**
   * Wait while the server cannot be reached, instead of failing with UNAVAILABLE. Default: false.
   */
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
  proxy: checkProxy,
  connectTimeoutMs: 'number',
  keepProcessAlive: 'boolean',
  backOff: 'object',
  waitingCallsMax: 'number',
  waitingWarningMs: 'number',
  keepaliveWithoutCalls: 'boolean',
  keepaliveIntervalMs: 'number',
  keepaliveTimeoutMs: 'number',
  limits: 'object',
  messageSizeMax: 'number',
  neverIndexed: 'any',
  observer: checkObserver,
  memory: checkMemory,
  onError: 'function',
  runtime: checkRuntime,
  hosts: 'array',
  timers: 'object',
}

/** Listeners have a function that makes one for each connection, sessions one observer. */
function checkObserver(name: string, value: unknown): void {
  if (typeof value === 'function') throw new TypeError(`${name} is a function; expected an object`)
  withMethods(['onFrame'])(name, value)
}

/** What a transport says of its sessions itself, and under which name. */
const OF_TRANSPORT: Readonly<Partial<Record<keyof SessionOptions, string>>> = {
  tls: 'grpcTransport has clientTls',
  limits: 'grpcTransport has limits',
  messageSizeMax: 'grpcTransport has messageSizeMax',
  neverIndexed: 'grpcTransport has neverIndexed',
  runtime: 'grpcTransport has runtime',
  hosts: 'it is the transport that has hosts',
  timers: 'it is the transport that has timers',
}
const OWN_KINDS = Object.fromEntries(
  Object.entries(KINDS).filter(([name]) => !Object.hasOwn(OF_TRANSPORT, name)),
)

/** The option `session` of a transport. @throws TypeError naming what is none of its options. */
export function checkTransportSession(session: object | undefined): void {
  if (session !== undefined) checkOptions('session', session, OWN_KINDS, OF_TRANSPORT)
}

/**
 * @param what Who was given them.
 * @throws RangeError or TypeError naming the option that cannot be used.
 */
export function checkSessionOptions(options: SessionOptions, what = 'connect'): void {
  checkOptions(what, options, KINDS)
  errorListener('onError', options.onError)
  checkTls('client', options.tls)
  resolveLimits('client', messageLimits(options))
  neverIndexedNames(options.neverIndexed)
  checkRanges(options, RANGES)
  checkBackOff(options.backOff ?? {})
}

/** The limits of the session's connections; `keepaliveFactor` grows when servers complain about PINGs. */
export function sessionLimits(
  options: SessionOptions,
  keepaliveFactor: number,
): Partial<ConnectionLimits> | undefined {
  const { keepaliveTimeoutMs, keepaliveWithoutCalls } = options
  const limits = messageLimits(options)
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
