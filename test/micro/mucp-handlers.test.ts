import t, { type Test } from 'tap'
import { createClient, createServer, defineService, jsonCodec } from '../../src/micro/index.js'
import {
  grpcTransport,
  type Message,
  memoryTransport,
  type Socket,
  type Transport,
} from '../../src/transport/index.js'

const json = { request: jsonCodec<unknown>(), response: jsonCodec<unknown>() }
const things = defineService('t.Things', { slow: { kind: 'unary', ...json } })

/** A server whose handlers settle when told, however their calls end. */
async function bench(t: Test, transport: Transport, client: Transport = transport) {
  const errors: unknown[] = []
  const server = createServer({
    name: 'things',
    address: 'localhost:0',
    transport,
    onError: error => errors.push(error),
  })
  const waiting: (() => void)[] = []
  const asked: { count: number; told: () => void }[] = []
  const tell = (): void => {
    for (const { count, told } of asked) if (waiting.length >= count) told()
  }
  /** Settles when so many handlers have begun. */
  const begun = (count: number): Promise<void> =>
    new Promise(told => {
      asked.push({ count, told })
      tell()
    })
  server.handle(things, {
    slow: () =>
      new Promise(resolve => {
        waiting.push(() => resolve('slow'))
        tell()
      }),
  })
  server.subscribe('news', () => new Promise<void>(resolve => waiting.push(resolve)))
  await server.start()
  const { address } = server
  const dial = (): Promise<Socket> => client.dial(address)
  t.teardown(async () => {
    const settleAll = setInterval(() => {
      for (const settle of waiting.splice(0)) settle()
    }, 1)
    await server.stop({ graceMs: 10 })
    clearInterval(settleAll)
  })
  return { address, begun, dial, errors, waiting }
}

const tcp = (limits: { streamsMax: number }, startTimeoutMs = 10_000) =>
  grpcTransport({ limits, calls: { limits: { startTimeoutMs } } })

/** A transport for the clients, which a test closes. */
function clientTransport(t: Test) {
  const transport = grpcTransport()
  t.teardown(() => transport.close())
  return transport
}

function call(id: number, more: Record<string, string> = {}): Message {
  const header = { 'Content-Type': 'application/json', 'Micro-ID': `${id}`, ...more }
  return {
    header: new Map(Object.entries({ 'Micro-Endpoint': 'Things.Slow', ...header })),
    body: Buffer.from('{}'),
  }
}

/** Time for whatever might start in error. */
const aWhile = (): Promise<void> => new Promise(resolve => setTimeout(resolve, 50))

t.test(
  'streamsMax: handlers of one mucp socket count, and the next call waits for one to settle',
  async t => {
    const { begun, dial, waiting } = await bench(t, tcp({ streamsMax: 3 }), clientTransport(t))
    const socket = await dial()
    for (let id = 0; id < 10; id++) void socket.send(call(id))
    await begun(3)
    await aWhile()
    t.equal(waiting.length, 3)
    waiting[0]!()
    await begun(4)
    t.equal((await socket.receive())?.header.get('Micro-ID'), '0')
    await aWhile()
    t.equal(waiting.length, 4, 'one for each that has settled')
  },
)

t.test(
  'streamsMax: handlers of mucp sockets that were reset in turn count until they settle',
  async t => {
    const { begun, dial, waiting } = await bench(t, tcp({ streamsMax: 3 }), clientTransport(t))
    for (let id = 0; id < 12; id++) {
      const socket = await dial()
      // The fourth is not begun: its handler would be one too many.
      void socket.send(call(id))
      await (id < 3 ? begun(id + 1) : new Promise(resolve => setTimeout(resolve, 5)))
      await socket.close()
    }
    await aWhile()
    t.equal(waiting.length, 3)
  },
)

