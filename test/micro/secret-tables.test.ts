import { connect, createServer as createNetServer, type Socket } from 'node:net'
import t from 'tap'
import { HpackDecoder } from '../../src/hpack/index.js'
import {
  createClient,
  createServer,
  defineService,
  jsonCodec,
  Metadata,
} from '../../src/micro/index.js'

// Secrets in metadata, recorded between a client and a server: they arrive, and no table of either direction holds one. RFC 7541 §7.1.3.

const SECRET = 'hush-table-41ce'
const NAMES = [
  'authorization',
  'x-api-key',
  'x-goog-api-key',
  'apikey',
  'x-auth',
  'x-authorization',
  'grpcgateway-authorization',
  'x-session-id',
  'x-secret',
  'x-jwt',
  'x-own',
  'cookie',
  'set-cookie',
  'proxy-authorization',
  'x-csrf-token',
  'x-refresh-token',
  'db-password',
  'x-private-key',
]
const CALLS = 4
const HEADER_SIZE = 9
const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'
const json = { request: jsonCodec<unknown>(), response: jsonCodec<unknown>() }
const service = defineService('t.Secrets', { one: { kind: 'unary', ...json } })

/** Hands on what comes, and keeps all of it. */
async function relay(
  port: number,
): Promise<{ port: number; recordings: Buffer[][]; close: () => void }> {
  const recordings: Buffer[][] = [[], []]
  const sockets: Socket[] = []
  const server = createNetServer(near => {
    const far = connect(port, '127.0.0.1')
    sockets.push(near, far)
    for (const [index, from, to] of [
      [0, near, far],
      [1, far, near],
    ] as const) {
      from.on('data', chunk => {
        recordings[index]!.push(chunk)
        to.write(chunk)
      })
      from.on('error', () => undefined).on('close', () => to.destroy())
    }
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const close = (): void => {
    for (const socket of sockets) socket.destroy()
    server.close()
  }
  return { port: (server.address() as { port: number }).port, recordings, close }
}

/** Reads the header blocks of one direction, as whoever listens would. */
function decode(octets: Buffer): { decoder: HpackDecoder; lists: string[] } {
  const decoder = new HpackDecoder()
  const lists: string[] = []
  let at = octets.toString('latin1', 0, PREFACE.length) === PREFACE ? PREFACE.length : 0
  while (at + HEADER_SIZE <= octets.length) {
    const size = octets.readUIntBE(at, 3)
    const start = at + HEADER_SIZE
    if (octets[at + 3] === 1)
      lists.push(...decoder.decodeList(octets.subarray(start, start + size)))
    at = start + size
  }
  return { decoder, lists }
}

for (const protocol of ['grpc', 'mucp'] as const) {
  t.test(
    `RFC 7541 §7.1.3: secrets of ${CALLS} calls are in no HPACK table: ${protocol}`,
    async t => {
      const neverIndexed = ['x-own']
      await using server = createServer({ name: 'secrets', address: '127.0.0.1:0', neverIndexed })
      server.handle(service, {
        one(request, context) {
          for (const name of NAMES) context.headers.set(name, SECRET)
          for (const name of NAMES) context.trailers.set(name, SECRET)
          return request
        },
      })
      await server.start()
      const between = await relay(Number(server.address.split(':').at(-1)))
      t.teardown(between.close)
      const address = `127.0.0.1:${between.port}`
      const client = createClient({ address, protocol, retries: 0, neverIndexed })
      const metadata = Metadata.from(Object.fromEntries(NAMES.map(name => [name, SECRET])))
      for (let index = 0; index < CALLS; index++)
        await client.bind(service).one(index, { metadata })
      await client.close()
      for (const [index, chunks] of between.recordings.entries()) {
        const { decoder, lists } = decode(Buffer.concat(chunks))
        const found = lists.filter(text => text === SECRET).length
        // go-micro's header fields are octets of messages: no block has them.
        if (protocol === 'grpc')
          t.ok(found >= CALLS * NAMES.length, `direction ${index}: they were sent`)
        t.ok(decoder.tableLength > 0, 'other fields are in the table')
        for (let at = 0; at < decoder.tableLength; at++) {
          t.not(decoder.tableEntry(at)?.value, SECRET, decoder.tableEntry(at)?.name ?? '')
        }
      }
    },
  )
}
