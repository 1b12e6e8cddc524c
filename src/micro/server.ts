import { GrpcError, Router, Status } from '../grpc/index.js'
import {
  type CallListener,
  type Cancellable,
  grpcTransport,
  type Listener,
  nodeRuntime,
  type Runtime,
  type ServerTlsOptions,
  type Socket,
  type Transport,
} from '../transport/index.js'
import type { TypedCodec } from './codec.js'
import { bindHandlers, type Endpoint, EndpointTable } from './endpoint-table.js'
import { type EventHandler, Subscriptions } from './events.js'
import { GrpcRoute } from './grpc-route.js'
import { type Inheritance, inheritanceOf } from './inheritance.js'
import { checkMiddleware, type Middleware } from './middleware.js'
import { MucpConnection, type MucpServerOptions } from './mucp-server.js'
import { checkFunction, checkKnown, checkMethods, checkText } from './options.js'
import { Registration } from './registration.js'
import { callsOf, SERVER_OPTION_NAMES, type ServerOptions } from './server-options.js'
import { checkService, type Service } from './service.js'
import type { Handlers, ServiceTypes } from './service-types.js'

/** How a server stops. */
export interface StopOptions {
  /** How long running calls may go on; then they are cut. Unit: ms. Default: 5_000. */
  readonly graceMs?: number
}

/** How a service is offered. */
export interface HandleOptions {
  /**
   * Only under its full name and only to native gRPC: no short name, no mucp, not in the registry. For services that
   * gRPC's tools look for: several versions of one may then stand side by side. Default: false.
   */
  readonly nativeOnly?: boolean
}

const GRACE_MS = 5_000

/** The longest that a timer can wait. Unit: ms. */
const TIMER_MS_MAX = 0x7fff_ffff

