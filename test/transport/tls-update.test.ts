import t from 'tap'
import { createClient } from '../../src/micro/index.js'
import type { Session } from '../../src/transport/client/session.js'
import { grpcTransport } from '../../src/transport/micro/grpc-transport.js'
import { serve } from '../../src/transport/server/server.js'
import type { ConnectionPeer } from '../../src/transport/socket/connection-peer.js'
import { acceptorOf, BareClient, HeldRoute, routerWith, unary } from './calls.js'
import { CERT, PFX } from './stored-certificate.js'

import { certificate, isSentence, ours, rawTls, session, start, until } from './tls-rig.js'

t.test('updateTls: new handshakes use the new certificate, connections live on', async t => {
  const next = await certificate('localhost')
  const held = new HeldRoute()
  const { server, port } = await start(t, { handler: acceptorOf(routerWith(held)) })
  const old = session(t, port, { tls: { ca: ours.cert } })
  const running = unary(old, held.method)
  await until(() => held.calls.length === 1)
  server.updateTls(next)
  const fresh = session(t, port, { tls: { ca: next.cert } })
  t.equal((await unary(fresh)).error, undefined, 'the new one is served')
  const wary = session(t, port, { tls: { ca: ours.cert } })
  t.match(await unary(wary), { error: { cause: { code: 'TRANSPORT_TLS' } } }, 'the old one is not')
  held.answerAll()
  t.equal((await running).error, undefined, 'the old connection completes its call')
})

t.test('updateTls: one that cannot be used throws, and the old one stays', async t => {
  const { server, port } = await start(t)
  t.throws(() => server.updateTls({ key: 'x', cert: 'y' }), Error)
  t.throws(() => server.updateTls({ minVersion: 'TLSv1' }), RangeError)
  t.equal((await unary(session(t, port, { tls: { ca: ours.cert } }))).error, undefined)
  const plain = await serve({ address: '127.0.0.1:0', handler: acceptorOf(routerWith()) })
  t.teardown(() => plain.stop())
  t.throws(() => plain.updateTls(ours), /was made without tls/)
})

t.test(
  'updateTls replaces all of it: an authority that was revoked stays out, the new one is in',
  async t => {
    const [revoked, trusted] = [await certificate('old'), await certificate('new')]
    const first = { ...ours, ca: revoked.cert, requestCert: true }
    const { server, port, errors } = await start(t, { tls: first })
    const asOld = { ca: ours.cert, ...revoked }
    t.equal((await unary(session(t, port, { tls: asOld }))).error, undefined)

    server.updateTls({ ...first, ca: trusted.cert })
    server.updateTls({ ...first, ca: trusted.cert, ...(await certificate('localhost')) })
    server.updateTls({ ...first, ca: trusted.cert })
    const refused = await unary(session(t, port, { tls: asOld }))
    isSentence(
      t,
      refused.error?.message,
      /right after the TLS handshake, as one does that refuses the certificate of the client/,
    )
    await until(() => errors.length > 0)
    isSentence(
      t,
      errors[0]?.message,
      /^127\.0\.0\.1:\d+: the certificate of the client is not trusted.* \([A-Z_]+\)$/,
    )
    const welcome = session(t, port, { tls: { ca: ours.cert, ...trusted } })
    t.equal((await unary(welcome)).error, undefined)

    server.updateTls({ ...ours, ca: undefined, requestCert: false })
    t.equal((await unary(session(t, port, { tls: { ca: ours.cert } }))).error, undefined)
  },
)

t.test(
  'updateTls: what was set and is not mentioned is refused by name, and nothing changes',
  async t => {
    const trusted = await certificate('shop')
    const tls = { ...ours, ca: trusted.cert, requestCert: true }
    const { server, port } = await start(t, { tls })
    const next = await certificate('localhost')
    t.throws(() => server.updateTls(next), {
      name: 'TypeError',
      message:
        'tls.ca was set and the update does not mention it; give it again, or tls.ca: undefined to take it away',
    })
    t.throws(() => server.updateTls({ ...next, ca: trusted.cert }), /tls\.requestCert was set/)
    t.throws(() => server.updateTls(undefined as never), TypeError)
    const client = session(t, port, { tls: { ca: ours.cert, ...trusted } })
    t.equal((await unary(client)).error, undefined)
  },
)

