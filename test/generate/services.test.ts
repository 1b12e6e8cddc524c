import t from 'tap'
import { binaryCodec, jsonCodec, type ServiceDefinition } from '../../src/codec/index.js'
import {
  createClient,
  createServer,
  defineService,
  type Handlers,
  type MethodTypes,
  type Service,
} from '../../src/micro/index.js'
import { type GeneratedModule, loadGenerated, typesOf } from '../support/generated.js'
import { ORDER_PROTO } from './schemas.js'

type Order = { id: string; priority?: number }
type Methods = {
  place: MethodTypes<'unary', Order, Order>
  watch: MethodTypes<'server', { number: string }, Order>
  upload: MethodTypes<'client', Order, object>
  talk: MethodTypes<'bidi', Order, Order>
  getThing: MethodTypes<'unary', { number: string }, object | undefined>
}

const shop: GeneratedModule = await loadGenerated(
  { 'shop.proto': ORDER_PROTO },
  'descriptors=embed',
)
const Shop = shop['Shop'] as Service<Methods>

const HANDLERS: Handlers<Methods> = {
  place: order => ({ ...order, priority: 5 }),
  async *watch({ number }) {
    yield { id: `${number}-1` }
    yield { id: `${number}-2` }
  },
  async upload(orders) {
    for await (const _ of orders);
    return {}
  },
  async *talk(orders) {
    for await (const { id } of orders) yield { id: `re: ${id}` }
  },
  getThing: () => undefined,
}

const DOORS = [
  ['grpc', 'application/grpc+proto'],
  ['grpc', 'application/grpc+json'],
  ['mucp', 'application/protobuf'],
  ['mucp', 'application/json'],
] as const

t.test(
  'both doors and both formats carry all four kinds of calls of a generated service',
  async t => {
    const server = createServer({ name: 'shop' })
    server.handle(Shop, HANDLERS)
    await server.start()
    for (const [protocol, contentType] of DOORS) {
      const client = createClient({ address: server.address, protocol, contentType })
      const calls = client.bind(Shop)
      t.match(await calls.place({ id: 'ü' }), { id: 'ü', priority: 5, labels: {} }, contentType)
      const watched: string[] = []
      for await (const { id } of calls.watch({ number: 'n' })) watched.push(id)
      t.same(watched, ['n-1', 'n-2'], contentType)
      t.same(await calls.upload([{ id: 'a' }, { id: 'b' }]), {})
      const talked: string[] = []
      for await (const { id } of calls.talk([{ id: 'x' }])) talked.push(id)
      t.same(talked, ['re: x'], contentType)
      t.same(await calls.getThing({ number: '' }), {}, 'a message without fields may be undefined')
      await client.close()
    }
    await server.stop()
  },
)

t.test(
  'a value that its field cannot hold: nothing is sent; a server says INTERNAL and tells onError',
  async t => {
    const told: unknown[] = []
    let calls = 0
    const server = createServer({ name: 'shop', onError: (error: unknown) => told.push(error) })
    server.handle(Shop, {
      ...HANDLERS,
      place({ id }) {
        calls++
        return id === 'nothing' ? (undefined as never) : { id, priority: 1.5 }
      },
    })
    await server.start()
    for (const [protocol, contentType] of DOORS) {
      const caller = createClient({ address: server.address, protocol, contentType })
      const error = await caller
        .bind(Shop)
        .place({ id: 5 } as never)
        .catch((failure: unknown) => failure)
      t.ok(error instanceof TypeError, `${protocol} ${contentType}: a TypeError`)
      t.match(error, { name: 'FieldError', message: 'Order.id: 5 is no string' })
      await caller.close()
    }
    t.equal(calls, 0)
    const client = createClient({ address: server.address })
    const shopClient = client.bind(Shop)
    await t.rejects(shopClient.place({ id: 'a' }), { code: 'INTERNAL' })
    await t.rejects(shopClient.place({ id: 'nothing' }), { code: 'INTERNAL' })
    const texts = told.map(error => `${String(error)} ${String((error as Error).cause)}`)
    t.match(texts[0], 'Order.priority: 1.5 is no int32')
    t.match(texts[1], 'Order: undefined is no message')
    await client.close()
    await server.stop()
  },
)

t.test(
  'JSON of a peer that no field can hold is INTERNAL of the call, no TypeError of its caller',
  async t => {
    const [type] = typesOf(shop, 'Order')
    const codec = jsonCodec(type)
    const octets = Buffer.from('{"id": 5}')
    t.throws(() => codec.decode(octets, 0, octets.length), {
      name: 'RangeError',
      message: /id: 5 is no string/,
    })
    const odd = { ...jsonCodec(type), encode: () => octets }
    const methods = { place: { kind: 'unary', request: jsonCodec(type), response: odd } } as const
    const server = createServer({ name: 'shop' })
    server.handle(defineService('shop.v1.Shop', methods), { place: () => ({}) })
    await server.start()
    for (const [protocol, contentType] of DOORS.filter(([, name]) => name.endsWith('json'))) {
      const client = createClient({ address: server.address, protocol, contentType })
      const call = client.bind(Shop).place({ id: 'a' })
      await t.rejects(call, { code: protocol === 'grpc' ? 'INTERNAL' : 500 }, protocol)
      await client.close()
    }
    await server.stop()
  },
)

t.test('a generated service has the names of gRPC and of go-micro, and its schema', t => {
  const definition = Shop as unknown as ServiceDefinition<Methods>
  t.equal(definition.name, 'shop.v1.Shop')
  t.equal(definition.shortName, 'Shop')
  const [place] = definition.methods
  t.match(place, {
    name: 'place',
    wireName: 'Place',
    endpoint: 'Shop.Place',
    path: '/shop.v1.Shop/Place',
    kind: 'unary',
  })
  t.same([...place!.request.keys()], ['proto', 'json'])
  t.equal(definition.descriptors!().length, 8)
  t.end()
})

t.test('codecs of one message, for defineService', t => {
  const [Card] = typesOf(shop, 'Card')
  const service = defineService('a.B', {
    say: {
      kind: 'unary',
      request: [binaryCodec(Card), jsonCodec(Card)],
      response: binaryCodec(Card),
    },
  } as never)
  t.equal(service.methods.length, 1)
  const json = jsonCodec(Card)
  const text = json.encode({ number: '4' })
  t.equal(Buffer.from(text).toString(), '{"number":"4"}')
  t.same(json.decode(text, 0, text.length), { number: '4' })
  t.same(json.decode(text, 0, 0), { number: '' }, 'nothing is the message with its zero values')
  t.end()
})
