import t from 'tap'
import {
  createClient,
  createServer,
  defineService,
  jsonCodec,
  memoryRegistry,
  type Registry,
  type RegistryService,
  randomSelector,
  roundRobinSelector,
  staticRegistry,
} from '../../src/micro/index.js'
import { memoryTransport, type Runtime } from '../../src/transport/index.js'
import { FakeRuntime, settle } from './fake-runtime.js'

const json = { request: jsonCodec<unknown>(), response: jsonCodec<unknown>() }
const greeter = defineService('greeter.v1.Greeter', {
  hello: { kind: 'unary', ...json },
  count: { kind: 'server', ...json },
})

function record(id: string, address: string, metadata = {}): RegistryService {
  return {
    name: 'greeter',
    version: 'latest',
    metadata: {},
    endpoints: [],
    nodes: [{ id, address, metadata: { protocol: 'mucp', ...metadata } }],
  }
}

t.test('memory registry: nodes of one version come together, and go on their own', async t => {
  const registry = memoryRegistry()
  const changes: string[] = []
  const unwatch = registry.watch(name => changes.push(name))
  await registry.register(record('a', 'a:1'))
  await registry.register(record('b', 'b:1'))
  await registry.register({ ...record('c', 'c:1'), version: '2' })
  const found = await registry.getService('greeter')
  t.same(
    found.map(service => [service.version, service.nodes.map(node => node.id)]),
    [
      ['latest', ['a', 'b']],
      ['2', ['c']],
    ],
  )
  await registry.deregister(record('a', 'a:1'))
  await registry.deregister({ ...record('c', 'c:1'), version: '2' })
  await registry.deregister(record('nobody', 'x:1'))
  t.same(
    (await registry.listServices()).map(service => service.nodes.map(node => node.id)),
    [['b']],
  )
  unwatch()
  await registry.deregister(record('b', 'b:1'))
  t.same(await registry.getService('greeter'), [])
  t.equal(changes.length, 6)
})

t.test('memory registry: a node that is not renewed vanishes', async t => {
  const runtime = new FakeRuntime()
  const registry = memoryRegistry(runtime)
  await registry.register(record('a', 'a:1'), { ttlMs: 100 })
  runtime.advance(99)
  await registry.register(record('a', 'a:1'), { ttlMs: 100 })
  runtime.advance(99)
  t.equal((await registry.getService('greeter')).length, 1)
  runtime.advance(1)
  t.same(await registry.getService('greeter'), [])
  t.equal(runtime.timerCount, 0)
})

t.test('static registry: addresses, or nodes', async t => {
  const node = { id: 'n', address: 'n:1', metadata: {} }
  const registry = staticRegistry({ greeter: ['a:1', node] })
  const [service] = await registry.getService('greeter')
  t.match(service?.nodes, [{ address: 'a:1', metadata: { protocol: 'mucp', grpc: 'true' } }, node])
  t.same(await registry.getService('other'), [])
  t.equal((await registry.listServices()).length, 1)
  await t.rejects(registry.register(record('a', 'a:1')), /static registry/)
})

t.test('selectors: random follows the dice, round robin takes turns for each service', t => {
  const runtime = new FakeRuntime()
  const nodes = ['a', 'b', 'c'].map(id => ({ id, address: id, metadata: {} }))
  const random = randomSelector(runtime)
  for (const [dice, id] of [
    [0, 'a'],
    [0.34, 'b'],
    [0.99, 'c'],
  ] as const) {
    runtime.randomNext = dice
    t.equal(random.select('x', nodes).id, id)
  }
  const turns = roundRobinSelector()
  t.same(
    ['x', 'x', 'y', 'x', 'x'].map(service => turns.select(service, nodes).id),
    ['a', 'b', 'a', 'c', 'a'],
  )
  t.end()
})

