import t from 'tap'
import {
  createClient,
  createServer,
  defineService,
  jsonCodec,
  MemoryBudget,
} from '../../src/micro/index.js'
import { grpcTransport, type Message, memoryTransport } from '../../src/transport/index.js'

// One account of memory, seen from micro: who has it, and what goes first when it is spent by mucp.

const text = { request: jsonCodec<string>(), response: jsonCodec<string>() }
const service = defineService('t.Memory', {
  idle: { kind: 'client', ...text },
  large: { kind: 'unary', ...text },
})

t.test('a server shows the budget that its connections are charged to', async t => {
  const memory = new MemoryBudget(8 << 20)
  const options = { name: 'memory', address: '127.0.0.1:0' }
  t.equal(createServer({ ...options, memory }).memory, memory)
  t.equal(createServer({ ...options, transport: grpcTransport({ memory }) }).memory, memory)
  t.equal(createServer(options).memory, MemoryBudget.ofProcess)
  t.equal(createServer({ ...options, transport: memoryTransport() }).memory, MemoryBudget.ofProcess)
  await using server = createServer({ ...options, memory })
  server.handle(service, { idle: () => '', large: () => '' })
  await server.start()
  await using client = createClient({
    address: server.address,
    transport: grpcTransport({ memory: new MemoryBudget() }),
  })
  await client.bind(service).large('x')
  t.ok(server.memory.used > 0)
})

function part(id: string, body: string, more: Record<string, string> = {}): Message {
  const header = { 'Content-Type': 'application/json', 'Micro-Id': id, ...more }
  return { header: new Map(Object.entries(header)), body: Buffer.from(JSON.stringify(body)) }
}

t.test(
  'memory that mucp sockets make a server hold: the largest socket ends with the numbers, the others go on',
  async t => {
    const memory = new MemoryBudget(2 << 20)
    const heard: string[] = []
    let settle = (): void => undefined
    const settled = new Promise<void>(resolve => {
      settle = resolve
    })
    await using server = createServer({
      name: 'memory',
      address: '127.0.0.1:0',
      memory,
      limits: { memoryMax: 700_000 },
      onError: error => heard.push((error as Error).message),
    })
    server.handle(service, {
      idle: async () => {
        await settled
        return ''
      },
      large: async request => request,
    })
    await server.start()
    await using transport = grpcTransport({ memory: new MemoryBudget() })
    const [small, greedy] = [
      await transport.dial(server.address),
      await transport.dial(server.address),
    ]
    const isOver = greedy.over!.then(error => error)
    const fields = { 'Micro-Endpoint': 'Memory.Idle', 'Micro-Stream': '1' }
    let open = true
    void isOver.then(() => {
      open = false
    })
    // Streams of its own, each with a header that is kept as long as its handler runs.
    for (let id = 1; open && id < 100; id++) {
      const more = { ...fields, 'Micro-Stream': `${id}`, token: 'x'.repeat(20_000) }
      await greedy.send(part(`${id}`, 'x', more)).catch(() => undefined)
    }
    const error = await isOver
    t.match(
      error?.message,
      /the server holds \d+ octets for this connection; its limits.memoryMax is 700000/,
    )
    t.match(heard.join('\n'), /limits.memoryMax is 700000: this call, with \d+ of them, ends/)
    await small.send(part('9', 'still there', { 'Micro-Endpoint': 'Memory.Large' }))
    t.match(Buffer.from((await small.receive())!.body).toString(), /still there/)
    settle()
    await small.close()
  },
)
