import t, { type Test } from 'tap'
import { bytesCodec, defineService, jsonCodec } from '../../src/index.js'
import { createClient, createServer } from '../../src/micro/index.js'
import {
  type Message,
  memoryTransport,
  type Runtime,
  type Socket,
} from '../../src/transport/index.js'
import { FakeRuntime, settle } from './fake-runtime.js'

interface Numbered {
  n?: number
}

const json = { request: jsonCodec<Numbered>(), response: jsonCodec<Numbered>() }
const service = defineService('t.Things', {
  one: { kind: 'unary', ...json },
  names: { kind: 'unary', request: jsonCodec<object>(), response: jsonCodec<string[]>() },
  raw: { kind: 'unary', request: bytesCodec(), response: bytesCodec() },
  count: { kind: 'server', ...json },
  sum: { kind: 'client', ...json },
  chat: { kind: 'bidi', ...json },
})

/** A server in memory, and sockets to it. */
async function bench(t: Test) {
  const transport = memoryTransport()
  const server = createServer({ name: 'things', address: 'things:1', transport })
  server.handle(service, {
    one: ({ n }) => ({ n: (n ?? 0) + 1 }),
    names: (_, context) => [...context.metadata].map(([name]) => name),
    raw: request => request,
    async *count({ n }) {
      for (let index = 0; index < (n ?? 0); index++) yield { n: index }
    },
    async sum(requests) {
      let sum = 0
      for await (const { n } of requests) sum += n ?? 0
      return { n: sum }
    },
    async *chat(requests) {
      for await (const request of requests) yield request
    },
  })
  await server.start()
  const socket = await transport.dial('things:1')
  t.teardown(async () => {
    await socket.close()
    await server.stop()
  })
  return { transport, socket }
}

function message(header: Record<string, string>, body: string | Uint8Array = ''): Message {
  return { header: new Map(Object.entries(header)), body: Buffer.from(body as string) }
}

async function ask(socket: Socket, header: Record<string, string>, body: string | Uint8Array = '') {
  await socket.send(message(header, body))
  const answer = (await socket.receive())!
  return {
    header: Object.fromEntries(answer.header),
    body: Buffer.from(answer.body).toString('latin1'),
  }
}

const JSON_TYPE = { 'Content-Type': 'application/json' }
const one = { ...JSON_TYPE, 'Micro-Endpoint': 'Things.One', 'Micro-ID': '1' }

t.test('micro-wire §3.6: any Micro-Service reaches the handler, and none does too', async t => {
  const { socket } = await bench(t)
  for (const name of ['things', 'somebody.else', '']) {
    t.equal((await ask(socket, { ...one, 'Micro-Service': name }, '{"n":1}')).body, '{"n":2}\n')
  }
  t.equal((await ask(socket, one, '{"n":1}')).body, '{"n":2}\n')
})

t.test('micro-wire §3.2: an empty body is an empty request, in JSON too', async t => {
  const { socket } = await bench(t)
  t.equal((await ask(socket, one)).body, '{"n":1}\n')
})

t.test(
  'a message without headers, or of nothing at all, is answered, and harms nobody',
  async t => {
    const { socket } = await bench(t)
    for (const body of ['', 'abc', '{"method":"Things.One"}']) {
      const { header } = await ask(socket, {}, body)
      t.match(header, { 'Micro-Error': /proto-rpc/, 'X-Micro-Error': /proto-rpc/ }, body)
    }
    t.equal((await ask(socket, one, '{"n":1}')).body, '{"n":2}\n')
  },
)

t.test('micro-wire §3.6: Micro-Target means the legacy codecs, Micro-Protocol never', async t => {
  const { socket } = await bench(t)
  const envelope = '{"params":[{"n":4}],"id":"9","method":"Things.One"}\n'
  const legacy = await ask(socket, { ...one, 'Micro-Target': 'things' }, envelope)
  t.equal(legacy.body, '{"id":"9","result":{"n":5},"error":null}\n')
  const named = { ...one, 'Micro-Target': 'things', 'Micro-Protocol': 'mucp' }
  t.equal((await ask(socket, named, '{"n":4}')).body, '{"n":5}\n')
  const nameless = await ask(socket, { ...JSON_TYPE, 'Micro-Protocol': 'mucp' }, envelope)
  t.match(nameless.header['Micro-Error'], /ill-formed/, 'the envelope is not opened')
})

t.test('micro-wire §3.10: without names protobuf is proto-rpc, and so is no type', async t => {
  const { socket } = await bench(t)
  // service_method "Things.Raw", seq 5; then the message.
  const body = Buffer.from(
    '00000015 0a0a5468696e67732e526177 110500000000000000'.replaceAll(' ', ''),
    'hex',
  )
  const request = Buffer.concat([body, Buffer.from('00000003', 'hex'), Buffer.from('abc')])
  for (const header of [{ 'Content-Type': 'application/protobuf' }, { Foo: 'bar' }]) {
    const answer = await ask(socket, header as Record<string, string>, request)
    t.equal(answer.body, request.toString('latin1'), 'service_method, seq and message again')
    t.notOk('Micro-Error' in answer.header)
  }
})

