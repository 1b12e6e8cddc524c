import assert from 'node:assert/strict'
import type { Broker, Delivery, TypedCodec } from '../../../../src/micro/index.js'
import { createClient, createServer, jsonCodec } from '../../../../src/micro/index.js'
import type { Tally } from '../../tally.js'
import { type GoPeer, until } from './go-peer.js'

/** A broker of ours, and Go's on the same engine. */
export interface Pair {
  readonly go: GoPeer
  /** What our broker's `onError` heard. */
  readonly errors: readonly unknown[]
  /** Another broker of ours. */
  newBroker(): Broker
  /** Lets what either side has subscribed to be known to the other. */
  settle(): Promise<void>
}

interface Order {
  readonly id: number
  readonly item: string
}

/** google.protobuf.StringValue, as far as these cases need it. */
const STRING_VALUE: TypedCodec<string> = {
  subtypes: ['proto'],
  encode: text => Buffer.concat([Buffer.from([0x0a, Buffer.byteLength(text)]), Buffer.from(text)]),
  decode: (bytes, start, end) => (start === end ? '' : bytes.toString('utf8', start + 2, end)),
}

const EITHER: readonly TypedCodec<unknown>[] = [
  STRING_VALUE as TypedCodec<unknown>,
  jsonCodec<unknown>(),
]

/** Go publishes, ours hear. */
export async function goPublishes(tally: Tally, pair: Pair): Promise<void> {
  const { go, errors } = pair
  const broker = pair.newBroker()
  await broker.connect()

  await tally.run('header and body as they are', async () => {
    const got = collect(broker, 'raw')
    await pair.settle()
    const body = Buffer.from([0, 255, 10, 34, 60]).toString('base64')
    await go.do('publish', { topic: 'raw', header: { 'X-Token': '<a> "b" ü' }, body })
    const { topic, header, body: octets } = await until(() => got[0], 'nothing came')
    assert.equal(topic, 'raw')
    assert.equal(header.get('X-Token'), '<a> "b" ü')
    assert.equal(Buffer.from(octets).toString('base64'), body)
  })
  await tally.run('an empty body', async () => {
    const got = collect(broker, 'empty')
    await pair.settle()
    await go.do('publish', { topic: 'empty', header: { 'Micro-Topic': 'empty' } })
    assert.equal((await until(() => got[0], 'nothing came')).body.length, 0)
  })

  const server = createServer({ name: 'kitchen', broker, onError: () => undefined })
  const orders: unknown[] = []
  const tokens: (string | undefined)[] = []
  server.use((call, next) => {
    tokens.push(call.metadata.get('x-token'))
    return next(call.request)
  })
  server.subscribe('orders', order => void orders.push(order), { codec: EITHER })
  server.subscribe<Order>('picky', ({ id }) => {
    if (id !== 7) orders.push(`order ${id}`)
    throw new Error('no such dish')
  })
  await server.start()
  await pair.settle()
  const header = { 'X-Token': 's3cret' }
  for (const [name, does, contentType, expected] of [
    ['mucp client, JSON', 'client', 'application/json', { id: 7, item: 'soup' }],
    ['mucp client, protobuf', 'client', 'application/protobuf', 'soup'],
    ['native client, JSON', 'native', 'application/json', { id: 7, item: 'soup' }],
    ['native client, application/grpc+proto', 'native', '', 'soup'],
  ] as const) {
    await tally.run(name, async () => {
      orders.length = 0
      tokens.length = 0
      await go.do(does, { topic: 'orders', contentType, header })
      assert.deepEqual(await until(() => orders[0], 'nothing came'), expected)
      assert.equal(tokens[0], 's3cret', 'metadata')
    })
  }
  await tally.run('a handler that fails harms nobody', async () => {
    orders.length = 0
    await go.do('client', { topic: 'picky', contentType: 'application/json' })
    await go.do('client', { topic: 'orders', contentType: 'application/json' })
    await until(() => orders[0], 'nothing came after the failure')
  })
  await tally.run('one of a queue gets each message', async () => {
    const [first, second] = [pair.newBroker(), pair.newBroker()]
    const got = [collect(first, 'shared', 'q'), collect(second, 'shared', 'q')]
    const all = collect(broker, 'shared')
    await Promise.all([first.connect(), second.connect()])
    await pair.settle()
    for (let i = 0; i < 20; i++) {
      await go.do('publish', { topic: 'shared', header: { 'Micro-Topic': 'shared', I: `${i}` } })
    }
    await until(() => all.length === 20, 'some are missing')
    await until(() => got[0]!.length + got[1]!.length === 20, 'some are missing in the queue')
    assert.equal(new Set(got.flat().map(({ header }) => header.get('I'))).size, 20)
    await Promise.all([first.close(), second.close()])
  })
  await tally.run('nothing was told to onError', () => assert.deepEqual(errors, []))
  await server.stop()
  await broker.close()
}

