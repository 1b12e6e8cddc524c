import { createServer as createNodeServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { type HttpBrokerOptions, httpBroker } from '../../src/broker/http/index.js'
import { memoryRegistry, type Registry } from '../../src/micro/index.js'

const message = (text: string) => ({ header: new Map([['X', 'y']]), body: Buffer.from(text) })

function bench(t: Test, options: Partial<HttpBrokerOptions> = {}) {
  const registry = memoryRegistry()
  const errors: unknown[] = []
  const make = (more: Partial<HttpBrokerOptions> = {}) => {
    const onError = (error: unknown) => errors.push(error)
    const broker = httpBroker({ registry, onError, ...options, ...more })
    t.teardown(() => broker.close())
    return broker
  }
  const got: string[] = []
  const listen = async (who: string, topic: string, queue?: string) => {
    const subscription = make().subscribe(
      topic,
      ({ body, header }) => void got.push(`${who} ${Buffer.from(body)} ${header.get('X')}`),
      queue === undefined ? {} : { queue },
    )
    await subscription.ready
    return subscription
  }
  return { registry, errors, make, got, listen }
}

/** What an HTTP client that is none of ours gets. */
function post(address: string, path: string, body: string, method = 'POST'): Promise<number> {
  return new Promise((resolve, reject) => {
    request(`http://${address}${path}`, { method }, response => {
      response.resume()
      resolve(response.statusCode!)
    })
      .once('error', reject)
      .end(body)
  })
}

t.test(
  "micro-scale §8.1: subscribers are nodes of micro.http.broker, with go-micro's metadata",
  async t => {
    const { registry, listen } = bench(t)
    const first = await listen('a', 'news')
    await listen('b', 'news', 'q1')
    const services = await registry.getService('micro.http.broker')
    t.match(services, [
      {
        version: 'ff.http.broadcast',
        nodes: [
          {
            id: /^news-[0-9a-f-]{36}$/,
            address: /^127\.0\.0\.1:\d+$/,
            metadata: { broker: 'http', secure: 'false', topic: 'news' },
          },
        ],
      },
      { version: 'q1' },
    ])
    await first.unsubscribe()
    t.match(await registry.getService('micro.http.broker'), [{ version: 'q1' }], 'it leaves')
  },
)

t.test('every subscriber without a queue gets a message, and one of each queue', async t => {
  const { make, got, listen } = bench(t)
  await listen('a', 'news')
  await listen('b', 'news')
  await listen('q', 'news', 'q1')
  await listen('q', 'news', 'q1')
  await listen('c', 'weather')
  const broker = make()
  await broker.publish('news', message('1'))
  await broker.publish('news', message('2'))
  t.same(got.sort(), ['a 1 y', 'a 2 y', 'b 1 y', 'b 2 y', 'q 1 y', 'q 2 y'])
  await broker.publish('nobody', message('x'))
})

t.test(
  'a node that is gone: another of its queue gets the message; the others of a broadcast too',
  async t => {
    const { registry, errors, make, got, listen } = bench(t)
    const gone = (version: string, id: string) =>
      registry.register({
        name: 'micro.http.broker',
        version,
        metadata: {},
        endpoints: [],
        nodes: [{ id, address: '127.0.0.1:1', metadata: { broker: 'http', topic: 'news' } }],
      })
    await gone('q1', 'gone-1')
    await gone('ff.http.broadcast', 'gone-2')
    const broker = make({ runtime: undefined as never })
    await t.rejects(broker.publish('news', message('0')), {
      code: 'BROKER_UNAVAILABLE',
      message: /node gone-\d at 127\.0\.0\.1:1 has not taken a message \(1 of 1 nodes tried\)/,
    })
    await listen('q', 'news', 'q1')
    for (let i = 1; i <= 5; i++) await broker.publish('news', message(`${i}`))
    t.equal(got.length, 5)
    t.ok(errors.length >= 5)
    t.match(errors[0], { code: 'BROKER_UNAVAILABLE', message: /gone-2/ })
  },
)

t.test('a publisher hears no more of a handler than that it may have run', async t => {
  const { make, errors } = bench(t)
  const failing = make().subscribe('news', () => {
    throw new Error('no such dish')
  })
  await failing.ready
  await t.rejects(make().publish('news', message('x')), {
    code: 'BROKER_LOST',
    message: /it answered 500; its handler may have run/,
  })
  t.match(errors, [
    { code: 'BROKER_HANDLER', message: /handler of news \(http\) failed: no such dish/ },
  ])
})

t.test('what others post is looked at: method, id, size, envelope and topic', async t => {
  const { registry, make, errors } = bench(t, { limits: { messageSizeMax: 10 } })
  await make().subscribe('news', () => undefined).ready
  const [{ nodes }] = (await registry.getService('micro.http.broker')) as never as [
    { nodes: { id: string; address: string }[] },
  ]
  const { id, address } = nodes[0]!
  const good = '{"Header":{"Micro-Topic":"news"},"Body":"aGk="}'
  t.equal(await post(address, `/?id=${id}`, good), 200)
  t.equal(await post(address, `/?id=${id}`, '', 'GET'), 405)
  t.equal(await post(address, '/?id=other', good), 404)
  t.equal(await post(address, `/?id=${id}`, '{"Header":{},"Body":"aGk="}'), 500, 'no topic')
  t.equal(await post(address, `/?id=${id}`, 'no envelope'), 400)
  t.equal(await post(address, `/?id=${id}`, ' '.repeat(140_000)), 413)
  t.match(errors, [
    { code: 'BROKER_MESSAGE', message: /11 octets for news \(http\) cannot be read/ },
  ])
})

t.test('too many messages for a handler: 503, and another of the queue gets them', async t => {
  const { make } = bench(t, { limits: { handlersMax: 1, queueMax: 1 }, closeGraceMs: 0 })
  const stuck = make().subscribe('news', () => new Promise<void>(() => undefined), { queue: 'q' })
  await stuck.ready
  const broker = make({ publishTimeoutMs: 50 })
  const both = [0, 1].map(() =>
    t.rejects(broker.publish('news', message('x')), { code: 'BROKER_LOST' }),
  )
  await new Promise(resolve => setTimeout(resolve, 20))
  await t.rejects(broker.publish('news', message('x')), { message: /it answered 503/ })
  await Promise.all(both)
})

t.test(
  'a registry that is away: told once, tried again, and what it said before is used',
  async t => {
    const real = memoryRegistry()
    let isUp = true
    const registry: Registry = {
      name: 'flaky',
      register: async (service, options) => {
        if (!isUp) throw new Error('registry down')
        await real.register(service, options)
      },
      deregister: service => real.deregister(service),
      getService: async name => {
        if (!isUp) throw new Error('registry down')
        return await real.getService(name)
      },
      listServices: () => real.listServices(),
    }
    const { make, errors } = bench(t, { registry })
    let count = 0
    await make().subscribe('news', () => void count++).ready
    const broker = make()
    await broker.publish('news', message('x'))
    isUp = false
    await broker.publish('news', message('x'))
    t.equal(count, 2)
    await make().subscribe('more', () => undefined).ready
    t.match(errors, [{ message: 'registry down' }])
    await t.rejects(make().publish('news', message('x')), {
      code: 'BROKER_UNAVAILABLE',
      message: /the registry flaky does not say who listens: registry down/,
    })
  },
)

t.test('a node that does not answer is given up after publishTimeoutMs', async t => {
  const { registry, make } = bench(t)
  const silent = createNodeServer(() => undefined).listen(0, '127.0.0.1')
  await new Promise(resolve => silent.once('listening', resolve))
  t.teardown(() => {
    silent.closeAllConnections()
    silent.close()
  })
  const address = `127.0.0.1:${(silent.address() as AddressInfo).port}`
  const node = { id: 'silent', address, metadata: { broker: 'http', topic: 'news' } }
  const name = 'micro.http.broker'
  await registry.register({ name, version: 'q', metadata: {}, endpoints: [], nodes: [node] })
  await t.rejects(make({ publishTimeoutMs: 30 }).publish('news', message('x')), {
    code: 'BROKER_LOST',
    message: /no answer in 30 ms; its handler may have run/,
  })
})

t.test('options are checked by name; after close nothing can be done', async t => {
  t.throws(() => httpBroker({} as never), /registry must have the method register/)
  const registry = memoryRegistry()
  t.throws(() => httpBroker({ registry, adress: 'x' } as never), /did you mean address/)
  t.throws(() => httpBroker({ registry, ttlMs: 5 }), /ttlMs is 5; expected 1000 or more/)
  t.throws(() => httpBroker({ registry, address: 'a b' }), /address 'a b'/)
  const broker = httpBroker({ registry })
  await broker.close()
  t.throws(() => broker.subscribe('a', () => undefined), { code: 'BROKER_CLOSED' })
  await t.rejects(broker.publish('a', message('x')), { code: 'BROKER_CLOSED' })
  await t.rejects(broker.connect(), { code: 'BROKER_CLOSED' })
})
