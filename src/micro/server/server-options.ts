import type { Compressions } from '../../grpc/index.js'
import {
  checkOptions,
  describe,
  type OptionKinds,
  rangeOf,
  within,
  withMethods,
} from '../../options/index.js'
import { checkOverload, type OverloadOptions } from '../../overload/index.js'
import {
  checkMemory,
  type GrpcTransportOptions,
  type Runtime,
  type Transport,
} from '../../transport/index.js'
import type { Broker } from '../broker.js'
import type { CompressionName } from '../call/call-options.js'
import type { Context } from '../call/context.js'
import type { InheritOptions } from '../call/inheritance.js'
import {
  BROKER,
  CLOCK,
  checkFlag,
  checkFunction,
  checkMs,
  checkText,
  checkTextList,
} from '../call/option-checks.js'
import type { Registry } from '../discovery/registry.js'

/** Options of `createServer`. */
export interface ServerOptions {
  /** Name of the server in the registry, and `id` of its errors: `greeter`. */
  readonly name: string
  /**
   * Address to listen on: `host:port`; port 0 picks a free port. Default transport: also `unix:/path`, and a socket that was handed over
   * (`fd:3`, `systemd:`). Default: `127.0.0.1:0`.
   */
  readonly address?: string
  /** Transport to serve on. Default: a `grpcTransport`, which also serves native gRPC calls. */
  readonly transport?: Transport
  /** Registry in which the server registers itself. Default: none. */
  readonly registry?: Registry
  /**
   * Broker at which `subscribe` listens as well, from `start` on. It is not closed with the server: close it
   * where it was made. See brokers.md. Default: none.
   */
  readonly broker?: Broker
  /** Version of the service in the registry. Default: `latest`. */
  readonly version?: string
  /** Additional metadata of the node in the registry. Default: none. */
  readonly metadata?: Readonly<Record<string, string>>
  /**
   * Address to put in the registry: `host:port`, or `:port` alone where a port is mapped, or a host
   * alone. Default: environment variable `MICRO_SERVER_ADVERTISE`, else the address it listens on; a server
   * that listens on every interface takes the first private address of the machine, else a public one, else
   * `127.0.0.1`, as go-micro does.
   */
  readonly advertise?: string
  /** How long the registry keeps the server when it is not renewed any more. Unit: ms. Default: 90_000. */
  readonly registerTtlMs?: number
  /** How often the registration is renewed. Unit: ms. Default: 30_000. */
  readonly registerIntervalMs?: number
  /**
   * Let `start` reject when the registry cannot be reached. Otherwise the server starts, tells `onError`
   * once, and registers when it can. Default: false.
   */
  readonly registerRequired?: boolean
  /**
   * Default transport: answers HTTP/2 requests whose content type is not gRPC, such as `GET
   * /healthz`. Returning undefined sends 404; throwing sends 500. Default: 405 or 415, as gRPC
   * specifies.
   */
  readonly onRequest?: NonNullable<GrpcTransportOptions['onRequest']>
  /** Default transport: TLS options: `key`, `cert`, `ca`, `requestCert` ... Default: plain text. */
  readonly tls?: NonNullable<GrpcTransportOptions['serverTls']>
  /** Default transport: limits of each connection, see limits.md. Default: `DEFAULT_LIMITS`. */
  readonly limits?: NonNullable<GrpcTransportOptions['limits']>
  /**
   * Default transport: additional header names whose values are secret and must not enter an HPACK
   * table. Many are built in (SECURITY.md). Default: none.
   */
  readonly neverIndexed?: readonly string[]
  /** Default transport. Memory that all connections sharing this budget may hold for their peers: `new MemoryBudget(bytes)`. Default: one budget of 1 GiB for the whole process. */
  readonly memory?: NonNullable<GrpcTransportOptions['memory']>
  /** Default transport: largest message to receive. Unit: bytes. Default: 4_194_304. */
  readonly messageSizeMax?: number
  /**
   * Default transport: how to compress responses of native calls, if the client accepts it; one of
   * `compressions`. A handler can override it with `Context.compression`. Default: `identity` (no
   * compression).
   */
  readonly compression?: CompressionName
  /**
   * Default transport: supported compressions, by name. Add others from `microwire/grpc`:
   * `compressionsOf(GZIP, ZSTD)`. Default: gzip and deflate.
   */
  readonly compressions?: Compressions
  /**
   * Default transport: how native calls are served: `calls.limits` are the limits of one call
   * (`CallLimits`). Default: `DEFAULT_CALL_LIMITS`.
   */
  readonly calls?: NonNullable<GrpcTransportOptions['calls']>
  /**
   * Default transport: maximum number of open connections; further ones are closed. Default:
   * 65_536.
   */
  readonly connectionsMax?: number
  /**
   * Default transport: maximum number of open connections for each remote address; for IPv6, for
   * each /64. Default: Infinity.
   */
  readonly connectionsPerAddressMax?: number
  /**
   * Default transport. Memory that all connections of one remote address may hold together, for IPv6
   * those of one /64; beyond it the largest call of that address ends. Unit: bytes. Default: Infinity.
   */
  readonly memoryPerAddressMax?: number
  /**
   * Default transport. Handlers that may run for all connections of one remote address together, for
   * IPv6 those of one /64, by either door; further calls wait, `startTimeoutMs` at most, and are refused.
   * Default: Infinity; `limits.streamsMax` bounds those of each connection.
   */
  readonly handlersPerAddressMax?: number
  /**
   * Default transport: timeout of the TLS handshake, and again of the HTTP/2 preface. Unit: ms.
   * Default: 10_000.
   */
  readonly handshakeTimeoutMs?: number
  /**
   * Default transport: age at which a client is told to reconnect (GOAWAY), plus or minus 10 %.
   * Unit: ms. Default: Infinity.
   */
  readonly connectionAgeMs?: number
  /**
   * Default transport: time after that until calls that still run are ended. go-micro clients keep
   * idle sockets for a minute; a shorter time ends some of them. Unit: ms. Default: Infinity.
   */
  readonly connectionAgeGraceMs?: number
  /**
   * Default transport: time without a call or socket after which a client is told to disconnect
   * (GOAWAY). Unit: ms. Default: Infinity.
   */
  readonly connectionIdleMs?: number
  /**
   * Default transport: other processes may listen at the same port (SO_REUSEPORT); see `serve`. To restart without loss hand the socket
   * over instead. Default: false.
   */
  readonly reusePort?: boolean
  /**
   * Send callers the text of exceptions that are neither `MicroError` nor `GrpcError`. The text may
   * contain secrets. Default: false.
   */
  readonly exposeErrors?: boolean
  /**
   * Called with those exceptions, with failures of the registry and, with the default transport,
   * with connections that failed. Exceptions it throws are ignored. Default: a warning of the
   * process with the stack, for each method once in a minute; connections that failed are told to nobody.
   */
  readonly onError?: (error: unknown, context: Context | undefined) => void
  /**
   * Time after the end of a call until a handler that still runs no longer counts against the calls
   * its client may have open, and is reported to `onError` as a `HandlerAbandonedError`. Unit: ms.
   * Default: 30_000.
   */
  readonly handlerGraceMs?: number
  /**
   * Find services of native calls by the last part of their name, ignoring the package, as go-micro
   * does. Default: false.
   */
  readonly matchShortName?: boolean
  /**
   * Calls made by a handler, with any client, inherit the handler's deadline and cancellation, and
   * the metadata named here; `true` inherits no metadata. Costs an asynchronous context per call.
   * Default: false.
   */
  readonly inherit?: boolean | InheritOptions
  /**
   * How much the server does at once, over all connections, and what it refuses: limits of running handlers, fixed or found out
   * by latency, a short queue, refusals while the event loop is late. See resilience.md. Default: it takes what comes.
   */
  readonly overload?: OverloadOptions
  /** Clock, timers, randomness and sockets. Default: those of Node. */
  readonly runtime?: Runtime
}

