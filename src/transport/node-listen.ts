import { createServer, type Server as NetServer, type Socket as NetSocket } from 'node:net'
import {
  createServer as createTlsServer,
  type TLSSocket,
  type TlsOptions,
  type Server as TlsServer,
} from 'node:tls'
import { refuseRenegotiation } from './renegotiation.js'
import type { RawListenEvents, RawListener, RawListenOptions } from './runtime.js'
import { ALPN, TLS_DEFAULTS } from './tls-defaults.js'

export function listenSocket(
  options: RawListenOptions,
  events: RawListenEvents,
): Promise<RawListener> {
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

function secureOptions(tls: TlsOptions): TlsOptions {
  return { ...TLS_DEFAULTS, ...tls }
}
