import t from 'tap'
import { createClient, createServer, defineService, jsonCodec } from '../../src/index.js'
import { grpcTransport, memoryTransport } from '../../src/transport/index.js'

// What goes wrong inside a server is told to its operator, not to whoever asked.

const SECRET = 'secret.internal'
const json = { request: jsonCodec<unknown>(), response: jsonCodec<unknown>() }
const things = defineService('t.Things', {
  one: { kind: 'unary', ...json },
  down: { kind: 'server', ...json },
  up: { kind: 'client', ...json },
  both: { kind: 'bidi', ...json },
})

for (const door of ['grpc', 'mucp'] as const) {
  for (const upstream of ['grpc', 'mucp'] as const) {
    t.test(
      `${door}: the address of a service that a handler called over ${upstream} stays here, at every kind of call`,
      async t => {
        const told: string[] = []
        await using server = createServer({
          name: 'things',
          address: '127.0.0.1:0',
          onError: error => told.push(String(error)),
        })
        const gone = createServer({ name: 'gone', address: '127.0.0.1:0' })
        await gone.start()
        const { address } = gone
        await gone.stop()
        await using other = createClient({
          address,
          protocol: upstream,
          retries: 0,
          inherit: false,
        })
        const calls = other.bind(things)
        server.handle(things, {
          one: request => calls.one(request),
          down: request => calls.down(request),
          up: () => calls.one({}),
          async *both() {
            yield await calls.up([{}])
          },
        })
        await server.start()
        await using client = createClient({
          address: server.address,
          protocol: door,
          retries: 0,
          timeoutMs: 5_000,
        })
        const { one, down, up, both } = client.bind(things)
        const port = address.slice(address.lastIndexOf(':'))
        for (const call of [
          () => one({}),
          () => down({}).next(),
          () => up([{}]),
          () => both([{}]).next(),
        ]) {
          const error = await call().then(
            () => 'success',
            (reason: Error) => `${reason.message} ${JSON.stringify(reason)}`,
          )
          t.match(error, /a call to another service failed/)
          t.notMatch(error, port)
        }
      },
    )
  }
}

for (const [name, make] of [
  ['grpc', grpcTransport],
  ['memory', memoryTransport],
] as const) {
  t.test(`${name}: what a raw handler of sockets throws is not told to its peer`, async t => {
    const transport = make()
    await using listener = await transport.listen('127.0.0.1:0')
    listener.accept(async socket => {
      await socket.receive()
      throw new Error(SECRET)
    })
    const socket = await transport.dial(listener.address)
    await socket.send({ header: new Map(), body: Buffer.from('x') })
    const error: Error = await socket.receive().then(
      () => t.fail('no error'),
      reason => reason,
    )
    t.match(error.message, /the handler (?:of the socket )?failed/)
    t.notMatch(`${error.message} ${JSON.stringify(error)}`, SECRET)
    await socket.close()
  })
}
