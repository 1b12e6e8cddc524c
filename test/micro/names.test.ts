import t from 'tap'
import {
  type Client,
  createClient,
  createServer,
  defineService,
  jsonCodec,
  type Server,
} from '../../src/index.js'
import {
  type ClientOptions,
  type Endpoint,
  memoryRegistry,
  type ResolverListener,
  randomSelector,
  roundRobin,
} from '../../src/micro/index.js'
import { SimulatedNetwork } from '../../src/testing/index.js'

const json = { request: jsonCodec<unknown>(), response: jsonCodec<unknown>() }
const shop = defineService('shop.v1.Shop', { buy: { kind: 'unary', ...json } })
const HOSTS = ['10.9.0.1', '10.9.0.2', '10.9.0.3']

/** Servers on machines of their own, behind one name. */
class World {
  readonly hosts: Record<string, string[]>
  readonly network: SimulatedNetwork
  readonly servers: Server[] = []
  lookups = 0

  constructor(hosts: Record<string, string[]>) {
    this.hosts = hosts
    this.network = new SimulatedNetwork({ seed: 3, conditions: { latencyMs: [1, 1] } })
    this.network.lookup = host => {
      this.lookups++
      const found = this.hosts[host]
      if (found !== undefined && found.length > 0) return found
      throw Object.assign(new Error(`getaddrinfo ENOTFOUND ${host}`), { code: 'ENOTFOUND' })
    }
  }

  async serve(host: string): Promise<void> {
    const server = createServer({ name: 'shop', address: `${host}:80`, runtime: this.network })
    server.handle(shop, { buy: () => host })
    await server.start()
    this.servers.push(server)
  }

  client(options: Partial<ClientOptions> = {}): Client {
    return createClient({ address: 'dns:///shop:80', runtime: this.network, ...options })
  }

  async run(steps: () => Promise<void>): Promise<void> {
    await this.network.clock.run(
      steps().finally(() =>
        Promise.all(this.servers.map(each => each.stop({ graceMs: 0, settleMs: 0 }))),
      ),
      600_000,
    )
  }
}

async function answers(client: Client, count: number): Promise<Map<unknown, number>> {
  const { buy } = client.bind(shop)
  const found = new Map<unknown, number>()
  for (let i = 0; i < count; i++) {
    const host = await buy({})
    found.set(host, (found.get(host) ?? 0) + 1)
  }
  return found
}

t.test('dns: calls are spread over all addresses of a name', async t => {
  const world = new World({ shop: HOSTS })
  await world.run(async () => {
    for (const host of HOSTS) await world.serve(host)
    await using client = world.client({ balancer: roundRobin() })
    await answers(client, 10)
    t.same([...(await answers(client, 30)).values()], [10, 10, 10])
    t.equal(world.lookups, 1)
  })
})

t.test(
  'dns: a server that is new behind the name takes its share within one period, and no call fails',
  async t => {
    const world = new World({ shop: HOSTS.slice(0, 2) })
    await world.run(async () => {
      for (const host of HOSTS) await world.serve(host)
      await using client = world.client({ dnsRefreshMs: 5_000 })
      await answers(client, 10)
      world.hosts['shop'] = HOSTS
      await world.network.clock.sleep(5_500)
      await answers(client, 10)
      t.ok(((await answers(client, 60)).get(HOSTS[2]) ?? 0) > 8)
    })
  },
)

t.test(
  'dns: a name that is lost, or has no address any more, takes nothing from who works',
  async t => {
    const world = new World({ shop: HOSTS })
    await world.run(async () => {
      for (const host of HOSTS) await world.serve(host)
      await using client = world.client({ dnsRefreshMs: 1_000 })
      await answers(client, 10)
      world.hosts['shop'] = []
      await world.network.clock.sleep(60_000)
      await answers(client, 10)
      await world.network.clock.sleep(1_000)
      t.ok(world.lookups > 1)
      t.equal((await answers(client, 30)).size, 3)
    })
  },
)

t.test(
  'dns: a name that does not exist is UNAVAILABLE with the reason; waitForReady waits until it does',
  async t => {
    const world = new World({})
    await world.run(async () => {
      for (const host of HOSTS) await world.serve(host)
      await using client = world.client()
      const { buy } = client.bind(shop)
      await t.rejects(buy({}), {
        code: 'UNAVAILABLE',
        unprocessed: true,
        message: 'dns:///shop:80: the name could not be resolved: getaddrinfo ENOTFOUND shop',
      })
      const waiting = buy({}, { waitForReady: true })
      await world.network.clock.sleep(3_000)
      world.hosts['shop'] = HOSTS
      t.ok(HOSTS.includes((await waiting) as string))
    })
  },
)

