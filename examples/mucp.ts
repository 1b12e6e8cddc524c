// Micro over the transport: the same handlers, on the same port, called in go-micro's own protocol and found in a registry.
//
//     npm run build && npm run compile && node .build/examples/mucp.js
import { createClient, createServer, loadService, type MicroError } from 'microwire'
import { memoryRegistry } from 'microwire/micro'
import type { Greeter } from './greeter.js'

const service = await loadService<Greeter>('examples/greeter.proto', 'greeter.v1.Greeter')
const registry = memoryRegistry()

const server = createServer({
  name: 'greeter',
  registry,
  onError: error => console.log('the server saw', (error as Error).message),
})
server.handle(service, {
  hello({ name }, { door }) {
    if (name === '') throw new RangeError('no name')
    return { text: `Hello, ${name}, through the door ${door}` }
  },
  async *countdown({ from }) {
    for (let left = from; left > 0; left--) yield { left }
  },
  sum: () => ({}),
  async *chat() {},
})
await server.start()

for (const protocol of ['mucp', 'grpc'] as const) {
  const client = createClient({ registry, service: 'greeter', protocol })
  const { hello } = client.bind(service)
  console.log((await hello({ name: 'Ada' })).text)
  await client.close()
}

const client = createClient({ registry, service: 'greeter', protocol: 'mucp' })
const { hello, countdown } = client.bind(service)
for await (const { left } of countdown({ from: 2 })) console.log('left', left)
await hello({ name: '' }).catch((error: MicroError) => console.log('error', error.code, error.id))

await client.close()
await server.stop()
