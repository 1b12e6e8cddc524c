import t from 'tap'
import { grpcTransport, memoryTransport, thrownText } from '../../src/transport/index.js'
import { thrownError } from '../../src/transport/runtime/thrown.js'

const nothing: unknown = Object.create(null)
const THROWN: readonly unknown[] = [
  nothing,
  Symbol('x'),
  undefined,
  Object.defineProperty(new Error('x'), 'message', {
    get() {
      throw new TypeError('mine')
    },
  }),
]

t.test('the text of what was thrown is a text, whatever it was', t => {
  t.equal(thrownText(nothing), 'object without a text')
  for (const value of THROWN) t.type(thrownText(value), 'string')
  t.match(thrownError(nothing), { message: 'object without a text', cause: nothing })
  t.end()
})

for (const [name, make] of [
  ['memory', memoryTransport],
  ['grpc', grpcTransport],
] as const) {
  t.test(
    `${name}: a socket handler that throws what has no text ends its socket, and no process`,
    async t => {
      const strays: unknown[] = []
      const onStray = (error: unknown): unknown => strays.push(error)
      process.on('unhandledRejection', onStray)
      t.teardown(() => process.off('unhandledRejection', onStray))
      const transport = make()
      const listener = await transport.listen(name === 'memory' ? 'a:1' : '127.0.0.1:0')
      let next: unknown
      listener.accept(async socket => {
        await socket.receive()
        throw next
      })
      for (const value of THROWN) {
        next = value
        const socket = await transport.dial(listener.address)
        await socket.send({ header: new Map(), body: new Uint8Array(0) })
        await t.rejects(socket.receive())
        await socket.close()
      }
      const closing = listener.close()
      if ('close' in transport) await (transport as { close(): Promise<void> }).close()
      await closing
      await new Promise(resolve => setImmediate(resolve))
      t.same(strays, [])
    },
  )
}
