import t, { type Test } from 'tap'
import { type MemoryBrokerOptions, memoryBroker } from '../../src/broker/index.js'
import {
  type Broker,
  bytesCodec,
  type Context,
  createClient,
  createServer,
  type Event,
  jsonCodec,
  MicroError,
  type ServerOptions,
  type TypedCodec,
} from '../../src/micro/index.js'

interface Order {
  id: number
}

function bench(t: Test, options: Partial<ServerOptions> = {}, memory: MemoryBrokerOptions = {}) {
  const broker: Broker = memoryBroker(memory)
  const errors: { error: unknown; context: Context | undefined }[] = []
  const server = createServer({
    name: 'shop',
    broker,
    onError: (error, context) => errors.push({ error, context }),
    ...options,
  })
  const client = createClient({ broker })
  t.teardown(async () => {
    await client.close()
    await server.stop({ graceMs: 10, settleMs: 0 })
    await broker.close()
  })
  const raw = (contentType: string | undefined, body: Uint8Array, header: object = {}) =>
    broker.publish('orders', {
      header: new Map([
        ...(contentType === undefined ? [] : [['Content-Type', contentType] as const]),
        ...Object.entries(header as Record<string, string>),
      ]),
      body,
    })
  return { broker, server, client, errors, raw }
}

/** Protobuf, as far as a test needs: octets with a mark. */
const protoCodec: TypedCodec<string> = {
  subtypes: ['proto'],
  encode: text => Buffer.from(text),
  decode: (bytes, start, end) => `proto ${bytes.toString('latin1', start, end)}`,
}

t.test('client.publish reaches server.subscribe by way of the broker, from start on', async t => {
  const { broker, server, client } = bench(t)
  const got: [Order, Event][] = []
  server.subscribe<Order>('orders', (order, event) => void got.push([order, event]))
  await client.publish('orders', { id: 0 })
  t.same(got, [], 'not before start')
  await server.start()
  await client.publish('orders', { id: 1 }, { metadata: { 'x-token': 's3cret' } })
  t.same(got[0]![0], { id: 1 })
  const { topic, contentType, header, body } = got[0]![1]
  t.same(
    [topic, contentType, Buffer.from(body).toString()],
    ['orders', 'application/json', '{"id":1}'],
  )
  t.match(Object.fromEntries(header), {
    'Content-Type': 'application/json',
    'Micro-Topic': 'orders',
    'x-token': 's3cret',
  })
  t.match(header.get('Micro-ID'), /^[0-9a-f]+-2$/, 'each event has an id of its own')
  await client.publish('orders', Buffer.from('raw'))
  t.same(got[1]![0], Buffer.from('raw'), 'octets come as octets')
  const heard: unknown[] = []
  const leave = server.subscribe('later', message => void heard.push(message))
  await client.publish('later', 1)
  leave()
  await client.publish('later', 2)
  t.same(heard, [1], 'a topic that is added, and left, while it runs')
  await broker.publish('later', { header: new Map(), body: Buffer.alloc(0) })
})

