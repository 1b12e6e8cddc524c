import { callLimits, Metadata } from '../grpc/index.js'
import {
  type CallTransport,
  grpcTransport,
  nodeRuntime,
  type Runtime,
  type Transport,
} from '../transport/index.js'
import { type CallOptions, COMPRESSION_NAMES, type MessageStream } from './call-options.js'
import { CLIENT_OPTION_NAMES, type ClientOptions } from './client-options.js'
import { type ClientStream, checkIterable, pumpRequests, sendAll } from './client-stream.js'
import { contentCodec, grpcSubtype, MUCP_CONTENT_TYPE } from './content-type.js'
import { type Found, findWithin } from './find-within.js'
import { GrpcClient, GrpcMethod } from './grpc-client.js'
import { metadataOf } from './metadata-init.js'
import { type Middleware, runClientChain } from './middleware.js'
import { MucpClient } from './mucp-client.js'
import { checkCount, checkKnown, checkMethods, checkMs, checkText } from './options.js'
import { PendingStream } from './pending-stream.js'
import { randomSelector } from './selector.js'
import type { Service, ServiceMethod } from './service.js'
import type { BoundClient, MethodTypes, ServiceTypes } from './service-types.js'
import { type Protocol, type Target, TargetFinder } from './target.js'

const USER_AGENT = 'grpc-node-microwire/0.1.0'

/** Options that only make sense for the default transport. */
const TRANSPORT_OPTION_NAMES = [
  'tls',
  'limits',
  'keepaliveIntervalMs',
  'keepaliveTimeoutMs',
  'backOff',
] as const

/**
 * Makes a client. It connects when it is first needed.
 *
 * @throws TypeError or RangeError naming the option that cannot be used
 */
export function createClient(options: ClientOptions): Client {
  return new Client(options)
}

/** A method of a service as this client calls it. */
interface BoundMethod {
  readonly method: ServiceMethod
  readonly service: string
  readonly grpc: GrpcMethod | undefined
}

type MessageStreamOf<M> =
  M extends MethodTypes<infer _K, unknown, infer Res, infer ReqIn, unknown>
    ? MessageStream<ReqIn, Res>
    : never

/** A client of one service, at one address or wherever a registry says. See `createClient`. */
export class Client implements AsyncDisposable {
  readonly #options: ClientOptions
  readonly #transport: Transport
  readonly #runtime: Runtime
  readonly #protocol: Protocol | undefined
  readonly #fixed: Target | undefined
  readonly #finder: TargetFinder | undefined
  readonly #mucp: MucpClient
  readonly #grpc: GrpcClient | undefined
  readonly #middleware: Middleware[] = []
  #closed = false

