import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { deflateSync } from 'node:zlib'
import t from 'tap'
import { consulEnvironment } from '../../src/registry/consul/environment.js'
import { healthRecords } from '../../src/registry/consul/health-entries.js'
import { consulRegistry } from '../../src/registry/consul/index.js'
import { readTags, tagsOf } from '../../src/registry/consul/tags.js'
import { prefixEnd } from '../../src/registry/etcd/api.js'
import { etcdRegistry } from '../../src/registry/etcd/index.js'
import { many, messageCodec, one } from '../../src/registry/etcd/message-codec.js'
import { natsRegistry } from '../../src/registry/nats/index.js'

t.test('micro-scale §3: tags as Go writes them are read; ours say the same', t => {
  const go = [
    't-789caa562a4e2d2a4b2d52b252ca2d4d2e50aa05040000ffff37200607',
    'v-789cca492c492d2e01040000ffff08cc028e',
    'primary',
    'x-00',
    't-zz',
  ]
  t.same(readTags(go), { metadata: { server: 'mucp' }, version: 'latest', endpoints: [] })
  t.same(readTags(['t={"a":"b"}', 'e={"name":"A.B"}', 'v=1']), {
    metadata: { a: 'b' },
    version: '1',
    endpoints: [{ name: 'A.B', metadata: {}, request: null, response: null }],
  })
  const tagged = {
    version: 'latest',
    metadata: { server: 'mucp' },
    endpoints: [{ name: 'A.B', metadata: { stream: 'true' }, request: null, response: null }],
  }
  const tags = tagsOf(tagged)
  t.ok(tags.includes('v-789ccb492c492d2e010008cc028e'))
  t.same(readTags(tags), tagged)
  t.end()
})

t.test(
  'micro-scale §3: a node with any critical check is none; a warning stays; entries of other names are skipped',
  t => {
    const entry = (id: string, status: string, more: object = {}) => ({
      Node: { Node: 'n', Address: '10.0.0.9' },
      Service: {
        ID: id,
        Service: 'a',
        Tags: ['v=1'],
        Meta: { zone: 'eu' },
        Address: '10.0.0.1',
        Port: 80,
        ...more,
      },
      Checks: [{ Status: 'passing' }, { Status: status }],
    })
    const never = (key: string): boolean => t.fail(key)
    const entries = [
      entry('one', 'passing'),
      entry('two', 'warning', { Address: '' }),
      entry('three', 'critical'),
      entry('four', 'passing', { Service: 'b' }),
      entry('five', 'passing', { Address: 'fd00::1' }),
      {},
    ]
    const records = healthRecords('a', entries, never)
    const nodes = [...records.values()].flatMap(record => record.nodes)
    t.same(
      nodes.map(({ id, address }) => [id, address]),
      [
        ['one', '10.0.0.1:80'],
        ['two', '10.0.0.9:80'],
        ['five', '[fd00::1]:80'],
      ],
    )
    t.same(nodes[0]?.metadata, { zone: 'eu' }, 'of a service without tags of Go')
    t.same([...healthRecords('a', 'no list', never)], [])
    t.end()
  },
)

t.test('Consul: an odd entry is told, and costs nobody but itself', t => {
  const service = { ID: 'a-1', Service: 'a', Address: '10.0.0.1', Port: 80 }
  const odd = [
    null,
    7,
    { Service: { ...service, ID: 5 } },
    { Service: { ...service, ID: 'host', Address: { ip: 1 } } },
    { Service: { ...service, ID: 'port', Port: '80' } },
    { Service: { ...service, ID: 'tags', Tags: {} } },
    { Service: service, Checks: { Status: 'critical' } },
  ]
  const faults = new Map<string, string>()
  const entries = odd.flatMap((entry, index) => [
    entry,
    { Service: { ...service, ID: `good-${index}`, Meta: { zone: 'eu', odd: 5 } } },
  ])
  const records = healthRecords('a', entries, (key, error) =>
    faults.set(key, (error as Error).message),
  )
  const nodes = [...records.values()].flatMap(record => record.nodes)
  t.same(
    nodes.map(({ id }) => id),
    odd.map((_, index) => `good-${index}`),
  )
  t.same(nodes[0]?.metadata, { zone: 'eu' }, 'values that are no text say nothing')
  t.equal(faults.size, odd.length - 1, 'a number is an entry of nobody')
  t.equal(faults.get('host'), 'Address is object; expected text')
  t.equal(faults.get('port'), "Service.Port is '80'; expected 1 to 65535")
  t.match(faults.get('[0]'), /null/)
  t.end()
})

t.test('Consul: the tags of one answer inflate to 64 MiB at most, and of one tag to 1 MiB', t => {
  const large = `t-${deflateSync(JSON.stringify({ k: 'x'.repeat(1_000_000) })).toString('hex')}`
  const entries = Array.from({ length: 80 }, (_, index) => ({
    Service: { ID: `a-${index}`, Service: 'a', Address: '10.0.0.1', Tags: [large] },
  }))
  const faults: string[] = []
  const records = healthRecords('a', entries, (_key, error) =>
    faults.push((error as Error).message),
  )
  t.equal(records.size, 67)
  t.equal(faults.length, 13)
  t.match(faults[0], /the tags of one answer inflate to more than 67108864 octets/)
  const bomb = `t-${deflateSync(JSON.stringify({ k: 'x'.repeat(2_000_000) })).toString('hex')}`
  t.same(readTags([bomb, 'v=1']), { version: '1', endpoints: [] })
  t.end()
})

