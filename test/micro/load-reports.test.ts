import t from 'tap'
import { LOAD_REPORT_NAME, readLoadReport } from '../../src/channel/index.js'
import { createClient, createServer, defineService, jsonCodec } from '../../src/index.js'
import { loadReports, weightedRoundRobin } from '../../src/micro/index.js'
import { SimulatedNetwork } from '../../src/testing/index.js'
import { nodeRuntime } from '../../src/transport/index.js'

const json = { request: jsonCodec<unknown>(), response: jsonCodec<unknown>() }
const shop = defineService('shop.v1.Shop', { buy: { kind: 'unary', ...json } })

t.test('R82: a server tells with each answer how busy it is', async t => {
  const network = new SimulatedNetwork({ seed: 1, conditions: { latencyMs: [1, 1] } })
  let activeMs = 0
  const runtime = {
    now: () => network.now(),
    random: () => 0,
    schedule: () => ({ cancel() {}, ref() {} }),
    loopActiveMs: () => activeMs,
  }
  const server = createServer({ name: 'shop', runtime: network, onError: () => undefined })
  server.use(loadReports({ runtime }))
  server.handle(shop, {
    buy: async request => {
      if (request === 'bad') throw new Error('bad')
      return 1
    },
  })
  await network.clock.run(
    (async () => {
      await server.start()
      const client = createClient({ address: server.address, runtime: network })
      const { buy } = client.bind(shop)
      let report: ReturnType<typeof readLoadReport>
      const onTrailers = (trailers: { getBinary(name: string): Uint8Array | undefined }): void => {
        const bytes = trailers.getBinary(LOAD_REPORT_NAME)
        report = bytes === undefined ? undefined : readLoadReport(bytes)
      }
      await buy({}, { onTrailers })
      t.match(report, { cpuUtilization: 0, callsPerSecond: 0 }, 'nothing is known yet')
      for (let call = 0; call < 9; call++) await buy(call === 3 ? 'bad' : {}).catch(() => undefined)
      activeMs = 400
      await network.clock.sleep(1_000)
      await buy({}, { onTrailers })
      t.ok(
        report!.cpuUtilization > 0.35 && report!.cpuUtilization < 0.4,
        String(report!.cpuUtilization),
      )
      t.ok(
        report!.callsPerSecond > 9 && report!.callsPerSecond < 11,
        String(report!.callsPerSecond),
      )
      t.ok(
        report!.errorsPerSecond > 0.9 && report!.errorsPerSecond < 1,
        String(report!.errorsPerSecond),
      )
      await client.close()
      await server.stop()
    })(),
    600_000,
  )
})

t.test('weightedRoundRobin goes by what servers report', async t => {
  const network = new SimulatedNetwork({ seed: 1, conditions: { latencyMs: [1, 1] } })
  const calls = [0, 0]
  const servers = [0.2, 0.6].map((busy, at) => {
    const server = createServer({ name: 'shop', runtime: network })
    const runtime = {
      now: () => network.now(),
      random: () => 0,
      schedule: () => ({ cancel() {}, ref() {} }),
    }
    server.use(loadReports({ runtime, utilization: () => busy }))
    server.handle(shop, { buy: () => calls[at]!++ })
    return server
  })
  await network.clock.run(
    (async () => {
      for (const each of servers) await each.start()
      const client = createClient({
        address: `ipv4:${servers.map(({ address }) => address).join()}`,
        balancer: weightedRoundRobin({ blackoutPeriodMs: 0 }),
        runtime: network,
      })
      const { buy } = client.bind(shop)
      const load = async (count: number): Promise<void> => {
        for (let call = 0; call < count; call++) {
          await buy({})
          await network.clock.sleep(5)
        }
      }
      await load(500)
      calls.fill(0)
      await load(400)
      const share = calls[0]! / 400
      t.ok(share > 0.65, `${share} of the calls go where a third of the load is`)
      await client.close()
      for (const each of servers) await each.stop()
    })(),
    600_000,
  )
})

t.test('Node knows how long its event loop has worked', t => {
  const before = nodeRuntime.loopActiveMs!()
  const end = performance.now() + 5
  while (performance.now() < end);
  t.ok(before >= 0 && nodeRuntime.loopActiveMs!() >= before)
  t.throws(() => loadReports({ utilization: 5 as never }), { name: 'TypeError' })
  t.end()
})
