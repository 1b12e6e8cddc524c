import t from 'tap'
import { type Compression, type Compressions, compressionsOf, GZIP } from '../../src/grpc/index.js'
import { createClient, createServer, defineService, GrpcError, jsonCodec } from '../../src/index.js'
import { longText, SlowGzip } from '../grpc/slow-compression.js'

const json = jsonCodec<{ text: string }>()
const service = defineService('zipped.End', {
  echo: { kind: 'unary', request: json, response: json },
  many: { kind: 'server', request: json, response: json },
  few: { kind: 'server', request: json, response: json },
  collect: { kind: 'client', request: json, response: json },
})
const TEXT = longText(200_000)

/** What it compresses is no gzip. */
const broken: Compression = {
  name: 'gzip',
  compress: bytes => Buffer.alloc(bytes.length >> 1, 0x55),
  decompress: (bytes, sizeMax) => GZIP.decompress(bytes, sizeMax),
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise(resolve => setImmediate(resolve))
}

async function pair(ofServer: Compressions | undefined, ofClient: Compressions | undefined) {
  let texts = 0
  const failures: unknown[] = []
  const server = createServer({
    name: 'zipped',
    compression: 'gzip',
    ...(ofServer === undefined ? {} : { compressions: ofServer }),
  })
  server.handle(service, {
    echo: request => request,
    many: async function* (request) {
      yield request
      yield { text: TEXT }
    },
    few: request => [request],
    async collect(requests) {
      try {
        for await (const { text } of requests) texts += text.length
      } catch (error) {
        failures.push(error)
        throw error
      }
      return { text: String(texts) }
    },
  })
  await server.start()
  const client = createClient({
    address: server.address,
    compression: 'gzip',
    ...(ofClient === undefined ? {} : { compressions: ofClient }),
  })
  const close = async (): Promise<void> => {
    await client.close()
    await server.stop({ graceMs: 0 })
  }
  return { bound: client.bind(service), failures, close }
}

t.test('the last message is read, though the end is there when it is inflated', async t => {
  const slow = new SlowGzip()
  const { bound, close } = await pair(undefined, slow.compressions)
  const stream = bound.many({ text: '' })
  t.same(await stream.next(), { done: false, value: { text: '' } })
  const reads = [stream.next(), stream.next()]
  await until(() => slow.running === 1)
  // Behind it on the same connection: the end of the stream has come.
  await bound.echo({ text: '' })
  slow.finish()
  t.same(await Promise.all(reads), [
    { done: false, value: { text: TEXT } },
    { done: true, value: undefined },
  ])
  await close()
})

t.test(
  'the last message is read, though its end came with it and it is inflated by the read',
  async t => {
    const { bound, close } = await pair(undefined, undefined)
    // Small enough to be inflated at once; both leave together.
    const text = 'the same '.repeat(100)
    const stream = bound.few({ text })
    t.same(await Promise.all([stream.next(), stream.next()]), [
      { done: false, value: { text } },
      { done: true, value: undefined },
    ])
    await close()
  },
)

t.test('a message that cannot be inflated fails the reads that wait, at the client', async t => {
  const { bound, close } = await pair(compressionsOf(broken), undefined)
  const stream = bound.many({ text: TEXT })
  const [first, second] = await Promise.allSettled([stream.next(), stream.next()])
  for (const read of [first, second]) {
    t.match(read, { status: 'rejected', reason: { code: 'INTERNAL' } })
  }
  await close()
})

t.test('a message that cannot be inflated fails the reads that wait, at the server', async t => {
  const { bound, failures, close } = await pair(undefined, compressionsOf(broken))
  await t.rejects(bound.collect([{ text: TEXT }, { text: TEXT }]), GrpcError)
  await until(() => failures.length > 0)
  t.match(failures, [GrpcError])
  await close()
})
