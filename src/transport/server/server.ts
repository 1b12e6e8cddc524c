import {
  type ConnectionHandler,
  type ConnectionLimits,
  type MemoryBudget,
  PROCESS_MEMORY,
  resolveLimits,
} from '../../connection/index.js'
import { errorListener } from '../errors/error-listener.js'
import {
  acceptError,
  TransportError,
  TransportErrorCode,
  tlsError,
} from '../errors/transport-error.js'
import { handedSocket } from '../node/handed-socket.js'
import { nodeRuntime } from '../node/node-runtime.js'
import { type Address, formatAddress, parseListenAddress } from '../runtime/address.js'
import { PlacedList } from '../runtime/placed-list.js'
import type { RawSocket, Runtime, ServerTlsOptions } from '../runtime/runtime.js'
import { TimerHost } from '../runtime/timer-host.js'
import { type ConnectionPeer, connectionPeer } from '../socket/connection-peer.js'
import { messageLimits } from '../socket/message-limits.js'
import { SocketDriver } from '../socket/socket-driver.js'
import { checkTlsUpdate } from '../tls/tls-options.js'
import { AddressBudgets } from './address-budgets.js'
import { Admission } from './admission.js'
import { HttpDoor } from './http-door.js'
import { type Listeners, listenEverywhere } from './listen-everywhere.js'
import {
  checkServeNames,
  checkServeOptions,
  checkStopOptions,
  type ServeOptions,
  type Server,
  type StopOptions,
} from './serve-options.js'
import { ServedSocket } from './served-socket.js'

/** Sockets a server holds at once. Unit: connections. */
const CONNECTIONS_MAX = 65_536
const HANDSHAKE_TIMEOUT_MS = 10_000
/** What a TLS handshake under way is taken to hold, nearly all of it outside the heap. Measured by the resident memory of 2,000: 34 to 57 kB. Unit: octets. */
const HANDSHAKE_COST = 49_152
const STOP_GRACE_MS = 5_000
/** Ages differ by a tenth either way, so that clients do not all come back at once. gRPC A9. */
const AGE_JITTER = 0.1

