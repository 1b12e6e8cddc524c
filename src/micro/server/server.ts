import { Router } from '../../grpc/index.js'
import type { OverloadState } from '../../overload/index.js'
import {
  type Listener,
  MemoryBudget,
  nodeRuntime,
  type Runtime,
  type ServerTlsOptions,
  type Transport,
} from '../../transport/index.js'
import { type Grace, HANDLER_GRACE_MS } from '../async/grace.js'
import { type Inheritance, inheritanceOf } from '../call/inheritance.js'
import { checkMiddleware, lateMiddleware, type Middleware } from '../call/middleware.js'
import type { Registration } from '../discovery/registration.js'
import type { CodecChoice } from '../service/codec.js'
import { checkService, type Service } from '../service/service.js'
import type { Handlers, ServiceTypes } from '../service/service-types.js'
import { byShortName, ServerGates } from './gates.js'
import { bindHandlers, EndpointTable } from './handlers/endpoint-table.js'
import { type EventHandler, type SubscribeOptions, Subscriptions } from './handlers/events.js'
import {
  type AbandonedHandler,
  HandlerAbandonedError,
  RunningHandlers,
} from './handlers/running-handlers.js'
import {
  checkHandle,
  checkStop,
  type HandleOptions,
  type StopOptions,
  type StopResult,
} from './method-options.js'
import { MucpConnections } from './mucp/connections.js'
import { KeptOctets } from './mucp/limits.js'
import type { MucpServerOptions } from './mucp/server-options.js'
import { ServerBroker } from './server-broker.js'
import { checkServerOptions, type ServerOptions } from './server-options.js'
import {
  defaultTransport,
  isCallListener,
  pathsOf,
  runHooks,
  safeListener,
  TRANSPORT_SERVICES,
  tlsListener,
} from './server-parts.js'
import { registrationOf } from './server-registration.js'
import { StopTimes } from './stop-times.js'

/**
 * Creates a server whose handlers serve native gRPC and go-micro's protocol on the same port. It
 * listens after `start`.
 *
 * @throws TypeError or RangeError naming the option that cannot be used
 */
export function createServer(options: ServerOptions): Server {
  return new Server(options)
}

/** A server. See `createServer`. */
export class Server implements AsyncDisposable {
  /** The name of the server. */
  readonly name: string
  readonly #options: ServerOptions
  readonly #transport: Transport
  readonly #runtime: Runtime
  readonly #table = new EndpointTable()
  readonly #subscriptions = new Subscriptions()
  readonly #router = new Router()
  readonly #middleware: Middleware[] = []
  /** What took the middleware first: more of it would come too late. */
  #covered: ['handle' | 'subscribe', string] | undefined
  readonly #inheritance: Inheritance | undefined
  readonly #mucp: MucpServerOptions
  readonly #gates: ServerGates
  readonly #running: RunningHandlers
  readonly #connections: MucpConnections
  readonly #services: Service<unknown>[] = []
  readonly #stopHooks: (() => void | Promise<void>)[] = []
  #listening: Promise<Listener> | undefined
  #listener: Listener | undefined
  #registration: Registration | undefined
  readonly #broker: ServerBroker | undefined
  #state: 'new' | 'starting' | 'running' | 'stopped' = 'new'
  #stopping: Promise<StopResult> | undefined
  #times: StopTimes | undefined

