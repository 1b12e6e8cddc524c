import {
  type Balancing,
  parseTargetName,
  type Resolver,
  type RetryBudgetOptions,
  readServiceConfig,
} from '../../channel/index.js'
import {
  authorityFault,
  type CallLimits,
  type Compressions,
  callLimits,
  checkCompressions,
  DEFAULT_COMPRESSIONS,
} from '../../grpc/index.js'
import {
  checkOptions,
  type OptionKinds,
  oneOf,
  rangeOf,
  within,
  withMethods,
} from '../../options/index.js'
import {
  type BackOffOptions,
  checkMemory,
  checkProxy,
  type GrpcTransportOptions,
  type Runtime,
  type Transport,
} from '../../transport/index.js'
import type { Broker } from '../broker.js'
import type { CompressionName } from '../call/call-options.js'
import type { Credentials } from '../call/credentials.js'
import {
  BROKER,
  CLOCK,
  checkCount,
  checkFieldText,
  checkFlag,
  checkMs,
  checkText,
} from '../call/option-checks.js'
import type { Registry } from '../discovery/registry.js'
import type { Selector } from '../discovery/selector.js'
import { contentCodec, grpcSubtype } from '../mucp/content-type.js'
import { isCallTransport, type Protocol } from '../protocol.js'
import { fixedAddress } from './fixed-address.js'
import type { PoolOptions } from './mucp/socket-pool.js'

