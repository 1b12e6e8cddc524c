import t, { type Test } from 'tap'
import {
  type Compression,
  type CompressionDone,
  type Compressions,
  compressionsOf,
  DEFLATE,
  GZIP,
} from '../../src/grpc/index.js'
import {
  bytesCodec,
  type Context,
  createClient,
  createServer,
  defineService,
  jsonCodec,
} from '../../src/index.js'
import { longText } from '../grpc/slow-compression.js'

const bytes = bytesCodec()
const json = jsonCodec<{ text: string }>()
const service = defineService('zipped.Zipped', {
  one: { kind: 'unary', request: json, response: json },
  many: { kind: 'server', request: json, response: json },
  collect: { kind: 'client', request: json, response: json },
  chat: { kind: 'bidi', request: json, response: json },
  octets: { kind: 'bidi', request: bytes, response: bytes },
})

/** gzip under a name, which counts what it does. */
class Counting implements Compression {
  readonly name: string
  packed = 0
  inflated = 0

  constructor(name: string) {
    this.name = name
  }

  compress(octets: Uint8Array): Uint8Array {
    this.packed++
    return GZIP.compress(octets)
  }

  decompress(octets: Uint8Array, sizeMax: number): Buffer {
    const plain = GZIP.decompress(octets, sizeMax)
    this.inflated++
    return plain
  }

  compressAsync(octets: Uint8Array, done: CompressionDone): void {
    this.packed++
    GZIP.compressAsync!(octets, done)
  }

  decompressAsync(octets: Uint8Array, sizeMax: number, done: CompressionDone): void {
    this.inflated++
    GZIP.decompressAsync!(octets, sizeMax, done)
  }
}

type Handler = (context: Context) => void

/** A server whose handlers echo, and a client; `onCall` sees each context first. */
async function bench(
  t: Test,
  options: {
    onCall?: Handler
    server?: { compression?: string; compressions?: Compressions }
    client?: { compression?: string; compressions?: Compressions; protocol?: 'mucp' }
  } = {},
) {
  const { onCall = () => {} } = options
  const server = createServer({ name: 'zipped', ...options.server })
  server.handle(service, {
    one: (request, context) => {
      onCall(context)
      return request
    },
    many: async function* (request, context) {
      onCall(context)
      for (let i = 0; i < 3; i++) yield { text: `${i}${request.text}` }
    },
    collect: async (requests, context) => {
      let text = ''
      for await (const request of requests) {
        onCall(context)
        text += `${request.text[0]}${context.compressed ? 'z' : 'p'}`
      }
      return { text }
    },
    chat: async function* (requests, context) {
      for await (const request of requests) {
        onCall(context)
        yield request
      }
    },
    octets: async function* (requests) {
      for await (const request of requests) yield request
    },
  })
  await server.start()
  const client = createClient({ address: server.address, ...options.client })
  t.teardown(async () => {
    await client.close()
    await server.stop({ graceMs: 0 })
  })
  return { client, server, calls: client.bind(service) }
}

const LARGE = longText(200_000)

t.test(
  'compression: the same messages arrive in the same order, large and small, all kinds',
  async t => {
    const { calls } = await bench(t, {
      server: { compression: 'gzip' },
      client: { compression: 'deflate' },
    })
    const texts = [LARGE, 'a', LARGE.slice(1), LARGE.slice(2, 9_000), 'b', LARGE.slice(3)]
    t.same(await calls.one({ text: LARGE }), { text: LARGE })
    const chatted: string[] = []
    for await (const { text } of calls.chat(texts.map(text => ({ text })))) chatted.push(text)
    t.ok(chatted.join() === texts.join(), 'bidi')
    const listed: string[] = []
    for await (const { text } of calls.many({ text: LARGE })) listed.push(text)
    t.ok(listed.join() === [0, 1, 2].map(i => `${i}${LARGE}`).join(), 'server-streaming')
    const { text } = await calls.collect(texts.map(each => ({ text: each })))
    t.equal(text.length, 12)
    const many = Array.from({ length: 20 }, (_, i) => ({ text: `${i} ${LARGE}` }))
    const replies = await Promise.all(many.map(request => calls.one(request)))
    t.ok(replies.every((reply, i) => reply.text === many[i]!.text))
  },
)