t.test(
  'micro-scale §7: payloads are read by their Content-Type; without one they are protobuf',
  async t => {
    const { server, errors, raw } = bench(t)
    const got: unknown[] = []
    const codec = [protoCodec, jsonCodec()] as readonly TypedCodec<unknown>[]
    server.subscribe('orders', message => void got.push(message), { codec })
    await server.start()
    const body = Buffer.from('\x0a\x01x', 'latin1')
    await raw('application/json', Buffer.from('{"id":1}\n'))
    await raw('application/json; charset=utf-8', Buffer.from('{"id":2}'))
    await raw('application/protobuf', body)
    await raw(undefined, body)
    await raw('application/grpc+proto', body)
    await raw('application/grpc', Buffer.concat([Buffer.from([0, 0, 0, 0, 3]), body]))
    await raw('application/grpc+json', Buffer.from('\0\0\0\0\x08{"id":3}'))
    await raw('application/grpc+proto', Buffer.alloc(0))
    t.same(got, [
      { id: 1 },
      { id: 2 },
      'proto \n\x01x',
      'proto \n\x01x',
      'proto \n\x01x',
      'proto \n\x01x',
      { id: 3 },
      'proto ',
    ])
    await raw('application/xml', Buffer.from('<a/>'))
    await raw('application/grpc+proto', Buffer.from([1, 0, 0, 0, 0]))
    await raw('application/grpc+proto', Buffer.from([0, 0, 0, 0, 9, 1]))
    await raw('application/json', Buffer.from('{'))
    t.match(
      errors.map(({ error }) => error),
      [
        {
          code: 415,
          detail: /event of orders has application\/xml; its subscriber reads proto, json/,
        },
        { code: 400, detail: /cannot read the event of orders: it is compressed/ },
        { code: 400, detail: /its length prefix says 9 of 1 octets/ },
        { code: 400, detail: 'cannot read the event of orders' },
      ],
    )
    t.equal(got.length, 8)
  },
)

t.test(
  'a subscriber without a codec reads JSON and octets, and says what it was given instead',
  async t => {
    const { server, errors, raw } = bench(t)
    const got: unknown[] = []
    server.subscribe('orders', message => void got.push(message))
    await server.start()
    await raw('application/octet-stream', Buffer.from('x'))
    await raw(undefined, Buffer.from('{}'))
    t.same(got, [Buffer.from('x')])
    t.match(errors, [
      {
        error: {
          code: 415,
          detail:
            /no Content-Type \(application\/protobuf\); its subscriber reads json, bytes: give subscribe a codec/,
        },
      },
    ])
  },
)

t.test('a codec of publish encodes the message and names its content type', async t => {
  const { server, client } = bench(t)
  const got: [unknown, string][] = []
  server.subscribe('orders', (message, { contentType }) => void got.push([message, contentType]), {
    codec: [protoCodec, bytesCodec('json', 'bytes')] as readonly TypedCodec<unknown>[],
  })
  await server.start()
  await client.publish('orders', 'x', { codec: protoCodec as TypedCodec<never> })
  await client.publish('orders', Buffer.from('y'), { contentType: 'application/json' })
  t.same(got, [
    ['proto x', 'application/protobuf'],
    [Buffer.from('y'), 'application/json'],
  ])
  await t.rejects(
    client.publish('orders', 'x', { codec: {} as never }),
    /codec must have the method encode/,
  )
})

t.test(
  'queues: one of them gets each event, on whichever server it is; a server without a queue gets all',
  async t => {
    const { broker, server, client } = bench(t)
    const other = createServer({ name: 'shop', broker })
    t.teardown(() => other.stop())
    const counts = { first: 0, second: 0, all: 0 }
    server.subscribe('orders', () => void counts.first++, { queue: 'kitchen' })
    other.subscribe('orders', () => void counts.second++, { queue: 'kitchen' })
    server.subscribe('orders', () => void counts.all++)
    await Promise.all([server.start(), other.start()])
    for (let id = 0; id < 10; id++) await client.publish('orders', { id })
    t.same(counts, { first: 5, second: 5, all: 10 })
  },
)

t.test(
  'middleware sees events of a broker, on the server and where they are published',
  async t => {
    const { broker, server } = bench(t)
    const client = createClient({ broker })
    const seen: unknown[] = []
    client.use(async (call, next) => {
      const { side, kind, service, method, path, request } = call
      seen.push({ side, kind, service, method, path, request })
      call.metadata.set('x-token', 'good')
      return await next({ id: 7 })
    })
    server.use(async (call, next) => {
      const { side, kind, method, context } = call
      seen.push({ side, kind, method, door: context?.door, token: call.metadata.get('x-token') })
      return await next(call.request)
    })
    const got: unknown[] = []
    server.subscribe('orders', order => void got.push(order))
    await server.start()
    await client.publish('orders', { id: 1 })
    await client.close()
    t.same(got, [{ id: 7 }])
    t.same(seen, [
      {
        side: 'client',
        kind: 'event',
        service: '',
        method: 'orders',
        path: '',
        request: { id: 1 },
      },
      { side: 'server', kind: 'event', method: 'orders', door: 'broker', token: 'good' },
    ])
  },
)

