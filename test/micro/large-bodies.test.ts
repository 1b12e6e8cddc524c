import t from 'tap'
import {
  bytesCodec,
  createClient,
  createServer,
  defineService,
  type TypedCodec,
} from '../../src/micro/index.js'

/** Counts who was asked to copy. */
function countingCodec(): { codec: TypedCodec<Uint8Array>; copies: number[] } {
  const copies: number[] = []
  const plain = bytesCodec('bytes')
  const decode = (bytes: Buffer, start: number, end: number): Uint8Array => {
    copies.push(end - start)
    return plain.decode(bytes, start, end)
  }
  return { codec: { ...plain, decode }, copies }
}

t.test('mucp: a large body is handed on as it came, both ways; a small one is copied', async t => {
  const { codec, copies } = countingCodec()
  const service = defineService('large.Bodies', {
    echo: { kind: 'unary', request: codec, response: codec },
  })
  const server = createServer({ name: 'large', address: '127.0.0.1:0' })
  server.handle(service, { echo: request => request })
  await server.start()
  const client = createClient({ address: server.address, service: 'large', protocol: 'mucp' })
  t.teardown(async () => {
    await client.close()
    await server.stop({ graceMs: 0 })
  })
  const calls = client.bind(service)
  const contentType = 'application/octet-stream'
  for (const size of [0, 100, 16_383, 16_384, 1_000_000]) {
    const request = Buffer.alloc(size, 'abc')
    const reply = await calls.echo(request, { contentType })
    t.ok(request.equals(reply), `${size} octets`)
  }
  t.same(copies, [0, 0, 100, 100, 16_383, 16_383])
})
