import t from 'tap'
import { COMPRESSION_CASES } from '../../interop/node/test-client.js'
import { loadTestService, testHandlers } from '../../interop/node/test-service.js'
import { type Compression, compressionsOf, GZIP } from '../../src/grpc/index.js'
import { createClient, createServer } from '../../src/index.js'

let inflated = 0

/** gzip of a client, which counts the responses that came compressed. */
const COUNTING: Compression = {
  name: 'gzip',
  compress: bytes => GZIP.compress(bytes),
  decompress(bytes, sizeMax) {
    inflated++
    return GZIP.decompress(bytes, sizeMax)
  },
}

/** How many responses of each case are to come compressed. */
const COMPRESSED: Readonly<Record<string, number>> = {
  client_compressed_unary: 0,
  server_compressed_unary: 1,
  client_compressed_streaming: 0,
  server_compressed_streaming: 1,
  cacheable_unary: 0,
}

t.test(
  "gRPC's interop cases of compression: TestService looks at each message, and does as it is asked",
  async t => {
    const service = await loadTestService()
    const server = createServer({ name: 'testing' })
    server.handle(service, testHandlers)
    await server.start()
    const newClient = () =>
      createClient({ address: server.address, compressions: compressionsOf(COUNTING) })
    const client = newClient()
    const calls = client.bind(service)
    t.same(Object.keys(COMPRESSED), Object.keys(COMPRESSION_CASES))
    for (const [name, run] of Object.entries(COMPRESSION_CASES)) {
      inflated = 0
      await t.resolves(run({ client, calls, newClient }), name)
      t.equal(inflated, COMPRESSED[name], name)
    }
    await client.close()
    await server.stop()
  },
)
