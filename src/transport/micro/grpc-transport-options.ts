import { checkMemory, type MemoryBudget } from '../../connection/index.js'
import type { CallOptions, ConnectionLimits } from '../../grpc/index.js'
import { checkOptions, type OptionKinds } from '../../options/index.js'
import { checkTransportSession, type SessionOptions } from '../client/session-options.js'
import { errorListener } from '../errors/error-listener.js'
import type { ClientTlsOptions, Runtime, ServerTlsOptions } from '../runtime/runtime.js'
import { checkRuntime } from '../runtime/runtime-check.js'
import type { ConnectionOptions, ServeOptions } from '../server/serve-options.js'

const KINDS: OptionKinds<GrpcTransportOptions> = {
  serverTls: 'any',
  clientTls: 'any',
  path: 'string',
  messageSizeMax: 'number',
  connectionPerSocket: 'boolean',
  limits: 'object',
  neverIndexed: 'any',
  memory: checkMemory,
  onRequest: 'any',
  calls: 'object',
  session: 'object',
  userAgent: 'string',
  observer: 'function',
  onError: 'function',
  runtime: checkRuntime,
  connectionsMax: 'number',
  connectionsPerAddressMax: 'number',
  memoryPerAddressMax: 'number',
  handlersPerAddressMax: 'number',
  handshakeTimeoutMs: 'number',
  connectionAgeMs: 'number',
  connectionAgeGraceMs: 'number',
  connectionIdleMs: 'number',
  reusePort: 'boolean',
}

/** A transport is both sides at once. */
const HINTS = { tls: 'serverTls is for listen, clientTls for dial and session' }

/** How listeners treat their connections; see `ServeOptions`. */
export type ListenerConnectionOptions = Omit<
  ConnectionOptions,
  'tls' | 'limits' | 'neverIndexed' | 'memory'
>

/**
 * Options of `grpcTransport`. A micro socket is a stream: if `connectionAgeMs` is set with a grace
 * shorter than the minute for which go-micro clients keep idle sockets, some of them are ended.
 */
export interface GrpcTransportOptions extends ListenerConnectionOptions {
  /** TLS options of `listen`: `key`, `cert` ... Default: plain text. */
  readonly serverTls?: ServerTlsOptions
  /**
   * TLS options of `dial` and `session`: `ca`, `servername` ... `{}` trusts the CAs of the system.
   * Default: plain text.
   */
  readonly clientTls?: ClientTlsOptions
  /**
   * Path with which sockets are dialled. If the server does not know it, the other of the two path
   * names is used. Default: `/go.micro.transport.grpc.Transport/Stream`.
   */
  readonly path?: string
  /** Largest encoded message, in both directions. Unit: bytes. Default: 4_194_304, as grpc-go. */
  readonly messageSizeMax?: number
  /**
   * Use a separate connection for each dialled socket, as go-micro does, instead of one for each
   * address. Default: false.
   */
  readonly connectionPerSocket?: boolean
  /** Limits of every connection, on both sides, see limits.md. Default: `DEFAULT_LIMITS`. */
  readonly limits?: Partial<ConnectionLimits>
  /**
   * Additional header names, on both sides, whose values are secret and must not enter an HPACK
   * table. Many are built in (SECURITY.md). Default: none.
   */
  readonly neverIndexed?: readonly string[]
  /** For every connection, of both sides. Memory that all connections sharing this budget may hold for their peers: `new MemoryBudget(bytes)`. Default: one budget of 1 GiB for the whole process. */
  readonly memory?: MemoryBudget
  /**
   * How native calls are served. Their `messageSizeMax` is that of the transport unless given.
   * Default: `DEFAULT_CALL_LIMITS`, gzip and deflate.
   */
  readonly calls?: CallOptions
  /** How sessions connect; the options of `connect`. Default: those of `connect`. */
  readonly session?: Omit<
    SessionOptions,
    'tls' | 'limits' | 'messageSizeMax' | 'neverIndexed' | 'memory' | 'runtime' | 'timers'
  >
  /** Value of `user-agent` for dialled sockets. Default: none. */
  readonly userAgent?: string
  /**
   * Called for each connection of a listener; returns an observer of its frame headers. For client
   * connections use `session.observer`. Default: none.
   */
  readonly observer?: NonNullable<ServeOptions['observer']>
  /**
   * Called with connections, handshakes and handlers that failed at a listener. Exceptions it
   * throws are ignored. Default: none.
   */
  readonly onError?: (error: Error) => void
  /** Clock, timers, randomness and sockets. Default: `nodeRuntime`. */
  readonly runtime?: Runtime
}

/** @throws TypeError or RangeError naming an option that cannot be used by itself */
export function checkGrpcTransport(options: GrpcTransportOptions): void {
  checkOptions('grpcTransport', options, KINDS, HINTS)
  checkTransportSession(options.session)
}

/** @throws TypeError naming an `onError` that is no function. */
export function withSafeListeners(options: GrpcTransportOptions): GrpcTransportOptions {
  const { calls } = options
  const onError = errorListener('onError', options.onError)
  const onCallError = errorListener('calls.onError', calls?.onError)
  return {
    ...options,
    ...given({ onError }),
    ...(onCallError === undefined ? {} : { calls: { ...calls, onError: onCallError } }),
  }
}

/** Without the fields that are not set. */
export function given<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined)
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> }
}
