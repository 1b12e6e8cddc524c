import type { Connection } from '../connection/index.js'
import type { Certificate, RawSocket } from './runtime.js'

/** The two ends of a connection as text: `host:port`, or `unix:/path`. */
export interface ConnectionPeer {
  readonly local: string
  readonly remote: string
  /** The connection is encrypted. */
  readonly isTls: boolean
  /** Over TLS: what the peer proved to be (`requestCert` with `ca` at a server); undefined unless it was verified. */
  readonly certificate?: Certificate | undefined
}

// The connection itself knows no socket, so what its socket knows is kept beside it.
const peers = new WeakMap<Connection, ConnectionPeer>()

const UNKNOWN: ConnectionPeer = Object.freeze({ local: '', remote: '', isTls: false })

export function setPeer(connection: Connection, peer: ConnectionPeer): void {
  const { local, remote, isTls, certificate } = peer
  // Nothing else of `peer`: a value that leads back to its key keeps both through every minor collection.
  peers.set(connection, { local, remote, isTls, certificate })
}

/** The two ends of the socket of `connection`; empty texts if it has no socket. */
export function peerOf(connection: Connection): ConnectionPeer {
  return peers.get(connection) ?? UNKNOWN
}

/** The certificate of a socket's peer, if it gave one that was verified. */
export function certificateOf(socket: RawSocket): Certificate | undefined {
  if (socket.authorized !== true) return undefined
  const certificate = socket.getPeerCertificate?.()
  return certificate === undefined || Object.keys(certificate).length === 0
    ? undefined
    : certificate
}