t.test('a handler that fails is told once, with its context, and is not acknowledged', async t => {
  const told: unknown[] = []
  const { server, client, errors } = bench(t, {}, { onError: error => told.push(error) })
  server.subscribe('orders', () => {
    throw new Error('no such dish')
  })
  server.subscribe('orders', async () => Promise.reject(MicroError.badRequest('later')))
  await server.start()
  await client.publish('orders', {})
  await new Promise(resolve => setImmediate(resolve))
  t.match(errors, [
    { error: { message: 'no such dish' }, context: { method: 'orders', door: 'broker' } },
  ])
  t.same(told, [], 'the broker does not tell it again')
})

t.test(
  'stop: no more events come, those that run may finish; what ignores its signal is named',
  async t => {
    const { server, client } = bench(t)
    let begun = 0
    let finish!: () => void
    let signal: AbortSignal | undefined
    server.use((call, next) => {
      signal = call.signal
      return next(call.request)
    })
    server.subscribe(
      'orders',
      () =>
        new Promise<void>(resolve => {
          begun++
          finish = resolve
        }),
    )
    server.subscribe('stuck', () => new Promise<void>(() => undefined))
    await server.start()
    await client.publish('orders', {})
    const stopping = server.stop({ graceMs: 10_000 })
    await new Promise(resolve => setImmediate(resolve))
    await client.publish('orders', {})
    t.equal(begun, 1)
    finish()
    t.same(await stopping, { abandoned: [] })
    t.equal(signal?.aborted, false)

    const second = bench(t)
    second.server.subscribe('stuck', () => new Promise<void>(() => undefined))
    await second.server.start()
    await second.client.publish('stuck', {})
    const { abandoned } = await second.server.stop({ graceMs: 5, settleMs: 5 })
    t.match(abandoned, [{ service: '', method: 'stuck', door: 'broker' }])
  },
)

t.test('a client that only publishes has nobody to call, and says so', async t => {
  const { client } = bench(t)
  await t.rejects(client.connect(), /this client has a broker and nobody to call/)
  t.throws(
    () => createClient({}),
    /needs one of address, registry with service, and resolver; got none/,
  )
  t.throws(() => createClient({ broker: {} as never }), /broker must have the method connect/)
})

t.test('publish has its own time and signal', async t => {
  const never: Broker = {
    name: 'slow',
    address: 'slow://here:1',
    connect: async () => true,
    publish: () => new Promise(() => undefined),
    subscribe: () => {
      throw new Error('not asked for')
    },
    close: async () => undefined,
  }
  const client = createClient({ broker: never })
  await t.rejects(client.publish('orders', {}, { timeoutMs: 5 }), {
    code: 408,
    detail: /the broker slow at slow:\/\/here:1 has not taken the event for orders in 5 ms/,
  })
  await t.rejects(client.publish('orders', {}, { signal: AbortSignal.abort() }), { code: 499 })
  const open = client.publish('orders', {})
  open.catch(() => undefined)
  await client.close()
  await t.rejects(open, { code: 499 })
})

t.test('a broker that cannot be subscribed to is told, and the server runs', async t => {
  const broker = memoryBroker()
  const errors: unknown[] = []
  const server = createServer({ name: 'shop', broker, onError: error => errors.push(error) })
  server.subscribe('orders', () => undefined)
  await broker.close()
  await t.rejects(server.start(), { code: 'BROKER_CLOSED' }, 'connect says so')
  await server.stop()
})