t.test('updateTls: a new certificate takes the place of a PKCS #12 file', async t => {
  const { server, port } = await start(t, { tls: { pfx: PFX, passphrase: 'abc' } })
  const before = session(t, port, { tls: { ca: CERT } })
  t.equal((await unary(before)).error, undefined)
  server.updateTls(ours)
  t.equal((await unary(session(t, port, { tls: { ca: ours.cert } }))).error, undefined)
  t.match((await unary(session(t, port, { tls: { ca: CERT } }))).error, {
    cause: { code: 'TRANSPORT_TLS' },
  })
})

t.test('updateTls: session tickets from before it are of no more use', async t => {
  const trusted = await certificate('shop')
  const tls = { ...ours, ca: trusted.cert, requestCert: true }
  const { server, port } = await start(t, { tls })
  const ticket = async (session?: Buffer): Promise<Buffer | undefined> => {
    let got: Buffer | undefined
    const options = { ca: ours.cert, ...trusted, ...(session === undefined ? {} : { session }) }
    await rawTls(port, options, socket => {
      reused.push(socket.isSessionReused())
      socket.write(new BareClient().take())
      socket.on('session', value => {
        got = value
      })
      // Tickets come before what the server says.
      socket.on('data', () => socket.destroy())
    })
    return got
  }
  const reused: boolean[] = []
  const first = await ticket()
  await ticket(first)
  server.updateTls({ ...tls, ca: (await certificate('other')).cert })
  await ticket(first)
  t.same(reused, [false, true, false])
})

t.test('updateTls of a session: the next connection shows the new certificate', async t => {
  const [first, second] = [await certificate('first'), await certificate('second')]
  const tls = { ...ours, ca: [first.cert, second.cert], requestCert: true }
  const names: (string | undefined)[] = []
  const observer = (peer: ConnectionPeer): undefined =>
    void names.push(String(peer.certificate?.subject.CN))
  const { server, port } = await start(t, { tls, observer })
  const base = { ca: ours.cert }
  const client = session(t, port, { tls: { ...base, ...first } })
  t.equal((await unary(client)).error, undefined)
  t.throws(() => client.updateTls(second), /tls\.ca was set/)
  t.throws(() => client.updateTls({ ...base, key: 'x', cert: 'y' }), /tls\.cert cannot be used/)
  t.throws(
    () => client.updateTls({ ...base, servername: 'x' }),
    /tls\.servername is x, and was undefined/,
  )
  client.updateTls({ ...base, ...second })
  t.equal((await unary(client)).error, undefined)
  t.same(names, ['first'], 'the connection lives on')
  await server.stop()
  await until(() => client.state === 'idle')
  await start(t, { tls, address: `127.0.0.1:${port}`, observer })
  t.equal((await unary(client)).error, undefined)
  t.same(names, ['first', 'second'])
  t.throws(() => session(t, port).updateTls(base), /was made without tls/)
})

t.test('updateTls of a transport: sessions it has, and those it makes', async t => {
  const { port } = await start(t)
  const other = await certificate('other')
  const session = { backOff: { initialMs: 1 } }
  const transport = grpcTransport({ clientTls: { ca: other.cert }, session })
  t.teardown(() => transport.close())
  const known = transport.session(`localhost:${port}`) as Session
  await t.rejects(known.connect(), { code: 'TRANSPORT_TLS' })
  transport.updateTls({ ca: ours.cert })
  await until(() => known.state === 'idle')
  await known.connect()
  await transport
    .session(`127.0.0.1:${port}`)
    .connect()
    .catch((error: Error) => {
      t.match(error.message, /not in the cert's/, 'the authority is known')
    })
  t.throws(() => transport.updateTls({ ca: 'x' }), /tls\.ca cannot be used/)
  t.throws(() => grpcTransport().updateTls({}), /was made without clientTls/)
})

t.test('updateTls of a client: its own transport, else TypeError', async t => {
  const client = createClient({ address: 'localhost:1', tls: { ca: ours.cert } })
  t.throws(() => client.updateTls({ ca: 'x' }), /tls\.ca cannot be used/)
  t.doesNotThrow(() => client.updateTls({ ca: CERT }))
  await client.close()
  const transport = grpcTransport()
  const guest = createClient({ address: 'localhost:1', transport })
  t.throws(() => guest.updateTls({}), /was given its transport/)
  await guest.close()
  const plain = createClient({ address: 'localhost:1' })
  t.throws(() => plain.updateTls({}), /was made without/)
  await plain.close()
})
