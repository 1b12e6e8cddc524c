import {
  type ConnectionHandler,
  type ConnectionLimits,
  type FrameObserver,
  neverIndexedNames,
  resolveLimits,
} from '../connection/index.js'
import type { ConnectionPeer } from './connection-peer.js'
import { checkOnRequest, type OnRequest } from './http-request.js'
import { checkRanges, DELAY_MAX_MS, type NumberRange } from './number-range.js'
import { checkOptions, type OptionKinds } from './option-check.js'
import type { Runtime, ServerTlsOptions } from './runtime.js'
import { checkTls } from './tls-options.js'

/** How `serve` listens and what it serves. */
export interface ServeOptions {
  /** `host:port`, `[::1]:port`, `:port`, `host:min-max` or `unix:/path`. Default: `:0`, a free port on every interface. */
  readonly address?: string
  /**
   * Makes the protocol above each connection: for gRPC
   * `() => new CallAcceptor(router, options)`, else any HTTP/2 handler.
   */
  readonly handler: (peer: ConnectionPeer) => ConnectionHandler
  /**
   * Answers requests whose content type is not gRPC's, such as `GET /healthz`, over HTTP/2. A body of theirs has
   * at most 65,536 octets (else 413) and 60 s (else 408). Default: the protocol answers, gRPC with 405 and 415.
   */
  readonly onRequest?: OnRequest
  /** Serve TLS: `key`, `cert`, `ca`, `requestCert` ... ALPN `h2` and TLS 1.2 or newer are required. Default: plain text. */
  readonly tls?: ServerTlsOptions
  /** See `ConnectionLimits`. */
  readonly limits?: Partial<ConnectionLimits>
  /** Time for the TLS handshake, and again for the HTTP/2 preface. Unit: ms. Default: 10_000. */
  readonly handshakeTimeoutMs?: number
  /** Connections the kernel may hold until we accept them. Default: 511, as Node. */
  readonly backlog?: number
  /** Connections at once, TLS handshakes under way among them; more are closed, and `onError` hears of it. Default: 65_536. */
  readonly connectionsMax?: number
  /**
   * The same for each remote address; of IPv6, for each /64. Behind a proxy or a NAT many clients have one. Costs one
   * entry in a map for each address that is connected. Default: Infinity.
   */
  readonly connectionsPerAddressMax?: number
  /**
   * Age at which a connection is told to go (GOAWAY `max_age`), a tenth more or
   * less so that not all clients leave at once. Its calls complete, new ones go
   * to a new connection. Unit: ms. Default: Infinity. Source: gRPC A9.
   */
  readonly connectionAgeMs?: number
  /** Time from then on until what still runs is cut. Unit: ms. Default: Infinity. */
  readonly connectionAgeGraceMs?: number
  /** Time without any call, or from the start, after which a connection is told to go (GOAWAY `max_idle`), a tenth more or less. Unit: ms. Default: Infinity. */
  readonly connectionIdleMs?: number
  /** Further names of header fields whose values are secrets: they enter no compression table. Many are known without it (SECURITY.md). Default: none. */
  readonly neverIndexed?: readonly string[]
  /** Sees the frame headers of a connection. */
  readonly observer?: (peer: ConnectionPeer) => FrameObserver | undefined
  /**
   * Hears of connections that ended badly, handshakes that failed, and clients
   * that speak another protocol: one sentence with the address. What it throws
   * is dropped. Default: nobody.
   */
  readonly onError?: (error: Error) => void
  /** Time, randomness and sockets. Default: `nodeRuntime`. */
  readonly runtime?: Runtime
}

/** How a server stops. */
export interface StopOptions {
  /** How long running calls may go on. Unit: ms. Default: 5_000. Infinity: as long as they like. */
  readonly graceMs?: number
}

