import {
  type ConnectionHandler,
  type ConnectionLimits,
  resolveLimits,
} from '../connection/index.js'
import { type Address, formatAddress, parseListenAddress } from './address.js'
import { type ConnectionPeer, certificateOf } from './connection-peer.js'
import { errorListener } from './error-listener.js'
import { HttpDoor } from './http-door.js'
import { nodeRuntime } from './node-runtime.js'
import type { RawListener, RawSocket, Runtime, ServerTlsOptions } from './runtime.js'
import {
  checkServeOptions,
  type ServeOptions,
  type Server,
  type StopOptions,
} from './serve-options.js'
import { ServedSocket } from './served-socket.js'
import { ServedSockets } from './served-sockets.js'
import { SocketDriver } from './socket-driver.js'
import { TimerHost } from './timer-host.js'
import { checkTls } from './tls-options.js'
import { listenError, TransportError, TransportErrorCode, tlsError } from './transport-error.js'

/** Sockets a server holds at once. Unit: connections. */
const CONNECTIONS_MAX = 65_536
const HANDSHAKE_TIMEOUT_MS = 10_000
const STOP_GRACE_MS = 5_000
/** Ages differ by a tenth either way, so that clients do not all come back at once. gRPC A9. */
const AGE_JITTER = 0.1

/**
 * Listens, and serves HTTP/2 on every socket that comes.
 *
 * Rejects with `TransportError` when the address cannot be listened on.
 *
 * @throws TypeError or RangeError for options that make no sense.
 */
export function serve(options: ServeOptions): Promise<Server> {
  const server = new SocketServer(options)
  return server.listen(options)
}

class SocketServer implements Server {
  readonly #runtime: Runtime
  readonly #timers: TimerHost
  readonly #options: ServeOptions
  readonly #newHandler: (peer: ConnectionPeer) => ConnectionHandler
  readonly #address: Address
  readonly #connections: ServedSockets = new ServedSockets()
  readonly #connectionsMax: number
  readonly #onError: ((error: Error) => void) | undefined
  /** Checked once, for all connections. */
  readonly #limits: ConnectionLimits
  #listener: RawListener | undefined
  #accepted = 0
  #stopping: Promise<void> | undefined
  /** Wakes `stop` when the last connection has gone. */
  #onEmpty: (() => void) | undefined

  constructor(options: ServeOptions) {
    this.#options = options
    this.#onError = errorListener('onError', options.onError)
    this.#newHandler = this.#withHttp(options)
    this.#address = parseListenAddress(options.address ?? ':0')
    this.#runtime = options.runtime ?? nodeRuntime
    this.#timers = new TimerHost(this.#runtime)
    this.#connectionsMax = options.connectionsMax ?? CONNECTIONS_MAX
    checkServeOptions(options)
    const prefaceTimeoutMs = options.handshakeTimeoutMs ?? HANDSHAKE_TIMEOUT_MS
    this.#limits = resolveLimits('server', { prefaceTimeoutMs, ...options.limits })
  }