/** Options that only make sense for the default transport. */
export const TRANSPORT_OPTION_NAMES = [
  'tls',
  'limits',
  'neverIndexed',
  'memory',
  'onRequest',
  'messageSizeMax',
  'calls',
  'compression',
  'compressions',
  'connectionsMax',
  'connectionsPerAddressMax',
  'memoryPerAddressMax',
  'handlersPerAddressMax',
  'handshakeTimeoutMs',
  'connectionAgeMs',
  'connectionAgeGraceMs',
  'connectionIdleMs',
  'reusePort',
] as const

/** Every option, and what it may be. What belongs to the default transport is looked at there as well. */
const KINDS: OptionKinds<ServerOptions> = {
  name: checkText,
  address: checkText,
  transport: withMethods(['dial', 'listen']),
  registry: withMethods(['register', 'deregister']),
  broker: BROKER,
  version: checkText,
  metadata: checkTexts,
  advertise: checkAdvertised,
  registerTtlMs: checkMs,
  registerIntervalMs: checkMs,
  registerRequired: checkFlag,
  tls: 'object',
  limits: 'object',
  neverIndexed: 'array',
  memory: checkMemory,
  onRequest: 'function',
  messageSizeMax: rangeOf(1),
  calls: 'object',
  compression: checkText,
  compressions: 'object',
  connectionsMax: 'number',
  connectionsPerAddressMax: 'number',
  memoryPerAddressMax: 'number',
  handlersPerAddressMax: 'number',
  handshakeTimeoutMs: 'number',
  connectionAgeMs: 'number',
  connectionAgeGraceMs: 'number',
  connectionIdleMs: 'number',
  reusePort: checkFlag,
  exposeErrors: checkFlag,
  onError: checkFunction,
  handlerGraceMs: checkMs,
  matchShortName: checkFlag,
  inherit: checkInherit,
  overload: checkOverload,
  runtime: CLOCK,
}

/** Names of all options. */
export const SERVER_OPTION_NAMES: readonly string[] = Object.keys(KINDS)

/** @throws TypeError or RangeError naming the option that cannot be used */
export function checkServerOptions(options: ServerOptions): void {
  checkOptions('createServer', options, KINDS)
  checkText('name', options.name)
  for (const name of options.transport === undefined ? [] : TRANSPORT_OPTION_NAMES) {
    if (options[name] === undefined) continue
    throw new TypeError(`${name} belongs to the transport that was given: set it there`)
  }
}

/** Go reads a node's metadata as texts, and nothing of the node when there is anything else. */
function checkTexts(name: string, value: unknown): void {
  if (typeof value !== 'object' || value === null || Symbol.iterator in value) {
    throw new TypeError(`${name} of the server must be an object of texts, got ${describe(value)}`)
  }
  for (const [key, text] of Object.entries(value)) {
    if (typeof text === 'string') continue
    throw new TypeError(`${name}.${key} of the server must be a text, got ${describe(text)}`)
  }
}

/** What others are to dial: whatever their transport makes of it, it has no spaces and is not empty. */
function checkAdvertised(name: string, value: unknown): void {
  const address = checkText(name, value)
  if (!/\s/.test(address)) return
  throw new TypeError(`${name} is '${address}'; expected an address to dial, such as host:port`)
}

function checkInherit(name: string, value: unknown): void {
  if (typeof value !== 'boolean') within<InheritOptions>({ metadata: checkTextList })(name, value)
}

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