t.test(
  'micro-wire §3.8: with gRPC framing the first message of a stream counts, on both sides',
  async t => {
    const { socket, transport } = await bench(t)
    const framed = (text: string): Buffer =>
      Buffer.concat([Buffer.of(0, 0, 0, 0, text.length), Buffer.from(text)])
    const chat = {
      'Content-Type': 'application/grpc+json',
      'Micro-Endpoint': 'Things.Chat',
      'Micro-ID': '1',
      'Micro-Stream': '1',
    }
    t.equal((await ask(socket, chat, framed('{"n":1}'))).body, framed('{"n":1}').toString('latin1'))
    t.equal((await ask(socket, chat, framed('{"n":2}'))).body, framed('{"n":2}').toString('latin1'))
    const client = createClient({
      address: 'things:1',
      transport,
      contentType: 'application/grpc+json',
    })
    t.teardown(() => client.close())
    const { chat: talk, count, sum } = client.bind(service)
    const got: unknown[] = []
    for await (const each of talk([{ n: 1 }, { n: 2 }])) got.push(each)
    t.same(got, [{ n: 1 }, { n: 2 }], 'an opening of ours is no message')
    for await (const each of count({ n: 2 })) got.push(each)
    t.same(got.slice(2), [{ n: 0 }, { n: 1 }])
    t.same(await sum([{ n: 1 }, { n: 2 }]), { n: 3 })
  },
)

t.test(
  'micro-wire §3.1: what belongs to the protocol is hidden from handlers and from callers',
  async t => {
    const { socket, transport } = await bench(t)
    const header: Record<string, string> = { ...JSON_TYPE, 'Micro-Endpoint': 'Things.Names' }
    for (const name of ['Service', 'Method', 'ID', 'Id', 'Protocol']) header[`Micro-${name}`] = ''
    for (const name of ['Endpoint', 'ID', 'Error']) header[`X-Micro-${name}`] = 'x'
    for (const name of ['Accept', 'Timeout', 'Connection', 'Local', 'Remote']) header[name] = '1'
    for (const name of ['Foo', 'Micro-From-Service', 'Authorization']) header[name] = 'mine'
    t.equal(
      (await ask(socket, header, '{}')).body,
      '["foo","micro-from-service","authorization"]\n',
    )
    const client = createClient({ address: 'things:1', transport })
    t.teardown(() => client.close())
    const seen: string[] = []
    await client.bind(service).one({}, { onHeaders: each => seen.push(...[...each].flat()) })
    t.same(seen, [])
  },
)

t.test('replies that wait are not overwritten by later ones', async t => {
  const { socket } = await bench(t)
  const count = {
    ...JSON_TYPE,
    'Micro-Endpoint': 'Things.Count',
    'Micro-ID': '1',
    'Micro-Stream': '1',
  }
  await socket.send(message(count, '{}'))
  await socket.send(message(count, '{"n":300}'))
  for (let turn = 0; turn < 20; turn++) await settle()
  for (let n = 0; n < 300; n++) {
    const answer = await socket.receive()
    if (Buffer.from(answer!.body).toString() !== `{"n":${n}}\n`) t.fail(`message ${n}`)
  }
  t.equal((await socket.receive())?.header.get('Micro-Error'), 'EOS')
})

/** A socket whose peer has said all it will, but still reads. */
class HalfOpen implements Socket {
  readonly local: string = 'a'
  readonly remote: string = 'b'
  readonly sent: Message[] = []
  readonly #incoming: Message[]

  constructor(...incoming: Message[]) {
    this.#incoming = incoming
  }

  async send(answer: Message): Promise<void> {
    this.sent.push(answer)
  }

  async receive(): Promise<Message | undefined> {
    return this.#incoming.shift()
  }

  async close(): Promise<void> {}

  async [Symbol.asyncDispose](): Promise<void> {}
}

t.test('micro-wire Fact 4: what is under way when the client half-closes is answered', async t => {
  const memory = memoryTransport()
  let serve: (socket: Socket) => void | Promise<void> = () => {}
  const transport = {
    ...memory,
    listen: async (address: string) => {
      const listener = await memory.listen(address)
      return {
        ...listener,
        address,
        accept: (handler: typeof serve) => {
          serve = handler
        },
        close: () => listener.close(),
      }
    },
  }
  const server = createServer({
    name: 'things',
    address: 'half:1',
    transport: transport as unknown as typeof memory,
    runtime: new FakeRuntime() as unknown as Runtime,
  })
  let release = (): void => {}
  const held = new Promise<void>(resolve => {
    release = resolve
  })
  const slow = defineService('t.Slow', { one: { kind: 'unary', ...json } })
  server.handle(slow, {
    async one() {
      await held
      return { n: 7 }
    },
  })
  await server.start()
  t.teardown(() => server.stop())
  const header = { ...JSON_TYPE, 'Micro-Endpoint': 'Slow.One' }
  const socket = new HalfOpen(
    message({ ...header, 'Micro-ID': '1' }, '{}'),
    message({ ...header, 'Micro-ID': '2' }, '{}'),
  )
  let ended = false
  const served = Promise.resolve(serve(socket)).then(() => {
    ended = true
  })
  await settle()
  t.notOk(ended, 'the socket stays as long as its calls')
  release()
  await served
  t.same(
    socket.sent.map(answer => [answer.header.get('Micro-ID'), Buffer.from(answer.body).toString()]),
    [
      ['1', '{"n":7}\n'],
      ['2', '{"n":7}\n'],
    ],
  )
})
