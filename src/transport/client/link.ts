import {
  type Connection,
  ConnectionError,
  type ConnectionLimits,
  DEFAULT_LIMITS,
  type FrameObserver,
  type MemoryBudget,
} from '../../connection/index.js'
import { CallConnector } from '../../grpc/index.js'
import { goawayText } from '../errors/lost-connection.js'
import {
  connectError,
  systemCode,
  TransportError,
  TransportErrorCode,
  tlsError,
} from '../errors/transport-error.js'
import { proxyFor } from '../proxy/proxy-choice.js'
import { type Address, formatAddress } from '../runtime/address.js'
import { ProcessHold } from '../runtime/process-hold.js'
import type { Cancellable, ClientTlsOptions, RawSocket, Runtime } from '../runtime/runtime.js'
import type { TimerHost } from '../runtime/timer-host.js'
import { connectionPeer } from '../socket/connection-peer.js'
import type { DriverOwner } from '../socket/driver-options.js'
import { SocketDriver } from '../socket/socket-driver.js'
import { Dial, type DialOwner } from './dial.js'
import { Tunnel } from './tunnel.js'

/** What servers say in GOAWAY to clients that send PING too often. gRPC A8. */
const TOO_MANY_PINGS = 'too_many_pings'

/** What a session is told by one of its links. */
export interface LinkOwner {
  /** Connected: TCP, TLS and the server's SETTINGS are done. */
  onReady(link: Link): void
  /** Takes no more calls: the server sent GOAWAY, or the connection is lost. Calls that run on it may go on. */
  onRetired(link: Link, cause: Error): void
  /** There is room for another call. */
  onCapacity(link: Link): void
  /** The server complained about our PINGs: ask less often from now on. */
  onTooManyPings(): void
  /** Calls on it may have begun or ended. */
  onTurnEnd(): void
  /** A receiver of a call threw. */
  onHandlerError(error: unknown): void
  /** Nothing is left of it. The last call. */
  onGone(link: Link): void
}

export interface LinkOptions {
  readonly runtime: Runtime
  readonly timers: TimerHost
  readonly address: Address
  /** Of its host, if they are known. */
  readonly hosts: readonly string[] | undefined
  /** The option. */
  readonly proxy: string | false | undefined
  readonly tls: ClientTlsOptions | undefined
  readonly limits: Partial<ConnectionLimits> | undefined
  readonly observer: FrameObserver | undefined
  readonly neverIndexed?: readonly string[] | undefined
  readonly memory?: MemoryBudget | undefined
  /** TCP, TLS and the first SETTINGS together. Unit: ms. */
  readonly connectTimeoutMs: number
}

/** One connection of a session, from the attempt to connect until its socket is gone. */
export class Link implements DriverOwner, DialOwner {
  readonly connector: CallConnector
  readonly #owner: LinkOwner
  readonly #options: LinkOptions
  readonly #dial: Dial | Tunnel
  readonly #timeout: Cancellable
  /** The socket that was dialled has not closed yet. */
  #isOpen = false
  #driver: SocketDriver | undefined
  #hold: ProcessHold | undefined
  #error: Error | undefined
  #ready = false
  #retired = false
  #gone = false

  constructor(options: LinkOptions, owner: LinkOwner) {
    this.#owner = owner
    this.#options = options
    const { address, hosts, runtime, tls, connectTimeoutMs } = options
    this.connector = new CallConnector({ address: address.text })
    this.#timeout = runtime.schedule(connectTimeoutMs, () => this.#onTimeout())
    const { host, port, path, text } = address
    const httpProxy = proxyFor(options.proxy, address, runtime)
    this.#dial =
      httpProxy === undefined
        ? new Dial(runtime, { host, hosts, port, path, tls }, this)
        : new Tunnel(runtime, { host, port, tls, address: text, proxy: httpProxy }, this)
    this.#dial.start()
  }

  /** The connection, from the moment the socket is connected. */
  get connection(): Connection | undefined {
    return this.#driver?.connection
  }

  get ready(): boolean {
    return this.#ready && !this.#retired
  }

