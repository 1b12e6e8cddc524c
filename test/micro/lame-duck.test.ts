import t from 'tap'
import { createClient, createServer, defineService, jsonCodec } from '../../src/index.js'
import { memoryRegistry } from '../../src/micro/index.js'
import { healthService, mountHealth, ServingStatus } from '../../src/services/index.js'
import { SimulatedNetwork } from '../../src/testing/index.js'

const json = { request: jsonCodec<unknown>(), response: jsonCodec<unknown>() }
const shop = defineService('shop.v1.Shop', { buy: { kind: 'unary', ...json } })

function site() {
  const network = new SimulatedNetwork({ seed: 1, conditions: { latencyMs: [1, 1] } })
  const registry = memoryRegistry(network)
  const server = createServer({ name: 'shop', registry, runtime: network })
  server.handle(shop, { buy: () => 'bought' })
  mountHealth(server)
  const client = (protocol: 'grpc' | 'mucp' = 'grpc') =>
    createClient({ address: server.address, protocol, runtime: network, service: 'shop' })
  const run = <T>(goal: () => Promise<T>): Promise<T> => network.clock.run(goal(), 600_000)
  return { network, registry, server, client, run }
}

t.test(
  'R188: a lame duck says that it leaves, and serves old and new clients by both doors for as long as it was told',
  async t => {
    const { network, registry, server, client, run } = site()
    await run(async () => {
      await server.start()
      const old = client()
      await old.bind(shop).buy({})
      const stopped = server.stop({ lameDuckMs: 5_000, graceMs: 100 })
      const start = network.now()
      await network.clock.sleep(10)
      t.same(await registry.getService('shop'), [], 'out of the registry')
      const probe = client()
      t.match(await probe.bind(healthService).check({ service: '' }), {
        status: ServingStatus.NotServing,
      })
      for (const each of [old, probe, client('mucp')]) {
        t.equal(await each.bind(shop).buy({}), 'bought')
        await network.clock.sleep(1_000)
        t.equal(await each.bind(shop).buy({}), 'bought')
        await each.close()
      }
      await stopped
      const tookMs = network.now() - start
      t.ok(tookMs >= 5_000 && tookMs < 5_200, `stopped after ${tookMs} ms`)
      const late = client()
      await t.rejects(late.bind(shop).buy({}), { code: 'UNAVAILABLE' })
      await late.close()
    })
  },
)

t.test('a second stop ends the waddling, and a call under way still has its grace', async t => {
  const { network, server, client, run } = site()
  await run(async () => {
    await server.start()
    const one = client()
    await one.bind(shop).buy({})
    const first = server.stop({ lameDuckMs: 60_000, graceMs: 1_000 })
    await network.clock.sleep(100)
    const start = network.now()
    await Promise.all([server.stop({ graceMs: 1_000 }), first])
    t.ok(network.now() - start < 1_000, `${network.now() - start} ms`)
    await one.close()
  })
})

t.test('without lameDuckMs a stop waits for nothing', async t => {
  const { network, server, run } = site()
  await run(async () => {
    await server.start()
    const start = network.now()
    await server.stop()
    t.ok(network.now() - start < 100)
  })
})
