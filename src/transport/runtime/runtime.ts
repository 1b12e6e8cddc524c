import type { X509Certificate } from 'node:crypto'
import type { ConnectionOptions, PeerCertificate, TlsOptions } from 'node:tls'
import type { Compression } from '../../grpc/index.js'

/** TLS options of a client: `ca`, `cert`, `key`, `servername` ... */
export type ClientTlsOptions = ConnectionOptions

/** TLS options of a server: `key`, `cert`, `ca`, `requestCert` ... */
export type ServerTlsOptions = TlsOptions

/** A verified certificate of the peer: `subject`, `subjectaltname`, `fingerprint256` ... */
export type Certificate = PeerCertificate

/** The address of a socket or listener. */
export interface RawAddress {
  /** TCP host; unset: every interface (listen), this machine (connect). */
  readonly host?: string | undefined
  readonly port?: number | undefined
  /** Path of a unix socket, instead of host and port. */
  readonly path?: string | undefined
}

/** Options of `Runtime.connect`. */
export interface RawConnectOptions extends RawAddress {
  /** TLS with ALPN `h2`; unset: plain text. */
  readonly tls?: ConnectionOptions | undefined
  /** Over TLS: whose certificate is asked for (SNI) and expected, where `host` is one of its addresses. `tls.servername` overrides it. */
  readonly serverName?: string | undefined
  /** Over TLS: a connection that is there already, made by this runtime and unread, instead of one to `host`. */
  readonly over?: RawSocket | undefined
  /** Over TLS: TCP is set up, and the handshake begins. A runtime that cannot tell does not call it. */
  readonly onTcp?: (() => void) | undefined
}

/** Options of `Runtime.listen`. */
export interface RawListenOptions extends RawAddress {
  /** A socket that listens already, by its descriptor, instead of host, port and path. */
  readonly fd?: number | undefined
  /** Other sockets may listen at the same address (SO_REUSEPORT). */
  readonly reusePort?: boolean | undefined
  readonly tls?: TlsOptions | undefined
  readonly backlog?: number | undefined
  /** TLS handshake limit. Unit: ms. */
  readonly handshakeTimeoutMs: number
}

/**
 * The part of `net.Socket` that a driver uses, so that a simulated network can replace it. It
 * behaves as in Node: 'drain' follows a full buffer, 'close' comes last and once, 'error' before
 * it.
 */
export interface RawSocket {
  /** As `net.Socket.write`: returns false if the buffer is full. */
  write(bytes: Uint8Array): boolean
  /** As `net.Socket.cork`. */
  cork(): void
  /** As `net.Socket.uncork`. */
  uncork(): void
  /** As `net.Socket.end`. */
  end(): void
  /** As `net.Socket.destroy`. */
  destroy(): void
  /** As `net.Socket.pause`. */
  pause(): void
  /** As `net.Socket.resume`. */
  resume(): void
  /** As `net.Socket.off`. For who reads only the beginning; absent: the listener stays. */
  off?(event: 'data', listener: (chunk: Buffer) => void): unknown
  /** As `net.Socket.unshift`: the octets come again, before all others. Absent: connections through a proxy lose what a server says first. */
  unshift?(bytes: Buffer): unknown
  /** As `net.Socket.ref`: it keeps the process alive, as sockets do that are new. Absent: nothing it does keeps a process alive. */
  ref?(): unknown
  /** As `net.Socket.unref`: it does not. */
  unref?(): unknown
  /** Octets written that the kernel has not taken yet. */
  readonly writableLength: number
  readonly destroyed: boolean
  readonly localAddress?: string | undefined
  readonly localPort?: number | undefined
  readonly remoteAddress?: string | undefined
  readonly remotePort?: number | undefined
  /** Over TLS: the protocol that was agreed, or false. */
  readonly alpnProtocol?: string | false | null
  /** Over TLS: the peer's certificate was verified. */
  readonly authorized?: boolean
  /** Over TLS: the name the client asked for (SNI), or false. */
  readonly servername?: string | false | null
  /** Over TLS: what the peer presented; an empty object if nothing. */
  getPeerCertificate?(): Certificate
  /** The same, not read yet. Absent: `getPeerCertificate` is asked at once. */
  getPeerX509Certificate?(): X509Certificate | undefined
  /** As `net.Socket.on`. */
  on(event: 'data', listener: (chunk: Buffer) => void): unknown
  /** As `net.Socket.on`. */
  on(event: 'error', listener: (error: Error) => void): unknown
  /** As `net.Socket.on`. */
  on(event: 'drain' | 'end' | 'close', listener: () => void): unknown
}