t.test('a server registers with what Go needs, renews every 30 s, and leaves', async t => {
  const runtime = new FakeRuntime()
  const registry = memoryRegistry(runtime)
  const server = createServer({
    name: 'greeter',
    address: ':0',
    transport: memoryTransport(),
    registry,
    version: '1.2',
    metadata: { zone: 'eu' },
    runtime: runtime as unknown as Runtime,
  })
  server.handle(greeter, { hello: () => ({}), count: () => [] })
  await server.start()
  const [service] = await registry.getService('greeter')
  t.match(service, {
    name: 'greeter',
    version: '1.2',
    endpoints: [
      { name: 'Greeter.Hello', metadata: {} },
      { name: 'Greeter.Count', metadata: { stream: 'true' } },
    ],
    nodes: [
      {
        id: /^greeter-[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
        address: server.address,
        metadata: { protocol: 'mucp', transport: 'memory', zone: 'eu' },
      },
    ],
  })
  t.equal(service?.nodes[0]?.metadata['grpc'], undefined, 'memory carries no native calls')
  for (let ms = 0; ms < 300_000; ms += 30_000) {
    runtime.advance(30_000)
    await settle()
  }
  t.equal((await registry.getService('greeter')).length, 1)
  await server.stop()
  t.same(await registry.getService('greeter'), [])
  t.equal(runtime.timerCount, 0)
})

t.test('micro-wire §3.7: a server registers for 90 s, every 30 s, as version latest', async t => {
  const runtime = new FakeRuntime()
  const began = runtime.now()
  const seen: unknown[] = []
  const registry: Registry = {
    ...staticRegistry({}),
    register: async (service, options) => {
      seen.push([runtime.now() - began, service.version, options?.ttlMs])
    },
    deregister: async () => undefined,
  }
  const server = createServer({
    name: 'greeter',
    address: 'a:1',
    transport: memoryTransport(),
    registry,
    runtime: runtime as unknown as Runtime,
  })
  server.handle(greeter, { hello: () => ({}), count: () => [] })
  await server.start()
  for (let ms = 0; ms < 89_000; ms += 1_000) {
    runtime.advance(1_000)
    await settle()
  }
  t.same(seen, [
    [0, 'latest', 90_000],
    [30_000, 'latest', 90_000],
    [60_000, 'latest', 90_000],
  ])
  await server.stop()
})

t.test('a server over gRPC says so, and advertises what it is told', async t => {
  const registry = memoryRegistry()
  const server = createServer({ name: 'greeter', registry, advertise: 'public:1' })
  server.handle(greeter, { hello: () => ({}), count: () => [] })
  await server.start()
  const [service] = await registry.getService('greeter')
  t.match(service?.nodes, [
    { address: 'public:1', metadata: { protocol: 'mucp', grpc: 'true', transport: 'grpc' } },
  ])
  await server.stop()
})

t.test(
  'a required registry that fails: start rejects and leaves nothing; renewing and leaving go on',
  async t => {
    const runtime = new FakeRuntime()
    let fail = true
    const errors: unknown[] = []
    const broken: Registry = {
      ...staticRegistry({}),
      register: async () => {
        if (fail) throw new Error('down')
      },
      deregister: async () => {
        throw new Error('down')
      },
    }
    const transport = memoryTransport()
    const server = createServer({
      name: 'greeter',
      address: 'a:1',
      transport,
      registry: broken,
      registerRequired: true,
      onError: error => errors.push(error),
      runtime: runtime as unknown as Runtime,
    })
    await t.rejects(server.start(), /down/)
    await t.rejects(transport.dial('a:1'), /could not dial/)
    fail = false
    await server.start()
    fail = true
    runtime.advance(30_000)
    await settle()
    t.equal(errors.length, 1)
    await server.stop()
    t.equal(errors.length, 2)
    t.equal(runtime.timerCount, 0)
  },
)

t.test(
  'a registry that is away when a server starts is told once, and the server registers when it can',
  async t => {
    const runtime = new FakeRuntime()
    let fail = true
    let registered = 0
    const errors: unknown[] = []
    const server = createServer({
      name: 'greeter',
      address: 'a:1',
      transport: memoryTransport(),
      registry: {
        ...staticRegistry({}),
        register: async () => {
          if (fail) throw new Error('down')
          registered++
        },
        deregister: async () => undefined,
      },
      registerIntervalMs: 10_000,
      onError: error => errors.push(error),
      runtime: runtime as unknown as Runtime,
    })
    server.handle(greeter, { hello: () => 1, count: () => [1] })
    await server.start()
    for (let second = 0; second < 60; second++) {
      runtime.advance(1_000)
      await settle()
    }
    t.equal(errors.length, 1, 'told once')
    fail = false
    runtime.advance(10_000)
    await settle()
    t.equal(registered, 1)
    runtime.advance(10_000)
    await settle()
    t.equal(registered, 2)
    fail = true
    runtime.advance(10_000)
    await settle()
    t.equal(errors.length, 2, 'another outage is news again')
    await server.stop()
    t.equal(runtime.timerCount, 0)
  },
)

t.test(
  'a registry that nobody can register in ends the start: no later attempt would help',
  async t => {
    const server = createServer({ name: 'greeter', registry: staticRegistry({}) })
    await t.rejects(server.start(), { message: /static registry/ })
    await server.stop()
  },
)

t.test('memory registry: a watcher hears what became of which nodes', async t => {
  const runtime = new FakeRuntime()
  const registry = memoryRegistry(runtime)
  const seen: unknown[] = []
  registry.watch((name, change) => {
    seen.push([name, change?.action, change?.service.nodes.map(node => node.id)])
  })
  await registry.register(record('a', 'a:1'), { ttlMs: 100 })
  await registry.register(record('a', 'a:1'), { ttlMs: 100 })
  await registry.register(record('b', 'b:1'))
  await registry.deregister(record('b', 'b:1'))
  runtime.advance(100)
  t.same(seen, [
    ['greeter', 'create', ['a']],
    ['greeter', 'update', ['a']],
    ['greeter', 'create', ['b']],
    ['greeter', 'delete', ['b']],
    ['greeter', 'delete', ['a']],
  ])
})

t.test('a client finds nodes by name, takes turns, and hears of changes', async t => {
  const registry = memoryRegistry()
  const transport = memoryTransport()
  const servers = await Promise.all(
    ['a:1', 'b:1'].map(async address => {
      const server = createServer({ name: 'greeter', address, transport, registry })
      server.handle(greeter, { hello: () => address, count: () => [address] })
      await server.start()
      return server
    }),
  )
  const client = createClient({
    registry,
    service: 'greeter',
    transport,
    selector: roundRobinSelector(),
  })
  const { hello, count } = client.bind(greeter)
  t.same([await hello({}), await hello({}), await hello({})].sort(), ['a:1', 'a:1', 'b:1'])
  const counted: unknown[] = []
  for await (const each of count({})) counted.push(each)
  t.equal(counted.length, 1)
  await servers[0]!.stop()
  t.same([await hello({}), await hello({})], ['b:1', 'b:1'])
  await servers[1]!.stop()
  await t.rejects(hello({}), { code: 500, id: 'go.micro.client', detail: /not found/ })
  await t.rejects(count({}).next(), { code: 500 })
  await client.close()
})

t.test(
  'without watch a registry is asked again after a minute; while it fails, calls go to the nodes that it named',
  async t => {
    const runtime = new FakeRuntime()
    let asked = 0
    let fail = false
    const registry: Registry = {
      ...staticRegistry({ greeter: ['a:1'] }),
      getService: async name => {
        asked++
        if (fail) throw new Error('down')
        return staticRegistry({ greeter: ['a:1'] }).getService(name)
      },
    }
    const transport = memoryTransport()
    const server = createServer({ name: 'greeter', address: 'a:1', transport })
    server.handle(greeter, { hello: () => 1, count: () => [1] })
    await server.start()
    const client = createClient({
      registry,
      service: 'greeter',
      transport,
      runtime: runtime as unknown as Runtime,
    })
    const { hello, count } = client.bind(greeter)
    await Promise.all([hello({}), hello({})])
    await hello({})
    t.equal(asked, 1, 'callers share one question')
    runtime.advance(60_000)
    const stream = client.stream(greeter, 'count')
    await stream.send({})
    t.equal(await stream.receive(), 1)
    await stream.closeSend()
    t.ok(stream.headers instanceof Promise)
    t.equal(asked, 2)
    runtime.advance(60_000)
    fail = true
    t.equal(await hello({}), 1)
    t.same(await count({}).next(), { done: false, value: 1 })
    await client.close()
    const late = createClient({ registry, service: 'greeter', transport })
    const bound = late.bind(greeter)
    await t.rejects(bound.hello({}), { code: 500, detail: 'error selecting greeter node: down' })
    await t.rejects(bound.count({}).next(), { code: 500 })
    await late.close()
    await server.stop()
  },
)

/** A registry that hangs, until it is told to answer. */
function hanging(): Registry & { answer(): void; asked: number } {
  const waiting: (() => void)[] = []
  const registry = {
    ...staticRegistry({ greeter: ['a:1'] }),
    asked: 0,
    answer: () => {
      for (const each of waiting.splice(0)) each()
    },
    getService: async (name: string) => {
      registry.asked++
      await new Promise<void>(resolve => waiting.push(resolve))
      return await staticRegistry({ greeter: ['a:1'] }).getService(name)
    },
  }
  return registry
}

t.test('a registry that hangs costs a call its own time, and no more', async t => {
  const runtime = new FakeRuntime()
  const registry = hanging()
  const transport = memoryTransport()
  const server = createServer({ name: 'greeter', address: 'a:1', transport })
  server.handle(greeter, { hello: () => 1, count: () => [1] })
  await server.start()
  const client = createClient({
    registry,
    service: 'greeter',
    transport,
    timeoutMs: 3_000,
    runtime: runtime as unknown as Runtime,
  })
  const { hello, count } = client.bind(greeter)
  const late = hello({})
  const later = hello({}, { timeoutMs: 5_000 })
  const aborted = hello({}, { signal: AbortSignal.abort(new Error('enough')) })
  const stream = count({}, { timeoutMs: 2_000 })
  const published = client.publish('topic', {}, { timeoutMs: 2_500 })
  await t.rejects(aborted, { message: 'enough' })
  const reading = stream.next()
  const outcomes = [late, later, reading, published].map(call => call.catch(error => error))
  runtime.advance(2_000)
  t.match(await outcomes[2], { code: 408 })
  runtime.advance(500)
  t.match(await outcomes[3], { code: 408 })
  runtime.advance(500)
  t.match(await outcomes[0], { code: 408, id: 'go.micro.client', detail: /registry has not/ })
  t.equal(registry.asked, 1, 'they share one question')
  registry.answer()
  await settle()
  t.equal(await outcomes[1], 1, 'the answer came in time for this one')
  await client.close()
  await server.stop()
  t.equal(runtime.timerCount, 0)
})

t.test('a registry that hangs is asked anew after ten seconds', async t => {
  const runtime = new FakeRuntime()
  const registry = hanging()
  const transport = memoryTransport()
  const client = createClient({
    registry,
    service: 'greeter',
    transport,
    timeoutMs: 60_000,
    runtime: runtime as unknown as Runtime,
  })
  const { hello } = client.bind(greeter)
  const failed = hello({}).catch(error => error)
  runtime.advance(10_000)
  t.match(await failed, {
    code: 500,
    detail: 'error selecting greeter node: the registry has not answered in 10000 ms',
  })
  void hello({}).catch(() => undefined)
  t.equal(registry.asked, 2)
  await client.close()
})

t.test('a stream is cancelled while the registry hangs: it never starts', async t => {
  const registry = hanging()
  let dialled = 0
  const transport = memoryTransport()
  const counting = {
    ...transport,
    dial: async (address: string) => {
      dialled++
      return await transport.dial(address)
    },
  }
  const client = createClient({ registry, service: 'greeter', transport: counting })
  const { count } = client.bind(greeter)
  const cancelled = count({})
  const reading = cancelled.next()
  cancelled.cancel()
  await t.rejects(reading, { code: 499, id: 'go.micro.client' })
  await t.rejects(cancelled.headers, { code: 499 })
  const left = count({})
  t.same(await left.return?.(), { done: true, value: undefined })
  const reason = new Error('no longer')
  const controller = new AbortController()
  const aborted = count({}, { signal: controller.signal })
  controller.abort(reason)
  await t.rejects(aborted.next(), reason)
  registry.answer()
  await settle()
  t.equal(dialled, 0)
  await client.close()
})

t.test('a node without protocol knows only the legacy codecs', async t => {
  const transport = memoryTransport()
  const listener = await transport.listen('old:1')
  let seen = ''
  listener.accept(async socket => {
    const got = await socket.receive()
    seen = `${got!.header.get('Content-Type')} ${Buffer.from(got!.body)}`
    await socket.send({
      header: new Map([['a', 'b']]),
      body: Buffer.from('{"id":"0","result":5,"error":null}'),
    })
    await socket.receive()
  })
  const registry = staticRegistry({ greeter: [{ id: 'x', address: 'old:1', metadata: {} }] })
  const client = createClient({ registry, service: 'greeter', transport })
  t.equal(await client.bind(greeter).hello({ a: 1 }), 5)
  t.equal(seen, 'application/json-rpc {"params":[{"a":1}],"id":"0","method":"Greeter.Hello"}\n')
  await client.close()
  await listener.close()
})

t.test('with a registry the node says which protocol to speak', async t => {
  const server = createServer({ name: 'greeter' })
  server.handle(greeter, {
    hello: (_, context) => context.door,
    count: (_, context) => [context.door],
  })
  await server.start()
  const node = (metadata: Record<string, string>) =>
    staticRegistry({ greeter: [{ id: 'x', address: server.address, metadata }] })
  for (const [metadata, door] of [
    [{ protocol: 'mucp', grpc: 'true' }, 'grpc'],
    [{ protocol: 'grpc' }, 'grpc'],
    [{ protocol: 'mucp' }, 'mucp'],
  ] as const) {
    const client = createClient({ registry: node(metadata), service: 'greeter' })
    const { hello, count } = client.bind(greeter)
    t.equal(await hello({}), door)
    const doors: unknown[] = []
    for await (const each of count({})) doors.push(each)
    t.same(doors, [door])
    await client.close()
  }
  await server.stop()
})
