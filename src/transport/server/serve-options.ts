import {
  type ConnectionHandler,
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
  rangeOf,
} from '../../options/index.js'
import type { Runtime, ServerTlsOptions } from '../runtime/runtime.js'
import { checkRuntime } from '../runtime/runtime-check.js'
import type { ConnectionPeer } from '../socket/connection-peer.js'
import { messageLimits } from '../socket/message-limits.js'
import { checkTls } from '../tls/tls-options.js'
import { checkOnRequest, type OnRequest } from './http-request.js'

/** Options of `serve`. */
export interface ServeOptions {
  /**
   * Address to listen on: `host:port`, `[::1]:port`, `:port`, `host:min-max` or `unix:/path`; or a socket that listens already and
   * was handed over: `fd:3`, `systemd:` or `systemd:name`. Default: `:0`, a free port on every interface.
   */
  readonly address?: string
  /**
   * Creates the protocol handler of each connection: for gRPC `() => new CallAcceptor(router,
   * options)`, otherwise any HTTP/2 handler.
   */
  readonly handler: (peer: ConnectionPeer) => ConnectionHandler
  /**
   * Answers HTTP/2 requests whose content type is not gRPC, such as `GET /healthz`. A request body
   * may have up to 65,536 bytes (413 if larger) and take 60 s (then 408). Default: the handler
   * answers; gRPC's with 405 or 415.
   */
  readonly onRequest?: OnRequest
  /**
   * TLS options: `key`, `cert`, `ca`, `requestCert` ... ALPN `h2` and TLS 1.2 or newer are
   * required. Default: plain text.
   */
  readonly tls?: ServerTlsOptions
  /** Limits of each connection, see limits.md. Default: `DEFAULT_LIMITS`. */
  readonly limits?: Partial<ConnectionLimits>
  /**
   * Largest message that `handler` takes, such as `messageSizeMax` of a `CallAcceptor`:
   * `limits.receiveBufferMax` is raised to match, and refused if it is less. Unit: bytes. Default:
   * not known here, and not compared.
   */
  readonly messageSizeMax?: number
  /** Timeout of the TLS handshake, and again of the HTTP/2 preface. Unit: ms. Default: 10_000. */
  readonly handshakeTimeoutMs?: number
  /** Connections that the kernel may queue. Default: 511, as Node. */
  readonly backlog?: number
  /**
   * Other processes may listen at the same port (SO_REUSEPORT): the kernel deals connections out to them. Node 22.12 or 23.1 and later; not on
   * macOS and Windows. A process that stops loses the connections that the kernel had dealt to it and it had not accepted: to restart without loss hand the socket over. Default: false.
   */
  readonly reusePort?: boolean
  /**
   * Maximum number of open connections, including running TLS handshakes. Further ones are closed
   * and reported to `onError`. Default: 65_536.
   */
  readonly connectionsMax?: number
  /**
   * Maximum number of open connections for each remote address; for IPv6, for each /64. Clients
   * behind one proxy or NAT share an address. Costs one map entry for each connected address.
   * Default: Infinity.
   */
  readonly connectionsPerAddressMax?: number
  /**
   * Memory that all connections of one remote address may hold together, for IPv6 those of one /64;
   * beyond it the largest call of that address ends, as with `memory`. Costs one map entry for each
   * connected address. Unit: bytes. Default: Infinity.
   */
  readonly memoryPerAddressMax?: number
  /**
   * Handlers that may run for all connections of one remote address together, with the same addresses,
   * by either door; further calls wait, `startTimeoutMs` at most, and are refused. Costs one map entry
   * for each connected address. Default: Infinity; `limits.streamsMax` bounds those of each connection.
   */
  readonly handlersPerAddressMax?: number
  /**
   * Age at which a client is told to reconnect (GOAWAY `max_age`), plus or minus 10 % so that
   * clients do not all reconnect at once. Running calls complete; new calls use a new connection.
   * Source: gRPC A9. Unit: ms. Default: Infinity.
   */
  readonly connectionAgeMs?: number
  /** Time after that until calls that still run are ended. Unit: ms. Default: Infinity. */
  readonly connectionAgeGraceMs?: number
  /**
   * Time without a call, or since the start, after which a client is told to disconnect (GOAWAY
   * `max_idle`), plus or minus 10 %. Unit: ms. Default: Infinity.
   */
  readonly connectionIdleMs?: number
  /**
   * Additional header names whose values are secret and must not enter an HPACK table. Many are
   * built in (SECURITY.md). Default: none.
   */
  readonly neverIndexed?: readonly string[]
  /** Memory that all connections sharing this budget may hold for their peers: `new MemoryBudget(bytes)`. Default: one budget of 1 GiB for the whole process. */
  readonly memory?: MemoryBudget
  /** Called for each connection; returns an observer of its frame headers. Default: none. */
  readonly observer?: (peer: ConnectionPeer) => FrameObserver | undefined
  /**
   * Called with connections that failed, handshakes that failed and clients that speak another
   * protocol: one sentence with the address. Exceptions it throws are ignored. Default: none.
   */
  readonly onError?: (error: Error) => void
  /** Clock, timers, randomness and sockets. Default: `nodeRuntime`. */
  readonly runtime?: Runtime
}