  /** The protocol of a connection, and before it whoever takes what is not its own. */
  #withHttp({ handler, onRequest }: ServeOptions): (peer: ConnectionPeer) => ConnectionHandler {
    if (onRequest === undefined) return handler
    const onError = (error: Error): void => this.#report(error)
    return peer => new HttpDoor(handler(peer), { peer, onRequest, onError })
  }

  get address(): string {
    if (this.#address.path !== undefined) return `unix:${this.#address.path}`
    return formatAddress(this.#listener?.host, this.#listener?.port)
  }

  get connectionCount(): number {
    return this.#connections.size
  }

  get acceptedCount(): number {
    return this.#accepted
  }

  get timerCount(): number {
    return this.#timers.wheel.count
  }

  async listen(options: ServeOptions): Promise<Server> {
    const address = this.#address
    for (let port = address.port; ; port = port! + 1) {
      try {
        this.#listener = await this.#runtime.listen(
          {
            host: address.host,
            port,
            path: address.path,
            tls: options.tls,
            backlog: options.backlog,
            handshakeTimeoutMs: options.handshakeTimeoutMs ?? HANDSHAKE_TIMEOUT_MS,
          },
          {
            onSocket: socket => this.#onSocket(socket),
            onError: (error, remote) => this.#report(tlsError('server', remote, error)),
          },
        )
        return this
      } catch (cause) {
        const error = listenError(address.text, cause)
        const isTaken = error.code === TransportErrorCode.InUse
        if (!isTaken || port === undefined || port >= address.portMax) throw error
      }
    }
  }

  #onSocket(socket: RawSocket): void {
    const remote =
      this.#address.path === undefined
        ? formatAddress(socket.remoteAddress, socket.remotePort)
        : `unix:${this.#address.path}`
    const isTls = this.#options.tls !== undefined
    if (this.#stopping !== undefined || (remote === '' && socket.destroyed)) {
      refuse(socket)
    } else if (this.#connections.size >= this.#connectionsMax) {
      refuse(socket)
      const text = `${remote}: refused, ${this.#connectionsMax} connections are open`
      this.#report(new TransportError(TransportErrorCode.Access, remote, text))
    } else if (isTls && socket.alpnProtocol !== 'h2') {
      refuse(socket)
      const text = `${remote}: the TLS client did not ask for "h2" by ALPN; gRPC needs it`
      this.#report(new TransportError(TransportErrorCode.Tls, remote, text))
    } else {
      const certificate = isTls ? certificateOf(socket) : undefined
      this.#serve(socket, { local: this.address, remote, isTls, certificate })
    }
  }

  #serve(socket: RawSocket, peer: ConnectionPeer): void {
    this.#accepted++
    const { observer, connectionAgeMs, connectionAgeGraceMs, neverIndexed } = this.#options
    const ageMs = this.#jittered(connectionAgeMs)
    const graceMs = connectionAgeGraceMs ?? Number.POSITIVE_INFINITY
    const now = this.#runtime.now()
    const served = new ServedSocket(this, this.#timers, peer.remote, { ageMs, graceMs }, now)
    served.driver = new SocketDriver({
      runtime: this.#runtime,
      timers: this.#timers,
      socket,
      role: 'server',
      handler: this.#newHandler(peer),
      owner: served,
      ...peer,
      limits: this.#limitsOfOne(),
      observer: observer?.(peer),
      neverIndexed,
    })
    this.#connections.add(served)
  }

  #limitsOfOne(): ConnectionLimits {
    const { connectionIdleMs } = this.#options
    if (connectionIdleMs === undefined) return this.#limits
    return { ...this.#limits, idleTimeoutMs: this.#jittered(connectionIdleMs) }
  }

  #jittered(ms: number = Number.POSITIVE_INFINITY): number {
    return Math.round(ms * (1 + AGE_JITTER * (2 * this.#runtime.random() - 1)))
  }

  updateTls(tls: ServerTlsOptions): void {
    checkTls(tls)
    if (this.#options.tls === undefined || this.#listener?.updateTls === undefined) {
      throw new TypeError(`the server at ${this.address} was made without tls`)
    }
    this.#listener.updateTls({ ...this.#options.tls, ...tls })
  }

  /** @internal */
  onConnectionError(cause: Error): void {
    this.#report(cause)
  }

  /** @internal */
  onGone(served: ServedSocket): void {
    this.#connections.delete(served)
    if (this.#connections.size === 0) this.#onEmpty?.()
  }

  #report(error: Error): void {
    this.#onError?.(error)
  }

  stop(options: StopOptions = {}): Promise<void> {
    const graceMs = options.graceMs ?? STOP_GRACE_MS
    if (!(graceMs >= 0)) throw new RangeError(`graceMs is ${graceMs}; expected 0 or more`)
    this.#stopping ??= this.#drain()
    if (graceMs === Number.POSITIVE_INFINITY || this.#connections.size === 0) return this.#stopping
    const timeout = this.#runtime.schedule(graceMs, () => this.#destroyAll())
    timeout.ref()
    return this.#stopping.then(() => timeout.cancel())
  }

  async #drain(): Promise<void> {
    const closed = this.#listener?.close()
    for (const served of this.#connections) served.shutdown()
    if (this.#connections.size > 0) {
      await new Promise<void>(resolve => {
        this.#onEmpty = resolve
      })
    }
    // What is left now are TLS handshakes under way; nobody would serve them.
    this.#listener?.destroyPending?.()
    await closed
    this.#timers.close()
  }

  #destroyAll(): void {
    const text = 'the server has stopped'
    for (const served of this.#connections) {
      served.destroy(new TransportError(TransportErrorCode.Closed, this.address, text))
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }
}

/** A socket we do not serve: its errors are nobody's business. */
function refuse(socket: RawSocket): void {
  socket.on('error', () => {})
  socket.destroy()
}
