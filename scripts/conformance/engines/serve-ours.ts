/**
 * A server of ours in a process of its own, to be killed: `serve-ours <engine> <address> <service> <ttlMs>`.
 */
import { createServer, defineService, jsonCodec } from '../../../src/micro/index.js'
import { openRegistry } from './open-registry.js'

const [engine = '', address = '', name = '', ttlMs = '6000'] = process.argv.slice(2)
const service = defineService('Greeter', {
  hello: {
    kind: 'unary',
    request: jsonCodec<{ name: string }>(),
    response: jsonCodec<{ text: string; pid: number }>(),
  },
})
const server = createServer({
  name,
  registry: openRegistry(engine, address, error => console.error(error.message)),
  registerTtlMs: Number(ttlMs),
  registerIntervalMs: Number(ttlMs) / 3,
  registerRequired: true,
})
server.handle(service, {
  hello: ({ name: whom }) => ({ text: `Hello, ${whom}, from us ${process.pid}`, pid: process.pid }),
})
await server.start()
console.log(`registered ${server.address}`)
