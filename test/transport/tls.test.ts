import { createServer as createHttpServer } from 'node:http'
import { createServer, type Server as NetServer, connect as netConnect } from 'node:net'
import t, { type Test } from 'tap'
import { Status } from '../../src/grpc/index.js'
import { connect } from '../../src/transport/client/session.js'
import { nodeRuntime } from '../../src/transport/node/node-runtime.js'
import type { ServeOptions } from '../../src/transport/server/serve-options.js'
import { serve } from '../../src/transport/server/server.js'
import { type ConnectionPeer, peerOf } from '../../src/transport/socket/connection-peer.js'
import { acceptorOf, BareClient, ECHO, method, routerWith, unary } from './calls.js'

import { certificate, isSentence, ours, rawTls, session, start, until } from './tls-rig.js'

function listening(t: Test, listener: NetServer): Promise<number> {
  t.teardown(() => new Promise(resolve => listener.close(resolve)))
  return new Promise(resolve => {
    listener.listen(0, '127.0.0.1', () => resolve((listener.address() as { port: number }).port))
  })
}

/** A server that says the same to everybody. */
function saying(text: string): NetServer {
  return createServer(socket => {
    socket.on('error', () => {})
    socket.resume()
    socket.end(text)
  })
}

t.test(
  'TLS handshakes under way count for connectionsMax, and leave their place when they end',
  async t => {
    const { server, port, errors } = await start(t, { connectionsMax: 2, handshakeTimeoutMs: 500 })
    let closed = 0
    const silent = (event: 'connect' | 'close'): Promise<unknown> => {
      const socket = netConnect(port, '127.0.0.1')
      t.teardown(() => socket.destroy())
      socket.on('error', () => {})
      socket.on('close', () => closed++)
      return new Promise(resolve => socket.once(event, resolve))
    }
    // Connections are accepted in the order in which they came.
    await Promise.all([silent('connect'), silent('connect')])
    await Promise.all([silent('close'), silent('close')])
    t.equal(closed, 2, 'the first two have their places')
    t.equal(server.connectionCount, 0)
    const full = errors.filter(({ message }) =>
      /2 connections are open or shaking hands/.test(message),
    )
    t.equal(full.length, 2)
    await until(() => errors.length === 4)
    isSentence(t, errors[3]?.message, /^127\.0\.0\.1:\d+: the TLS handshake took too long/)
    const client = session(t, port, { tls: { ca: ours.cert } })
    t.equal((await unary(client)).error, undefined)
  },
)

t.test('a probe of a TLS port that ends with RST, or with FIN, is no error', async t => {
  const { port, errors } = await start(t, { handshakeTimeoutMs: 100 })
  for (const leave of ['resetAndDestroy', 'destroy'] as const) {
    await new Promise<void>(resolve => {
      const socket = netConnect(port, '127.0.0.1', () => socket[leave]())
      socket.on('error', () => {})
      socket.on('close', () => resolve())
    })
  }
  await new Promise(resolve => setTimeout(resolve, 300))
  t.same(errors, [])
})