t.test(
  'RFC 8305: the first address swallows everything: the first call is answered by another within 300 ms',
  async t => {
    const world = new World({ shop: ['fd00::1', '10.9.0.1'] })
    const connect = world.network.connect.bind(world.network)
    world.network.connect = (options, onReady) => {
      const isHole = options.host === 'fd00::1'
      if (isHole) world.network.setReachable(false)
      const socket = connect(options, onReady)
      world.network.setReachable(true)
      return socket
    }
    await world.run(async () => {
      await world.serve('10.9.0.1')
      for (let i = 0; i < 8; i++) {
        await using client = world.client()
        const before = world.network.now()
        t.same([...(await answers(client, 1)).keys()], ['10.9.0.1'])
        t.ok(world.network.now() - before < 300, `${world.network.now() - before} ms`)
        t.same([...(await answers(client, 20)).keys()], ['10.9.0.1'])
      }
    })
  },
)

t.test('addresses with commas are servers too; one that is down fails no call', async t => {
  const world = new World({})
  await world.run(async () => {
    for (const host of HOSTS.slice(0, 2)) await world.serve(host)
    await using client = world.client({ address: `ipv4:${HOSTS.map(host => `${host}:80`).join()}` })
    await answers(client, 10)
    t.equal((await answers(client, 40)).size, 2)
    await using mucp = world.client({
      address: HOSTS.map(host => `${host}:80`).join(),
      protocol: 'mucp',
    })
    t.equal((await answers(mucp, 40)).size, 2)
  })
})

t.test('dns over mucp: its addresses are dialled', async t => {
  const world = new World({ shop: HOSTS })
  await world.run(async () => {
    for (const host of HOSTS) await world.serve(host)
    await using client = world.client({ protocol: 'mucp' })
    t.equal((await answers(client, 60)).size, 3)
  })
})

t.test('a resolver of one’s own pushes endpoints; what it throws harms no call', async t => {
  const world = new World({})
  await world.run(async () => {
    for (const host of HOSTS) await world.serve(host)
    let push: ResolverListener | undefined
    const resolver = {
      name: 'mine',
      start: (listener: ResolverListener) => {
        push = listener
      },
      refresh: () => {
        throw new Error('broken')
      },
      onCall: () => {
        throw new Error('broken')
      },
      close: () => {
        throw new Error('broken')
      },
    }
    const { runtime } = { runtime: world.network }
    await using client = createClient({ resolver, runtime })
    const { buy } = client.bind(shop)
    const first = buy({})
    await t.rejects(buy({}, { timeoutMs: 50 }), {
      code: 'DEADLINE_EXCEEDED',
      message: /mine has not been resolved in time/,
    })
    const at = (host: string): Endpoint => ({ id: host, address: `${host}:80` })
    push!.onEndpoints([at(HOSTS[0]!)])
    t.equal(await first, HOSTS[0])
    push!.onEndpoints([at(HOSTS[1]!), at(HOSTS[2]!)])
    await answers(client, 10)
    t.same([...(await answers(client, 40)).keys()].sort(), [HOSTS[1], HOSTS[2]])
    push!.onEndpoints('nonsense' as never)
    push!.onEndpoints([])
    push!.onError(new Error('lost'))
    t.equal((await answers(client, 40)).size, 2)
    await using other = createClient({
      resolver: { ...resolver, start: l => l.onError(new Error('no')) },
      runtime,
    })
    await t.rejects(other.bind(shop).buy({}), { code: 'UNAVAILABLE', message: 'no' })
  })
})

t.test(
  'unix-abstract: a server and its client, where the system has it',
  { skip: process.platform !== 'linux' },
  async t => {
    const address = `unix-abstract:microwire-test-${process.pid}`
    await using server = createServer({ name: 'shop', address })
    server.handle(shop, { buy: () => 'abstract' })
    await server.start()
    await using client = createClient({ address })
    t.equal(await client.bind(shop).buy({}), 'abstract')
  },
)

t.test('options that exclude each other are refused by name', t => {
  const registry = memoryRegistry()
  const resolver = { name: 'mine', start: () => undefined }
  t.throws(() => createClient({ resolver, address: 'a:1' }), /got address and resolver/)
  t.throws(
    () => createClient({ resolver, selector: randomSelector() }),
    /selector chooses nodes of a registry/,
  )
  t.throws(() => createClient({ address: 'a:1,b:1', selector: randomSelector() }), /use balancer/)
  t.throws(
    () =>
      createClient({ registry, service: 's', balancer: roundRobin(), selector: randomSelector() }),
    /balancer and selector exclude each other/,
  )
  t.throws(() => createClient({ address: 'dns://1.1.1.1/a:1' }), /names the DNS server/)
  t.end()
})