/** The events of a listening socket. */
export interface RawListenEvents {
  /** Called with each new socket. */
  onSocket(socket: RawSocket): void
  /** A socket was accepted and its TLS handshake begins. False: it is to be closed; `onHandshakeEnd` does not follow. */
  onHandshake(remoteAddress: string, remote: string): boolean
  /** Once for each handshake that began: right before `onSocket`, or when the socket has closed. */
  onHandshakeEnd(remoteAddress: string): void
  /** A TLS handshake failed; the server lives on. */
  onError(error: Error, remote: string): void
  /** Sockets that came could not be accepted; the server lives on. */
  onAcceptError(error: Error): void
}

/** A listening socket of a `Runtime`. */
export interface RawListener {
  readonly host: string
  readonly port: number
  /** Of a unix socket that was handed over. */
  readonly path?: string | undefined
  /** Its descriptor, by which another process may take it over. Absent: it has none. */
  readonly fd?: number | undefined
  /**
   * Stops accepting; sockets that were accepted live on. Settles when the
   * listening socket and all of them are gone: nothing of it is left.
   */
  close(): void | Promise<void>
  /** Destroys sockets that nobody was told of: their TLS handshake is still under way. Without TLS there are none. */
  destroyPending?(): void
  /** TLS handshakes from now on use these. Throws when they cannot be used; the old ones stay then. */
  updateTls?(tls: TlsOptions): void
}

/** A scheduled callback that can be cancelled. */
export interface Cancellable {
  /** Cancels it; does nothing if it has run. */
  cancel(): void
  /** Keeps the process alive until then. */
  ref(): void
}

/**
 * Everything from outside: time, randomness and the network. The rest of the package depends on
 * nothing else, so a simulated runtime makes whole networks reproducible from a seed.
 */
export interface Runtime {
  /**
   * Monotonic time, rounded down. Unit: ms.
   *
   * Read anew on each call: a clock cached over an idle hour would let a fresh
   * deadline expire at once, and keeping the cache honest costs more than the
   * 70 ns of a reading. Callers read it once for each chunk or call.
   */
  now(): number
  /** The same in fractions, to measure what a turn of work takes. Absent: work is counted, not measured. Unit: ms. */
  stopwatch?(): number
  /** How long the event loop has worked since the process began, and not waited. Absent: nobody knows. Unit: ms. */
  loopActiveMs?(): number
  /** Runs `run` once, in `delayMs` at the earliest. Does not keep the process alive. */
  schedule(delayMs: number, run: () => void): Cancellable
  /** Runs `run` when the microtasks of this turn, and those they cause, are done. */
  afterMicrotasks(run: () => void): void
  /** Runs `run` after the I/O of this turn of the event loop. */
  afterTurn(run: () => void): void
  /**
   * The compression as this runtime runs it off the thread: a simulated one does so by its own clock.
   * Absent: as it is, in Node's thread pool.
   */
  readonly offThread?: ((compression: Compression) => Compression) | undefined
  /** Warns whoever runs the process, where no `onError` was given. Absent: nobody hears. */
  warn?(error: Error): void
  /** In [0, 1). For jitter, not for secrets. */
  random(): number
  /** Starts to connect; `onReady` when TCP, and TLS if asked for, are set up. Failures come as 'error' and 'close'. */
  connect(options: RawConnectOptions, onReady: () => void): RawSocket
  /**
   * Hands what is read from `socket` to `onOctets`, `bytes[0, size)`, in memory that is used again when it returns, in
   * place of 'data'. Called before anything was read. False: it cannot, and 'data' is emitted. Absent: the same.
   */
  lend?(socket: RawSocket, onOctets: (bytes: Buffer, size: number) => void): boolean
  /** Rejects with the system's error. */
  listen(options: RawListenOptions, events: RawListenEvents): Promise<RawListener>
  /** Variables of the environment, for the proxy of connections. Absent: there are none. */
  environment?(): Readonly<Record<string, string | undefined>>
  /** Addresses of this machine's network interfaces, loopback too, in the system's order. Absent: nobody knows. */
  interfaceAddresses?(): readonly string[]
  /** Addresses of a host name, in the resolver's order, at least one; at once, if it knows them. Fails with the system's error. */
  lookup(host: string): readonly string[] | Promise<readonly string[]>
}
