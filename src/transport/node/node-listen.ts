import { createServer, type Server, type Socket } from 'node:net'
import { setImmediate } from 'node:timers'
import type { RawListenEvents, RawListener, RawListenOptions } from '../runtime/runtime.js'
import { descriptorWatch } from './descriptor-watch.js'
import { checkReusePort } from './handed-socket.js'
import { TlsDoor } from './node-tls-door.js'

/** `Runtime.listen` of Node. */
export function listenSocket(
  options: RawListenOptions,
  events: RawListenEvents,
): Promise<RawListener> {
  const { tls, backlog, host, path, port = 0, fd, reusePort } = options
  const door = tls === undefined ? undefined : new TlsDoor(tls, options.handshakeTimeoutMs, events)
  const onSocket = (socket: Socket): void =>
    door === undefined ? events.onSocket(socket) : door.onSocket(socket)
  // A client that leaves during its TLS handshake has left; above TLS there may be half a connection.
  const server = createServer({ allowHalfOpen: door === undefined, noDelay: true }, onSocket)
  const where =
    fd !== undefined ? { fd } : path === undefined ? { host, port, reusePort } : { path }
  return new Promise((resolve, reject) => {
    // Settles with the system's error otherwise, which says nothing of versions.
    if (reusePort === true) checkReusePort()
    server.once('error', reject)
    server.listen(backlog === undefined ? where : { ...where, backlog }, () => {
      server.off('error', reject)
      server.on('error', error => events.onAcceptError(error))
      const unwatch = descriptorWatch.add(error => events.onAcceptError(error))
      const bound = server.address()
      const isTcp = typeof bound === 'object' && bound !== null
      resolve({
        host: isTcp ? bound.address : '',
        port: isTcp ? bound.port : 0,
        path: typeof bound === 'string' ? bound : undefined,
        fd: descriptorOf(server),
        close() {
          unwatch()
          return closeServer(server)
        },
        ...(door === undefined
          ? {}
          : { destroyPending: () => door.destroyPending(), updateTls: next => door.update(next) }),
      })
    })
  })
}

/** Node shows it to nobody else; on Windows there is none. */
function descriptorOf(server: Server): number | undefined {
  const { fd = -1 } = (server as { _handle?: { readonly fd?: number } | null })._handle ?? {}
  return fd < 0 ? undefined : fd
}

/**
 * Node tells that a server has closed while the system still has its socket:
 * that goes at the end of the event loop's turn, after which two more begin.
 */
function closeServer(server: Server): Promise<void> {
  return new Promise(resolve => {
    server.close(() => setImmediate(() => setImmediate(resolve)))
  })
}
