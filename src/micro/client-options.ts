import type { Compressions } from '../grpc/index.js'
import type {
  BackOffOptions,
  GrpcTransportOptions,
  Runtime,
  Transport,
} from '../transport/index.js'
import type { CompressionName } from './call-options.js'
import type { Credentials } from './credentials.js'
import type { Registry } from './registry.js'
import type { Selector } from './selector.js'
import type { PoolOptions } from './socket-pool.js'
import type { Protocol } from './target.js'

/** How a client is made: with an address, or with a registry and the name of a service in it. */
export interface ClientOptions {
  /** Where the server is: `host:port`. */
  readonly address?: string
  /** Where to look up `service`. */
  readonly registry?: Registry
  /** The service's name in the registry; also what `Micro-Service` says. Default of the latter: the bound service's name. */
  readonly service?: string
  /** Chooses among the nodes. Default: `randomSelector()`. */
  readonly selector?: Selector
  /** Default: `grpc`; `mucp` when the transport carries no native calls; with a registry what the node says. */
  readonly protocol?: Protocol
  /** What carries calls. Default: `grpcTransport`, closed with the client. One that is given stays open. */
  readonly transport?: Transport
  /**
   * Default: mucp `application/json`, as go-micro >= 4.6; gRPC
   * `application/grpc+proto`; another one when a method has no codec for it.
   */
  readonly contentType?: string
  /** How long a call may take, retries included. Unit: ms. Default: mucp 30_000, as go-micro >= 4.10; gRPC no limit. Streams: no limit. */
  readonly timeoutMs?: number
  /** mucp: how long one attempt may take; sent as `Timeout`. Unit: ms. Default: 5_000, as go-micro >= 4.10. */
  readonly connectionTimeoutMs?: number
  /**
   * mucp, bidi streams whose client ends first, against go-micro up to 4.9 (told by `Micro-Id` alone in its messages): such a
   * server sends no end of its own, so the stream is at its end when nothing has come for so long. What it sends later is
   * lost: raise it where handlers think for longer. Unit: ms. Default: 5_000, the request timeout of those versions. Infinity: wait for ever.
   */
  readonly endGraceMs?: number
  /** mucp: how long setting up a socket may take. Unit: ms. Default: 5_000. */
  readonly dialTimeoutMs?: number
  /**
   * Attempts after the first, for unary calls. mucp: after error 408 only;
   * default 5, as go-micro >= 4.10. gRPC: after UNAVAILABLE; default 0, beside
   * the one repetition of a call that no server has looked at.
   */
  readonly retries?: number
  /** mucp: idle sockets. */
  readonly pool?: PoolOptions
  /** Default transport: use TLS: `ca`, `servername` ... or `{}` for the system's authorities. Default: plain text. */
  readonly tls?: NonNullable<GrpcTransportOptions['clientTls']>
  /**
   * Asked before each call for metadata that shows who calls. It is sent over TLS only; a unix socket
   * without TLS counts as plain text, as in grpc-go. Calls of `publish` have none. Default: none.
   */
  readonly credentials?: Credentials
  /**
   * Send credentials without TLS as well: anyone on the way can read them. For tests, and for networks
   * that encrypt below. Default: false.
   */
  readonly allowPlaintextCredentials?: boolean
  /** Calls that a handler makes with this client inherit from its call; see `ServerOptions.inherit`. Default: true. */
  readonly inherit?: boolean
  /** Default transport: what one connection may cost. See `ConnectionLimits`. */
  readonly limits?: NonNullable<GrpcTransportOptions['limits']>
  /** Default transport: further names of header fields whose values are secrets, for no compression table. Many are known without it (SECURITY.md). Default: none. */
  readonly neverIndexed?: readonly string[]
  /**
   * Default transport: silence, while calls run, after which a PING asks whether the server lives.
   * At least 10_000; servers complain about less than 300_000 unless told otherwise. Unit: ms. Default: Infinity.
   */
  readonly keepaliveIntervalMs?: number
  /** Default transport: time for an answer to that PING; then the connection is given up. Unit: ms. Default: 20_000. */
  readonly keepaliveTimeoutMs?: number
  /** Default transport: pauses between attempts to connect. */
  readonly backOff?: BackOffOptions
  /** Largest message received. mucp: of the default transport. Unit: octets. Default: 4_194_304. */
  readonly messageSizeMax?: number
  /**
   * gRPC: compresses requests. Responses are read compressed or not, whatever
   * this says. Default: `identity`, not at all.
   */
  readonly compression?: CompressionName
  /**
   * gRPC: compressions understood, by name; each may be the `compression` of requests. Others than these
   * come from `microwire/grpc`: `compressionsOf(GZIP, ZSTD)`. Default: gzip and deflate.
   */
  readonly compressions?: Compressions
  /** gRPC: what `:authority` says. Default: the address. */
  readonly authority?: string
  /** gRPC: ahead of our own in `user-agent`: `shop/1.2`. */
  readonly userAgent?: string
  /** Time and randomness. Default: Node's. */
  readonly runtime?: Runtime
}

/** Names of all options. */
export const CLIENT_OPTION_NAMES: readonly (keyof ClientOptions)[] = [
  'address',
  'registry',
  'service',
  'selector',
  'protocol',
  'transport',
  'contentType',
  'timeoutMs',
  'connectionTimeoutMs',
  'endGraceMs',
  'dialTimeoutMs',
  'retries',
  'pool',
  'tls',
  'credentials',
  'allowPlaintextCredentials',
  'inherit',
  'limits',
  'neverIndexed',
  'keepaliveIntervalMs',
  'keepaliveTimeoutMs',
  'backOff',
  'messageSizeMax',
  'compression',
  'compressions',
  'authority',
  'userAgent',
  'runtime',
]
