import t from 'tap'
import { CallAcceptor, Router, Status } from '../../src/grpc/index.js'
import { grpcTransport } from '../../src/transport/micro/grpc-transport.js'
import type { Socket } from '../../src/transport/micro/transport.js'
import { TRANSPORT_PATH, transportMethod } from '../../src/transport/micro/transport-method.js'
import { serve } from '../../src/transport/server/server.js'

t.test(
  'micro-wire §2.2: dialling sends these headers and no others, and no end; a message does not wait for an answer',
  async t => {
    const lists: string[][] = []
    const ends: boolean[] = []
    const router = new Router()
    router.add({
      method: transportMethod(TRANSPORT_PATH),
      start: call => ({
        // Nothing leaves, headers neither, before the first message has come.
        onReadable() {
          call.read()
          call.write(Buffer.from([0x12, 1, 0x79]))
        },
        onDrain() {},
        onCancel: () => call.settle(),
      }),
    })
    const server = await serve({
      address: '127.0.0.1:0',
      handler: () => {
        const acceptor = new CallAcceptor(router)
        return {
          onStream(stream, headers, endStream) {
            lists.push([...headers.list])
            ends.push(endStream)
            return acceptor.onStream(stream, headers, endStream)
          },
          onReceived: () => acceptor.onReceived(),
        }
      },
    })
    const transport = grpcTransport()
    t.teardown(async () => {
      await transport.close()
      await server.stop({ graceMs: 0 })
    })
    const socket = await transport.dial(server.address, { timeoutMs: 3_000 })
    await socket.send({ header: new Map([['Micro-Service', 'a']]), body: Buffer.from('x') })
    t.equal(Buffer.from((await socket.receive())!.body).toString(), 'y')
    const [list] = lists
    const names = list!.filter((_, index) => index % 2 === 0)
    const headers = Object.fromEntries(names.map((name, index) => [name, list![index * 2 + 1]]))
    t.same(headers, {
      ':method': 'POST',
      ':scheme': 'http',
      ':path': '/go.micro.transport.grpc.Transport/Stream',
      ':authority': server.address,
      te: 'trailers',
      'content-type': 'application/grpc',
      'grpc-accept-encoding': 'identity',
    })
    t.equal(names.length, 7, 'each once: no grpc-timeout, no metadata of ours')
    t.same(ends, [false])
  },
)

t.test(
  'micro-wire §2.4: more than 4 MiB from a server is RESOURCE_EXHAUSTED with the numbers',
  async t => {
    const large = grpcTransport({ messageSizeMax: 5_000_000 })
    const listener = await large.listen('127.0.0.1:0')
    let size = 0
    listener.accept(async (socket: Socket) => {
      await socket.receive()
      // Tag and length of the body are five octets.
      await socket.send({ header: new Map(), body: Buffer.alloc(size - 5) })
      await socket.receive().catch(() => undefined)
    })
    const transport = grpcTransport()
    t.teardown(async () => {
      await Promise.all([transport.close(), large.close()])
      await listener.stop(0)
    })
    for (const [octets, isReceived] of [
      [4_194_304, true],
      [4_194_305, false],
    ] as const) {
      size = octets
      const socket = await transport.dial(listener.address)
      await socket.send({ header: new Map(), body: Buffer.from('x') })
      if (isReceived) t.equal((await socket.receive())?.body.length, octets - 5)
      else {
        await t.rejects(socket.receive(), {
          status: Status.ResourceExhausted,
          message: /larger than max \(4194305 vs\. 4194304\)/,
        })
      }
      await socket.close()
    }
  },
)

t.test('a socket that breaks rejects its receive and its sends; it is no orderly end', async t => {
  const transport = grpcTransport()
  const listener = await transport.listen('127.0.0.1:0')
  listener.accept(async socket => {
    await socket.receive()
    await socket.receive().catch(() => undefined)
  })
  t.teardown(() => transport.close())
  const socket = await transport.dial(listener.address)
  await socket.send({ header: new Map(), body: Buffer.from('x') })
  const waiting = socket.receive().catch((error: unknown) => error)
  await new Promise(resolve => setTimeout(resolve, 10))
  await listener.stop(0)
  t.match(await waiting, { status: Status.Unavailable })
  await t.rejects(socket.receive(), { name: 'GrpcError', code: 'UNAVAILABLE' })
  await t.rejects(socket.send({ header: new Map(), body: Buffer.from('x') }))
})
