import { Socket as NetSocket, connect as netConnect } from 'node:net'
import {
  type ConnectionOptions,
  checkServerIdentity,
  type TLSSocket,
  connect as tlsConnect,
} from 'node:tls'
import { isLiteral } from '../runtime/address.js'
import type { RawConnectOptions, RawSocket } from '../runtime/runtime.js'
import { refuseRenegotiation } from '../tls/renegotiation.js'
import { ALPN, TLS_DEFAULTS } from '../tls/tls-defaults.js'

/** `Runtime.connect` of Node. */
export function connectSocket(options: RawConnectOptions, onReady: () => void): RawSocket {
  const where =
    options.path === undefined
      ? { host: options.host ?? 'localhost', port: options.port ?? 0 }
      : { path: options.path }
  const common = { ...where, allowHalfOpen: true, noDelay: true }
  if (options.tls === undefined) return netConnect(common, onReady)
  const { over } = options
  const way = over === undefined ? common : { host: options.host, socket: over as NetSocket }
  const tls = { ...TLS_DEFAULTS, ...options.tls, ...nameOf(options), ...way }
  try {
    const socket: TLSSocket = tlsConnect({ ...tls, ALPNProtocols: [...ALPN] }, () => {
      refuseRenegotiation(socket)
      onReady()
    })
    if (options.onTcp !== undefined) socket.once('connect', options.onTcp)
    // tls.connect ignores the option: without this, what follows a small write waits 40 ms for its acknowledgement.
    socket.setNoDelay(true)
    return socket
  } catch (error) {
    // Told as any failure to connect is.
    return new NetSocket().destroy(error as Error)
  }
}

/** RFC 6066 §3: literal addresses are not server names, and a name is asked for without the dot at its end. */
function nameOf({ tls, serverName, host }: RawConnectOptions): ConnectionOptions {
  const name = tls?.servername ?? serverName ?? host
  if (name === '' && serverName !== undefined) {
    // Nobody is asked for, and still that name is expected.
    const check = tls?.checkServerIdentity ?? checkServerIdentity
    return { checkServerIdentity: (_, certificate) => check(serverName, certificate) }
  }
  if (name === undefined || (tls?.servername === undefined && isLiteral(name))) return {}
  return { servername: name.replace(/\.+$/, '') }
}