t.test('Context: whether a request came compressed, and compression for one response', async t => {
  const seen: unknown[] = []
  const own = new Counting('gzip')
  const { calls, client } = await bench(t, {
    server: { compressions: compressionsOf(own, DEFLATE) },
    client: { compressions: compressionsOf(own, DEFLATE) },
    onCall: context => {
      seen.push(context.compressed, context.compression)
      context.compression = 'gzip'
      context.compressing = seen.length !== 4
    },
  })
  await calls.one({ text: LARGE })
  t.same(seen, [false, 'identity'])
  t.same([own.packed, own.inflated], [1, 1], 'the response alone')
  await calls.one({ text: LARGE }, { compression: 'deflate' })
  t.same(seen.slice(2), [true, 'identity'])
  t.same([own.packed, own.inflated], [1, 1], 'compressing is off')
  t.equal(
    (await calls.collect([{ text: LARGE }, { text: 'x' }], { compression: 'gzip' })).text,
    `${LARGE[0]}zxp`,
  )
  await client.close()
})

t.test(
  'Context.compression: names are checked, and it is too late once the response has begun',
  async t => {
    const errors: unknown[] = []
    const attempt = (run: () => void) => {
      try {
        run()
      } catch (error) {
        errors.push(error)
      }
    }
    let count = 0
    const { calls } = await bench(t, {
      server: { compression: 'gzip' },
      onCall: context => {
        if (count++ === 0) {
          attempt(() => {
            context.compression = 'br'
          })
          attempt(() => {
            context.compressing = 1 as unknown as boolean
          })
          return
        }
        context.compression = 'gzip'
        attempt(() => {
          context.compression = 'identity'
        })
      },
    })
    for await (const _ of calls.chat([{ text: 'a' }, { text: 'b' }]));
    t.match(errors, [
      { name: 'RangeError', message: 'compression is "br"; expected one of gzip, deflate' },
      { name: 'TypeError', message: /^compressing / },
      { name: 'TypeError', message: /^compression is gzip by the headers that were sent already/ },
    ])
  },
)

t.test(
  'a client that does not accept the compression of a handler gets plain messages',
  async t => {
    const names: string[] = []
    const { calls } = await bench(t, {
      client: { compressions: compressionsOf(DEFLATE) },
      onCall: context => {
        context.compression = 'gzip'
        names.push(context.compression)
      },
    })
    t.same(await calls.one({ text: LARGE }), { text: LARGE })
    t.same(names, ['identity'])
  },
)

t.test('mucp: a context says that nothing is compressed, and takes what it is told', async t => {
  const seen: unknown[] = []
  const { calls } = await bench(t, {
    client: { protocol: 'mucp' },
    onCall: context => {
      context.compression = 'gzip'
      context.compressing = false
      seen.push(context.compressed, context.compression, context.compressing)
    },
  })
  t.same(await calls.one({ text: 'x' }), { text: 'x' })
  t.same(seen, [false, 'identity', false])
})