/**
 * Listens and serves HTTP/2 on each connection.
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
  readonly #connections: PlacedList<ServedSocket> = new PlacedList()
  readonly #admission: Admission
  /** Only where an address has a bound of its own. */
  readonly #addressBudgets: AddressBudgets | undefined
  readonly #onError: ((error: Error) => void) | undefined
  /** Checked once, for all connections. */
  readonly #limits: ConnectionLimits
  #listeners: Listeners | undefined
  /** What handshakes use: of the start, or of the last update. */
  #tls: ServerTlsOptions | undefined
  #accepted = 0
  #stopping: Promise<void> | undefined
  /** Wakes `stop` when the last connection has gone. */
  #onEmpty: (() => void) | undefined

  constructor(options: ServeOptions) {
    checkServeNames(options)
    this.#options = options
    this.#tls = options.tls
    this.#onError = errorListener('onError', options.onError)
    this.#newHandler = this.#withHttp(options)
    this.#address = listenAddress(options.address ?? ':0')
    this.#runtime = options.runtime ?? nodeRuntime
    this.#timers = new TimerHost(this.#runtime)
    checkServeOptions(options)
    this.#admission = new Admission(
      options.connectionsMax ?? CONNECTIONS_MAX,
      options.connectionsPerAddressMax ?? Number.POSITIVE_INFINITY,
    )
    const { memoryPerAddressMax: memoryMax = Number.POSITIVE_INFINITY } = options
    const { handlersPerAddressMax: handlersMax = Number.POSITIVE_INFINITY } = options
    if (Math.min(memoryMax, handlersMax) !== Number.POSITIVE_INFINITY) {
      this.#addressBudgets = new AddressBudgets({ memoryMax, handlersMax }, this.memory)
    }
    const prefaceTimeoutMs = options.handshakeTimeoutMs ?? HANDSHAKE_TIMEOUT_MS
    this.#limits = resolveLimits('server', { prefaceTimeoutMs, ...messageLimits(options) })
  }

  /** The protocol of a connection, and before it whoever takes what is not its own. */
  #withHttp({ handler, onRequest }: ServeOptions): (peer: ConnectionPeer) => ConnectionHandler {
    if (onRequest === undefined) return handler
    const onError = (error: Error): void => this.#report(error)
    return peer => new HttpDoor(handler(peer), { peer, onRequest, onError })
  }

  get address(): string {
    return this.addresses[0] ?? ''
  }

  get addresses(): readonly string[] {
    if (this.#address.path !== undefined) return [`unix:${this.#address.path}`]
    return this.#listeners?.addresses ?? []
  }

  get descriptors(): readonly number[] {
    return this.#listeners?.descriptors ?? []
  }

  get connectionCount(): number {
    return this.#connections.size
  }

  get acceptedCount(): number {
    return this.#accepted
  }

  get memory(): MemoryBudget {
    return this.#options.memory ?? PROCESS_MEMORY
  }

  get timerCount(): number {
    return this.#timers.wheel.count
  }

  async listen(options: ServeOptions): Promise<Server> {
    const settings = {
      tls: options.tls,
      backlog: options.backlog,
      reusePort: options.reusePort,
      handshakeTimeoutMs: options.handshakeTimeoutMs ?? HANDSHAKE_TIMEOUT_MS,
    }
    this.#listeners = await listenEverywhere(this.#runtime, this.#address, settings, {
      onSocket: socket => this.#onSocket(socket),
      onHandshake: (remoteAddress, remote) => this.#onHandshake(remoteAddress, remote),
      onHandshakeEnd: remoteAddress => this.#onHandshakeEnd(remoteAddress),
      onError: (error, remote) => this.#report(tlsError('server', remote, error)),
      onAcceptError: error => this.#report(acceptError(this.address, error)),
    })
    return this
  }

  #onHandshake(remoteAddress: string, remote: string): boolean {
    if (this.#stopping !== undefined || !this.#admits(remoteAddress, remote)) return false
    this.#admission.enter(remoteAddress)
    this.memory.add(HANDSHAKE_COST)
    return true
  }

  #onHandshakeEnd(remoteAddress: string): void {
    this.#admission.leave(remoteAddress)
    this.memory.add(-HANDSHAKE_COST)
  }

  #admits(remoteAddress: string, remote: string): boolean {
    const refusal = this.#admission.refusal(remoteAddress)
    if (refusal === undefined) return true
    this.#report(new TransportError(TransportErrorCode.Access, remote, `${remote}: ${refusal}`))
    return false
  }

  #onSocket(socket: RawSocket): void {
    const remote =
      this.#address.path === undefined
        ? formatAddress(socket.remoteAddress, socket.remotePort)
        : `unix:${this.#address.path}`
    const isTls = this.#options.tls !== undefined
    if (this.#stopping !== undefined || (remote === '' && socket.destroyed)) {
      refuse(socket)
    } else if (!this.#admits(socket.remoteAddress ?? '', remote)) {
      refuse(socket)
    } else if (isTls && socket.alpnProtocol !== 'h2') {
      refuse(socket)
      const text = `${remote}: the TLS client did not ask for "h2" by ALPN; gRPC needs it`
      this.#report(new TransportError(TransportErrorCode.Tls, remote, text))
    } else {
      const ends = { local: this.#localOf(socket), remote, isTls }
      this.#serve(socket, connectionPeer(ends, socket))
    }
  }

  /** Which of our addresses the client came to. */
  #localOf(socket: RawSocket): string {
    const { addresses } = this
    const local =
      addresses.length > 1 ? formatAddress(socket.localAddress, socket.localPort) : undefined
    return local || this.address
  }

  #serve(socket: RawSocket, peer: ConnectionPeer): void {
    this.#accepted++
    const { observer, connectionAgeMs, connectionAgeGraceMs, neverIndexed } = this.#options
    const ageMs = this.#jittered(connectionAgeMs)
    const graceMs = connectionAgeGraceMs ?? Number.POSITIVE_INFINITY
    const now = this.#runtime.now()
    const served = new ServedSocket(this, this.#timers, peer.address, { ageMs, graceMs }, now)
    served.remoteAddress = socket.remoteAddress ?? ''
    const share = this.#addressBudgets?.enter(served.remoteAddress)
    served.driver = new SocketDriver({
      runtime: this.#runtime,
      timers: this.#timers,
      socket,
      role: 'server',
      handler: this.#newHandler(peer),
      owner: served,
      peer,
      limits: this.#limitsOfOne(),
      observer: observer?.(peer),
      neverIndexed,
      memory: share?.memory ?? this.memory,
      handlerGroup: share?.handlerGroup,
    })
    this.#connections.add(served)
    this.#admission.enter(served.remoteAddress)
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
    if (this.#tls === undefined) {
      throw new TypeError(
        `the server at ${this.address} was made without tls; give tls when it is created to update it later`,
      )
    }
    checkTlsUpdate('server', this.#tls, tls)
    if (this.#listeners?.updateTls(tls) !== true) {
      throw new TypeError(`the runtime of the server at ${this.address} cannot change its tls`)
    }
    this.#tls = tls
  }

  /** @internal */
  onConnectionError(cause: Error): void {
    this.#report(cause)
  }

  /** @internal */
  onGone(served: ServedSocket): void {
    if (this.#connections.delete(served)) {
      this.#admission.leave(served.remoteAddress)
      this.#addressBudgets?.leave(served.remoteAddress)
    }
    if (this.#connections.size === 0) this.#onEmpty?.()
  }

  #report(error: Error): void {
    this.#onError?.(error)
  }

  stop(options: StopOptions = {}): Promise<void> {
    checkStopOptions(options)
    const graceMs = options.graceMs ?? STOP_GRACE_MS
    this.#stopping ??= this.#drain()
    if (graceMs === Number.POSITIVE_INFINITY || this.#connections.size === 0) return this.#stopping
    const timeout = this.#runtime.schedule(graceMs, () => this.#destroyAll())
    timeout.ref()
    return this.#stopping.then(() => timeout.cancel())
  }

  async #drain(): Promise<void> {
    const closed = this.#listeners?.close()
    for (const served of this.#connections) served.shutdown()
    if (this.#connections.size > 0) {
      await new Promise<void>(resolve => {
        this.#onEmpty = resolve
      })
    }
    // What is left now are TLS handshakes under way; nobody would serve them.
    this.#listeners?.destroyPending()
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

/** Also of a socket that was handed over. */
function listenAddress(text: string): Address {
  const fd = typeof text === 'string' ? handedSocket(text) : undefined
  return fd === undefined ? parseListenAddress(text) : { text, portMax: 0, fd }
}

/** A socket we do not serve: its errors are nobody's business. */
function refuse(socket: RawSocket): void {
  socket.on('error', () => {})
  socket.destroy()
}