t.test('streamsMax: both doors share the handlers of a connection, in turn', async t => {
  const transport = clientTransport(t)
  const { address, begun, dial, waiting } = await bench(t, tcp({ streamsMax: 3 }), transport)
  const client = createClient({ address, transport, protocol: 'grpc' })
  t.teardown(() => client.close())
  const native = client.bind(things)
  const socket = await dial()
  const cancelled = [0, 1].map(async index => {
    const controller = new AbortController()
    const failed = t.rejects(native.slow({}, { signal: controller.signal }))
    await begun(index + 1)
    controller.abort()
    await failed
  })
  await Promise.all(cancelled)
  await socket.send(call(1))
  await begun(3)
  // One of each door waits; the handlers of the cancelled calls go on.
  const late = native.slow({}, {})
  void socket.send(call(2))
  await aWhile()
  t.equal(waiting.length, 3)
  waiting[0]!()
  await begun(4)
  waiting[1]!()
  await begun(5)
  for (const settle of waiting) settle()
  t.equal(await late, 'slow')
})

t.test('idle mucp sockets take no place of a handler', async t => {
  const transport = clientTransport(t)
  const { address, begun, dial, waiting } = await bench(t, tcp({ streamsMax: 3 }), transport)
  const client = createClient({ address, transport, protocol: 'grpc' })
  t.teardown(() => client.close())
  const idle = await Promise.all([dial(), dial()])
  for (const socket of idle) {
    await socket.send(call(1))
    await begun(1)
    waiting.pop()!()
    t.ok(await socket.receive())
  }
  for (let count = 1; count <= 3; count++) {
    const controller = new AbortController()
    const failed = t.rejects(client.bind(things).slow({}, { signal: controller.signal }))
    await begun(count)
    controller.abort()
    await failed
  }
  t.equal(waiting.length, 3, 'the third was not kept waiting by two sockets that do nothing')
})

for (const [name, make] of [
  ['TCP', () => tcp({ streamsMax: 2 }, 20)],
  ['memory', () => memoryTransport({ handlersMax: 2, startTimeoutMs: 20 })],
] as const) {
  t.test(
    `${name}: a mucp call that waits too long is refused, and onError hears of it`,
    async t => {
      const transport = make()
      const { begun, dial, errors, waiting } = await bench(
        t,
        transport,
        name === 'TCP' ? clientTransport(t) : transport,
      )
      const socket = await dial()
      const other = await dial()
      await socket.send(call(1))
      await socket.send(call(2))
      await begun(2)
      await other.send(call(3))
      const text = 'refused after 20 ms: 2 handlers of this peer run, as many as may'
      const refused = await other.receive()
      t.match(refused?.header.get('Micro-Error'), text)
      t.match(refused?.header.get('Micro-Error'), '"code":503')
      t.match(errors, [{ code: 503, detail: new RegExp(text) }])
      t.equal(waiting.length, 2)
      await other.send(call(4, { Timeout: '5000000' }))
      t.match(
        (await other.receive())?.header.get('Micro-Error'),
        '"code":408',
        'its deadline is sooner',
      )
      for (const settle of waiting.splice(0)) settle()
      await other.send(call(5))
      await begun(1)
      waiting[0]!()
      t.equal(String((await other.receive())?.body).trim(), '"slow"', 'the socket goes on')
    },
  )
}

t.test('handlers of events count as those of calls do', async t => {
  const { begun, dial, waiting } = await bench(t, memoryTransport({ handlersMax: 2 }))
  const sockets = await Promise.all([dial(), dial(), dial()])
  for (const socket of sockets) {
    await socket.send({ header: new Map([['Micro-Topic', 'news']]), body: Buffer.from('{}') })
  }
  await aWhile()
  t.equal(waiting.length, 2)
  waiting[0]!()
  await begun(2)
  await aWhile()
  t.equal(waiting.length, 3)
})

t.test('a mucp call whose client goes while it waits never starts', async t => {
  const { begun, dial, waiting } = await bench(t, memoryTransport({ handlersMax: 1 }))
  const first = await dial()
  const second = await dial()
  await first.send(call(1))
  await begun(1)
  await second.send(call(2))
  await aWhile()
  await second.close()
  await aWhile()
  waiting[0]!()
  await aWhile()
  t.equal(waiting.length, 1)
  await first.send(call(3))
  await begun(2)
})

t.test('memoryTransport names the option that cannot be used', t => {
  t.throws(() => memoryTransport({ handlersMax: 0 }), { message: /handlersMax is 0/ })
  t.throws(() => memoryTransport({ handlerMax: 1 } as object), { message: /handlerMax/ })
  t.end()
})
