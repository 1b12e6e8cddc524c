import t from 'tap'
import { pickFirst, roundRobin } from '../../src/channel/index.js'
import {
  type Client,
  type ClientOptions,
  createClient,
  createServer,
  defineService,
  jsonCodec,
  type Server,
} from '../../src/index.js'
import { mountHealth, ServingStatus } from '../../src/services/index.js'
import { SimulatedNetwork } from '../../src/testing/index.js'
import { endpoints, Rig } from './fakes.js'

type OnHealth = (error: Error | undefined) => void

/** A channel whose watches are the test's. */
function watched(balancing = roundRobin()): { rig: Rig; heard: OnHealth[]; stopped: number[] } {
  const heard: OnHealth[] = []
  const stopped: number[] = []
  const rig = new Rig(balancing, {
    watchHealth: (_, onHealth) => {
      const at = heard.push(onHealth) - 1
      return () => stopped.push(at)
    },
  })
  return { rig, heard, stopped }
}

t.test('gRPC A17: who is connected counts as connecting until it says that it is healthy', t => {
  const { rig, heard } = watched()
  rig.connected('a', 'b')
  rig.outside.settle()
  t.equal(rig.channel.state, 'connecting')
  t.equal(rig.channel.pick(), undefined)
  heard[0]!(undefined)
  t.same(rig.picks(3), ['a', 'a', 'a'])
  heard[1]!(undefined)
  t.same(rig.picks(4).sort(), ['a', 'a', 'b', 'b'])
  heard[0]!(new Error('a:1: its health is NOT_SERVING'))
  t.same(rig.picks(2), ['b', 'b'])
  heard[0]!(undefined)
  t.same(rig.picks(4).sort(), ['a', 'a', 'b', 'b'])
  t.end()
})

t.test('gRPC A17: when nobody is healthy, calls fail, and hear of each server’s health', t => {
  const { rig, heard } = watched()
  rig.connected('a', 'b')
  rig.outside.settle()
  const failures: Error[] = []
  rig.channel.wait({
    isPatient: false,
    onPick: () => t.fail(),
    onFailed: error => failures.push(error),
  })
  heard[0]!(new Error('a:1: its health is NOT_SERVING'))
  heard[1]!(new Error('b:1: its health is UNKNOWN'))
  t.match(failures[0]?.message, /a:1: its health is NOT_SERVING; b:1: its health is UNKNOWN/)
  t.equal(rig.channel.state, 'failed')
  t.end()
})

t.test('gRPC A17: a watch goes with its connection, and the next one is asked anew', t => {
  const { rig, heard, stopped } = watched()
  rig.connected('a')
  rig.outside.settle()
  heard[0]!(undefined)
  rig.session('a').become('idle')
  t.same(stopped, [0])
  rig.session('a').become('ready')
  rig.outside.settle()
  t.equal(rig.channel.state, 'connecting')
  heard[0]!(undefined)
  t.equal(rig.channel.state, 'connecting', 'the old one is not heard any more')
  heard[1]!(undefined)
  t.equal(rig.channel.state, 'ready')
  rig.channel.update(endpoints('b'))
  t.same(stopped, [0, 1], 'nor one whose endpoint left')
  t.end()
})

t.test('gRPC A17: pick first watches nobody', t => {
  const { rig, heard } = watched(pickFirst())
  rig.connected('a')
  rig.outside.settle()
  t.equal(heard.length, 0)
  t.same(rig.picks(1), ['a'])
  t.end()
})

const shop = defineService('shop.v1.Shop', {
  buy: { kind: 'unary', request: jsonCodec<unknown>(), response: jsonCodec<unknown>() },
})

interface World extends AsyncDisposable {
  readonly network: SimulatedNetwork
  readonly health: ReturnType<typeof mountHealth>[]
  readonly client: Client
  /** Who answers the next calls. */
  answers(count: number): Promise<unknown[]>
}

async function world(healthy: boolean, options: Partial<ClientOptions> = {}): Promise<World> {
  const network = new SimulatedNetwork({ seed: 1, conditions: { latencyMs: [1, 1] } })
  const servers: Server[] = []
  const health: World['health'] = []
  for (const at of [1, 2]) {
    const server = createServer({ name: 'shop', address: `10.0.0.${at}:50051`, runtime: network })
    server.handle(shop, { buy: async () => at })
    if (healthy) health.push(mountHealth(server))
    await server.start()
    servers.push(server)
  }
  const client = createClient({
    address: 'ipv4:10.0.0.1:50051,10.0.0.2:50051',
    balancer: roundRobin(),
    serviceConfig: { healthCheckConfig: { serviceName: 'shop.v1.Shop' } },
    runtime: network,
    ...options,
  })
  const bound = client.bind(shop)
  return {
    network,
    health,
    client,
    answers: count =>
      network.clock.run(
        (async () => {
          const found: unknown[] = []
          for (let i = 0; i < count; i++) found.push(await bound.buy({}))
          return found
        })(),
        60_000,
      ),
    async [Symbol.asyncDispose]() {
      const closed = Promise.all([
        client.close(),
        ...servers.map(server => server.stop({ graceMs: 0 })),
      ])
      await network.clock.run(closed, 60_000)
      t.equal(network.socketCount, 0)
    },
  }
}

t.test(
  'gRPC A17: a server that says NOT_SERVING gets no call until it says SERVING (simulated network)',
  async t => {
    await using made = await world(true)
    await made.answers(4)
    await made.network.clock.idle(50)
    t.same(new Set(await made.answers(6)), new Set([1, 2]))
    made.health[0]!.setStatus('shop.v1.Shop', ServingStatus.NotServing)
    await made.network.clock.idle(50)
    t.same(new Set(await made.answers(6)), new Set([2]))
    made.health[1]!.setStatus('shop.v1.Shop', ServingStatus.NotServing)
    await made.network.clock.idle(50)
    await t.rejects(made.answers(1), {
      status: 14,
      message: /10\.0\.0\.1:50051: its health is NOT_SERVING \(shop\.v1\.Shop\); 10\.0\.0\.2/,
    })
    made.health[0]!.setStatus('shop.v1.Shop', ServingStatus.Serving)
    await made.network.clock.idle(50)
    t.same(new Set(await made.answers(6)), new Set([1]))
  },
)

t.test(
  'gRPC A17: a server without health is healthy, and the process is warned (simulated network)',
  async t => {
    const warnings: Error[] = []
    await using made = await world(false)
    Object.assign(made.network, { warn: (error: Error) => warnings.push(error) })
    await made.answers(2)
    await made.network.clock.idle(50)
    t.same(new Set(await made.answers(6)), new Set([1, 2]))
    t.match(warnings[0]?.message, /10\.0\.0\.\d:50051 has no grpc\.health\.v1\.Health/)
    t.equal(warnings.length, 2)
  },
)
