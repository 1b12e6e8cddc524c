import t from 'tap'
import type { Certificate, RawSocket } from '../../src/transport/runtime/runtime.js'
import {
  connectionPeer,
  peerAt,
  peerOf,
  setPeer,
} from '../../src/transport/socket/connection-peer.js'
import { BareClient } from './calls.js'
import { FakeSocket } from './fake-runtime.js'

const plainSocket: RawSocket = new FakeSocket()
const ends = { local: 'a:1', remote: 'b:2', isTls: true }

/** A socket as it is after a handshake. */
function socketWith(authorized: boolean | undefined, certificate: object | undefined): RawSocket {
  const getPeerCertificate = () => certificate as Certificate
  return Object.assign(new FakeSocket(), { authorized, getPeerCertificate }) as RawSocket
}

t.test('a certificate counts when it was verified, and only then', t => {
  const certificate = { subject: { CN: 'shop' } }
  const none = undefined
  for (const [authorized, given, expected, why] of [
    [true, certificate, certificate, 'verified'],
    [false, certificate, none, 'not verified'],
    [none, certificate, none, 'nobody has verified it'],
    [true, none, none, 'no certificate'],
    [true, {}, none, 'what Node says when there is none'],
  ] as const) {
    const peer = connectionPeer(ends, socketWith(authorized, given))
    t.equal(peer.certificate, expected, why)
    t.equal(peer.authorized, expected !== none, why)
  }
  const plain = connectionPeer({ ...ends, isTls: false }, socketWith(true, certificate))
  t.match(plain, { encrypted: false, authorized: false, certificate: none }, 'plain text')
  t.equal(connectionPeer(ends, plainSocket).certificate, none)
  t.end()
})

t.test('a certificate is read at first access, once', t => {
  let count = 0
  const lazy = { toLegacyObject: () => ({ subject: { CN: `shop ${++count}` } }) }
  const socket = Object.assign(new FakeSocket(), {
    authorized: true,
    getPeerX509Certificate: () => lazy as never,
    getPeerCertificate: () => t.fail('the lazy one is there'),
  })
  const peer = connectionPeer(ends, socket as never)
  t.ok(peer.authorized)
  t.equal(count, 0)
  t.equal(peer.certificate?.subject.CN, 'shop 1')
  t.equal(peer.certificate, peer.certificate)
  t.end()
})

t.test('the server name is that of the handshake, and none is none', t => {
  const withName = (servername: unknown) =>
    connectionPeer(ends, Object.assign(new FakeSocket(), { servername }) as never).serverName
  t.equal(withName('shop.test'), 'shop.test')
  for (const none of [false, null, '', undefined]) t.equal(withName(none), undefined)
  t.end()
})

t.test('a connection without a socket of ours has a peer without a name', t => {
  const { connection } = new BareClient()
  const unknown = { local: '', address: '', encrypted: false, authorized: false }
  t.match(peerOf(connection), unknown)
  t.throws(() => Object.assign(peerOf(connection), { address: 'x' }))
  const peer = connectionPeer(ends)
  setPeer(connection, peer)
  t.equal(peerOf(connection), peer)
  t.end()
})

t.test('as text a peer is its address', t => {
  t.equal(`${connectionPeer(ends)}`, 'b:2')
  t.equal(`${peerAt('c:3')}`, 'c:3')
  t.match(peerAt('c:3', true), { address: 'c:3', encrypted: true, authorized: false })
  t.end()
})

t.test('what is kept of a peer leads to nothing else: not to its socket', t => {
  const peer = connectionPeer(ends, plainSocket)
  const names = ['local', 'address', 'encrypted', 'authorized', 'serverName']
  t.strictSame(Object.keys(peer).sort(), names.sort())
  t.end()
})
