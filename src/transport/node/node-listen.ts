import { createServer, type Server, type Socket } from 'node:net'
import { setImmediate } from 'node:timers'
import type { RawListenEvents, RawListener, RawListenOptions } from '../runtime/runtime.js'
import { descriptorWatch } from './descriptor-watch.js'
import { TlsDoor } from './node-tls-door.js'

/** `Runtime.listen` of Node. */
export function listenSocket(
  options: RawListenOptions,
  events: RawListenEvents,
): Promise<RawListener> {
  const { tls, backlog, host, path, port = 0 } = options
  const door = tls === undefined ? undefined : new TlsDoor(tls, options.handshakeTimeoutMs, events)
  const onSocket = (socket: Socket): void =>
    door === undefined ? events.onSocket(socket) : door.onSocket(socket)
  // A client that leaves during its TLS handshake has left; above TLS there may be half a connection.
  const server = createServer({ allowHalfOpen: door === undefined, noDelay: true }, onSocket)
  const where = path === undefined ? { host, port } : { path }
  return new Promise((resolve, reject) => {
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

/**
 * Node tells that a server has closed while the system still has its socket:
 * that goes at the end of the event loop's turn, after which two more begin.
 */
function closeServer(server: Server): Promise<void> {
  return new Promise(resolve => {
    server.close(() => setImmediate(() => setImmediate(resolve)))
  })
}