/** Options that only make sense for the default transport. */
const TRANSPORT_OPTION_NAMES = [
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

/** Services that `Transport/Stream` itself goes by. */
const TRANSPORT_SERVICES: readonly string[] = [
  'go.micro.transport.grpc.Transport',
  'go.micro.grpc.transport.Transport',
]

/**
 * Makes a server: one table of handlers, behind native gRPC and behind
 * go-micro's protocol on the same port. It listens from `start` on.
 *
 * @throws TypeError or RangeError naming the option that cannot be used
 */
export function createServer(options: ServerOptions): Server {
  return new Server(options)
}

/** A named server. See `createServer`. */
export class Server implements AsyncDisposable {
  readonly name: string
  readonly #options: ServerOptions
  readonly #transport: Transport
  readonly #runtime: Runtime
  readonly #table = new EndpointTable()
  readonly #subscriptions = new Subscriptions()
  readonly #router = new Router()
  readonly #middleware: Middleware[] = []
  readonly #inheritance: Inheritance | undefined
  readonly #mucp: MucpServerOptions
  /** Of mucp clients, and what ends the serving of each though its handlers go on. */
  readonly #connections = new Map<MucpConnection, (error: Error) => void>()
  readonly #services: Service<unknown>[] = []
  readonly #stopHooks: (() => void | Promise<void>)[] = []
  #listening: Promise<Listener> | undefined
  #listener: Listener | undefined
  #registration: Registration | undefined
  #state: 'new' | 'starting' | 'running' | 'stopped' = 'new'
  #stopping: Promise<void> | undefined

  constructor(options: ServerOptions) {
    checkKnown('createServer', options, SERVER_OPTION_NAMES)
    this.name = checkText('name', options.name)
    if (options.address !== undefined) checkText('address', options.address)
    if (options.transport !== undefined) {
      checkMethods('transport', options.transport, ['dial', 'listen'])
      for (const name of TRANSPORT_OPTION_NAMES) {
        if (options[name] === undefined) continue
        throw new TypeError(`${name} belongs to the transport that was given: set it there`)
      }
    }
    if (options.registry !== undefined) {
      checkMethods('registry', options.registry, ['register', 'deregister'])
    }
    if (options.onError !== undefined) checkFunction('onError', options.onError)
    this.#options = options
    this.#runtime = options.runtime ?? nodeRuntime
    this.#inheritance = inheritanceOf(options.inherit, this.#runtime)
    this.#transport = options.transport ?? defaultTransport(options)
    this.#mucp = {
      name: this.name,
      table: this.#table,
      subscriptions: this.#subscriptions,
      runtime: this.#runtime,
      exposeErrors: options.exposeErrors === true,
      onError: safeListener(options.onError),
    }
    if (options.matchShortName === true) this.#router.catchAll = path => this.#byShortName(path)
  }

  /** The address it listens on: with the real port. @throws TypeError before `start` */
  get address(): string {
    if (this.#listener === undefined) throw new TypeError('the server has no address before start')
    return this.#listener.address
  }

  /** The services that are handled, in the order of registration. */
  get services(): readonly Service<unknown>[] {
    return this.#services
  }

  /** Sockets of mucp clients that are open. */
  get socketCount(): number {
    return this.#connections.size
  }

  /**
   * Adds middleware around the handlers registered from now on, the first
   * outermost.
   */
  use(...middleware: readonly Middleware[]): this {
    checkMiddleware(middleware)
    this.#middleware.push(...middleware)
    return this
  }

  /**
   * Serves `service` with `handlers`, one for each method, under three names:
   * its own, `<server>.<short name>` and its short name alone.
   *
   * @throws TypeError when handlers are missing or unknown, or another service has the short name
   * @throws RangeError when a path of it is served already
   */
  handle<S extends ServiceTypes<S>>(
    service: Service<S>,
    handlers: Handlers<S>,
    options: HandleOptions = {},
  ): this {
    checkService(service)
    if (TRANSPORT_SERVICES.includes(service.name)) {
      throw new TypeError(`service ${service.name} is the transport's own`)
    }
    const chain = [...this.#middleware]
    const endpoints =
      options.nativeOnly === true
        ? bindHandlers(service, handlers, chain, this.#inheritance)
        : this.#table.add(service, handlers, chain, this.#inheritance)
    for (const endpoint of endpoints) {
      const paths = options.nativeOnly === true ? [endpoint.method.path] : this.#pathsOf(endpoint)
      for (const path of paths) this.#router.add(new GrpcRoute(endpoint, path, this.#mucp))
    }
    this.#services.push(service)
    return this
  }

  /**
   * Runs `hook` when `stop` is called, before anything else happens: native
   * calls are still accepted. `stop` waits for it, for `graceMs` at most, and goes on when it fails.
   */
  onStop(hook: () => void | Promise<void>): this {
    if (typeof hook !== 'function') {
      throw new TypeError(`a stop hook must be a function, got ${typeof hook}`)
    }
    this.#stopHooks.push(hook)
    return this
  }

  /**
   * Calls `handler` with each event of `topic` (`Micro-Topic`). Returns how to
   * end it. Default codec: JSON.
   */
  subscribe<T = unknown>(
    topic: string,
    handler: EventHandler<T>,
    codec?: TypedCodec<T>,
  ): () => void {
    return this.#subscriptions.add(topic, handler, codec)
  }

  /** Listens, then registers. Rejects with the transport's error, or TypeError when started or stopped before. */
  async start(): Promise<void> {
    if (this.#state !== 'new') throw new TypeError(`the server is ${this.#state} already`)
    this.#state = 'starting'
    try {
      this.#listening = this.#transport.listen(this.#options.address ?? '127.0.0.1:0')
      const listener = await this.#listening
      this.#listener = listener
      if (isCallListener(listener)) listener.onCall(this.#router)
      listener.accept(socket => this.#serve(socket))
      if (this.#stopping === undefined) await this.#register(listener)
    } catch (error) {
      if (this.#stopping === undefined) await this.#startAgain()
      throw error
    }
    if (this.#stopping !== undefined) throw new TypeError('the server was stopped while it started')
    this.#state = 'running'
  }

  /**
   * TLS handshakes from now on use these options, and nothing of those before; connections live on. Whatever was set has
   * to be named again, `undefined` takes it away.
   *
   * @throws TypeError or RangeError naming the option that is missing or cannot be used, and the old ones stay; TypeError unless it listens with `tls`
   */
  updateTls(tls: ServerTlsOptions): void {
    const listener = this.#listener
    if (listener === undefined) throw new TypeError('the server has no certificate before start')
    if (!isCallListener(listener)) {
      throw new TypeError(`transport ${this.#transport.name} has no certificate`)
    }
    listener.updateTls(tls)
  }

  /**
   * Runs the stop hooks, leaves the registry, stops accepting, lets running calls finish for
   * `graceMs` and cuts the rest. Settles when nothing is left. May be called again.
   */
  stop(options: StopOptions = {}): Promise<void> {
    const graceMs = options.graceMs ?? GRACE_MS
    if (!(graceMs >= 0)) throw new RangeError(`graceMs must be at least 0, got ${graceMs}`)
    this.#stopping ??= this.#stop(graceMs)
    return this.#stopping
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  /** After a start that failed: it may be tried again. */
  async #startAgain(): Promise<void> {
    await this.#listener?.close()
    this.#listener = undefined
    if (this.#state === 'starting') this.#state = 'new'
  }

  async #stop(graceMs: number): Promise<void> {
    this.#state = 'stopped'
    const end = this.#runtime.now() + graceMs
    if (this.#stopHooks.length > 0) await this.#runStopHooks(graceMs)
    // It may be about to listen: that is ended as well. Why it failed is for `start` to say.
    await this.#listening?.catch(() => undefined)
    const listener = this.#listener
    await this.#registration?.end()
    if (listener === undefined) return
    const restMs = Math.max(0, end - this.#runtime.now())
    const timer = this.#runtime.schedule(Math.min(restMs, TIMER_MS_MAX), () => this.#cut())
    // There may be nothing else: the memory transport has no socket that does.
    timer.ref()
    const closed = isCallListener(listener) ? listener.stop(restMs) : listener.close()
    for (const connection of this.#connections.keys()) connection.drain()
    await closed
    timer.cancel()
  }

  async #runStopHooks(graceMs: number): Promise<void> {
    let timer: Cancellable | undefined
    const late = new Promise<void>(resolve => {
      timer = this.#runtime.schedule(Math.min(graceMs, TIMER_MS_MAX), resolve)
      timer.ref()
    })
    const done = this.#stopHooks.map(async hook => {
      try {
        await hook()
      } catch (error) {
        this.#mucp.onError(error, undefined)
      }
    })
    await Promise.race([Promise.all(done), late])
    timer?.cancel()
  }

  #cut(): void {
    for (const [connection, abandon] of this.#connections) {
      connection.destroy(new Error('the server stopped'))
      abandon(new GrpcError(Status.Unavailable, 'the server is leaving'))
    }
  }

  async #serve(socket: Socket): Promise<void> {
    const connection = new MucpConnection(socket, this.#mucp)
    // A handler that ignores its signal holds up neither its client nor `stop`.
    const cut = new Promise<never>((_resolve, reject) => this.#connections.set(connection, reject))
    if (this.#state === 'stopped') connection.drain()
    try {
      await Promise.race([connection.run(), cut])
    } finally {
      this.#connections.delete(connection)
    }
  }

  async #register(listener: Listener): Promise<void> {
    const { registry, version, metadata, advertise } = this.#options
    if (registry === undefined) return
    this.#registration = new Registration(registry, this.#runtime, this.#mucp.onError, {
      name: this.name,
      version: version ?? 'latest',
      metadata: metadata ?? {},
      address: advertise ?? reachable(listener.address),
      transport: this.#transport.name,
      native: isCallListener(listener),
      endpoints: [...this.#table.endpoints].map(endpoint => endpoint.method.endpoint),
    })
    await this.#registration.begin()
  }

  /** What gRPC clients, go-micro's client/grpc and short-spoken ones call. */
  #pathsOf({ service, method }: Endpoint): Set<string> {
    const { shortName } = service
    return new Set([
      method.path,
      `/${this.name}.${shortName}/${method.wireName}`,
      `/${shortName}/${method.wireName}`,
    ])
  }

  /** As go-micro's server/grpc: whatever the package, the last part of the service decides. */
  #byShortName(path: string): GrpcRoute | undefined {
    const match = /^\/(?:[^/]*\.)?([^./]+)\/([^/]+)$/.exec(path)
    const endpoint = match === null ? undefined : this.#table.get(`${match[1]}.${match[2]}`)
    return endpoint === undefined ? undefined : new GrpcRoute(endpoint, path, this.#mucp)
  }
}

/** `onError` as it may be called anywhere: what it throws costs no caller an answer. */
function safeListener(listener: ServerOptions['onError']): MucpServerOptions['onError'] {
  if (listener === undefined) return () => undefined
  return (error, context) => {
    try {
      const result: unknown = listener(error, context)
      if (result instanceof Promise) result.catch(() => undefined)
    } catch {
      // As its documentation says.
    }
  }
}

/** Options that the transport calls otherwise. */
const RENAMED_NAMES: readonly string[] = ['tls', 'calls', 'compression', 'compressions']

/** The default transport. What native handlers answer and cannot be encoded is told as well. */
function defaultTransport(options: ServerOptions): Transport {
  const { tls, onError } = options
  const told =
    onError === undefined ? {} : { onError: (error: unknown) => onError(error, undefined) }
  const passed: Record<string, unknown> = {}
  for (const name of ['runtime', ...TRANSPORT_OPTION_NAMES] as const) {
    if (options[name] !== undefined && !RENAMED_NAMES.includes(name)) passed[name] = options[name]
  }
  return grpcTransport({
    ...passed,
    ...told,
    ...(tls === undefined ? {} : { serverTls: tls }),
    calls: { ...told, ...callsOf(options) },
  })
}

function isCallListener(listener: Listener): listener is CallListener {
  return 'onCall' in listener
}

/** An address that others on this machine can dial, for one that means every interface. */
function reachable(address: string): string {
  return address.replace(/^(?:\[::\]|0\.0\.0\.0|):(?=\d+$)/, '127.0.0.1:')
}
