import type { X509Certificate } from 'node:crypto'
import type { StreamConnection } from '../../connection/index.js'
import type { Certificate, RawSocket } from '../runtime/runtime.js'

/** Who is at the other end. As text (`${peer}`) it is the address. */
export interface Peer {
  /** `host:port`, or `unix:/path`; empty where it is not known. */
  readonly address: string
  /** The connection is encrypted (TLS). */
  readonly encrypted: boolean
  /** Over TLS: the peer gave a certificate, and it was verified (`requestCert` with `ca` at a server). */
  readonly authorized: boolean
  /** Over TLS: the server name that the client asked for (SNI); undefined if none. */
  readonly serverName: string | undefined
  /** The verified certificate: `subject`, `subjectaltname`, `fingerprint256` ... Undefined unless `authorized`. Made at first access. */
  readonly certificate: Certificate | undefined
  /** The address. */
  toString(): string
}

/** Both ends of a connection. */
export interface ConnectionPeer extends Peer {
  /** Our own address, as `address`. */
  readonly local: string
}

/** What is known of a socket besides what it says itself. */
interface Ends {
  readonly local: string
  readonly remote: string
  readonly isTls: boolean
}

type LazyCertificate = Pick<X509Certificate, 'toLegacyObject'>

/** The two ends of `socket`, of which it keeps nothing: values of the map below must not lead back to their keys. */
export function connectionPeer(
  ends: Ends,
  socket?: Pick<
    RawSocket,
    'authorized' | 'servername' | 'getPeerCertificate' | 'getPeerX509Certificate'
  >,
): ConnectionPeer {
  return new SocketPeer(ends, socket)
}

/** A peer of which only the address is known. */
export function peerAt(address: string, encrypted = false): Peer {
  return new SocketPeer({ local: '', remote: address, isTls: encrypted })
}

class SocketPeer implements ConnectionPeer {
  readonly local: string
  readonly address: string
  readonly encrypted: boolean
  readonly authorized: boolean
  readonly serverName: string | undefined
  #lazy: LazyCertificate | undefined
  #certificate: Certificate | undefined

  constructor({ local, remote, isTls }: Ends, socket?: Parameters<typeof connectionPeer>[1]) {
    this.local = local
    this.address = remote
    this.encrypted = isTls
    const name = isTls ? socket?.servername : undefined
    this.serverName = typeof name === 'string' && name !== '' ? name : undefined
    const isVerified = isTls && socket?.authorized === true
    if (isVerified) {
      const lazy = socket.getPeerX509Certificate?.()
      if (typeof lazy?.toLegacyObject === 'function') this.#lazy = lazy
      else this.#certificate = presented(socket.getPeerCertificate?.())
    }
    this.authorized = this.#lazy !== undefined || this.#certificate !== undefined
  }

  get certificate(): Certificate | undefined {
    if (this.#lazy !== undefined) {
      this.#certificate = this.#lazy.toLegacyObject()
      this.#lazy = undefined
    }
    return this.#certificate
  }

  toString(): string {
    return this.address
  }
}

/** Node says `{}` of a peer that gave none. */
function presented(certificate: Certificate | undefined): Certificate | undefined {
  return Object.keys(certificate ?? {}).length === 0 ? undefined : certificate
}

// The connection itself knows no socket, so what its socket knows is kept beside it.
const peers = new WeakMap<StreamConnection, ConnectionPeer>()

const UNKNOWN: ConnectionPeer = Object.freeze(
  connectionPeer({ local: '', remote: '', isTls: false }),
)

export function setPeer(connection: StreamConnection, peer: ConnectionPeer): void {
  peers.set(connection, peer)
}

/** The two ends of the socket of `connection`; empty texts if it has no socket. */
export function peerOf(connection: StreamConnection): ConnectionPeer {
  return peers.get(connection) ?? UNKNOWN
}
