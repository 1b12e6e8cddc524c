// A server that does what it can, and refuses the rest while that is cheap. What matters less is refused first.
//
//     npm run build && npm run compile && node .build/examples/overload.js
import { setTimeout as sleep } from 'node:timers/promises'
import { createClient, createServer, defineService, jsonCodec } from 'microwire'

const json = { request: jsonCodec<object>(), response: jsonCodec<object>() }
const shop = defineService('shop.v1.Shop', { buy: { kind: 'unary', ...json } })

const server = createServer({
  name: 'shop',
  // `adaptive: true` finds the limit out; here it is known.
  overload: { callsMax: 10, priority: 'x-criticality' },
})
server.handle(shop, { buy: () => sleep(100, {}) })
await server.start()

const client = createClient({ address: server.address })
const { buy } = client.bind(shop)
await client.connect()

const call = (priority: string) => buy({}, { metadata: { 'x-criticality': priority } })
const many = (count: number, priority: string) =>
  Promise.allSettled(Array.from({ length: count }, () => call(priority)))
const [reports, orders] = await Promise.all([many(20, 'sheddable'), many(4, 'critical')])
const succeeded = (results: readonly PromiseSettledResult<object>[]) =>
  results.filter(({ status }) => status === 'fulfilled').length
console.log(`${succeeded(orders)} of 4 orders, ${succeeded(reports)} of 20 reports`)
console.log(`${server.overload?.refusedCount} calls were refused`)
const refused = reports.find(result => result.status === 'rejected')
console.log(refused?.reason.code)

await client.close()
await server.stop()