  /** In good order when it is ready and no call runs, else at once: every call hears `cause`. */
  close(cause: Error): void {
    if (!this.#ready || this.streamCount > 0) this.destroy(cause)
    else this.#driver!.shutdown()
  }

  /** Ends every call and the socket. */
  destroy(cause: Error): void {
    this.#error ??= cause
    if (this.#driver === undefined) this.#dial.destroy()
    else this.#driver.destroy(cause)
  }

  /** Streams that are open on it. */
  get streamCount(): number {
    return this.#driver?.connection.streamCount ?? 0
  }

  /** Whether it keeps the process alive; while it connects it does in any case. */
  hold(isHeld: boolean): void {
    if (this.#ready) this.#hold?.set(isHeld)
  }

  /** `onTurnEnd` follows, though nothing was sent or received. */
  wakeHold(): void {
    this.#driver?.onOutput()
  }

  /** Takes no more calls when the stream identifiers are used up; those that run complete. RFC 9113 §5.1.1. */
  leaveWhenExhausted(): void {
    if (this.#retired || this.#driver?.connection.exhausted !== true) return
    const { text } = this.#options.address
    this.#driver.retire(undefined)
    this.#retire(
      new TransportError(
        TransportErrorCode.Closed,
        text,
        `${text}: the stream identifiers of the connection are used up`,
      ),
    )
  }

  onTurnEnd(): void {
    this.#owner.onTurnEnd()
  }

  onSettings(): void {
    this.#timeout.cancel()
    if (this.#retired) return
    this.#ready = true
    this.#owner.onReady(this)
  }

  onGoaway(errorCode: number, debug: string): void {
    const { text } = this.#options.address
    this.#retire(
      new TransportError(
        TransportErrorCode.Closed,
        text,
        `${text}: the server is leaving: ${goawayText(errorCode, debug)}`,
        undefined,
        errorCode,
      ),
    )
    if (debug === TOO_MANY_PINGS) this.#owner.onTooManyPings()
  }

  onHandlerError(error: unknown): void {
    this.#owner.onHandlerError(error)
  }

  onCapacity(): void {
    if (this.ready) this.#owner.onCapacity(this)
  }

  onClosed(cause: Error | undefined): void {
    this.#retire(this.#error ?? this.#addressed(cause) ?? this.#lost())
  }

  /** Of the driver: its socket has closed. */
  onGone(): void {
    this.#isOpen = false
    this.#checkGone()
  }

  onDialFailed(error: Error | undefined): void {
    if (error !== undefined) this.#error ??= this.#connectError(error)
  }

  onDialEnd(): void {
    if (!this.#isOpen) this.#checkGone()
  }

  onDialled(socket: RawSocket): void {
    this.#isOpen = true
    socket.on('error', error => {
      this.#error ??= this.#connectError(error)
    })
    socket.on('close', () => this.#onSocketClose())
    const { address, tls, runtime, timers, observer, neverIndexed } = this.#options
    if (tls !== undefined && socket.alpnProtocol !== 'h2') {
      this.#error ??= new TransportError(
        TransportErrorCode.Tls,
        address.text,
        `${address.text}: the server did not agree to "h2" by ALPN; is it a gRPC server?`,
      )
      socket.destroy()
      return
    }
    this.#hold = new ProcessHold(socket)
    this.#driver = new SocketDriver({
      runtime,
      timers,
      socket,
      role: 'client',
      handler: this.connector,
      owner: this,
      peer: connectionPeer(
        {
          local: formatAddress(socket.localAddress, socket.localPort),
          remote: address.text,
          isTls: tls !== undefined,
        },
        socket,
      ),
      limits: this.#limits,
      observer,
      neverIndexed,
      memory: this.#options.memory,
    })
  }

  /** What the socket says before there is a connection. A reset is the end of the TLS handshake, if there was to be one. */
  #connectError(error: Error): TransportError {
    const { address, tls } = this.#options
    const isReset = systemCode(error) === 'ECONNRESET'
    if (tls === undefined || this.#driver !== undefined || !isReset) {
      return connectError(address.text, error)
    }
    return tlsError('client', address.text, error)
  }

  #onTimeout(): void {
    const { address, connectTimeoutMs } = this.#options
    const stage = this.#driver === undefined ? 'no connection' : 'connected, but no HTTP/2 SETTINGS'
    const progress = this.#driver === undefined ? this.#dial.progress : ''
    this.destroy(
      new TransportError(
        TransportErrorCode.Timeout,
        address.text,
        `${address.text}: ${stage} within ${connectTimeoutMs} ms${progress === '' ? '' : ` (${progress})`}`,
      ),
    )
  }

  /** The driver tells of the socket's end once there is one. */
  #onSocketClose(): void {
    if (this.#driver === undefined) this.onGone()
  }

  #checkGone(): void {
    this.#timeout.cancel()
    this.#retire(this.#error ?? this.#lost())
    if (this.#gone || !this.#dial.ended) return
    this.#gone = true
    this.#owner.onGone(this)
  }

  #retire(cause: Error): void {
    if (this.#retired) return
    this.#retired = true
    this.#owner.onRetired(this, cause)
  }

  /** The server's preface and SETTINGS are a part of connecting, which has a time of its own. */
  get #limits(): Partial<ConnectionLimits> {
    const { connectTimeoutMs, limits } = this.#options
    const settingsTimeoutMs = Math.max(DEFAULT_LIMITS.settingsTimeoutMs, connectTimeoutMs + 1)
    return { prefaceTimeoutMs: Number.POSITIVE_INFINITY, settingsTimeoutMs, ...limits }
  }

  /** What the connection says of its end knows no address. */
  #addressed(cause: Error | undefined): Error | undefined {
    if (cause === undefined || cause instanceof TransportError) return cause
    const { text } = this.#options.address
    const code = cause instanceof ConnectionError ? cause.errorCode : undefined
    const sentence = `${text}: ${cause.message}`
    return new TransportError(TransportErrorCode.Lost, text, sentence, cause, code)
  }

  #lost(): TransportError {
    const { text } = this.#options.address
    return new TransportError(
      TransportErrorCode.Lost,
      text,
      `${text}: the server closed the connection`,
    )
  }
}
