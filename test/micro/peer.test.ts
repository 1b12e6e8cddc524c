import { generate } from 'selfsigned'
import t from 'tap'
import {
  createClient,
  createServer,
  defineService,
  jsonCodec,
  type MiddlewareCall,
  type Peer,
} from '../../src/index.js'
import { memoryTransport } from '../../src/transport/index.js'

const json = { request: jsonCodec<number>(), response: jsonCodec<number>() }
const things = defineService('a.v1.Things', { one: { kind: 'unary', ...json } })

async function pems(name: string): Promise<{ key: string; cert: string }> {
  const altNames = [{ type: 2 as const, value: name }]
  const extensions = [{ name: 'subjectAltName' as const, altNames }]
  const made = await generate([{ name: 'commonName', value: name }], { keyType: 'ec', extensions })
  return { key: made.private, cert: made.cert }
}

function kept<T>(seen: Peer[], peer: Peer, request: T): T {
  seen.push(peer)
  return request
}

const ours = await pems('localhost')
const shop = await pems('shop')

for (const protocol of ['grpc', 'mucp'] as const) {
  t.test(
    `${protocol}: handlers and middleware, of events too, know the caller by its certificate`,
    async t => {
      const seen: Peer[] = []
      const server = createServer({
        name: 'things',
        address: 'localhost:0',
        tls: { ...ours, ca: shop.cert, requestCert: true },
      })
      server.use((call: MiddlewareCall, next) => {
        seen.push(call.peer)
        return next(call.request)
      })
      server.subscribe('ticks', () => undefined)
      server.handle(things, {
        one: (request, { peer }) => {
          seen.push(peer)
          return request
        },
      })
      await server.start()
      t.teardown(() => server.stop())
      const tls = { ca: ours.cert, ...shop }
      const address = `localhost:${server.address.split(':').at(-1)}`
      await using client = createClient({ address, protocol, tls })
      const called: Peer[] = []
      client.use((call, next) => {
        called.push(call.peer)
        return next(call.request)
      })
      t.equal(await client.bind(things).one(1), 1)
      await client.publish('ticks', {})
      t.equal(seen.length, 3)
      for (const peer of seen) {
        t.match(peer, { encrypted: true, authorized: true, serverName: 'localhost' })
        t.match(peer.address, /^(127\.0\.0\.1|\[::1\]):\d+$/)
        t.equal(peer.certificate?.subject.CN, 'shop')
        t.equal(peer.certificate?.subjectaltname, 'DNS:shop')
      }
      t.match(called[0], { address, encrypted: true })
    },
  )

  t.test(`${protocol}: a certificate that was not verified is nobody's, nor is none`, async t => {
    const seen: Peer[] = []
    await using server = createServer({
      name: 'things',
      address: 'localhost:0',
      tls: { ...ours, ca: ours.cert, requestCert: true, rejectUnauthorized: false },
    })
    server.handle(things, { one: (request, { peer }) => kept(seen, peer, request) })
    await server.start()
    const address = `localhost:${server.address.split(':').at(-1)}`
    for (const tls of [{ ca: ours.cert, ...shop }, { ca: ours.cert, ...ours }, { ca: ours.cert }]) {
      await using client = createClient({ address, protocol, tls })
      t.equal(await client.bind(things).one(1), 1)
    }
    t.match(
      seen.map(peer => [peer.encrypted, peer.authorized, peer.certificate?.subject.CN]),
      [
        [true, false, undefined],
        [true, true, 'localhost'],
        [true, false, undefined],
      ],
    )
  })

  t.test(`${protocol}: without TLS the caller is an address and nothing more`, async t => {
    const seen: Peer[] = []
    const server = createServer({ name: 'things', address: '127.0.0.1:0' })
    server.handle(things, { one: (request, { peer }) => kept(seen, peer, request) })
    await server.start()
    t.teardown(() => server.stop())
    await using client = createClient({ address: server.address, protocol })
    client.use((call, next) => {
      seen.push(call.peer)
      return next(call.request)
    })
    await client.bind(things).one(1)
    for (const peer of seen) {
      t.match(peer, { encrypted: false, authorized: false })
      t.equal(peer.certificate, undefined)
      t.equal(peer.serverName, undefined)
    }
    t.equal(`${seen[0]}`, server.address)
  })
}

t.test('in memory the caller has the address of its socket', async t => {
  const transport = memoryTransport()
  const seen: Peer[] = []
  const server = createServer({ name: 'things', transport })
  server.handle(things, { one: (request, { peer }) => kept(seen, peer, request) })
  await server.start()
  t.teardown(() => server.stop())
  await using client = createClient({ address: server.address, transport })
  await client.bind(things).one(1)
  t.match(seen[0], { encrypted: false, authorized: false })
  t.not(seen[0]?.address, '')
})