t.test('RFC 6066 §3: servername overrides the name that is asked for and verified', async t => {
  const other = await certificate('greeter.internal')
  const { port } = await start(t, { tls: other })
  const wrong = session(t, port, { tls: { ca: other.cert } })
  const { error } = await unary(wrong)
  isSentence(t, error?.message, /^localhost:\d+: TLS failed: .* is not in the cert's altnames/)
  const right = session(t, port, { tls: { ca: other.cert, servername: 'greeter.internal' } })
  t.equal((await unary(right)).error, undefined)
  t.equal(right.authority, 'greeter.internal')
})

t.test(
  'RFC 6066 §3: a name with a dot at its end is asked for and verified without it',
  async t => {
    const asked: string[] = []
    const other = await certificate('greeter.internal')
    const SNICallback: NonNullable<ServeOptions['tls']>['SNICallback'] = (name, done) => {
      asked.push(name)
      done(null)
    }
    const { port } = await start(t, { tls: { ...other, SNICallback } })
    const runtime = { ...nodeRuntime, lookup: () => ['127.0.0.1'] }
    const client = connect(`greeter.internal.:${port}`, { runtime, tls: { ca: other.cert } })
    t.teardown(() => client.close())
    t.equal((await unary(client)).error, undefined)
    t.equal(client.authority, `greeter.internal.:${port}`, 'as it was given, as peers do')

    const named = session(t, port, { tls: { ca: other.cert, servername: 'greeter.internal.' } })
    t.equal((await unary(named)).error, undefined)
    t.same(asked, ['greeter.internal', 'greeter.internal'])

    const silent = { ca: other.cert, servername: '' }
    const unnamed = connect(`greeter.internal:${port}`, { runtime, tls: silent })
    t.teardown(() => unnamed.close())
    t.equal((await unary(unnamed)).error, undefined, 'no name is asked for, it is verified still')
    t.equal(unnamed.authority, `greeter.internal:${port}`)
    t.equal(asked.length, 2)
    const wrong = connect(`other.internal:${port}`, { runtime, tls: silent })
    t.teardown(() => wrong.close())
    t.match((await unary(wrong)).error?.message, /not in the cert's altnames/)
  },
)

t.test('an address of the name where nobody listens costs nothing', async t => {
  const { port } = await start(t)
  const runtime = { ...nodeRuntime, lookup: () => ['127.0.0.2', '127.0.0.1'] }
  const client = connect(`localhost:${port}`, { runtime, tls: { ca: ours.cert } })
  t.teardown(() => client.close())
  t.equal((await unary(client)).error, undefined)
})

t.test(
  'mutual TLS: the client is known to the handler; without certificate it is refused',
  async t => {
    const client = await certificate('shop')
    let peer: ConnectionPeer | undefined
    const router = routerWith({
      method: method('/test.Peer/Who'),
      start(call) {
        peer = peerOf(call.stream.connection)
        call.respond(Buffer.from('x'))
        call.settle()
        return undefined
      },
    })
    const tls = { ...ours, ca: client.cert, requestCert: true }
    const { port, errors } = await start(t, { tls, handler: acceptorOf(router) })
    const known = session(t, port, { tls: { ca: ours.cert, ...client } })
    t.equal((await unary(known, method('/test.Peer/Who'))).error, undefined)
    t.equal(peer?.encrypted, true)
    t.equal(peer?.certificate?.subject.CN, 'shop')

    const nobody = session(t, port, { tls: { ca: ours.cert } })
    const refused = await unary(nobody)
    t.equal(refused.error?.status, Status.Unavailable)
    isSentence(t, refused.error?.message, /the server wants a certificate of the client/)
    await until(() => errors.length > 0)
    isSentence(t, errors[0]?.message, /^[\d.:]+: the client gave no certificate/)

    const stranger = session(t, port, { tls: { ca: ours.cert, ...(await certificate('other')) } })
    isSentence(
      t,
      (await unary(stranger)).error?.message,
      /^localhost:\d+: the server closed the connection right after the TLS handshake, .*certificate of the client/,
    )
  },
)

t.test('RFC 9113 §9.2: TLS older than 1.2 is refused, by options and on the wire', async t => {
  const { port, errors } = await start(t)
  const old = { ciphers: 'DEFAULT@SECLEVEL=0', minVersion: 'TLSv1', maxVersion: 'TLSv1.1' } as const
  await rawTls(port, old)
  await until(() => errors.length > 0)
  isSentence(t, errors[0]?.message, /^127[\d.:]+: the client offers no TLS 1\.2 or newer/)
  const handler = acceptorOf(routerWith())
  t.throws(() => connect('a:1', { tls: { minVersion: 'TLSv1.1' } }), {
    name: 'RangeError',
    message: 'tls.minVersion is TLSv1.1; HTTP/2 needs TLSv1.2 or newer',
  })
  t.throws(() => serve({ tls: { maxVersion: 'TLSv1' }, handler }), /tls\.maxVersion is TLSv1/)
  t.throws(() => connect('a:1', { tls: { secureProtocol: 'TLS_method' } }), TypeError)
  t.throws(() => serve({ tls: { ALPNProtocols: ['http/1.1'] }, handler }), TypeError)
  t.throws(() => connect('a:1', { tls: true as never }), /tls must be an object, got true/)
})

t.test(
  'RFC 9113 §9.2.2: of TLS 1.2 only ephemeral AEAD suites are agreed on, unless asked for',
  async t => {
    const prohibited = {
      maxVersion: 'TLSv1.2',
      ciphers: 'ECDHE-RSA-AES128-SHA256:AES128-GCM-SHA256',
    } as const
    const { server, port, errors } = await start(t)
    await rawTls(port, prohibited)
    await until(() => errors.length > 0)
    isSentence(t, errors[0]?.message, /^127[\d.:]+: the client offers no cipher suite/)
    server.updateTls(ours)
    await rawTls(port, prohibited)
    await until(() => errors.length > 1)

    const weak = await start(t, { tls: { ...ours, ...prohibited } })
    const { error } = await unary(session(t, weak.port, { tls: { ca: ours.cert } }))
    isSentence(t, error?.message, /^localhost:\d+: the server refused the TLS handshake/)
    const asked = session(t, weak.port, { tls: { ca: ours.cert, ciphers: prohibited.ciphers } })
    t.equal((await unary(asked)).error, undefined)

    for (const cipher of ['ECDHE-RSA-AES128-GCM-SHA256', 'ECDHE-RSA-CHACHA20-POLY1305']) {
      await rawTls(port, { maxVersion: 'TLSv1.2', ciphers: cipher }, socket => {
        t.equal(socket.getCipher().name, cipher)
        socket.end()
      })
    }
  },
)

t.test('connect timeout covers a TLS handshake that does not end', async t => {
  const port = await listening(
    t,
    createServer(socket => {
      socket.on('error', () => {})
      socket.resume()
    }),
  )
  const options = { tls: { ca: ours.cert }, connectTimeoutMs: 50 }
  const { error } = await unary(session(t, port, options))
  t.equal(error?.status, Status.Unavailable)
  t.equal(error?.message, `localhost:${port}: no connection within 50 ms`)
})

const RENEGOTIATION = /^127[\d.:]+: the client asked for TLS renegotiation/

t.test('RFC 9113 §9.2.1: TLS 1.2 serves calls, and renegotiation ends the connection', async t => {
  const { server, port, errors } = await start(t)
  const client = session(t, port, { tls: { ca: ours.cert, maxVersion: 'TLSv1.2' } })
  t.equal((await unary(client)).error, undefined)
  await client.close()
  await until(() => server.connectionCount === 0)
  await rawTls(port, { maxVersion: 'TLSv1.2' }, socket => {
    socket.write(new BareClient().take())
    socket.renegotiate({}, () => {})
  })
  await until(() => server.connectionCount === 0)
  t.equal(server.acceptedCount, 2)
  isSentence(t, errors[0]?.message, RENEGOTIATION)
})

t.test(
  'RFC 9113 §9.2.1: a client that renegotiates before it says anything is told of',
  async t => {
    const { port, errors } = await start(t)
    await rawTls(port, { maxVersion: 'TLSv1.2' }, socket => void socket.renegotiate({}, () => {}))
    await until(() => errors.length === 1)
    isSentence(t, errors[0]?.message, RENEGOTIATION)
  },
)

t.test('RFC 9113 §3.3: ALPN without h2 is refused by either side, in one sentence', async t => {
  const { port, errors } = await start(t)
  await rawTls(port, { ALPNProtocols: ['http/1.1'] })
  await until(() => errors.length === 1)
  isSentence(t, errors[0]?.message, /did not ask for "h2" by ALPN/)
  await rawTls(port, { ALPNProtocols: undefined as never })
  await until(() => errors.length === 2)
  isSentence(t, errors[1]?.message, /did not ask for "h2" by ALPN/)
})

t.test('a TLS client on a plaintext port: both sides hear one sentence', async t => {
  const { port, errors } = await start(t, { tls: undefined as never })
  const { error } = await unary(session(t, port, { tls: { ca: ours.cert } }))
  isSentence(
    t,
    error?.message,
    /^localhost:\d+: the server closed the connection during the TLS handshake; does this port speak TLS\?/,
  )
  t.match(error?.cause, { code: 'TRANSPORT_TLS' })
  isSentence(t, errors[0]?.message, /the client speaks TLS, but this port is plain text/)

  const talker = await listening(t, saying('220 mail ready\r\n'))
  const other = await unary(session(t, talker, { tls: { ca: ours.cert } }))
  isSentence(t, other.error?.message, /the server does not speak TLS at this port/)
})

t.test('a plaintext client on a TLS port: both sides hear one sentence', async t => {
  const { port, errors } = await start(t)
  const { error } = await unary(session(t, port))
  isSentence(t, error?.message, /^localhost:\d+: .*connect with `tls`$/)
  await until(() => errors.length === 1)
  isSentence(t, errors[0]?.message, /the client speaks plain text, but this port takes TLS/)
  const web = netConnect(port, '127.0.0.1', () => web.write('GET / HTTP/1.1\r\n\r\n'))
  web.on('error', () => {})
  await until(() => errors.length === 2)
  isSentence(t, errors[1]?.message, /the client speaks plain HTTP\/1\.x, but this port takes TLS/)
})

t.test('a server of HTTP/1.1 and a proxy that answers HTML: one sentence', async t => {
  const web = await listening(
    t,
    createHttpServer((_, response) => response.end('x')),
  )
  const first = await unary(session(t, web))
  isSentence(t, first.error?.message, /^localhost:\d+: the server answered in HTTP\/1\.x/)
  const page = '<!doctype html><html><body>Bad Gateway</body></html>'
  const proxy = await listening(t, saying(page))
  const second = await unary(session(t, proxy))
  isSentence(t, second.error?.message, /^localhost:\d+: the server answered with HTML/)
  const status = `HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\n\r\n${page}`
  const gateway = await listening(t, saying(status))
  const third = await unary(session(t, gateway))
  isSentence(t, third.error?.message, /is this a web server or proxy\? Try the gRPC port$/)
})

t.test('stop leaves no socket of a TLS handshake that is under way', async t => {
  const server = await serve({
    address: '127.0.0.1:0',
    handler: acceptorOf(routerWith()),
    tls: ours,
  })
  const port = Number(server.address.split(':').at(-1))
  const silent = netConnect(port, '127.0.0.1')
  silent.on('error', () => {})
  const closed = new Promise(resolve => silent.on('close', resolve))
  await new Promise(resolve => silent.on('connect', resolve))
  await new Promise(resolve => setTimeout(resolve, 20))
  const before = Date.now()
  await server.stop()
  t.ok(Date.now() - before < 2_000, 'it does not wait for the handshake timeout')
  await closed
})

t.test('TLS carries large messages both ways', async t => {
  const { port } = await start(t)
  const client = session(t, port, { tls: { ca: ours.cert } })
  const body = 'x'.repeat(2_000_000)
  const { error, messages } = await unary(client, ECHO, body)
  t.equal(error, undefined)
  t.equal(messages[0]?.length, body.length)
})