/** Options of `createClient`: one of `address`, `registry` with `service`, and `resolver`; or `broker`, to publish only. */
export interface ClientOptions {
  /**
   * Address of the server, `host:port` or `unix:/path`; or of several: `dns:///name:port` (all addresses of a name),
   * `ipv4:1.2.3.4:port,5.6.7.8:port`, or addresses with commas. See resilience.md. Default: none; see `registry`.
   */
  readonly address?: string
  /** Names the servers, in place of `address`: see `Resolver`. Default: none. */
  readonly resolver?: Resolver
  /**
   * How often a `dns:` name is looked up again while calls run, so that new servers are seen. A lost connection is a
   * reason too, every 30 s at most. Infinity: only then. Unit: ms. Default: 30_000.
   */
  readonly dnsRefreshMs?: number
  /**
   * Broker that `publish` goes to, in place of the server. A client that only publishes needs nothing else. It is not
   * closed with the client. See brokers.md. Default: none.
   */
  readonly broker?: Broker
  /** Registry in which to look up `service`. Default: none. */
  readonly registry?: Registry
  /**
   * Name of the service in the registry, also sent as `Micro-Service`. Default: for
   * `Micro-Service`, the name of the bound service.
   */
  readonly service?: string
  /**
   * How calls are spread over several servers: `leastRequest()`, `roundRobin()`, `peakEwma()`, `pickFirst()`, or one of
   * your own. See resilience.md. Default: `leastRequest()`.
   */
  readonly balancer?: Balancing
  /** Chooses one of the nodes for each call, in place of `balancer`. It hears nothing of how calls end. Default: none. */
  readonly selector?: Selector
  /**
   * Protocol of the calls: `grpc` or `mucp`. Default: `grpc`, or `mucp` if the transport cannot
   * carry native calls; with a registry, what the node advertises.
   */
  readonly protocol?: Protocol
  /**
   * Transport to use. The client does not close a transport you pass. Default: a `grpcTransport`,
   * closed with the client.
   */
  readonly transport?: Transport
  /**
   * Content type of requests. Default: for mucp `application/json`, as go-micro >= 4.6; for gRPC
   * `application/grpc+proto`; if a method has no codec for it, one that the method has.
   */
  readonly contentType?: string
  /**
   * Timeout of a unary call, retries included. Streams have none. Unit: ms. Default: for mucp
   * 30_000, as go-micro >= 4.10; for gRPC none.
   */
  readonly timeoutMs?: number
  /**
   * mucp: timeout of one attempt; sent as `Timeout`. It counts from when the request has left, so that a large one on a
   * slow path does not begin anew. Unit: ms. Default: 5_000, as go-micro >= 4.10.
   */
  readonly connectionTimeoutMs?: number
  /**
   * mucp: bidi streams that the client ends first, with a go-micro server up to 4.9 (recognised by
   * messages with `Micro-Id` only). Such a server does not send the end of a stream, so the stream
   * ends when nothing has arrived for this time. Later messages are lost: raise it if handlers
   * pause for longer. Infinity waits forever. Unit: ms. Default: 5_000, the request timeout of
   * those versions.
   */
  readonly endGraceMs?: number
  /** mucp: timeout for setting up a socket. Unit: ms. Default: 5_000. */
  readonly dialTimeoutMs?: number
  /**
   * Maximum number of retries of a unary call. mucp retries after error 408 only; gRPC after
   * UNAVAILABLE. In addition, a gRPC call that no server has processed is always retried once.
   * Default: mucp 5, as go-micro >= 4.10; gRPC 0.
   */
  readonly retries?: number
  /**
   * gRPC: retries, timeouts and `waitForReady` by method, and the balancer, in the form that other gRPC libraries have:
   * an object or its JSON. See resilience.md. Default: none.
   */
  readonly serviceConfig?: string | object
  /**
   * gRPC: how many retries all calls together may make: `ratio` for each call of the last ten seconds, and `perSecond`.
   * False: no bound. Default: `{ ratio: 0.2, perSecond: 10 }`.
   */
  readonly retryBudget?: RetryBudgetOptions | false
  /** mucp: how many idle sockets to keep, see `PoolOptions`. Default: 100 for 60_000 ms. */
  readonly pool?: PoolOptions
  /**
   * Default transport: TLS options: `ca`, `servername`, `key`, `cert` ... `{}` trusts the CAs of
   * the system. Default: plain text.
   */
  readonly tls?: NonNullable<GrpcTransportOptions['clientTls']>
  /**
   * Default transport: HTTP proxy that connections are made through (CONNECT): `http://host:port`, or `http://user:password@host:port`. False:
   * none. Default: that of the environment, the first of `grpc_proxy`, `https_proxy`, `HTTPS_PROXY` and `http_proxy`, but
   * for what `no_grpc_proxy`, else `no_proxy` or `NO_PROXY` lists, and for this machine. Not for unix sockets.
   */
  readonly proxy?: string | false
  /**
   * Called before each call for metadata that identifies the caller. The metadata is sent over TLS
   * only; a unix socket without TLS counts as plain text, as in grpc-go. `publish` does not use it.
   * Default: none.
   */
  readonly credentials?: Credentials
  /**
   * Send credentials without TLS, readable by anyone on the network. Use it for tests, or if a
   * lower layer encrypts. Default: false.
   */
  readonly allowPlaintextCredentials?: boolean
  /**
   * Calls that a handler makes with this client inherit from the handler's call, see
   * `ServerOptions.inherit`. Default: true.
   */
  readonly inherit?: boolean
  /** Default transport: limits of each connection, see limits.md. Default: `DEFAULT_LIMITS`. */
  readonly limits?: NonNullable<GrpcTransportOptions['limits']>
  /**
   * Default transport: additional header names whose values are secret and must not enter an HPACK
   * table. Many are built in (SECURITY.md). Default: none.
   */
  readonly neverIndexed?: readonly string[]
  /** Default transport. What all connections that are given the same budget may hold for their peers together: `new MemoryBudget(octets)`. Default: one of 1 GiB for the whole process. */
  readonly memory?: NonNullable<GrpcTransportOptions['memory']>
  /**
   * Default transport: time without incoming data, while calls run, after which a PING checks the
   * connection. At least 10_000; servers reject less than 300_000 unless configured otherwise.
   * Unit: ms. Default: Infinity.
   */
  readonly keepaliveIntervalMs?: number
  /**
   * Default transport: time to wait for data after that PING before the connection is closed. Unit:
   * ms. Default: 20_000.
   */
  readonly keepaliveTimeoutMs?: number
  /**
   * Default transport: timeout for connecting: TCP, TLS and the server's SETTINGS together. Calls
   * that do not wait for a connection (`waitForReady`) then fail with UNAVAILABLE. Unit: ms. Default:
   * 20_000.
   */
  readonly connectTimeoutMs?: number
  /**
   * Default transport: keep the process alive while connected, also when no call runs. Otherwise an
   * idle client lets the process end without `close`, as in grpc-js. Default: false.
   */
  readonly keepProcessAlive?: boolean
  /**
   * Default transport: delays between attempts to connect, see `BackOffOptions`. Default: 1_000 ms,
   * growing by 1.6 up to 120_000 ms.
   */
  readonly backOff?: BackOffOptions
  /**
   * Largest message to receive; for mucp only with the default transport. Unit: bytes. Default:
   * 4_194_304.
   */
  readonly messageSizeMax?: number
  /** gRPC: limits of one call, such as `{ limits: { metadataSizeMax } }` for larger response headers. See `CallLimits`. Default: `DEFAULT_CALL_LIMITS`. */
  readonly calls?: { readonly limits?: Partial<CallLimits> }
  /**
   * gRPC: how to compress requests; one of `compressions`. Responses may be compressed either way.
   * Default: `identity` (no compression).
   */
  readonly compression?: CompressionName
  /**
   * gRPC: supported compressions, by name. Add others from `microwire/grpc`: `compressionsOf(GZIP,
   * ZSTD)`. Default: gzip and deflate.
   */
  readonly compressions?: Compressions
  /** gRPC: value of `:authority`. Default: the address. */
  readonly authority?: string
  /** gRPC: text before microwire's own in `user-agent`: `shop/1.2`. Default: none. */
  readonly userAgent?: string
  /** Clock, timers, randomness and sockets. Default: those of Node. */
  readonly runtime?: Runtime
}