t.test(
  'compressions of your own are spelled alike on client and server, and used both ways',
  async t => {
    const theirs = new Counting('squeeze')
    const ours = new Counting('squeeze')
    const { calls, server } = await bench(t, {
      server: { compression: 'squeeze', compressions: compressionsOf(theirs) },
      client: { compression: 'squeeze', compressions: compressionsOf(ours, GZIP) },
    })
    t.same(await calls.one({ text: LARGE }), { text: LARGE })
    t.same([ours.packed, theirs.inflated, theirs.packed, ours.inflated], [1, 1, 1, 1])
    await calls.one({ text: LARGE }, { compression: 'identity' })
    t.same([ours.packed, theirs.inflated, theirs.packed, ours.inflated], [1, 1, 2, 2])
    await t.rejects(calls.one({ text: 'x' }, { compression: 'gzip' }), {
      code: 'UNIMPLEMENTED',
      message: 'grpc-encoding "gzip" is not supported',
    })
    const { address } = server
    const compressions = compressionsOf(ours)
    t.throws(
      () => createClient({ address, compressions, compression: 'gzip' }),
      /^TypeError: compression must be squeeze or identity, got 'gzip'|^compression must be squeeze/,
    )
    t.throws(
      () => createClient({ address, compressions: [GZIP] as unknown as Compressions }),
      TypeError,
    )
    t.throws(() => createServer({ name: 'x', compression: 'br' }), RangeError)
    t.throws(
      () => createServer({ name: 'x', compression: 'gzip', calls: { compression: 'gzip' } }),
      /compression is given twice/,
    )
  },
)

/** Messages of 1 MiB that take a kilobyte each. */
const MESSAGE = Buffer.alloc(1 << 20)
const PACKED = GZIP.compress(MESSAGE)
class Bombs extends Counting {
  override compress(): Uint8Array {
    return PACKED
  }

  override compressAsync(_octets: Uint8Array, done: CompressionDone): void {
    setImmediate(() => done(null, Buffer.from(PACKED)))
  }
}

t.test('compressed messages that nobody reads are not inflated, at the server', async t => {
  const counting = new Counting('gzip')
  const reads: (() => Promise<unknown>)[] = []
  const server = createServer({ name: 'zipped', compressions: compressionsOf(counting) })
  let full = () => {}
  const ended: Promise<void>[] = []
  server.handle(service, {
    one: request => request,
    many: async function* () {},
    collect: async () => ({ text: '' }),
    chat: async function* () {},
    octets: async function* (requests) {
      const source = requests[Symbol.asyncIterator]()
      ended.push(
        new Promise(resolve => {
          reads.push(() => source.next())
          full = resolve
        }),
      )
      await new Promise(() => {})
      yield MESSAGE
    },
  })
  await server.start()
  const client = createClient({
    address: server.address,
    compression: 'gzip',
    compressions: compressionsOf(new Bombs('gzip')),
  })
  const streams = Array.from({ length: 4 }, () => client.stream(service, 'octets'))
  for (const stream of streams) for (let i = 0; i < 100; i++) await stream.send(MESSAGE)
  t.equal(counting.inflated, 0)
  await Promise.all(reads.map(read => read()))
  t.equal(counting.inflated, 4, 'one for each that reads')
  for (const stream of streams) stream.cancel()
  full()
  await client.close()
  await server.stop({ graceMs: 0 })
})

t.test('compressed messages that nobody reads are not inflated, at the client', async t => {
  const counting = new Counting('gzip')
  const server = createServer({
    name: 'zipped',
    compression: 'gzip',
    compressions: compressionsOf(new Bombs('gzip')),
  })
  let left = 400
  let allSent = () => {}
  const sent = new Promise<void>(resolve => {
    allSent = resolve
  })
  server.handle(service, {
    one: request => request,
    many: async function* () {},
    collect: async () => ({ text: '' }),
    chat: async function* () {},
    octets: async function* () {
      for (let i = 0; i < 100; i++) {
        yield MESSAGE
        if (--left === 0) allSent()
      }
    },
  })
  await server.start()
  const client = createClient({
    address: server.address,
    compressions: compressionsOf(counting),
  })
  const streams = Array.from({ length: 4 }, () => client.bind(service).octets([]))
  await sent
  t.equal(counting.inflated, 0)
  for (const stream of streams) t.equal((await stream.next()).value?.length, 1 << 20)
  t.equal(counting.inflated, 4, 'one for each that reads')
  for (const stream of streams) {
    let count = 1
    for await (const message of stream) count += message.length >> 20
    t.equal(count, 100)
  }
  await client.close()
  await server.stop({ graceMs: 0 })
})