/** Ours publish, Go hears. */
export async function wePublish(tally: Tally, pair: Pair): Promise<void> {
  const { go } = pair
  const broker = pair.newBroker()
  const client = createClient({ broker })
  await tally.run('header and body as they are', async () => {
    await go.do('subscribe', { topic: 'back' })
    await pair.settle()
    const header = new Map([
      ['X-Token', '<a> "b" ü'],
      ['Micro-Topic', 'back'],
    ])
    await broker.publish('back', { header, body: Buffer.from([0, 255, 10, 34, 60]) })
    const line = await until(() => go.heard('back')[0], 'Go heard nothing')
    assert.equal(line.header?.['X-Token'], '<a> "b" ü')
    assert.deepEqual(Buffer.from(line.body ?? '', 'base64'), Buffer.from([0, 255, 10, 34, 60]))
  })
  await tally.run('client.publish, JSON, to a service of Go', async () => {
    await go.do('serve', { topic: 'dishes', contentType: 'application/json' })
    await pair.settle()
    await client.publish('dishes', { id: 9, item: 'bread' }, { metadata: { 'x-token': 's3cret' } })
    const line = await until(() => go.heard('dishes')[0], 'Go heard nothing')
    assert.deepEqual(line.order, { id: 9, item: 'bread' })
    const token = Object.entries(line.metadata ?? {}).find(([name]) => /^x-token$/i.test(name))
    assert.equal(token?.[1], 's3cret')
  })
  await tally.run('one of a queue gets each message, Go and ours in it', async () => {
    const ours = collect(broker, 'both', 'q')
    await go.do('subscribe', { topic: 'both', queue: 'q' })
    await pair.settle()
    for (let i = 0; i < 40; i++) await client.publish('both', { i })
    const total = () => ours.length + go.heard('both').length
    await until(() => total() >= 40, `${total()} of 40 came`)
    assert.equal(total(), 40)
    assert.ok(ours.length > 0 && go.heard('both').length > 0, 'both have some')
  })
  await tally.run('a handler of Go that fails harms nobody', async () => {
    await go.do('subscribe', { topic: 'failing', fail: true })
    await pair.settle()
    await client.publish('failing', 1)
    await client.publish('failing', 2)
    await until(() => go.heard('failing').length === 2, 'Go heard less than 2')
  })
  await tally.run('nobody who listens is no error', () => broker.publish('nobody', message('x')))
  await client.close()
  await broker.close()
}

export const message = (text: string): { header: Map<string, string>; body: Buffer } => ({
  header: new Map(),
  body: Buffer.from(text),
})

/** What comes to a topic, as it comes. */
export function collect(broker: Broker, topic: string, queue?: string): Delivery[] {
  const got: Delivery[] = []
  const options = queue === undefined ? {} : { queue }
  broker.subscribe(topic, delivery => void got.push(delivery), options)
  return got
}