  constructor(options: ClientOptions) {
    checkOptions(options)
    this.#options = options
    this.#runtime = options.runtime ?? nodeRuntime
    this.#transport = options.transport ?? defaultTransport(options)
    const native = isCallTransport(this.#transport)
    if (options.protocol === 'grpc' && !native) {
      throw new TypeError(
        `transport ${this.#transport.name} carries no native calls: protocol must be 'mucp'`,
      )
    }
    const protocol = options.protocol ?? (native ? undefined : 'mucp')
    this.#protocol = protocol
    this.#fixed = options.address === undefined ? undefined : targetAt(options.address, protocol)
    this.#finder =
      options.registry === undefined
        ? undefined
        : new TargetFinder(
            options.registry,
            options.selector ?? randomSelector(this.#runtime),
            checkText('service', options.service),
            protocol,
            this.#runtime,
          )
    this.#mucp = mucpClient(options, this.#transport, this.#runtime)
    this.#grpc = isCallTransport(this.#transport)
      ? grpcClient(options, this.#transport, this.#runtime)
      : undefined
  }

  /** Adds middleware around the calls of what is bound from now on, the first outermost. */
  use(...middleware: readonly Middleware[]): this {
    for (const each of middleware) {
      if (typeof each !== 'function') {
        throw new TypeError(`middleware must be a function, got ${typeof each}`)
      }
      this.#middleware.push(each)
    }
    return this
  }

  /** The service's methods as functions. They need no `this`: take them apart at will. */
  bind<S extends ServiceTypes<S>>(service: Service<S>): BoundClient<S> {
    const functions: Record<string, unknown> = {}
    for (const method of service.methods) {
      const bound = this.#bound(service, method)
      functions[method.name] = this.#withMiddleware(service, method, this.#function(bound))
    }
    return functions as unknown as BoundClient<S>
  }

  /**
   * A call of one method, to send and receive by hand; most useful for `bidi`.
   * Middleware does not see it.
   *
   * @throws TypeError when the service has no such method
   */
  stream<S extends ServiceTypes<S>, M extends keyof S & string>(
    service: Service<S>,
    name: M,
    options: CallOptions = {},
  ): MessageStreamOf<S[M]> {
    const method = service.methods.find(each => each.name === name)
    if (method === undefined) throw new TypeError(`service ${service.name} has no method ${name}`)
    return this.#open(this.#bound(service, method), options) as unknown as MessageStreamOf<S[M]>
  }

  /**
   * Sends an event to a server's subscribers (`Micro-Topic`) over the transport
   * and waits until they are done. Octets go as they are, everything else as JSON.
   *
   * @throws MicroError that a subscriber failed with
   */
  async publish(topic: string, message: unknown, options: CallOptions = {}): Promise<void> {
    checkText('topic', topic)
    this.#checkOpen()
    const raw = message instanceof Uint8Array
    const body = raw ? message : Buffer.from(JSON.stringify(message) ?? 'null')
    const contentType =
      options.contentType ?? (raw ? 'application/octet-stream' : 'application/json')
    await this.#mucp.publish(() => this.#find(options), topic, contentType, body, options)
  }

  /** Idle mucp sockets to an address. */
  idleCount(address: string): number {
    return this.#mucp.idleCount(address)
  }

  /** Ends what is under way and closes what the client opened. Nothing is left then. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#finder?.close()
    this.#mucp.close()
    const own = this.#options.transport === undefined
    if (own && isCallTransport(this.#transport)) await this.#transport.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #bound(service: Service<unknown>, method: ServiceMethod): BoundMethod {
    const grpc = this.#grpc === undefined ? undefined : new GrpcMethod(this.#grpc, method)
    return { method, service: this.#options.service ?? service.name, grpc }
  }

  #function(bound: BoundMethod): (request: unknown, options?: CallOptions) => unknown {
    switch (bound.method.kind) {
      case 'unary':
        return (request, options) => this.#unary(bound, request, options)
      case 'server':
        return (request, options) => {
          const stream = this.#open(bound, options ?? {})
          stream.request(request)
          return stream
        }
      case 'client':
        return async (requests, options) => {
          const iterable = checkIterable(requests, 'requests')
          return await sendAll(this.#open(bound, options ?? {}), iterable)
        }
      case 'bidi':
        return (requests, options) => {
          const iterable = checkIterable(requests, 'requests')
          const stream = this.#open(bound, options ?? {})
          void pumpRequests(stream, iterable)
          return stream
        }
    }
  }

  #withMiddleware(
    service: Service<unknown>,
    { kind, name }: ServiceMethod,
    start: (request: unknown, options?: CallOptions) => unknown,
  ): (request: unknown, options?: CallOptions) => unknown {
    if (this.#middleware.length === 0) return start
    const chain = [...this.#middleware]
    return (request, options) => {
      const metadata = new Metadata()
      if (options?.metadata !== undefined) metadata.merge(metadataOf(options.metadata))
      const call = {
        side: 'client' as const,
        kind,
        service: service.name,
        method: name,
        metadata,
        context: undefined,
        signal: options?.signal,
      }
      return runClientChain(chain, call, request, next => start(next, { ...options, metadata }))
    }
  }

  #unary(bound: BoundMethod, request: unknown, options: CallOptions | undefined): Promise<unknown> {
    if (this.#closed) return Promise.reject(new TypeError('the client is closed'))
    const found = this.#find(options)
    if (!(found instanceof Promise)) return this.#unaryTo(found, bound, request, options)
    const ready = this.#within(found, options ?? {}, this.#options.timeoutMs)
    return ready.then(each => this.#unaryTo(each.target, bound, request, each.options))
  }

  #unaryTo(
    first: Target,
    bound: BoundMethod,
    request: unknown,
    options: CallOptions | undefined,
  ): Promise<unknown> {
    const { method, service, grpc } = bound
    const contentType = options?.contentType ?? this.#contentType(method, first.protocol)
    if (first.protocol === 'grpc' && grpc !== undefined) {
      return this.#grpc!.unary(grpc, first, contentType, request, options)
    }
    let next: Target | undefined = first
    const find = (): Target | Promise<Target> => {
      const chosen = next ?? this.#find(options)
      next = undefined
      return chosen
    }
    return this.#mucp.unary(find, method, service, contentType, request, options ?? {})
  }

  #open(bound: BoundMethod, options: CallOptions): ClientStream {
    this.#checkOpen()
    const found = this.#find(options)
    if (!(found instanceof Promise)) return this.#openTo(found, bound, options)
    const ready = this.#within(found, options, undefined)
    return new PendingStream(ready, each => this.#openTo(each.target, bound, each.options))
  }

  #openTo(first: Target, bound: BoundMethod, options: CallOptions): ClientStream {
    const { method, service, grpc } = bound
    const contentType = options.contentType ?? this.#contentType(method, first.protocol)
    if (first.protocol === 'grpc' && grpc !== undefined) {
      return this.#grpc!.stream(grpc, first, contentType, options)
    }
    return this.#mucp.stream(first, method, service, contentType, options)
  }

  #find(options: CallOptions | undefined): Target | Promise<Target> {
    const address = options?.address
    if (address !== undefined && address !== this.#fixed?.address) {
      return targetAt(address, this.#protocol)
    }
    return this.#fixed ?? this.#finder!.find()
  }

  #within(
    found: Promise<Target>,
    options: CallOptions,
    timeoutMs: number | undefined,
  ): Promise<Found> {
    const limitMs = options.timeoutMs ?? timeoutMs ?? Number.POSITIVE_INFINITY
    return findWithin(found, this.#runtime, limitMs, options)
  }

  /** The client's content type, else the best that the method has codecs for. */
  #contentType(method: ServiceMethod, protocol: Protocol): string {
    const { contentType } = this.#options
    if (contentType !== undefined) return contentType
    if (protocol === 'mucp' && has(method, 'json')) return MUCP_CONTENT_TYPE
    const subtype = has(method, 'proto')
      ? 'proto'
      : [...method.request.keys()].find(each => has(method, each))
    if (protocol === 'grpc') return `application/grpc+${subtype}`
    return subtype === 'proto' ? 'application/protobuf' : 'application/octet-stream'
  }

  #checkOpen(): void {
    if (this.#closed) throw new TypeError('the client is closed')
  }
}

function has(method: ServiceMethod, subtype: string): boolean {
  return method.request.has(subtype) && method.response.has(subtype)
}

function targetAt(address: string, protocol: Protocol | undefined): Target {
  return { address, protocol: protocol ?? 'grpc', legacy: false }
}

function isCallTransport(transport: Transport): transport is CallTransport {
  return 'session' in transport
}

function defaultTransport(options: ClientOptions): CallTransport {
  const { tls, limits, messageSizeMax, runtime } = options
  const { keepaliveIntervalMs, keepaliveTimeoutMs, backOff } = options
  return grpcTransport({
    session: {
      ...(keepaliveIntervalMs === undefined ? {} : { keepaliveIntervalMs }),
      ...(keepaliveTimeoutMs === undefined ? {} : { keepaliveTimeoutMs }),
      ...(backOff === undefined ? {} : { backOff }),
    },
    ...(tls === undefined ? {} : { clientTls: tls }),
    ...(limits === undefined ? {} : { limits }),
    ...(messageSizeMax === undefined ? {} : { messageSizeMax }),
    ...(runtime === undefined ? {} : { runtime }),
  })
}

function mucpClient(options: ClientOptions, transport: Transport, runtime: Runtime): MucpClient {
  return new MucpClient({
    transport,
    runtime,
    timeoutMs: options.timeoutMs ?? 30_000,
    connectionTimeoutMs: options.connectionTimeoutMs ?? 5_000,
    dialTimeoutMs: options.dialTimeoutMs ?? 5_000,
    retries: options.retries ?? 5,
    pool: options.pool ?? {},
  })
}

function grpcClient(
  options: ClientOptions,
  transport: CallTransport,
  runtime: Runtime,
): GrpcClient {
  const { userAgent } = options
  return new GrpcClient({
    transport,
    runtime,
    authority: options.authority,
    userAgent: userAgent === undefined ? USER_AGENT : `${userAgent} ${USER_AGENT}`,
    timeoutMs: options.timeoutMs ?? Number.POSITIVE_INFINITY,
    retries: options.retries ?? 0,
    compression: options.compression,
    limits: callLimits(
      options.messageSizeMax === undefined ? undefined : { messageSizeMax: options.messageSizeMax },
    ),
  })
}

function checkOptions(options: ClientOptions): void {
  checkKnown('createClient', options, CLIENT_OPTION_NAMES)
  const { address, registry, transport, protocol, contentType, retries, pool } = options
  if ((address === undefined) === (registry === undefined)) {
    throw new TypeError('createClient needs either address or registry with service')
  }
  if (address !== undefined) checkText('address', address)
  if (registry !== undefined) checkMethods('registry', registry, ['getService'])
  if (options.selector !== undefined) checkMethods('selector', options.selector, ['select'])
  if (transport !== undefined) {
    checkMethods('transport', transport, ['dial', 'listen'])
    for (const name of TRANSPORT_OPTION_NAMES) {
      if (options[name] === undefined) continue
      throw new TypeError(`${name} belongs to the transport that was given: set it there`)
    }
  }
  checkOneOf('protocol', protocol, ['grpc', 'mucp'])
  checkOneOf('compression', options.compression, COMPRESSION_NAMES)
  if (contentType !== undefined && contentCodec(contentType) === undefined) {
    if (grpcSubtype(checkText('contentType', contentType)) === undefined) {
      throw new TypeError(`contentType '${contentType}' is not known`)
    }
  }
  for (const name of ['timeoutMs', 'connectionTimeoutMs', 'dialTimeoutMs'] as const) {
    if (options[name] !== undefined) checkMs(name, options[name])
  }
  if (retries !== undefined) checkCount('retries', retries)
  if (pool?.sizeMax !== undefined) checkCount('pool.sizeMax', pool.sizeMax)
  if (pool?.ttlMs !== undefined) checkMs('pool.ttlMs', pool.ttlMs)
}

function checkOneOf(name: string, value: unknown, known: readonly string[]): void {
  if (value === undefined || known.includes(value as string)) return
  throw new TypeError(`${name} must be ${known.join(' or ')}, got '${String(value)}'`)
}
