import { checkNoOptions } from '../../options/index.js'
import { nodeRuntime, type Runtime, type Transport } from '../../transport/index.js'
import { bindCallbacks, type CallOptions, checkCallOptions } from '../call/call-options.js'
import { inherit } from '../call/inheritance.js'
import { checkMiddleware, lateMiddleware, type Middleware } from '../call/middleware.js'
import { Preparations } from '../call/preparations.js'
import { type Target, targetAt, tellTarget } from '../discovery/target.js'
import type { TargetFinder } from '../discovery/target-finder.js'
import { isCallTransport, type Protocol } from '../protocol.js'
import { checkService, methodOf, type Service, type ServiceMethod } from '../service/service.js'
import type { BoundClient, MessageStreamOf, ServiceTypes } from '../service/service-types.js'
import { CallCredentials } from './call-credentials.js'
import type { ClientStream } from './calls/client-stream.js'
import { type Found, findWithin } from './calls/find-within.js'
import type { AnyFunction, ChainOptions } from './chain-call.js'
import { checkedCall } from './checked-call.js'
import { type ConnectOptions, connectTo } from './client-connect.js'
import { fixedTarget, nobodyToCall, targetFinder } from './client-finder.js'
import { composeClient } from './client-middleware.js'
import { type ClientOptions, checkClientOptions } from './client-options.js'
import {
  type BoundMethod,
  boundMethod,
  cancelled,
  checkMetadata,
  contentTypeOf,
  defaultTransport,
  grpcClient,
  isEncrypted,
  mucpClient,
  patient,
  publisherOf,
} from './client-parts.js'
import {
  checkPublished,
  type Publisher,
  type PublishOptions,
  publishedOf,
} from './client-publish.js'
import type { MucpClient } from './mucp/client.js'
import type { GrpcClient } from './native/client.js'
import { noThenable } from './no-thenable.js'
import { PendingStream } from './pending-stream.js'
import { streamFunction } from './stream-function.js'
import { updateTls } from './update-tls.js'

/**
 * Creates a client. It connects at the first call.
 *
 * @throws TypeError or RangeError naming the option that cannot be used
 */
export function createClient(options: ClientOptions): Client {
  return new Client(options)
}

/** A client of one service, at one address or at the nodes of a registry. See `createClient`. */
export class Client implements AsyncDisposable {
  readonly #options: ClientOptions
  readonly #transport: Transport
  readonly #runtime: Runtime
  readonly #protocol: Protocol | undefined
  readonly #fixed: Target | undefined
  readonly #finder: TargetFinder | undefined
  readonly #mucp: MucpClient
  readonly #grpc: GrpcClient | undefined
  readonly #credentials: CallCredentials
  readonly #preparations: Preparations = new Preparations()
  readonly #publisher: Publisher | undefined
  readonly #middleware: Middleware[] = []
  /** The first service that was bound: middleware would come too late for it. */
  #boundName: string | undefined
  #closed = false