/** Every option, and what it may be. What belongs to the default transport is looked at there as well. */
const KINDS: OptionKinds<ClientOptions> = {
  address: (name, value) => void parseTargetName(checkText(name, value)),
  resolver: withMethods(['start'], '; it is { name, start(listener) }'),
  dnsRefreshMs: rangeOf(1_000),
  broker: BROKER,
  registry: withMethods(['getService']),
  service: checkText,
  balancer: withMethods(['create'], '; use one like roundRobin()'),
  selector: withMethods(['select']),
  protocol: oneOf('grpc', 'mucp'),
  transport: withMethods(['dial', 'listen']),
  contentType: checkContentType,
  timeoutMs: checkMs,
  connectionTimeoutMs: checkMs,
  endGraceMs: checkMs,
  dialTimeoutMs: checkMs,
  retries: checkCount,
  serviceConfig: (name, value) => void readServiceConfig(value, name),
  retryBudget: (name, value) => {
    if (value !== false) {
      within<RetryBudgetOptions>({ ratio: rangeOf(0, 10), perSecond: rangeOf(0, 1_000_000) })(
        name,
        value,
      )
    }
  },
  pool: within<PoolOptions>({ sizeMax: checkCount, ttlMs: checkMs }),
  tls: 'object',
  proxy: checkProxy,
  credentials: 'function',
  allowPlaintextCredentials: checkFlag,
  inherit: checkFlag,
  limits: 'object',
  neverIndexed: 'array',
  memory: checkMemory,
  keepaliveIntervalMs: 'number',
  keepaliveTimeoutMs: 'number',
  connectTimeoutMs: 'number',
  keepProcessAlive: checkFlag,
  backOff: 'object',
  messageSizeMax: rangeOf(1),
  calls: checkCalls,
  compression: checkText,
  compressions: 'object',
  // Sent with every call: a connection is given up that is asked to send anything else.
  authority: checkAuthority,
  userAgent: checkFieldText,
  runtime: CLOCK,
}

/** Names of all options. */
export const CLIENT_OPTION_NAMES: readonly string[] = Object.keys(KINDS)

/** Options that only make sense for the default transport. */
const TRANSPORT_OPTION_NAMES = [
  'tls',
  'proxy',
  'limits',
  'neverIndexed',
  'memory',
  'keepaliveIntervalMs',
  'keepaliveTimeoutMs',
  'connectTimeoutMs',
  'keepProcessAlive',
  'backOff',
] as const

/** @throws TypeError or RangeError naming the option that cannot be used */
export function checkClientOptions(options: ClientOptions): void {
  checkOptions('createClient', options, KINDS)
  const { address, registry, resolver, service, transport } = options
  const given = Object.entries({ address, registry, resolver }).filter(
    ([, value]) => value !== undefined,
  )
  if (given.length !== 1 && !(given.length === 0 && options.broker !== undefined)) {
    const got = given.length === 0 ? 'none' : given.map(([name]) => name).join(' and ')
    throw new TypeError(
      `createClient needs one of address, registry with service, and resolver; got ${got}`,
    )
  }
  const isNamed =
    resolver !== undefined || (address !== undefined && fixedAddress(options) === undefined)
  if (options.selector !== undefined && isNamed) {
    throw new TypeError('selector chooses nodes of a registry; use balancer')
  }
  if (registry !== undefined) checkText('service', service)
  if (options.balancer !== undefined && options.selector !== undefined) {
    throw new TypeError('balancer and selector exclude each other: both choose the server')
  }
  for (const name of transport === undefined ? [] : TRANSPORT_OPTION_NAMES) {
    if (options[name] === undefined) continue
    throw new TypeError(`${name} belongs to the transport that was given: set it there`)
  }
  if (options.protocol === 'grpc' && transport !== undefined && !isCallTransport(transport)) {
    const what = `transport ${transport.name} carries no native calls`
    throw new TypeError(`${what}: protocol must be 'mucp'`)
  }
  const compressions = options.compressions ?? DEFAULT_COMPRESSIONS
  checkCompressions(compressions)
  if (options.compression !== undefined) {
    oneOf(...compressions.keys(), 'identity')('compression', options.compression)
  }
  if (options.credentials === undefined || transport !== undefined) return
  if (options.tls !== undefined || options.allowPlaintextCredentials === true) return
  throw new TypeError('credentials need tls, or allowPlaintextCredentials: true')
}

function checkAuthority(name: string, value: unknown): void {
  checkFieldText(name, value)
  const fault = authorityFault(name, value as string)
  if (fault !== undefined) throw new TypeError(fault)
}

function checkCalls(name: string, value: unknown): void {
  within<NonNullable<ClientOptions['calls']>>({
    limits: (_, limits) => callLimits(limits as Partial<CallLimits>),
  })(name, value)
}

function checkContentType(name: string, value: unknown): void {
  const contentType = checkText(name, value)
  if (contentCodec(contentType) !== undefined || grpcSubtype(contentType) !== undefined) return
  throw new TypeError(`contentType '${contentType}' is not known`)
}
