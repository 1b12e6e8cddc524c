import type { MemoryBudget } from '../../connection/index.js'
import type { Router } from '../../grpc/index.js'
import type { CallSession } from '../client/call-session.js'
import type { ClientTlsOptions, ServerTlsOptions } from '../runtime/runtime.js'
import type { Peer } from '../socket/connection-peer.js'

/**
 * A message of a micro socket: a header of texts and a body of bytes, as in go-micro. Header names
 * are case-sensitive on the wire.
 */
export interface Message {
  header: Map<string, string>
  body: Uint8Array
}

/**
 * How many handlers one peer may have running, whichever of its sockets or doors they serve: whoever starts one for
 * a message takes a place first, and frees it when the handler has settled.
 */
export interface HandlerPlaces {
  /** Unit: handlers. */
  readonly max: number
  /** How long a message may wait for a place; then it is to be refused. Unit: ms. */
  readonly waitMaxMs: number
  /** False when as many run as may. */
  tryTake(): boolean
  /** After `tryTake` in vain: `onTaken` is called when a place is the caller's. Returns how to wait no more. */
  wait(onTaken: () => void): () => void
  /** Gives back a place that was taken: the handler has settled. */
  free(): void
}

/**
 * Exchanges messages in order, in both directions.
 *
 * One `receive` and any number of `send`s may be under way at once; sends leave
 * in the order of the calls. After an error the socket is of no more use.
 */
export interface Socket extends AsyncDisposable {
  /**
   * Settles when the message is on its way and there is room for the next one
   * (back-pressure). The message may be changed afterwards.
   *
   * Rejects with TypeError when it is no `Message`, with RangeError when it is
   * too large or cannot be written (nothing was sent; the socket stays usable), with `TransportError`
   * (TRANSPORT_CLOSED) after either side has ended, else with the `GrpcError`
   * that ended the socket.
   */
  send(message: Message): Promise<void>
  /**
   * The next message; `undefined` when the peer has ended in good order.
   * Rejects with the error that ended the socket otherwise, and with TypeError
   * when another `receive` is still waiting.
   */
  receive(): Promise<Message | undefined>
  /**
   * Ends the conversation both ways; a `receive` that waits gets `undefined` at
   * once. What was sent before may still leave, for a second at most. Never
   * rejects; a second call does nothing.
   */
  close(): Promise<void>
  /**
   * Settles, and never rejects, when nothing that is sent arrives any more: with the error that ended the
   * socket, or `undefined`. What came before can still be received. It tells those who do not receive now
   * that their peer has gone; without it they hear of that in `receive` only.
   */
  readonly over?: Promise<Error | undefined>
  /**
   * For whoever runs a handler for each message: its peer's places. Without it the handler of the socket counts as one,
   * for as long as the socket is open; from the first look at this on, only what takes a place counts. Absent: nobody counts.
   */
  readonly handlers?: HandlerPlaces
  /**
   * For whoever keeps what came by this socket: `size` octets more count for its connection; less where it is
   * negative. False: memory is short, more than one message should not wait. Absent: nobody counts.
   */
  charge?(size: number): boolean
  /** It is idle, in a pool: it keeps the process alive no longer. Absent: nothing of it does. */
  unref?(): void
  /** It is in use again. */
  ref?(): void
  /** Our address, as text. */
  readonly local: string
  /** The peer's address, as text; at the dialling side what was given to `dial`. */
  readonly remote: string
  /** Who the peer is, beyond its address. Absent: nobody knows. */
  readonly peer?: Peer
}

/** Accepts sockets at an address. */
export interface Listener extends AsyncDisposable {
  /** The real, bound address: `host:port` with the port that was chosen for `:0`. */
  readonly address: string
  /**
   * Runs `handler` once for each socket, concurrently. The handler owns its
   * socket: when it returns, the socket ends in good order; when it throws, the
   * peer gets an error. Call once.
   */
  accept(handler: (socket: Socket) => void | Promise<void>): void
  /** Stops accepting; sockets that are open live on. Settles when the last one has ended. */
  close(): Promise<void>
}

/** Options of `transport.dial`. */
export interface DialOptions {
  /** Timeout for connecting. Unit: ms. Default: 5_000, as go-micro. */
  readonly timeoutMs?: number
  /**
   * Use a separate connection for this socket and close it with the socket. Default: what the
   * transport was created with.
   */
  readonly connClose?: boolean
}

/** Options of `transport.listen`. */
export interface ListenOptions {
  /** Connections that the kernel may queue. Default: 511, as Node. */
  readonly backlog?: number
}

/** Dials and listens: the interface between micro and what carries its messages. */
export interface Transport {
  /** For logs and registries: `grpc`, `memory`. */
  readonly name: string
  /** What its connections, of both sides, hold for their peers. Absent: nobody counts. */
  readonly memory?: MemoryBudget
  /** Largest message in each direction, for clients and servers that say nothing else. Unit: octets. Default: that of calls, 4 MiB. */
  readonly messageSizeMax?: number | undefined
  /** Opens a micro socket to `address`. */
  dial(address: string, options?: DialOptions): Promise<Socket>
  /** Listens at `address`. */
  listen(address: string, options?: ListenOptions): Promise<Listener>
}

/** A listener that also takes native gRPC calls on the same port. */
export interface CallListener extends Listener {
  /** Serves the routes of `router`. Throws when one of them is a path of `Transport/Stream`. Call once. */
  onCall(router: Router): void
  /** Descriptors of its listening sockets; absent: it has none that could be handed over. */
  readonly descriptors?: readonly number[]
  /** Stops accepting, lets running calls and sockets finish for `graceMs`, then cuts. Unit: ms. */
  stop(graceMs: number): Promise<void>
  /** Other TLS options for handshakes from now on. @throws as `Server.updateTls` */
  updateTls(tls: ServerTlsOptions): void
}

/** A transport that also carries native gRPC calls. */
export interface CallTransport extends Transport, AsyncDisposable {
  /** Largest metadata received, for clients that say nothing else. Unit: octets. Default: that of calls, 16_384. */
  readonly metadataSizeMax?: number | undefined
  /** `limits.receiveBufferMax` of its connections, where that was given: larger messages are refused. Unit: octets. */
  readonly receiveBufferMax?: number | undefined
  /** Its sessions and sockets use TLS. Absent: nobody knows. */
  readonly encrypted?: boolean
  /** Listens at `address`; the listener also takes native calls. */
  listen(address: string, options?: ListenOptions): Promise<CallListener>
  /** The session to `address`, made at first use and shared. `hosts`: addresses of its host, of which each list has a session of its own; an older transport looks the host up. */
  session(address: string, hosts?: readonly string[]): CallSession
  /** Connections to `address` go through a proxy, which looks up its name. Absent: they do not. */
  isProxied?(address: string): boolean
  /** Other TLS options for connections that are made from now on; listeners have their own. @throws as `Session.updateTls` */
  updateTls(tls: ClientTlsOptions): void
  /** Ends every session. Listeners are closed by whoever opened them. */
  close(): Promise<void>
}
