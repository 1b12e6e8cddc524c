import { type MemoryBudget, PROCESS_MEMORY, resolveLimits } from '../../connection/index.js'
import {
  type CallLimits,
  type CallOptions,
  CallSettings,
  type ConnectionLimits,
  callLimits,
  headerLimits,
  receiveLimits,
  requestHeaders,
} from '../../grpc/index.js'
import { Session } from '../client/session.js'
import { checkSessionOptions, type SessionOptions } from '../client/session-options.js'
import { TransportError, TransportErrorCode } from '../errors/transport-error.js'
import { nodeRuntime } from '../node/node-runtime.js'
import { proxyFor } from '../proxy/proxy-choice.js'
import { parseDialAddress } from '../runtime/address.js'
import type { ClientTlsOptions, Runtime } from '../runtime/runtime.js'
import { TimerHost } from '../runtime/timer-host.js'
import { type ConnectionOptions, checkServeOptions } from '../server/serve-options.js'
import { runCompressions } from '../socket/run-compressions.js'
import { checkTlsUpdate } from '../tls/tls-options.js'
import { checkDialOptions, checkListenOptions } from './dial-options.js'
import { GrpcClientSocket, type SocketRoute } from './grpc-client-socket.js'
import { GrpcListener } from './grpc-listener.js'
import {
  checkGrpcTransport,
  type GrpcTransportOptions,
  given,
  withSafeListeners,
} from './grpc-transport-options.js'
import { MESSAGE_SIZE_MAX } from './message.js'
import type {
  CallListener,
  CallTransport,
  DialOptions,
  ListenOptions,
  Socket,
} from './transport.js'
import { TRANSPORT_PATH, TRANSPORT_PATH_OLD, transportMethod } from './transport-method.js'

/** As go-micro's `DefaultDialTimeout`. Unit: ms. */
const DIAL_TIMEOUT_MS = 5_000

/**
 * Creates go-micro's gRPC transport: each socket is a call of `Transport/Stream`. Its listeners
 * also serve native gRPC calls on the same port, and its sessions make them.
 *
 * @throws TypeError or RangeError for options that make no sense.
 */
export function grpcTransport(options: GrpcTransportOptions = {}): CallTransport {
  return new GrpcTransport(options)
}

class GrpcTransport implements CallTransport {
  readonly name = 'grpc'
  readonly messageSizeMax: number | undefined
  readonly receiveBufferMax: number | undefined
  readonly metadataSizeMax: number
  readonly #options: GrpcTransportOptions
  /** What sessions use from now on: of the start, or of the last update. */
  #clientTls: ClientTlsOptions | undefined
  readonly #runtime: Runtime
  readonly #timers: TimerHost
  readonly #messageSizeMax: number
  readonly #limits: CallLimits
  /** How native calls are served. */
  readonly #calls: CallOptions
  /** The paths to try, the preferred one first. */
  readonly #paths: readonly string[]
  /** One for each address, shared. */
  readonly #sessions = new Map<string, Session>()
  /** Of sockets that have a connection of their own. */
  readonly #ownSessions = new Set<Session>()
  /** What each address is known to answer. */
  readonly #routes = new Map<string, readonly SocketRoute[]>()

