import { getCurves } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
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
