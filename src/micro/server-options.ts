import type { Compressions } from '../grpc/index.js'
import type { GrpcTransportOptions, Runtime, Transport } from '../transport/index.js'
import type { CompressionName } from './call-options.js'
import type { Context } from './context.js'
import type { InheritOptions } from './inheritance.js'
import type { Registry } from './registry.js'

/** How a server is made. */
export interface ServerOptions {
  /** Its name in the registry, and the id of its errors: `greeter`. */
  readonly name: string
  /** Where to listen: `host:port`, port 0 for any that is free. Default: `127.0.0.1:0`. */
  readonly address?: string
  /** What carries the messages. Default: `grpcTransport`, which takes native calls as well. */
  readonly transport?: Transport
  /** Where others find it. Default: nowhere. */
  readonly registry?: Registry
  /** The service's version in the registry. Default: `latest`. */
  readonly version?: string
  /** Further metadata of the node in the registry. */
  readonly metadata?: Readonly<Record<string, string>>
  /** The address in the registry. Default: the one it listens on; `127.0.0.1` for every interface. */
  readonly advertise?: string
  /**
   * Default transport: answers requests whose content type is not gRPC's, such as `GET /healthz`, over HTTP/2. Undefined
   * is 404, an exception 500. Default: 405 and 415, as gRPC has it.
   */
  readonly onRequest?: NonNullable<GrpcTransportOptions['onRequest']>
  /** Default transport: serve TLS: `key`, `cert` ... Default: plain text. */
  readonly tls?: NonNullable<GrpcTransportOptions['serverTls']>
  /** Default transport: what one connection may cost. See `ConnectionLimits`. */
  readonly limits?: NonNullable<GrpcTransportOptions['limits']>
  /** Default transport: further names of header fields whose values are secrets, for no compression table. Many are known without it (SECURITY.md). Default: none. */
  readonly neverIndexed?: readonly string[]
  /** Default transport: largest message received. Unit: octets. Default: 4_194_304. */
  readonly messageSizeMax?: number
  /**
   * Default transport: compresses responses of native calls for clients that accept it; one of `compressions`.
   * A handler may choose for its call: `Context.compression`. Default: `identity`, not at all.
   */
  readonly compression?: CompressionName
  /**
   * Default transport: compressions understood, by name. Others than these come from `microwire/grpc`:
   * `compressionsOf(GZIP, ZSTD)`. Default: gzip and deflate.
   */
  readonly compressions?: Compressions
  /** Default transport: what one native call may cost (`CallLimits`), and compression once more. */
  readonly calls?: NonNullable<GrpcTransportOptions['calls']>
  /** Default transport: connections at once; more are closed. Default: 65_536. */
  readonly connectionsMax?: number
  /** Default transport: the same for each remote address; of IPv6, for each /64. Default: Infinity. */
  readonly connectionsPerAddressMax?: number
  /** Default transport: time for the TLS handshake, and again for the HTTP/2 preface. Unit: ms. Default: 10_000. */
  readonly handshakeTimeoutMs?: number
  /** Default transport: age, a tenth more or less, at which clients are told to connect anew. Unit: ms. Default: Infinity. */
  readonly connectionAgeMs?: number
  /**
   * Default transport: time from then on until what still runs is cut. go-micro's clients keep
   * idle sockets for a minute: less cuts some of them. Unit: ms. Default: Infinity.
   */
  readonly connectionAgeGraceMs?: number
  /** Default transport: time without any call or socket after which a client is told to go. Unit: ms. Default: Infinity. */
  readonly connectionIdleMs?: number
  /**
   * Tell callers the text of exceptions that are neither `MicroError` nor
   * `GrpcError`. Default: false, for it may hold secrets.
   */
  readonly exposeErrors?: boolean
  /** Hears of those exceptions, of failures of the registry, and, with the default transport, of connections that failed. What it throws is dropped. Default: nobody. */
  readonly onError?: (error: unknown, context: Context | undefined) => void
  /**
   * Time from the end of a call, however it came, until its handler no longer counts against what its client may
   * have at once, and `onError` hears a `HandlerAbandonedError` of it. Unit: ms. Default: 30_000.
   */
  readonly handlerGraceMs?: number
  /** Native calls find a service by the last part of its name, whatever the package, as in go-micro. Default: false. */
  readonly matchShortName?: boolean
  /**
   * Calls that a handler makes inherit its deadline and its cancellation, whatever the client, and the
   * metadata of the names given here. `true`: no metadata. Costs an asynchronous context for each call.
   * Default: false.
   */
  readonly inherit?: boolean | InheritOptions
  /** Time and randomness. Default: Node's. */
  readonly runtime?: Runtime
}

/** Options that only make sense for the default transport. */
export const TRANSPORT_OPTION_NAMES = [
  'tls',
  'limits',
  'neverIndexed',
  'onRequest',
  'messageSizeMax',
  'calls',
  'compression',
  'compressions',
  'connectionsMax',
  'connectionsPerAddressMax',
  'handshakeTimeoutMs',
  'connectionAgeMs',
  'connectionAgeGraceMs',
  'connectionIdleMs',
] as const

/** Names of all options. */
export const SERVER_OPTION_NAMES: readonly (keyof ServerOptions)[] = [
  'name',
  'address',
  'transport',
  'registry',
  'version',
  'metadata',
  'advertise',
  ...TRANSPORT_OPTION_NAMES,
  'exposeErrors',
  'onError',
  'handlerGraceMs',
  'matchShortName',
  'inherit',
  'runtime',
]

/**
 * How the default transport treats native calls.
 *
 * @throws TypeError for a compression that stands in `calls` as well
 */
export function callsOf(options: ServerOptions): NonNullable<GrpcTransportOptions['calls']> {
  const { calls } = options
  const own: { compression?: string; compressions?: Compressions } = {}
  for (const name of ['compression', 'compressions'] as const) {
    if (options[name] === undefined) continue
    if (calls?.[name] !== undefined) {
      throw new TypeError(`${name} is given twice: calls.${name} says something as well`)
    }
    Object.assign(own, { [name]: options[name] })
  }
  return { ...own, ...calls }
}
