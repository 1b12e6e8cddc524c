import type { ConnectionLimits, FrameObserver } from '../connection/index.js'
import type { BackOffOptions } from './back-off.js'
import type { ClientTlsOptions, Runtime } from './runtime.js'
import type { TimerHost } from './timer-host.js'

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
  /** See `ConnectionLimits`. */
  readonly limits?: Partial<ConnectionLimits>
  /** Sees the frame headers of every connection of the session. */
  readonly observer?: FrameObserver
  /** Hears what a receiver of a call threw. Default: it becomes an uncaught exception. */
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