t.test("Consul's environment: address, token, TLS", t => {
  const folder = t.testdir({ 'ca.pem': 'CA' })
  t.same(consulEnvironment({}), {
    address: undefined,
    token: undefined,
    namespace: undefined,
    tls: undefined,
  })
  t.match(
    consulEnvironment({ CONSUL_HTTP_ADDR: 'h:1', CONSUL_HTTP_TOKEN: 'x', CONSUL_HTTP_SSL: 'true' }),
    {
      address: 'h:1',
      token: 'x',
      tls: {},
    },
  )
  t.match(consulEnvironment({ CONSUL_CACERT: `${folder}/ca.pem` }).tls, { ca: Buffer.from('CA') })
  t.end()
})

/** An agent that answers with what it is told. */
async function agent(
  answer: (path: string) => { status: number; text: string },
): Promise<{ server: Server; address: string; paths: string[] }> {
  const paths: string[] = []
  const server = createServer((request, response) => {
    paths.push(`${request.method} ${request.url}`)
    const { status, text } = answer(request.url!)
    response.writeHead(status, { 'X-Consul-Index': '7' }).end(text)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return { server, paths, address: `127.0.0.1:${(server.address() as AddressInfo).port}` }
}

t.test(
  'an agent that refuses says what and where, never the token; one that is gone is passed over',
  async t => {
    const { server, address } = await agent(() => ({ status: 403, text: 'Permission denied' }))
    const registry = consulRegistry({ address, token: 's3cret', onError: () => undefined })
    const error: Error = await registry.getService('a').then(
      () => new Error('it answered'),
      (each: Error) => each,
    )
    t.match(error, {
      code: 'REGISTRY_DENIED',
      message: /consul at 127.*GET \/v1\/health\/service\/a: 403 Permission denied/,
    })
    t.notMatch(error.message, /s3cret/)
    await registry.close()
    server.closeAllConnections()
    server.close()
    const alive = await agent(path => ({
      status: 200,
      text: path.includes('catalog') ? '{}' : '[]',
    }))
    const two = consulRegistry({ address: [address, alive.address] })
    t.same(await two.listServices(), [])
    t.match(alive.paths, ['GET /v1/catalog/services'])
    await two.close()
    alive.server.closeAllConnections()
    alive.server.close()
  },
)

t.test('etcd: messages are proto3; ids use all 64 bits; unknown fields are passed over', t => {
  const inner = { id: one(2, 'long'), ttl: one(3, 'int') }
  const codec = messageCodec<Record<string, unknown>>({
    key: one(1, 'bytes'),
    name: one(4, 'text'),
    yes: one(5, 'bool'),
    inner: one(6, inner),
    all: many(7, 'int'),
  })
  const value = {
    key: Buffer.from([0, 255]),
    name: 'ä',
    yes: true,
    inner: { id: -5n, ttl: 300 },
    all: [1, 2],
  }
  const bytes = Buffer.from(codec.encode(value))
  t.same(codec.decode(bytes, 0, bytes.length), value)
  t.same(codec.decode(Buffer.from([0x98, 0x06, 0x01]), 0, 3), {
    key: Buffer.alloc(0),
    name: '',
    yes: false,
    inner: undefined,
    all: [],
  })
  for (const [hex, fault] of [
    ['0a05', /cut short/],
    ['28', /cut short/],
    ['28ffffffffffffffffffff01', /more than ten/],
    ['0b', /wire type 3/],
  ] as const) {
    const broken = Buffer.from(hex, 'hex')
    t.throws(() => codec.decode(broken, 0, broken.length), fault)
  }
  t.same(prefixEnd(Buffer.from('/a/')), Buffer.from('/a0'))
  t.same(prefixEnd(Buffer.from([0x61, 0xff])), Buffer.from([0x62]))
  t.same(prefixEnd(Buffer.from([0xff])), Buffer.from([0]))
  t.end()
})

t.test('engines refuse options by name, at once', t => {
  t.throws(
    () => etcdRegistry({ adress: 'x' } as never),
    /etcdRegistry has no option adress; did you mean address/,
  )
  t.throws(() => etcdRegistry({ prefix: 'x' }), /prefix must begin and end with \//)
  t.throws(() => etcdRegistry({ address: [] }), /address must name one address/)
  t.throws(() => etcdRegistry({ address: [''] }), /address must be addresses/)
  t.throws(() => consulRegistry({ tcpCheckMs: 5 }), /tcpCheckMs is 5; expected 1000 or more/)
  t.throws(() => natsRegistry({ subjects: 'v6' as never }), /subjects must be v5, v4 or both/)
  t.end()
})

t.test('a registry that was closed says so, and one that was never used dials nothing', async t => {
  for (const registry of [
    etcdRegistry({ address: '127.0.0.1:1' }),
    consulRegistry({ address: '127.0.0.1:1' }),
    natsRegistry({ address: '127.0.0.1:1' }),
  ]) {
    t.equal(registry.peek('a'), undefined)
    await registry.close()
    await registry.close()
    await t.rejects(registry.getService('a'), {
      code: 'REGISTRY_CLOSED',
      message: new RegExp(registry.name),
    })
  }
})

t.test(
  'a registry that is closed lets end what is under way: a server that does not wait still leaves',
  async t => {
    const { server, address, paths } = await agent(() => ({ status: 200, text: '[]' }))
    const registry = consulRegistry({ address })
    const service = {
      name: 'a',
      version: '1',
      metadata: {},
      endpoints: [],
      nodes: [{ id: 'a-1', address: '10.0.0.1:80', metadata: {} }],
    }
    await registry.register(service, { ttlMs: 60_000 })
    const leaving = registry.deregister(service)
    await registry.close()
    await leaving
    t.same(paths, [
      'PUT /v1/agent/service/register?replace-existing-checks=true',
      'PUT /v1/agent/check/pass/service:a-1',
      'PUT /v1/agent/service/deregister/a-1',
    ])
    server.closeAllConnections()
    server.close()
  },
)
