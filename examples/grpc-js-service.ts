// A service written for grpc-js, moved over: its implementation stays as it is, and so do its clients.
//
//     npm run build && npm run compile && node .build/examples/grpc-js-service.js
import { once } from 'node:events'
import * as grpc from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import { createClient, createServer, fromDefinition, type GrpcError } from 'microwire'
import { addService } from 'microwire/compat/grpc-js'
import type { Greeter, HelloReply, HelloRequest, Term, Tick, Total } from './greeter.js'

const loaded = loadSync('examples/greeter.proto', { defaults: true })
const definition = loaded['greeter.v1.Greeter'] as grpc.ServiceDefinition

type Unary = grpc.ServerUnaryCall<HelloRequest, HelloReply>

const implementation = {
  hello(call: Unary, done: grpc.sendUnaryData<HelloReply>) {
    const { name } = call.request
    if (name === '') return done({ code: grpc.status.INVALID_ARGUMENT, details: 'name is empty' })
    const trailers = new grpc.Metadata()
    trailers.set('x-tenant', String(call.metadata.get('x-tenant')[0]))
    done(null, { text: `Hello, ${name}` }, trailers)
  },
  countdown(call: grpc.ServerWritableStream<{ from: number }, Tick>) {
    for (let left = call.request.from; left > 0; left--) call.write({ left })
    call.end()
  },
  sum(call: grpc.ServerReadableStream<Term, Total>, done: grpc.sendUnaryData<Total>) {
    const total = { sum: 0, count: 0 }
    call.on('data', ({ value }: Term) => {
      total.sum += value
      total.count++
    })
    call.on('end', () => done(null, total))
  },
}

// Was: new grpc.Server(), server.addService(definition, implementation), server.bindAsync(...)
const server = createServer({ name: 'greeter' })
addService(server, definition, implementation)
await server.start()

const GreeterClient = grpc.makeGenericClientConstructor(definition, 'Greeter')
const theirs = new GreeterClient(server.address, grpc.credentials.createInsecure())
const metadata = new grpc.Metadata()
metadata.set('x-tenant', 'acme')
const call = theirs['hello']!({ name: 'grpc-js' }, metadata, (_: unknown, { text }: HelloReply) =>
  console.log('grpc-js:', text),
)
const [{ metadata: trailers }] = await once(call, 'status')
console.log('grpc-js: served for', trailers.get('x-tenant')[0])
theirs.close()

const client = createClient({ address: server.address })
const { hello, countdown, sum } = client.bind(fromDefinition<Greeter>(definition))
for await (const { left } of countdown({ from: 2 })) console.log('microwire: left', left)
console.log('microwire: sum', (await sum([{ value: 1 }, { value: 2 }])).sum)
await hello({ name: '' }).catch((error: GrpcError) => console.log('microwire:', error.message))
await client.close()
await server.stop()
