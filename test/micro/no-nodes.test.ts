import t from 'tap'
import { createClient, createServer, defineService, GrpcError, jsonCodec } from '../../src/index.js'
import { memoryRegistry } from '../../src/micro/index.js'

const json = { request: jsonCodec<unknown>(), response: jsonCodec<unknown>() }
const things = defineService('a.v1.Things', {
  one: { kind: 'unary', ...json },
  many: { kind: 'server', ...json },
})
const handlers = {
  one: () => 1,
  async *many() {
    yield 1
  },
}

t.test('a native client whose registry has no node: UNAVAILABLE, and nothing was sent', async t => {
  await using client = createClient({ registry: memoryRegistry(), service: 'nobody' })
  const { one, many } = client.bind(things)
  const expected = {
    code: 'UNAVAILABLE',
    unprocessed: true,
    message: /^service nobody: not found; the registry memory has no node of it/,
  }
  await t.rejects(one({}), expected)
  await t.rejects(many({}).next(), expected)
  t.ok((await one({}).catch(error => error)) instanceof GrpcError)
})

t.test('over mucp it is 500, as in go-micro, and nothing was sent', async t => {
  const registry = memoryRegistry()
  await using client = createClient({ registry, service: 'nobody', protocol: 'mucp' })
  await t.rejects(client.bind(things).one({}), {
    code: 500,
    unprocessed: true,
    detail: 'service nobody: not found',
  })
})

t.test(
  'waitForReady waits until somebody serves the service, within the time of the call',
  async t => {
    const registry = memoryRegistry()
    await using client = createClient({ registry, service: 'late' })
    const { one, many } = client.bind(things)
    const waiting = one({}, { waitForReady: true })
    const stream = many({}, { waitForReady: true }).next()
    await t.rejects(one({}, { waitForReady: true, timeoutMs: 20 }), { code: 'DEADLINE_EXCEEDED' })
    await using server = createServer({ name: 'late', registry })
    server.handle(things, handlers)
    await server.start()
    t.equal(await waiting, 1)
    t.same(await stream, { done: false, value: 1 })
  },
)

t.test('a service that is handled after start is in the registry', async t => {
  const registry = memoryRegistry()
  await using server = createServer({ name: 'a', registry })
  await server.start()
  server.handle(things, handlers)
  const [record] = await registry.getService('a')
  t.same(
    record?.endpoints.map(({ name }) => name),
    ['Things.One', 'Things.Many'],
  )
  t.equal(record?.nodes.length, 1)
})

t.test('close ends running calls with CANCELLED, and says that it was ours', async t => {
  await using server = createServer({ name: 'a' })
  server.handle(things, { ...handlers, one: () => new Promise(() => {}) })
  await server.start()
  const client = createClient({ address: server.address })
  const { one } = client.bind(things)
  const ended = t.rejects(one({}), {
    code: 'CANCELLED',
    unprocessed: false,
    message: /the session was closed$/,
  })
  await client.bind(things).many({}).next()
  await client.close()
  await ended
  await server.stop({ graceMs: 0, settleMs: 0 })
})

t.test('a service that is handled twice, or shares a short name: the error names the cure', t => {
  const server = createServer({ name: 'a' }).handle(things, handlers)
  t.throws(() => server.handle(things, handlers), {
    message: 'service a.v1.Things is handled already; give all its handlers in one call of handle',
  })
  const other = defineService('b.v1.Things', { one: { kind: 'unary', ...json } })
  t.throws(() => server.handle(other, { one: () => 1 }), {
    message: /rename one of them, or handle one with \{ nativeOnly: true \}$/,
  })
  t.end()
})