/** A listening server. */
export interface Server extends AsyncDisposable {
  /** The bound address: `host:port` with the real port, or `unix:/path`. */
  readonly address: string
  /** All that are bound: more than one where the host of `address` is a name with several addresses, such as `localhost`. */
  readonly addresses: readonly string[]
  /** Sockets that are open. */
  readonly connectionCount: number
  /** Sockets served since the start. */
  readonly acceptedCount: number
  /** Timers that wait: deadlines of calls and connections. */
  readonly timerCount: number
  /**
   * Handshakes from now on use these options, and nothing of those before: `key`, `cert`, `ca`, `crl`, `requestCert` ... Whatever
   * was set has to be named again, `undefined` takes it away; so nothing is lost or kept unseen. Session tickets from
   * before are of no more use. Connections live on.
   *
   * @throws TypeError or RangeError naming the option that is missing or cannot be used, and the old ones stay; TypeError for a server without TLS.
   */
  updateTls(tls: ServerTlsOptions): void
  /**
   * Stops accepting, tells every client to go elsewhere (GOAWAY), lets running
   * calls finish for `graceMs` and cuts what is left then. Settles when nothing
   * is left: no socket, no timer, not the listening one either. May be called again with a shorter grace.
   */
  stop(options?: StopOptions): Promise<void>
}

const RANGES: readonly NumberRange<
  | 'connectionsMax'
  | 'connectionsPerAddressMax'
  | 'handshakeTimeoutMs'
  | 'connectionAgeMs'
  | 'connectionAgeGraceMs'
  | 'connectionIdleMs'
>[] = [
  ['connectionsMax', 1, Number.POSITIVE_INFINITY],
  ['connectionsPerAddressMax', 1, Number.POSITIVE_INFINITY],
  ['handshakeTimeoutMs', 1, DELAY_MAX_MS],
  ['connectionAgeMs', 1, Number.POSITIVE_INFINITY],
  ['connectionAgeGraceMs', 0, Number.POSITIVE_INFINITY],
  ['connectionIdleMs', 1, Number.POSITIVE_INFINITY],
]

/** What a server may be told of its connections. */
export type ConnectionOptions = Pick<
  ServeOptions,
  | 'tls'
  | 'limits'
  | 'connectionsMax'
  | 'connectionsPerAddressMax'
  | 'handshakeTimeoutMs'
  | 'connectionAgeMs'
  | 'connectionAgeGraceMs'
  | 'connectionIdleMs'
  | 'neverIndexed'
  | 'onRequest'
>

/** @throws RangeError or TypeError naming the option that cannot be used. */
export function checkServeOptions(options: ConnectionOptions): void {
  checkTls('server', options.tls)
  resolveLimits('server', options.limits)
  neverIndexedNames(options.neverIndexed)
  checkOnRequest(options.onRequest)
  checkRanges(options, RANGES)
}

const KINDS: OptionKinds<ServeOptions> = {
  address: 'any',
  handler: 'function',
  onRequest: 'any',
  tls: 'any',
  limits: 'object',
  handshakeTimeoutMs: 'number',
  backlog: 'number',
  connectionsMax: 'number',
  connectionsPerAddressMax: 'number',
  connectionAgeMs: 'number',
  connectionAgeGraceMs: 'number',
  connectionIdleMs: 'number',
  neverIndexed: 'any',
  observer: 'function',
  onError: 'function',
  runtime: 'object',
}

/** The names and types of what `serve` is given. @throws TypeError naming the option. */
export function checkServeNames(options: ServeOptions): void {
  checkOptions('serve', options, KINDS)
  if (options.handler === undefined) throw new TypeError('serve needs a handler')
}

/** @throws TypeError or RangeError naming the option of `stop` that cannot be used. */
export function checkStopOptions(options: StopOptions): void {
  checkOptions<StopOptions>('stop', options, { graceMs: 'number' })
  const { graceMs = 0 } = options
  if (!(graceMs >= 0)) throw new RangeError(`graceMs is ${graceMs}; expected 0 or more`)
}
