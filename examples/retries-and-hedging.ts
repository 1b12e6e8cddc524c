// Calls that are made again when they fail, and calls that ask a second server when the first is slow.
//
//     npm run build && npm run compile && node .build/examples/retries-and-hedging.js
import { setTimeout as sleep } from 'node:timers/promises'
import { createClient, createServer, defineService, GrpcError, jsonCodec, Status } from 'microwire'

const json = { request: jsonCodec<object>(), response: jsonCodec<{ attempts: number }>() }
const shop = defineService('shop.v1.Shop', {
  get: { kind: 'unary', ...json },
  find: { kind: 'unary', ...json },
})

const seen = { get: 0, find: 0 }
async function serve() {
  const server = createServer({ name: 'shop' })
  server.handle(shop, {
    get: () => {
      if (++seen.get < 3) throw new GrpcError(Status.Unavailable, 'not now')
      return { attempts: seen.get }
    },
    find: async (_, { signal }) => {
      const attempts = ++seen.find
      // The first one hangs; when the second has answered it is told that nobody waits for it.
      if (attempts === 1) await sleep(60_000, undefined, { signal }).catch(() => undefined)
      return { attempts }
    },
  })
  await server.start()
  return server
}

const servers = [await serve(), await serve()]
const retryPolicy = {
  maxAttempts: 4,
  initialBackoff: '0.01s',
  maxBackoff: '1s',
  backoffMultiplier: 2,
  retryableStatusCodes: ['UNAVAILABLE'],
}
const client = createClient({
  address: `ipv4:${servers.map(server => server.address).join()}`,
  serviceConfig: {
    methodConfig: [
      { name: [{ service: 'shop.v1.Shop', method: 'Get' }], timeout: '2s', retryPolicy },
      {
        name: [{ service: 'shop.v1.Shop', method: 'Find' }],
        hedgingPolicy: { maxAttempts: 2, hedgingDelay: '0.02s' },
      },
    ],
  },
})
const { get, find } = client.bind(shop)
console.log(`get: attempt ${(await get({})).attempts} answered`)
console.log(`find: attempt ${(await find({})).attempts} answered`)

await client.close()
for (const server of servers) await server.stop()
