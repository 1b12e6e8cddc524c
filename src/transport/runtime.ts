import { lookup } from 'node:dns'
import type { Server as NetServer } from 'node:net'
import { createServer, Socket as NetSocket, connect as netConnect } from 'node:net'
import type {
  ConnectionOptions,
  PeerCertificate,
  SecureVersion,
  TLSSocket,
  TlsOptions,
  Server as TlsServer,
} from 'node:tls'
import { createServer as createTlsServer, connect as tlsConnect } from 'node:tls'

/** TLS as a client asks for it: `ca`, `cert`, `key`, `servername` ... */
export type ClientTlsOptions = ConnectionOptions

/** TLS as a server offers it: `key`, `cert`, `ca`, `requestCert` ... */
export type ServerTlsOptions = TlsOptions

/** A certificate that was presented and verified: `subject`, `subjectaltname`, `fingerprint256` ... */
export type Certificate = PeerCertificate

/** The ALPN name of HTTP/2. RFC 9113 §3.2. */
const ALPN: readonly string[] = ['h2']

/** RFC 9113 §9.2. */
const TLS_VERSION_MIN: SecureVersion = 'TLSv1.2'

/**
 * Those of TLS 1.3 in Node's order, and of TLS 1.2 the ephemeral AEAD suites: appendix A of RFC 9113 forbids
 * the rest, and §9.2.2 asks for ECDHE with AES-128-GCM. `tls.ciphers` overrides it.
 */
const TLS_CIPHERS: string = [
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'TLS_AES_128_GCM_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':')

/** What options of the caller come on top of. */
const TLS_DEFAULTS: { readonly minVersion: SecureVersion; readonly ciphers: string } = {
  minVersion: TLS_VERSION_MIN,
  ciphers: TLS_CIPHERS,
}

/** Where a socket goes, or a server listens. */
export interface RawAddress {
  /** TCP host; unset: every interface (listen), this machine (connect). */
  readonly host?: string | undefined
  readonly port?: number | undefined
  /** Path of a unix socket, instead of host and port. */
  readonly path?: string | undefined
}

export interface RawConnectOptions extends RawAddress {
  /** TLS with ALPN `h2`; unset: plain text. */
  readonly tls?: ConnectionOptions | undefined
}

export interface RawListenOptions extends RawAddress {
  readonly tls?: TlsOptions | undefined
  readonly backlog?: number | undefined
  /** TLS handshake limit. Unit: ms. */
  readonly handshakeTimeoutMs: number
}

/**
 * The part of `net.Socket` that a driver uses, so that a simulated network can
 * stand in for it. Semantics are Node's: 'drain' follows a full buffer, 'close'
 * comes last and once, 'error' before it.
 */
export interface RawSocket {
  write(bytes: Uint8Array): boolean
  cork(): void
  uncork(): void
  end(): void
  destroy(): void
  pause(): void
  resume(): void
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
  /** Over TLS: what the peer presented; an empty object if nothing. */
  getPeerCertificate?(): Certificate
  on(event: 'data', listener: (chunk: Buffer) => void): unknown
  on(event: 'error', listener: (error: Error) => void): unknown
  on(event: 'drain' | 'end' | 'close', listener: () => void): unknown
}

/** Who hears of a listening socket. */
export interface RawListenEvents {
  onSocket(socket: RawSocket): void
  /** A TLS handshake failed, or accepting did; the server lives on. */
  onError(error: Error, remote: string): void
}

export interface RawListener {
  readonly host: string
  readonly port: number
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

/** Something that will run later. */
export interface Cancellable {
  cancel(): void
  /** Keeps the process alive until then. */
  ref(): void
}

/**
 * Everything that comes from outside: time, randomness and the network. The
 * rest of the package is a pure function of it, so a simulated one makes whole
 * networks reproducible from a seed.
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
  /** Runs `run` once, in `delayMs` at the earliest. Does not keep the process alive. */
  schedule(delayMs: number, run: () => void): Cancellable
  /** Runs `run` when the microtasks of this turn, and those they cause, are done. */
  afterMicrotasks(run: () => void): void
  /** Runs `run` after the I/O of this turn of the event loop. */
  afterTurn(run: () => void): void
  /** In [0, 1). For jitter, not for secrets. */
  random(): number
  /** Starts to connect; `onReady` when TCP, and TLS if asked for, are set up. Failures come as 'error' and 'close'. */
  connect(options: RawConnectOptions, onReady: () => void): RawSocket
  /** Rejects with the system's error. */
  listen(options: RawListenOptions, events: RawListenEvents): Promise<RawListener>
  /** Addresses of a host name, in the resolver's order. Rejects with the system's error. */
  lookup(host: string): Promise<readonly string[]>
}

/** The runtime of Node. The only place in the package that touches clock, timers, randomness and the network. */
export const nodeRuntime: Runtime = {
  now: () => Math.floor(performance.now()),
  stopwatch: () => performance.now(),
  schedule(delayMs, run) {
    const timeout = setTimeout(run, delayMs)
    timeout.unref()
    return { cancel: () => clearTimeout(timeout), ref: () => void timeout.ref() }
  },
  afterMicrotasks: run => queueMicrotask(() => process.nextTick(run)),
  afterTurn: run => void setImmediate(run),
  random: () => Math.random(),
  connect: connectSocket,
  listen: listenSocket,
  lookup: host =>
    new Promise((resolve, reject) => {
      lookup(host, { all: true, verbatim: true }, (error, found) => {
        if (error === null) resolve(found.map(entry => entry.address))
        else reject(error)
      })
    }),
}

function connectSocket(options: RawConnectOptions, onReady: () => void): RawSocket {
  const where =
    options.path === undefined
      ? { host: options.host ?? 'localhost', port: options.port ?? 0 }
      : { path: options.path }
  const common = { ...where, allowHalfOpen: true, noDelay: true }
  if (options.tls === undefined) return netConnect(common, onReady)
  const name = options.host === undefined || isIp(options.host) ? {} : { servername: options.host }
  const tls = { ...TLS_DEFAULTS, ...name, ...options.tls, ...common }
  try {
    const socket: TLSSocket = tlsConnect({ ...tls, ALPNProtocols: [...ALPN] }, () => {
      refuseRenegotiation(socket)
      onReady()
    })
    // tls.connect ignores the option: without this, what follows a small write waits 40 ms for its acknowledgement.
    socket.setNoDelay(true)
    return socket
  } catch (error) {
    // A key or a certificate that cannot be read: told as any failure to connect is.
    return new NetSocket().destroy(error as Error)
  }
}

/** RFC 6066 §3: literal addresses are not server names. */
function isIp(host: string): boolean {
  return host.includes(':') || /^[\d.]+$/.test(host)
}

function listenSocket(options: RawListenOptions, events: RawListenEvents): Promise<RawListener> {
  const { tls, backlog } = options
  const pending = new Set<NetSocket>()
  const tlsServer = tls === undefined ? undefined : newTlsServer(tls, options, events, pending)
  const server = tlsServer ?? newServer(events)
  const where =
    options.path === undefined
      ? { host: options.host, port: options.port ?? 0 }
      : { path: options.path }
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(backlog === undefined ? where : { ...where, backlog }, () => {
      server.off('error', reject)
      server.on('error', error => events.onError(error, ''))
      const bound = server.address()
      const isTcp = typeof bound === 'object' && bound !== null
      resolve({
        host: isTcp ? bound.address : '',
        port: isTcp ? bound.port : 0,
        close: () => closeServer(server),
        destroyPending() {
          for (const socket of pending) socket.destroy()
        },
        updateTls: next => tlsServer?.setSecureContext(secureOptions(next)),
      })
    })
  })
}