  constructor(options: GrpcTransportOptions) {
    checkGrpcTransport(options)
    this.#options = withSafeListeners(options)
    this.#clientTls = options.clientTls
    this.messageSizeMax = options.messageSizeMax
    this.receiveBufferMax = options.limits?.receiveBufferMax
    this.#messageSizeMax = options.messageSizeMax ?? MESSAGE_SIZE_MAX
    resolveLimits('client', options.limits)
    this.metadataSizeMax = headerLimits(options.limits, options.calls?.limits).metadataSizeMax
    this.#limits = callLimits({
      messageSizeMax: this.#messageSizeMax,
      metadataSizeMax: this.metadataSizeMax,
    })
    checkServeOptions(this.#serveOptions())
    checkSessionOptions(this.#sessionOptions(), 'session')
    this.#runtime = options.runtime ?? nodeRuntime
    this.#timers = new TimerHost(this.#runtime)
    const { calls } = this.#options
    // By itself: what is merged with it would hide what is wrong with it.
    new CallSettings(calls ?? {})
    this.#calls = {
      ...calls,
      compressions: runCompressions(this.#runtime, calls?.compressions),
      limits: {
        messageSizeMax: this.#messageSizeMax,
        metadataSizeMax: this.metadataSizeMax,
        ...calls?.limits,
      },
    }
    // Throws for what cannot be used, before anybody listens.
    new CallSettings(this.#calls)
    const path = options.path ?? TRANSPORT_PATH
    this.#paths =
      path === TRANSPORT_PATH_OLD
        ? [path, TRANSPORT_PATH]
        : path === TRANSPORT_PATH
          ? [path, TRANSPORT_PATH_OLD]
          : [path]
  }

  get encrypted(): boolean {
    return this.#clientTls !== undefined
  }

  session(address: string, hosts?: readonly string[]): Session {
    const key = hosts === undefined ? address : `${address} ${hosts.join()}`
    const known = this.#sessions.get(key)
    if (known !== undefined && known.state !== 'closed') return known
    const session = this.#newSession(address, hosts)
    this.#sessions.set(key, session)
    return session
  }

  isProxied(address: string): boolean {
    const where = parseDialAddress(address)
    return proxyFor(this.#options.session?.proxy, where, this.#runtime) !== undefined
  }

  async dial(address: string, options: DialOptions = {}): Promise<Socket> {
    checkDialOptions(options)
    const isOwn = options.connClose ?? this.#options.connectionPerSocket ?? false
    const session = isOwn ? this.#newSession(address) : this.session(address)
    if (isOwn) this.#ownSessions.add(session)
    const release = isOwn ? () => this.#release(session) : () => {}
    try {
      await this.#connect(session, options.timeoutMs ?? DIAL_TIMEOUT_MS)
    } catch (error) {
      await release()
      throw error
    }
    return new GrpcClientSocket({
      session,
      runtime: this.#runtime,
      routes: this.#routesTo(session),
      limits: this.#limits,
      messageSizeMax: this.#messageSizeMax,
      onRoute: route => this.#routes.set(address, [route]),
      onEnd: release,
    })
  }

  async listen(address: string, options: ListenOptions = {}): Promise<CallListener> {
    checkListenOptions(options)
    const { observer, onError } = this.#options
    const listener = new GrpcListener({
      address,
      messageSizeMax: this.#messageSizeMax,
      calls: this.#calls,
      runtime: this.#runtime,
      ...this.#serveOptions(),
      ...given({ onError, observer, backlog: options.backlog }),
    })
    return listener.listen()
  }

  updateTls(tls: ClientTlsOptions): void {
    if (this.#clientTls === undefined) {
      throw new TypeError(
        'the transport was made without clientTls; give it to grpcTransport to update it later',
      )
    }
    checkTlsUpdate('client', this.#clientTls, tls)
    this.#clientTls = tls
    for (const session of [...this.#sessions.values(), ...this.#ownSessions]) session.updateTls(tls)
  }

  async close(): Promise<void> {
    const sessions = [...this.#sessions.values(), ...this.#ownSessions]
    this.#sessions.clear()
    this.#ownSessions.clear()
    await Promise.all(sessions.map(session => session.close()))
    this.#timers.close()
  }

  get memory(): MemoryBudget {
    return this.#options.memory ?? PROCESS_MEMORY
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #newSession(address: string, hosts?: readonly string[]): Session {
    const outside = { runtime: this.#runtime, timers: this.#timers, ...given({ hosts }) }
    return new Session(address, { ...this.#sessionOptions(), ...outside })
  }

  #serveOptions(): ConnectionOptions {
    const { serverTls: tls, neverIndexed, memory, onRequest } = this.#options
    const { connectionsMax, connectionsPerAddressMax, memoryPerAddressMax } = this.#options
    const { handlersPerAddressMax, handshakeTimeoutMs, reusePort } = this.#options
    const { connectionAgeMs, connectionAgeGraceMs, connectionIdleMs } = this.#options
    const { messageSizeMax } = callLimits({ ...this.#limits, ...this.#options.calls?.limits })
    const limits = receiveLimits(this.#connectionLimits, messageSizeMax)
    const served = { tls, limits, neverIndexed, memory, onRequest, handshakeTimeoutMs, reusePort }
    const perAddress = { connectionsPerAddressMax, memoryPerAddressMax, handlersPerAddressMax }
    const ages = { connectionAgeMs, connectionAgeGraceMs, connectionIdleMs }
    return given({ ...served, connectionsMax, ...perAddress, ...ages })
  }

  get #connectionLimits(): Partial<ConnectionLimits> | undefined {
    return headerLimits(this.#options.limits, this.#options.calls?.limits).connection
  }

  #sessionOptions(): SessionOptions {
    const { neverIndexed, memory, session } = this.#options
    const limits = receiveLimits(this.#connectionLimits, this.#messageSizeMax)
    const tls = this.#clientTls
    return { ...session, ...given({ tls, limits, neverIndexed, memory }) }
  }

  async #release(session: Session): Promise<void> {
    this.#ownSessions.delete(session)
    await session.close()
  }

  #connect(session: Session, timeoutMs: number): Promise<void> {
    if (session.connected) return Promise.resolve()
    return new Promise((resolve, reject) => {
      const timeout = this.#runtime.schedule(timeoutMs, () => {
        const { address } = session
        const text = `${address}: could not dial within ${timeoutMs} ms`
        reject(new TransportError(TransportErrorCode.Timeout, address, text))
      })
      session
        .connect()
        .then(resolve, reject)
        .finally(() => timeout.cancel())
    })
  }

  #routesTo(session: Session): readonly SocketRoute[] {
    const { address, authority, scheme } = session
    const known = this.#routes.get(address)
    if (known !== undefined) return known
    const { userAgent } = this.#options
    const routes = this.#paths.map(path => {
      const method = transportMethod(path)
      const headers = requestHeaders(method, {
        authority,
        scheme,
        compressions: new Map(),
        ...(userAgent === undefined ? {} : { userAgent }),
      })
      return { method, headers }
    })
    this.#routes.set(address, routes)
    return routes
  }
}
