// One request, one response: deadline, metadata both ways, and an error with its code.
//
//     npm run build && npm run compile && node .build/examples/unary.js
import { createClient, createServer, GrpcError, loadService, Status } from 'microwire'
import type { Greeter } from './greeter.js'

const service = await loadService<Greeter>('examples/greeter.proto', 'greeter.v1.Greeter')

const server = createServer({ name: 'greeter' })
server.handle(service, {
  hello({ name }, context) {
    if (name === '') throw new GrpcError(Status.InvalidArgument, 'name is empty')
    context.trailers.set('x-served-by', 'unary.ts')
    const language = context.metadata.get('x-language')
    return { text: `${language === 'de' ? 'Hallo' : 'Hello'}, ${name}` }
  },
  async *countdown() {},
  sum: () => ({}),
  async *chat() {},
})
await server.start()

const client = createClient({ address: server.address })
const greeter = client.bind(service)

const reply = await greeter.hello(
  { name: 'Ada' },
  {
    timeoutMs: 1_000,
    metadata: { 'x-language': 'de' },
    onTrailers: trailers => console.log('served by', trailers.get('x-served-by')),
  },
)
console.log(reply.text)

try {
  await greeter.hello({ name: '' })
} catch (error) {
  if (!(error instanceof GrpcError)) throw error
  console.log(error.code, error.message)
}

await client.close()
await server.stop()
