/**
 * Run with `--expose-gc`: octets that idle mucp sockets of one client and one server hold after
 * large requests and responses, as JSON.
 */
import { bytesCodec, createClient, createServer, defineService } from '../../src/index.js'
import { grpcTransport } from '../../src/transport/index.js'

const SOCKETS = 20
const SIZE = 2_000_000

const raw = { request: bytesCodec(), response: bytesCodec() }
const blobs = defineService('t.Blobs', { echo: { kind: 'unary', ...raw } })

let open = (): void => undefined
const opened = new Promise<void>(resolve => {
  open = resolve
})
let waiting = 0

const server = createServer({ name: 'blobs', address: '127.0.0.1:0' })
server.handle(blobs, {
  async echo(request) {
    // All at once, so that each has a socket of its own.
    if (++waiting === SOCKETS) open()
    await opened
    return request
  },
})
await server.start()
const transport = grpcTransport({ connectionPerSocket: true })
// One attempt each: on a busy machine the next one would take another socket.
const once = { connectionTimeoutMs: 120_000, timeoutMs: 120_000 }
const client = createClient({ address: server.address, protocol: 'mucp', transport, ...once })
const { echo } = client.bind(blobs)

async function held(): Promise<number> {
  for (let turn = 0; turn < 3; turn++) {
    await new Promise(resolve => setTimeout(resolve, 20))
    globalThis.gc!()
  }
  const { arrayBuffers, heapUsed } = process.memoryUsage()
  return arrayBuffers + heapUsed
}

async function callAll(): Promise<void> {
  await Promise.all(Array.from({ length: SOCKETS }, () => echo(Buffer.alloc(SIZE, 'x'))))
}

const before = await held()
await callAll()
const idle = client.idleCount(server.address)
const after = await held()
console.log(JSON.stringify({ idle, held: after - before, moved: SOCKETS * SIZE }))
await client.close()
await transport.close()
await server.stop()