function newServer(events: RawListenEvents): NetServer {
  return createServer({ allowHalfOpen: true, noDelay: true }, socket => events.onSocket(socket))
}

/**
 * Node tells that a server has closed while the system still has its socket:
 * that goes at the end of the event loop's turn, after which two more begin.
 */
function closeServer(server: NetServer): Promise<void> {
  return new Promise(resolve => {
    server.close(() => setImmediate(() => setImmediate(resolve)))
  })
}

/** `pending` holds the sockets below TLS, for Node tells of nobody before the handshake is done. */
function newTlsServer(
  tls: TlsOptions,
  options: RawListenOptions,
  events: RawListenEvents,
  pending: Set<NetSocket>,
): TlsServer {
  const server = createTlsServer(
    {
      ...secureOptions(tls),
      allowHalfOpen: true,
      noDelay: true,
      handshakeTimeout: options.handshakeTimeoutMs,
      ALPNProtocols: [...ALPN],
    } as TlsOptions,
    (socket: TLSSocket) => {
      refuseRenegotiation(socket)
      events.onSocket(socket)
    },
  )
  server.on('connection', (socket: NetSocket) => {
    pending.add(socket)
    socket.once('close', () => pending.delete(socket))
  })
  server.on('tlsClientError', (error: Error, socket: NetSocket) => {
    events.onError(error, `${socket.remoteAddress ?? ''}:${socket.remotePort ?? ''}`)
    socket.destroy()
  })
  return server
}

/** RFC 9113 §9.2.1. Node only reports the attempt: the end of the socket is ours to make. */
function refuseRenegotiation(socket: TLSSocket): void {
  socket.disableRenegotiation()
  socket.once('error', () => socket.destroy())
}

function secureOptions(tls: TlsOptions): TlsOptions {
  return { ...TLS_DEFAULTS, ...tls }
}
