import type { Socket } from 'node:net'
import { createServer, type Server, type TLSSocket, type TlsOptions } from 'node:tls'
import { formatAddress } from '../runtime/address.js'
import { PlacedList } from '../runtime/placed-list.js'
import type { RawListenEvents } from '../runtime/runtime.js'
import { refuseRenegotiation } from '../tls/renegotiation.js'
import { ALPN, TLS_DEFAULTS } from '../tls/tls-defaults.js'

/** A TLS handshake under way. */
interface Handshake {
  readonly socket: Socket
  readonly remoteAddress: string
  readonly remote: string
  index: number
}

/**
 * Does the TLS handshakes of a listening socket. Sockets are accepted by a server of plain TCP and handed on, so that
 * they are counted before anything is spent on them, and so that an update replaces everything TLS was told, session tickets included.
 */
export class TlsDoor {
  readonly #handshakeTimeoutMs: number
  readonly #events: RawListenEvents
  readonly #pending = new PlacedList<Handshake>()
  /** By the socket below TLS: what Node tells of is the one above. */
  readonly #handshakes = new WeakMap<Socket, Handshake>()
  #server: Server

  constructor(tls: TlsOptions, handshakeTimeoutMs: number, events: RawListenEvents) {
    this.#handshakeTimeoutMs = handshakeTimeoutMs
    this.#events = events
    this.#server = this.#newServer(tls)
  }

  /** Handshakes from now on use these. Throws when they cannot be used; the old ones stay then. */
  update(tls: TlsOptions): void {
    this.#server = this.#newServer(tls)
  }

  onSocket(socket: Socket): void {
    const remoteAddress = socket.remoteAddress ?? ''
    const remote = formatAddress(socket.remoteAddress, socket.remotePort)
    if (!this.#events.onHandshake(remoteAddress, remote)) {
      socket.destroy()
      return
    }
    const handshake = { socket, remoteAddress, remote, index: -1 }
    this.#pending.add(handshake)
    this.#handshakes.set(socket, handshake)
    socket.once('close', () => this.#end(handshake))
    this.#server.emit('connection', socket)
  }

  destroyPending(): void {
    for (const { socket } of this.#pending) socket.destroy()
  }

  #newServer(tls: TlsOptions): Server {
    const server = createServer(
      {
        ...TLS_DEFAULTS,
        ...tls,
        noDelay: true,
        handshakeTimeout: this.#handshakeTimeoutMs,
        ALPNProtocols: [...ALPN],
      } as TlsOptions,
      (socket: TLSSocket) => {
        socket.allowHalfOpen = true
        refuseRenegotiation(socket)
        const handshake = this.#handshakeOf(socket)
        if (handshake !== undefined) this.#end(handshake)
        this.#events.onSocket(socket)
      },
    )
    server.on('tlsClientError', (error: Error, socket: TLSSocket) => this.#onError(error, socket))
    return server
  }

  #end(handshake: Handshake): void {
    if (this.#pending.delete(handshake)) this.#events.onHandshakeEnd(handshake.remoteAddress)
  }

  #onError(error: Error, socket: TLSSocket): void {
    const handshake = this.#handshakeOf(socket)
    const isReset = 'code' in error && error.code === 'ECONNRESET'
    // Whoever connects and leaves without an octet is a probe.
    if (!isReset || handshake === undefined || handshake.socket.bytesRead > 0) {
      this.#events.onError(refusal(socket) ?? error, handshake?.remote ?? '')
    }
    socket.destroy()
  }

  /** Node, Bun and Deno keep the socket below in this field; without it errors have no address, and nothing else is lost. */
  #handshakeOf(socket: TLSSocket): Handshake | undefined {
    const { _parent: below } = socket as { _parent?: Socket | null }
    return below == null ? undefined : this.#handshakes.get(below)
  }
}

/** Node ends the handshake of a client whose certificate it refuses in silence, and tells of a connection that was reset. */
function refusal({ authorizationError }: TLSSocket): Error | undefined {
  // Typed as an Error; a server's is the code as text.
  const code = authorizationError as Error | string | null | undefined
  if (code == null) return undefined
  if (code instanceof Error) return code
  return Object.assign(new Error(`the certificate of the client was refused: ${code}`), { code })
}
