// A service of a cluster: registers in etcd, greets, and leaves on Ctrl-C. Start several.
//
//     npm run build && npm run compile && node .build/examples/cluster/service.js
import { createServer, defineService, jsonCodec } from 'microwire'
import { etcdRegistry } from 'microwire/registry/etcd'

const registry = etcdRegistry() // MICRO_REGISTRY_ADDRESS, else 127.0.0.1:2379
const server = createServer({
  name: 'greeter',
  address: process.env['MICRO_SERVER_ADDRESS'] ?? '127.0.0.1:0',
  registry,
  registerTtlMs: 15_000,
  registerIntervalMs: 5_000,
})
server.handle(
  defineService('Greeter', {
    hello: {
      kind: 'unary',
      request: jsonCodec<{ name: string }>(),
      response: jsonCodec<{ text: string }>(),
    },
  }),
  { hello: ({ name }) => ({ text: `Hello, ${name}, from TypeScript ${process.pid}` }) },
)
await server.start()
console.log(`greeter on ${server.address}`)

const stop = async () => {
  await server.stop()
  await registry.close()
}
process.once('SIGINT', stop)
process.once('SIGTERM', stop)
