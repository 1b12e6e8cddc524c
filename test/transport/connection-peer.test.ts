import t from 'tap'
import { certificateOf, peerOf, setPeer } from '../../src/transport/connection-peer.js'
import type { Certificate } from '../../src/transport/runtime.js'
import { BareClient } from './calls.js'
import { FakeSocket } from './fake-runtime.js'

/** A socket as it is after a handshake. */
function socketWith(authorized: boolean | undefined, certificate: object | undefined): FakeSocket {
  const getPeerCertificate = () => certificate as Certificate
  return Object.assign(new FakeSocket(), { authorized, getPeerCertificate })
}

t.test('a certificate counts when it was verified, and only then', t => {
  const certificate = { subject: { CN: 'shop' } }
  t.equal(certificateOf(socketWith(true, certificate)), certificate)
  t.equal(certificateOf(socketWith(false, certificate)), undefined)
  t.equal(certificateOf(socketWith(undefined, certificate)), undefined)
  t.equal(certificateOf(socketWith(true, undefined)), undefined)
  t.equal(certificateOf(socketWith(true, {})), undefined, 'what Node says when there is none')
  t.equal(certificateOf(new FakeSocket()), undefined, 'plain text')
  t.end()
})

t.test('a connection without a socket of ours has a peer without a name', t => {
  const { connection } = new BareClient()
  t.same(peerOf(connection), { local: '', remote: '', isTls: false })
  t.throws(() => Object.assign(peerOf(connection), { remote: 'x' }))
  const peer = { local: 'a:1', remote: 'b:2', isTls: true }
  setPeer(connection, peer)
  t.same(peerOf(connection), peer)
  t.end()
})

t.test(
  'what is kept of a peer leads to nothing else: not to its connection, nor to its socket',
  t => {
    const { connection } = new BareClient()
    const options = {
      local: 'a:1',
      remote: 'b:2',
      isTls: false,
      connection,
      socket: new FakeSocket(),
    }
    setPeer(connection, options)
    t.strictSame(Object.keys(peerOf(connection)), ['local', 'remote', 'isTls', 'certificate'])
    t.end()
  },
)