/** Options of `server.stop`. */
export interface StopOptions {
  /** How long running calls may go on. Unit: ms. Default: 5_000. Infinity: as long as they like. */
  readonly graceMs?: number
}

/** A listening server, returned by `serve`. */
export interface Server extends AsyncDisposable {
  /** The bound address: `host:port` with the real port, or `unix:/path`. */
  readonly address: string
  /** All that are bound: more than one where the host of `address` is a name with several addresses, such as `localhost`. */
  readonly addresses: readonly string[]
  /**
   * Descriptors of the listening sockets, for a successor: `spawn(command, args, { stdio: [0, 1, 2, server.descriptors[0]] })`
   * with the address `fd:3`. Empty on Windows and before it listens.
   */
  readonly descriptors: readonly number[]
  /** Sockets that are open. */
  readonly connectionCount: number
  /** Sockets served since the start. */
  readonly acceptedCount: number
  /** What its connections, and others that share the budget, hold for their peers. */
  readonly memory: MemoryBudget
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
  | 'memoryPerAddressMax'
  | 'handlersPerAddressMax'
  | 'handshakeTimeoutMs'
  | 'connectionAgeMs'
  | 'connectionAgeGraceMs'
  | 'connectionIdleMs'
>[] = [
  ['connectionsMax', 1, Number.POSITIVE_INFINITY],
  ['connectionsPerAddressMax', 1, Number.POSITIVE_INFINITY],
  ['memoryPerAddressMax', 1_048_576, Number.POSITIVE_INFINITY],
  ['handlersPerAddressMax', 1, Number.POSITIVE_INFINITY],
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
  | 'messageSizeMax'
  | 'connectionsMax'
  | 'connectionsPerAddressMax'
  | 'memoryPerAddressMax'
  | 'handlersPerAddressMax'
  | 'handshakeTimeoutMs'
  | 'connectionAgeMs'
  | 'connectionAgeGraceMs'
  | 'connectionIdleMs'
  | 'neverIndexed'
  | 'memory'
  | 'onRequest'
  | 'reusePort'
>

/** @throws RangeError or TypeError naming the option that cannot be used. */
export function checkServeOptions(options: ConnectionOptions): void {
  checkTls('server', options.tls)
  resolveLimits('server', messageLimits(options))
  neverIndexedNames(options.neverIndexed)
  checkOnRequest(options.onRequest)
  checkRanges(options, RANGES)
}

const KINDS: OptionKinds<ServeOptions> = {
  address: 'string',
  handler: 'function',
  onRequest: 'any',
  tls: 'any',
  limits: 'object',
  messageSizeMax: 'number',
  handshakeTimeoutMs: 'number',
  backlog: rangeOf(1),
  reusePort: 'boolean',
  connectionsMax: 'number',
  connectionsPerAddressMax: 'number',
  memoryPerAddressMax: 'number',
  handlersPerAddressMax: 'number',
  connectionAgeMs: 'number',
  connectionAgeGraceMs: 'number',
  connectionIdleMs: 'number',
  neverIndexed: 'any',
  memory: checkMemory,
  observer: 'function',
  onError: 'function',
  runtime: checkRuntime,
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