  constructor(options: ClientOptions) {
    checkClientOptions(options)
    this.#options = options
    const runtime = options.runtime ?? nodeRuntime
    this.#runtime = runtime
    this.#transport = options.transport ?? defaultTransport(options)
    const native = isCallTransport(this.#transport)
    this.#credentials = new CallCredentials(options, this.#transport, runtime, this.#preparations)
    const protocol = options.protocol ?? (native ? undefined : 'mucp')
    this.#protocol = protocol
    this.#fixed = fixedTarget(options, protocol)
    this.#mucp = mucpClient(options, this.#transport, this.#runtime)
    this.#publisher = publisherOf(options, this.#runtime, this.#preparations, this.#middleware)
    this.#grpc = native ? grpcClient(options, this.#transport, this.#runtime) : undefined
    this.#finder = targetFinder(options, {
      transport: this.#transport,
      runtime: this.#runtime,
      protocol,
      grpc: this.#grpc,
    })
  }

  /**
   * Adds middleware around the calls of all services, the first outermost.
   *
   * @throws TypeError once a service is bound: its calls would run without it
   */
  use(...middleware: readonly Middleware[]): this {
    checkMiddleware(middleware)
    if (this.#boundName !== undefined) throw lateMiddleware('bind', this.#boundName)
    this.#middleware.push(...middleware)
    return this
  }

  /** The service's methods as functions. They need no `this`: take them apart at will. */
  bind<S extends ServiceTypes<S>>(service: Service<S>): BoundClient<S> {
    checkService(service)
    this.#boundName ??= service.name
    // Nothing but the methods, whatever they are called: `constructor`, `__proto__` ...
    const functions: Record<string, AnyFunction> = Object.create(null)
    for (const method of service.methods) {
      const bound = boundMethod(this.#options, this.#grpc, service, method)
      const call = this.#around(service, method, this.#function(bound))
      functions[method.name] = method.name === 'then' ? noThenable(call) : call
    }
    return functions as unknown as BoundClient<S>
  }

  /**
   * A call of one method, to send and receive by hand; most useful for `bidi`.
   * Middleware does not see it.
   *
   * @throws TypeError when the service has no such method, or as `checkCallOptions`
   */
  stream<S extends ServiceTypes<S>, M extends keyof S & string>(
    service: Service<S>,
    name: M,
    options: CallOptions = {},
  ): MessageStreamOf<S[M]> {
    checkService(service)
    const method = methodOf(service, name)
    checkCallOptions(options)
    checkMetadata(options)
    const given = this.#inherited(bindCallbacks(options), Number.POSITIVE_INFINITY)
    return this.#open(
      boundMethod(this.#options, this.#grpc, service, method),
      given,
    ) as unknown as MessageStreamOf<S[M]>
  }

  /**
   * Sends an event to a server's subscribers (`Micro-Topic`) over the transport and waits until they are done. With a
   * broker: publishes it there. Octets go as they are, everything else as JSON.
   *
   * @throws MicroError that a subscriber failed with; of a broker, what its `publish` throws
   */
  async publish(topic: string, message: unknown, options: PublishOptions = {}): Promise<void> {
    checkPublished(topic, options)
    this.#checkOpen()
    const given = this.#inherited(options, this.#timeoutMs('mucp'))
    if (this.#publisher !== undefined) return await this.#publisher.publish(topic, message, given)
    const { contentType, body } = publishedOf(topic, message, options)
    const find = (last?: Target) => last?.route?.moveOn() ?? this.#find(given)
    await this.#mucp.publish(find, topic, contentType, body, given)
  }

  /**
   * Connects before the first call, to the address or to a node of the registry. Resolves at once when connected.
   *
   * @throws what a call would fail with: without `waitForReady`, UNAVAILABLE when the attempt fails
   */
  async connect(options: ConnectOptions = {}): Promise<void> {
    this.#checkOpen()
    const parts = {
      preparations: this.#preparations,
      transport: this.#transport,
      runtime: this.#runtime,
      protocol: this.#fixed?.protocol ?? this.#protocol ?? 'grpc',
      find: () => this.#find(undefined),
      findLater: () => this.#finder!.findLater(),
      dial: ({ address }: Target) => this.#mucp.connect(address),
      isClosed: () => this.#closed,
    }
    await connectTo(parts, options)
  }

  /** Idle mucp sockets to an address. */
  idleCount(address: string): number {
    return this.#mucp.idleCount(address)
  }

  /** Other TLS options for connections that are made from now on: see `Session.updateTls`. @throws as that, and TypeError for a client that was given its transport. */
  updateTls(tls: NonNullable<ClientOptions['tls']>): void {
    updateTls(this.#options, this.#transport, tls)
  }

  /** Ends what is under way and closes what the client opened. Native calls over a transport of yours go on until that is closed. */
  async close(options?: undefined): Promise<void> {
    checkNoOptions('close', options)
    if (this.#closed) return
    this.#closed = true
    this.#preparations.close()
    this.#finder?.close()
    this.#mucp.close()
    const own = this.#options.transport === undefined
    if (own && isCallTransport(this.#transport)) await this.#transport.close()
  }

  /** Same as `close`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #function(bound: BoundMethod): AnyFunction {
    const { kind } = bound.method
    if (kind === 'unary') return (request, options) => this.#unary(bound, request, options)
    return streamFunction(kind, options => this.#open(bound, options))
  }

  /** `start` within the middleware; the call inherits from the one whose handler makes it. */
  #around(
    service: Service<unknown>,
    { kind, name, path }: ServiceMethod,
    start: AnyFunction,
  ): (request: unknown, options?: CallOptions) => unknown {
    const protocol = this.#fixed?.protocol ?? this.#protocol
    const timeoutMs = kind === 'unary' ? this.#timeoutMs(protocol) : Number.POSITIVE_INFINITY
    const call =
      this.#middleware.length === 0
        ? start
        : composeClient(this.#middleware, {
            kind,
            service: service.name,
            method: name,
            path,
            address: this.#fixed?.address ?? '',
            isEncrypted: isEncrypted(this.#transport),
            timeoutMs,
            now: () => this.#runtime.now(),
            cancelled: () => cancelled(protocol),
            start,
          })
    const inherits = this.#options.inherit !== false
    return checkedCall(call, kind, inherits, timeoutMs)
  }

  /** How long a unary call may take that says nothing itself. Unit: ms. */
  #timeoutMs(protocol: Protocol | undefined): number {
    const { timeoutMs } = protocol === 'mucp' ? this.#mucp.options : this.#options
    return timeoutMs ?? Number.POSITIVE_INFINITY
  }

  #unary(
    bound: BoundMethod,
    request: unknown,
    options: ChainOptions | undefined,
  ): Promise<unknown> {
    if (this.#closed) return Promise.reject(new TypeError('the client is closed'))
    const found = this.#find(options)
    const credentials = options?.credentials ?? this.#options.credentials
    if (!(found instanceof Promise) && credentials === undefined) {
      return this.#unaryTo(found, bound, request, options)
    }
    const ready = this.#ready(found, bound, options ?? {}, 'unary')
    return ready.then(each => this.#unaryTo(each.target, bound, request, each.options))
  }

  #unaryTo(
    first: Target,
    bound: BoundMethod,
    request: unknown,
    options: CallOptions | undefined,
  ): Promise<unknown> {
    const { method, service, grpc } = bound
    const contentType = options?.contentType ?? contentTypeOf(this.#options, method, first.protocol)
    if (first.protocol === 'grpc' && grpc !== undefined) {
      return this.#grpc!.unary(grpc, first, contentType, request, options)
    }
    const find = (last?: Target) =>
      last === undefined ? first : (last.route?.moveOn() ?? this.#find(options))
    return this.#mucp.unary(find, method, service, contentType, request, options ?? {})
  }

  #open(bound: BoundMethod, options: ChainOptions): ClientStream {
    this.#checkOpen()
    const found = this.#find(options)
    const credentials = options.credentials ?? this.#options.credentials
    if (!(found instanceof Promise) && credentials === undefined) {
      return this.#openTo(found, bound, options)
    }
    const ready = this.#ready(found, bound, options, 'stream')
    return new PendingStream(ready, each => this.#openTo(each.target, bound, each.options))
  }

  #openTo(first: Target, bound: BoundMethod, options: CallOptions): ClientStream {
    const { method, service, grpc } = bound
    const contentType = options.contentType ?? contentTypeOf(this.#options, method, first.protocol)
    if (first.protocol === 'grpc' && grpc !== undefined) {
      return this.#grpc!.stream(grpc, first, contentType, options)
    }
    return this.#mucp.stream(first, method, service, contentType, options)
  }

  #find(options: ChainOptions | undefined): Target | Promise<Target> {
    const address = options?.address
    if (address !== undefined && address !== this.#fixed?.address) {
      return targetAt(address, this.#protocol)
    }
    if (this.#fixed !== undefined) return this.#fixed
    const found = this.#finder?.find() ?? nobodyToCall()
    return options?.onTarget === undefined ? found : tellTarget(found, options.onTarget)
  }

  /** Everything that a call may have to wait for before it starts, within its own time. */
  async #ready(
    found: Target | Promise<Target>,
    bound: BoundMethod,
    options: CallOptions,
    kind: 'unary' | 'stream',
  ): Promise<Found> {
    const ownMs = kind === 'unary' ? this.#options.timeoutMs : undefined
    const { target, options: left } =
      found instanceof Promise
        ? await this.#within(found, patient(options, bound.grpc), ownMs)
        : { target: found, options }
    const credentials = options.credentials ?? this.#options.credentials
    if (credentials === undefined) return { target, options: left }
    const defaultMs = kind === 'unary' ? this.#timeoutMs(target.protocol) : Number.POSITIVE_INFINITY
    const timeoutMs = left.timeoutMs ?? defaultMs
    return {
      target,
      options: await this.#credentials.authorize(credentials, target, bound, left, timeoutMs),
    }
  }

  #inherited(options: CallOptions, timeoutMs: number): CallOptions {
    return this.#options.inherit === false ? options : (inherit(options, timeoutMs) ?? options)
  }

  #within(
    found: Promise<Target>,
    options: CallOptions,
    timeoutMs: number | undefined,
  ): Promise<Found> {
    const limitMs = options.timeoutMs ?? timeoutMs ?? Number.POSITIVE_INFINITY
    return findWithin(found, this.#runtime, limitMs, options, {
      preparations: this.#preparations,
      isNative: isCallTransport(this.#transport) && this.#protocol !== 'mucp',
      findLater: () => this.#finder!.findLater(),
      finder: this.#finder,
    })
  }

  #checkOpen(): void {
    if (this.#closed) throw new TypeError('the client is closed')
  }
}
