import t from 'tap'
import { createClient, createServer, defineService, jsonCodec } from '../../src/index.js'
import { SimulatedNetwork } from '../../src/testing/index.js'

const json = { request: jsonCodec<unknown>(), response: jsonCodec<unknown>() }
const shop = defineService('shop.v1.Shop', {
  buy: { kind: 'unary', ...json },
  list: { kind: 'server', ...json },
})

t.test(
  'R142: a server gives a native unary call no more time than timeoutMaxMs, whatever its client asks for; streams go on',
  async t => {
    const network = new SimulatedNetwork({ seed: 1, conditions: { latencyMs: [1, 1] } })
    const { clock } = network
    const left: number[] = []
    const cut: number[] = []
    const calls = { limits: { timeoutMaxMs: 200 } }
    const server = createServer({
      name: 'shop',
      runtime: network,
      calls,
      onError: () => undefined,
    })
    server.handle(shop, {
      buy: async (_, context) => {
        left.push(Math.round(context.deadline - network.now()))
        context.signal.addEventListener('abort', () => cut.push(network.now()))
        await clock.sleep(1_000)
        return 1
      },
      list: async function* () {
        await clock.sleep(500)
        yield 1
      },
    })
    await clock.run(
      (async () => {
        await server.start()
        const client = createClient({
          address: server.address,
          runtime: network,
          retries: 0,
          connectionTimeoutMs: 5_000,
        })
        const { buy, list } = client.bind(shop)
        for (const timeoutMs of [4_000, 100]) {
          const start = network.now()
          await t.rejects(buy({}, { timeoutMs }), { message: /deadline|timeout|time/i })
          const tookMs = network.now() - start
          t.ok(tookMs <= Math.min(timeoutMs, 200) + 20, `${tookMs} ms of ${timeoutMs}`)
        }
        t.ok(left[0]! <= 200 && left[0]! > 150 && left[1]! <= 100, String(left))
        await clock.sleep(50)
        t.equal(cut.length, 2)
        for await (const each of list({})) t.equal(each, 1)
        await client.close()
        await server.stop({ graceMs: 0, settleMs: 0 })
      })(),
      600_000,
    )
  },
)
