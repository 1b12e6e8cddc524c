import t from 'tap'
import { grpcTransport } from '../../src/transport/grpc-transport.js'
import type { Message } from '../../src/transport/transport.js'

function text(body: string): Message {
  return { header: new Map([['a', 'b']]), body: Buffer.from(body) }
}
function bodyOf(message: Message | undefined): string | undefined {
  return message === undefined ? undefined : Buffer.from(message.body).toString()
}

t.test('a message goes there and back', async t => {
  const transport = grpcTransport()
  const listener = await transport.listen('127.0.0.1:0')
  listener.accept(async socket => {
    for (;;) {
      const message = await socket.receive()
      if (message === undefined) return
      await socket.send(message)
    }
  })
  const socket = await transport.dial(listener.address)
  await socket.send(text('hello'))
  t.equal(bodyOf(await socket.receive()), 'hello')
  await socket.close()
  await transport.close()
  await listener.stop(100)
})