  constructor(options: ServerOptions) {
    checkServerOptions(options)
    this.name = options.name
    this.#options = options
    this.#runtime = options.runtime ?? nodeRuntime
    this.#inheritance = inheritanceOf(options.inherit, this.#runtime)
    this.#transport = options.transport ?? defaultTransport(options)
    const onError = safeListener(options.onError, this.#runtime)
    const handlerGraceMs = options.handlerGraceMs ?? HANDLER_GRACE_MS
    this.#running = new RunningHandlers(this.#runtime, handlerGraceMs, onError)
    this.#gates = new ServerGates(options.overload, this.#runtime)
    this.#mucp = {
      name: this.name,
      table: this.#table,
      subscriptions: this.#subscriptions,
      runtime: this.#runtime,
      exposeErrors: options.exposeErrors === true,
      kept: new KeptOctets(this.#transport.messageSizeMax ?? options.messageSizeMax),
      onError,
      running: this.#running,
      gates: this.#gates,
    }
    this.#connections = new MucpConnections(this.#mucp)
    const { broker } = options
    this.#broker = broker === undefined ? undefined : new ServerBroker({ ...this.#mucp, broker })
    if (options.matchShortName === true)
      this.#router.catchAll = path => byShortName(path, this.#table, this.#gates, this.#mucp)
  }

  /** The address it listens on: with the real port. @throws TypeError before `start` */
  get address(): string {
    if (this.#listener === undefined)
      throw new TypeError('the server has no address before start: await server.start() first')
    return this.#listener.address
  }

  /**
   * Descriptors of its listening sockets, for a process that takes over: `spawn(command, args, { stdio: [0, 1, 2, server.descriptors[0]] })`
   * with the address `fd:3`. Empty before `start`, on Windows and with another transport.
   */
  get descriptors(): readonly number[] {
    const listener = this.#listener
    return listener !== undefined && isCallListener(listener) ? (listener.descriptors ?? []) : []
  }

  /** The services that are handled, in the order of registration. */
  get services(): readonly Service<unknown>[] {
    return this.#services
  }

  /** What its connections, and others that share the budget, hold for their peers; of a transport that counts nothing, that of the process. */
  get memory(): MemoryBudget {
    return this.#transport.memory ?? MemoryBudget.ofProcess
  }

  /** How many calls run, wait and were refused; undefined without the option `overload`. */
  get overload(): OverloadState | undefined {
    return this.#gates.state
  }

  /** Sockets of mucp clients that are open. */
  get socketCount(): number {
    return this.#connections.size
  }

  /**
   * Adds middleware around all handlers and subscribers, the first outermost.
   *
   * @throws TypeError once one of them is there, which would run without it
   */
  use(...middleware: readonly Middleware[]): this {
    checkMiddleware(middleware)
    if (this.#covered !== undefined) throw lateMiddleware(...this.#covered)
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
    checkHandle(options)
    if (TRANSPORT_SERVICES.includes(service.name)) {
      throw new TypeError(`service ${service.name} is the transport's own`)
    }
    const chain = [...(options.middleware ?? this.#middleware)]
    const endpoints =
      options.nativeOnly === true
        ? bindHandlers(service, handlers, chain, this.#inheritance)
        : this.#table.add(service, handlers, chain, this.#inheritance)
    for (const endpoint of endpoints) {
      const paths =
        options.nativeOnly === true ? [endpoint.method.path] : pathsOf(this.name, endpoint)
      for (const path of paths) this.#router.add(this.#gates.route(endpoint, path, this.#mucp))
    }
    this.#services.push(service)
    if (options.middleware === undefined) this.#covered ??= ['handle', service.name]
    void this.#registration?.update()
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
   * Calls `handler` with each event of `topic` (`Micro-Topic`), within the middleware that there is now: what it
   * refuses does not come, and the publisher hears of it. With a broker also with what is published there, from
   * `start` on. Returns how to end it. Default codec: JSON.
   *
   * @throws TypeError for a topic, handler, codec or option that cannot be used
   */
  subscribe<T = unknown>(
    topic: string,
    handler: EventHandler<T>,
    options?: CodecChoice<T> | SubscribeOptions<T>,
  ): () => void {
    const end = this.#subscriptions.add(topic, handler, options, [...this.#middleware])
    this.#covered ??= ['subscribe', topic]
    return end
  }

  /** Listens, subscribes at the broker, then registers. Rejects with the transport's error, or TypeError when started or stopped before. */
  async start(): Promise<void> {
    if (this.#state !== 'new')
      throw new TypeError(`the server is ${this.#state} already; a server starts once`)
    this.#gates.start()
    this.#state = 'starting'
    try {
      this.#listening = this.#transport.listen(this.#options.address ?? '127.0.0.1:0')
      const listener = await this.#listening
      this.#listener = listener
      if (isCallListener(listener)) listener.onCall(this.#router)
      listener.accept(socket => this.#connections.serve(socket))
      // Ahead of the registry: who finds the server may count on its subscriptions.
      if (this.#stopping === undefined) await this.#broker?.start()
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
    tlsListener(this.#listener, this.#transport.name).updateTls(tls)
  }

  /**
   * Runs the stop hooks, leaves the registry, goes on for `lameDuckMs`, stops accepting calls and events, lets what runs finish for
   * `graceMs` and cuts the rest. Settles when no handler runs, or `settleMs` after the cut with the names of
   * those that do; `onError` hears of them as well. May be called again: a shorter grace shortens the one that runs.
   *
   * @throws TypeError or RangeError naming the option that cannot be used
   */
  stop(options: StopOptions = {}): Promise<StopResult> {
    checkStop(options)
    if (this.#stopping === undefined) {
      this.#times = new StopTimes(this.#runtime, options)
      this.#stopping = this.#stop(this.#times)
    } else this.#times?.shorten(options)
    return this.#stopping
  }

  /** Same as `stop`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  /** After a start that failed: it may be tried again. */
  async #startAgain(): Promise<void> {
    await this.#broker?.end()
    await this.#listener?.close()
    this.#listener = undefined
    if (this.#state === 'starting') this.#state = 'new'
  }

  async #stop(times: StopTimes): Promise<StopResult> {
    const { grace, lameDuck } = times
    this.#state = 'stopped'
    try {
      if (this.#stopHooks.length > 0) {
        await Promise.race([runHooks(this.#stopHooks, this.#mucp.onError), grace.over])
      }
      // It may be about to listen: that is ended as well. Why it failed is for `start` to say.
      await this.#listening?.catch(() => undefined)
      await Promise.race([this.#registration?.end(), grace.over])
      if (lameDuck !== undefined) await Promise.race([lameDuck.over, grace.over])
      if (this.#listener !== undefined) await this.#drain(this.#listener, grace)
      return { abandoned: await this.#abandoned(times) }
    } finally {
      this.#gates.close()
      times.close()
    }
  }

  async #drain(listener: Listener, grace: Grace): Promise<void> {
    grace.whenOver(() => this.#cut())
    const unsubscribed = this.#broker?.end()
    const isNative = isCallListener(listener)
    if (isNative) grace.whenShortened(restMs => void listener.stop(restMs))
    const closed = isNative ? listener.stop(grace.restMs) : listener.close()
    this.#connections.drain()
    await closed
    await Promise.race([unsubscribed, grace.over])
  }

  async #abandoned(times: StopTimes): Promise<readonly AbandonedHandler[]> {
    const abandoned = await times.abandoned(this.#running)
    if (abandoned.length > 0) {
      this.#mucp.onError(new HandlerAbandonedError('when the server stopped', abandoned), undefined)
    }
    return abandoned
  }

  #cut(): void {
    this.#broker?.cut()
    this.#connections.cut()
  }

  async #register(listener: Listener): Promise<void> {
    this.#registration = registrationOf({
      options: this.#options,
      runtime: this.#runtime,
      transport: this.#transport,
      listening: listener.address,
      isNative: isCallListener(listener),
      table: this.#table,
      onError: this.#mucp.onError,
    })
    await this.#registration?.begin()
  }
}
