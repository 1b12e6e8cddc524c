import { getCurves } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import {
  type ConnectionOptions,
  createServer,
  type Server,
  type TLSSocket,
  type TlsOptions,
  connect as tlsConnect,
} from 'node:tls'
import { generate } from 'selfsigned'
import t, { type Test } from 'tap'
import { connect, type SessionOptions, serve } from '../../src/transport/index.js'
import { acceptorOf, routerWith } from '../transport/calls.js'

const pems = await generate([{ name: 'commonName', value: 'localhost' }], {
  extensions: [{ name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }] }],
})
const OURS = { key: pems.private, cert: pems.cert }

/** A server of Node's own, and what it saw of each handshake. */
async function foreign(
  t: Test,
  options: TlsOptions = {},
): Promise<{ port: number; asked: object[]; server: Server }> {
  const asked: object[] = []
  const ALPNCallback = (hello: { servername: string; protocols: string[] }): string => {
    asked.push({ ...hello })
    return 'h2'
  }
  const server = createServer({ ...OURS, ...options, ALPNCallback } as TlsOptions, socket => {
    socket.on('error', () => {})
    socket.resume()
  })
  t.teardown(() => void server.close())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { port: (server.address() as AddressInfo).port, asked, server }
}

/** A client of ours that connects at once. */
function dials(t: Test, address: string, options: SessionOptions = {}): void {
  const tls = { rejectUnauthorized: false, ...options.tls }
  const session = connect(address, { eager: true, ...options, tls, onError: () => {} })
  t.teardown(() => session.close())
}

/** A server of ours; returns its port. */
async function ours(t: Test): Promise<number> {
  const handler = acceptorOf(routerWith())
  const server = await serve({ address: '127.0.0.1:0', handler, tls: OURS, onError: () => {} })
  t.teardown(() => server.stop({ graceMs: 0 }))
  return Number(server.address.split(':').at(-1))
}

/** A client of Node's own: the socket when the handshake is done, undefined when it failed. */
function agrees(port: number, options: ConnectionOptions): Promise<TLSSocket | undefined> {
  return new Promise(resolve => {
    const common = { port, host: '127.0.0.1', rejectUnauthorized: false, ALPNProtocols: ['h2'] }
    const socket = tlsConnect({ ...common, ...options }, () => resolve(socket))
    socket.on('error', () => resolve(undefined))
    socket.on('close', () => resolve(undefined))
    socket.resume()
  })
}

t.test(
  'RFC 9113 §3.2, §9.2: a client offers h2 and nothing else, and names its server',
  async t => {
    const { port, asked, server } = await foreign(t)
    const dial = async (address: string, options?: SessionOptions): Promise<unknown> => {
      const done = once(server, 'secureConnection')
      dials(t, address, options)
      await done
      return asked.at(-1)
    }
    t.strictSame(await dial(`localhost:${port}`), { servername: 'localhost', protocols: ['h2'] })
    t.match(await dial(`127.0.0.1:${port}`), { protocols: ['h2'] })
    t.notOk(
      (asked.at(-1) as { servername?: string }).servername,
      'RFC 6066 §3: an address is no server name',
    )
    t.strictSame(await dial(`127.0.0.1:${port}`, { tls: { servername: 'greeter.internal' } }), {
      servername: 'greeter.internal',
      protocols: ['h2'],
    })
  },
)

t.test('RFC 9113 §9.2.2: ECDHE_RSA with AES-128-GCM and P-256 serves TLS 1.2', async t => {
  const suite = {
    maxVersion: 'TLSv1.2',
    ciphers: 'ECDHE-RSA-AES128-GCM-SHA256',
    ecdhCurve: 'P-256',
  } as const
  const socket = await agrees(await ours(t), suite)
  t.equal(socket?.getCipher().name, suite.ciphers)
  t.match(socket?.getEphemeralKeyInfo(), { type: 'ECDH', size: 256 })
  socket?.destroy()

  const { port, server } = await foreign(t, suite)
  const done = once(server, 'secureConnection')
  dials(t, `localhost:${port}`)
  const [accepted] = (await done) as [TLSSocket]
  t.equal(accepted.getCipher().name, suite.ciphers)
})

t.test('RFC 9113 §9.2.1: no curve below 224 bits is agreed on, nor DHE', async t => {
  const offer = (suite: string, ecdhCurve: string): ConnectionOptions => ({
    maxVersion: 'TLSv1.2',
    ciphers: `${suite}:@SECLEVEL=0`, // those who agree on little must want it
    ecdhCurve,
  })
  const offers: Record<string, ConnectionOptions> = {
    DHE: offer('DHE-RSA-AES128-GCM-SHA256', 'auto'),
  }
  for (const curve of ['prime192v1', 'secp160r1'].filter(name => getCurves().includes(name))) {
    offers[curve] = offer('ECDHE-RSA-AES128-GCM-SHA256', curve)
  }
  const port = await ours(t)
  for (const [name, offer] of Object.entries(offers)) {
    t.equal(await agrees(port, offer), undefined, `a server refuses ${name}`)
    const other = await foreign(t, { ...offer, dhparam: 'auto' } as TlsOptions)
    const able = await agrees(other.port, offer)
    t.ok(able, `two that want ${name} agree on it`)
    able?.destroy()
    const outcome = Promise.race([
      once(other.server, 'tlsClientError'),
      once(other.server, 'secureConnection'),
    ])
    dials(t, `localhost:${other.port}`)
    t.match((await outcome)[0], { code: /NO_SHARED_CIPHER|NO_SUITABLE|HANDSHAKE/ }, name)
  }
})

/** What a ClientHello offers: compression methods and extensions. RFC 8446 §4.1.2. */
function readHello(record: Buffer): { compression: number[]; extensions: number[] } {
  let at = 5 + 4 + 2 + 32 // record, handshake, version, random
  at += 1 + record[at]! // session
  at += 2 + record.readUInt16BE(at) // cipher suites
  const compression = [...record.subarray(at + 1, at + 1 + record[at]!)]
  at += 1 + compression.length
  const end = at + 2 + record.readUInt16BE(at)
  const extensions: number[] = []
  for (at += 2; at < end; at += 4 + record.readUInt16BE(at + 2)) {
    extensions.push(record.readUInt16BE(at))
  }
  return { compression, extensions }
}

t.test(
  'RFC 9113 §9.2.1, §9.2.3: a client offers no compression and no post-handshake authentication',
  async t => {
    const listener = createTcpServer()
    t.teardown(() => void listener.close())
    listener.listen(0, '127.0.0.1')
    await once(listener, 'listening')
    const accepted = once(listener, 'connection')
    dials(t, `localhost:${(listener.address() as AddressInfo).port}`)
    const [socket] = await accepted
    let hello = Buffer.alloc(0)
    while (hello.length < 5 || hello.length < 5 + hello.readUInt16BE(3)) {
      const [chunk] = await once(socket, 'data')
      hello = Buffer.concat([hello, chunk])
    }
    socket.on('error', () => {})
    socket.destroy()
    const { compression, extensions } = readHello(hello)
    t.same(compression, [0], 'the null method alone')
    t.ok(extensions.includes(0) && extensions.includes(16), 'server_name, ALPN')
    t.notOk(extensions.includes(49), 'post_handshake_auth')
  },
)
