import t, { type Test } from 'tap'
import {
  bytesCodec,
  defineService,
  GrpcError,
  jsonCodec,
  MicroError,
  Status,
} from '../../src/index.js'
import { createServer, type Middleware, type ServerOptions } from '../../src/micro/index.js'
import {
  decodeMessage,
  type Message,
  memoryTransport,
  type Runtime,
  type Socket,
} from '../../src/transport/index.js'
import { FakeRuntime, settle } from './fake-runtime.js'

const json = { request: jsonCodec<{ name?: string; n?: number }>(), response: jsonCodec<unknown>() }

const greeter = defineService('greeter.v1.Greeter', {
  hello: { kind: 'unary', ...json },
  slow: { kind: 'unary', ...json },
  chat: { kind: 'bidi', ...json },
  count: { kind: 'server', ...json },
  sum: { kind: 'client', ...json },
  raw: { kind: 'unary', request: bytesCodec(), response: bytesCodec() },
})

type Greeted = Parameters<ReturnType<typeof createServer>['handle']>[1]

interface Bench {
  socket: Socket
  dial(): Promise<Socket>
  releaseSlow(): void
  seen: string[]
  sent: { count: number }
  server: ReturnType<typeof createServer>
}

/** A server over a memory transport and one raw socket to it. */
async function bench(
  t: Test,
  options: Partial<ServerOptions> = {},
  middleware?: Middleware,
): Promise<Bench> {
  const transport = memoryTransport()
  const server = createServer({ name: 'greeter', address: 'greeter:1', transport, ...options })
  let releaseSlow = (): void => {}
  const slowed = new Promise<void>(resolve => {
    releaseSlow = resolve
  })
  const seen: string[] = []
  const sent = { count: 0 }
  if (middleware !== undefined) server.use(middleware)
  server.handle(greeter, {
    hello(
      request: { name?: string },
      context: { metadata: { get(name: string): string | undefined } },
    ) {
      if (request.name === 'nobody') throw MicroError.notFound('no such name')
      if (request.name === 'grpc') throw new GrpcError(Status.PermissionDenied, 'not you')
      if (request.name === 'bug') throw new TypeError('secret')
      if (request.name === 'nothing') return undefined
      if (request.name === 'circle') {
        const circle: { self?: unknown } = {}
        circle.self = circle
        return circle
      }
      seen.push(context.metadata.get('foo') ?? '')
      return { msg: `Hello ${request.name}` }
    },
    async slow(_request: unknown, context: { signal: AbortSignal }) {
      context.signal.addEventListener('abort', () => seen.push('aborted'))
      await slowed
      return { done: true }
    },
    async *chat(requests: AsyncIterable<{ n?: number }>) {
      try {
        for await (const request of requests) {
          if (request.n === 99) return
          if (request.n === 100) throw MicroError.conflict('not 100')
          yield request
        }
        seen.push('end')
      } catch (error) {
        seen.push((error as Error).message)
        throw error
      }
    },
    async *count(request: { n?: number }) {
      for (let n = 0; n < (request.n ?? 0); n++) {
        sent.count++
        yield { n }
      }
    },
    async sum(requests: AsyncIterable<{ n?: number }>) {
      let sum = 0
      for await (const { n } of requests) sum += n ?? 0
      return { sum }
    },
    raw: (request: Uint8Array) => request,
  } as unknown as Greeted & never)
  await server.start()
  const dial = (): Promise<Socket> => transport.dial('greeter:1')
  const socket = await dial()
  t.teardown(async () => {
    releaseSlow()
    await server.stop({ graceMs: 10 })
  })
  return { socket, dial, releaseSlow, seen, sent, server }
}

function frame(hex: string): Message {
  const bytes = Buffer.from(hex.replace(/\s/g, ''), 'hex')
  return decodeMessage(bytes, 5, bytes.length)
}

function message(header: Record<string, string>, body: string | Uint8Array = ''): Message {
  return { header: new Map(Object.entries(header)), body: Buffer.from(body as string) }
}

function plain(
  answer: Message | undefined,
): { header: Record<string, string>; body: string } | undefined {
  if (answer === undefined) return undefined
  return { header: Object.fromEntries(answer.header), body: Buffer.from(answer.body).toString() }
}

const call = {
  'Content-Type': 'application/json',
  'Micro-Service': 'greeter',
  'Micro-Endpoint': 'Greeter.Hello',
  'Micro-Method': 'Greeter.Hello',
  'Micro-ID': '0',
}
const chat = {
  ...call,
  'Micro-Endpoint': 'Greeter.Chat',
  'Micro-Method': 'Greeter.Chat',
  'Micro-ID': '1',
  'Micro-Stream': '1',
}

t.test('micro-wire §3.4: the example request gets the example reply, octet for octet', async t => {
  const { socket } = await bench(t)
  await socket.send(
    frame(`00000000d00a1a0a0641636365707412106170706c69636174696f6e2f6a736f6e0a200a0c436f6e74656e742d547970
      6512106170706c69636174696f6e2f6a736f6e0a1f0a0e4d6963726f2d456e64706f696e74120d477265657465722e48
      656c6c6f0a0d0a084d6963726f2d49441201300a1d0a0c4d6963726f2d4d6574686f64120d477265657465722e48656c
      6c6f0a180a0d4d6963726f2d536572766963651207677265657465720a150a0754696d656f7574120a35303030303030
      30303012107b226e616d65223a224a6f686e227d0a`),
  )
  t.same(
    plain(await socket.receive()),
    plain(
      frame(`00000000590a200a0c436f6e74656e742d5479706512106170706c69636174696f6e2f6a736f6e0a0d0a084d6963726f
      2d49441201300a0f0a0a582d4d6963726f2d494412013012157b226d7367223a2248656c6c6f204a6f686e227d0a`),
    ),
  )
})

t.test(
  "micro-wire §3.3: an error repeats the protocol's header fields, with Micro-Error and X-Micro-Error and no body; a caller's own stay here",
  async t => {
    const { socket } = await bench(t)
    await socket.send(message({ ...call, Foo: 'bar' }, '{"name":"nobody"}'))
    const error = '{"id":"greeter","code":404,"detail":"no such name","status":"Not Found"}'
    t.same(plain(await socket.receive()), {
      header: { ...call, 'Micro-Error': error, 'X-Micro-Error': error },
      body: '',
    })
  },
)

t.test('micro-wire §4.4: a GrpcError becomes the micro code of its status', async t => {
  const { socket } = await bench(t)
  await socket.send(message(call, '{"name":"grpc"}'))
  t.match(MicroError.parse((await socket.receive())!.header.get('Micro-Error')!), {
    id: 'greeter',
    code: 403,
    detail: 'not you',
    status: 'Forbidden',
  })
})

t.test('any other exception is 500 without its text, and onError hears of it', async t => {
  const errors: unknown[] = []
  const { socket } = await bench(t, { onError: error => errors.push(error) })
  await socket.send(message(call, '{"name":"bug"}'))
  const text = (await socket.receive())!.header.get('Micro-Error')!
  t.equal(
    text,
    '{"id":"greeter","code":500,"detail":"the handler failed","status":"Internal Server Error"}',
  )
  await settle()
  t.match(errors, [{ message: 'secret' }])
  await socket.send(message(call, '{"name":"circle"}'))
  t.match((await socket.receive())!.header.get('Micro-Error'), /"code":500/)
  await settle()
  t.equal(errors.length, 2)
})

t.test('exposeErrors: the text of any exception travels', async t => {
  const { socket } = await bench(t, { exposeErrors: true })
  await socket.send(message(call, '{"name":"bug"}'))
  t.match((await socket.receive())!.header.get('Micro-Error'), /"detail":"secret"/)
})

t.test('micro-wire §3.2: a JSON reply is never an empty body', async t => {
  const { socket } = await bench(t)
  await socket.send(message(call, '{"name":"nothing"}'))
  t.equal(plain(await socket.receive())?.body, '{}\n')
})

t.test(
  'micro-wire Fact 2: headers are read in any case, and the id comes back as it was spelt',
  async t => {
    const { socket } = await bench(t)
    await socket.send(
      message(
        {
          'content-type': 'application/json',
          'micro-endpoint': 'Greeter.Hello',
          'Micro-Id': '7',
          FOO: 'bar',
        },
        '{"name":"a"}',
      ),
    )
    t.same(plain(await socket.receive())?.header, {
      'Micro-Id': '7',
      'X-Micro-Id': '7',
      'Content-Type': 'application/json',
    })
  },
)

t.test('metadata is what the header has beyond the protocol, in lower case', async t => {
  const { socket, seen } = await bench(t)
  await socket.send(message({ ...call, Foo: 'bar' }, '{"name":"a"}'))
  await socket.receive()
  t.same(seen, ['bar'])
})

t.test('micro-wire §3.1: a handler cannot set what belongs to the protocol', async t => {
  const reserved = ['micro-error', 'micro-id', 'x-micro-error', 'timeout', 'accept', 'local']
  const { socket } = await bench(t, {}, ({ context, request }, next) => {
    if (context === undefined) throw new TypeError('a server has a context')
    for (const metadata of [context.headers, context.trailers]) {
      for (const name of reserved) metadata.set(name, 'evil')
    }
    context.headers.set('head', 'a')
    context.trailers.set('tail', 'b')
    return next(request)
  })
  await socket.send(message(call, '{"name":"a"}'))
  t.same(plain(await socket.receive()), {
    header: {
      'Micro-ID': '0',
      'X-Micro-ID': '0',
      'Content-Type': 'application/json',
      head: 'a',
      tail: 'b',
    },
    body: '{"msg":"Hello a"}\n',
  })
  await socket.send(message(chat))
  await socket.send(message(chat, '{"n":1}'))
  const first = plain(await socket.receive())
  t.match(first, { header: { head: 'a' }, body: '{"n":1}\n' })
  await socket.send(message(chat, '{"n":99}'))
  const last = plain(await socket.receive())
  t.match(last?.header, { 'Micro-Error': 'EOS', tail: 'b' })
  t.notOk(Object.values({ ...first?.header, ...last?.header }).includes('evil'))
})

t.test('micro-wire §3.1: X-Micro- headers are a fall-back, but not for the id', async t => {
  const { socket } = await bench(t)
  await socket.send(
    message(
      {
        'Content-Type': 'application/json',
        'X-Micro-Endpoint': 'Greeter.Hello',
        'X-Micro-ID': '9',
      },
      '{}',
    ),
  )
  t.same(plain(await socket.receive())?.header, {
    'Micro-ID': '',
    'X-Micro-ID': '',
    'Content-Type': 'application/json',
  })
})

t.test('Micro-Method alone names the endpoint too', async t => {
  const { socket } = await bench(t)
  await socket.send(
    message(
      { 'Content-Type': 'application/json', 'Micro-Method': 'Greeter.Hello' },
      '{"name":"x"}',
    ),
  )
  t.equal(plain(await socket.receive())?.body, '{"msg":"Hello x"}\n')
})

t.test("micro-wire §3.6: the router's errors are go-micro's words", async t => {
  const { socket } = await bench(t)
  for (const [endpoint, text] of [
    ['Hello', 'rpc: service/endpoint request ill-formed: Hello'],
    ['a.b.c', 'rpc: service/endpoint request ill-formed: a.b.c'],
    ['Nobody.Hello', "rpc: can't find service Nobody"],
    ['Greeter.Nothing', "rpc: can't find method Nothing"],
  ] as const) {
    await socket.send(
      message({ ...call, 'Micro-Endpoint': endpoint, 'Micro-Method': endpoint }, '{}'),
    )
    t.equal((await socket.receive())?.header.get('Micro-Error'), text)
  }
})

t.test(
  'micro-wire §3.2: an unsupported content type is answered in plain text, without error and id',
  async t => {
    const { socket } = await bench(t)
    const expected = (type: string): unknown => ({
      header: { 'Content-Type': 'text/plain' },
      body: `unsupported Content-Type: ${type}`,
    })
    await socket.send(message({ ...call, 'Content-Type': 'text/html' }, '{}'))
    t.same(plain(await socket.receive()), expected('text/html'))
    await socket.send(message({ ...call, 'Content-Type': 'application/protobuf' }, ''))
    t.same(plain(await socket.receive()), expected('application/protobuf'), 'no codec for it')
  },
)

t.test('a missing content type means protobuf', async t => {
  const { socket } = await bench(t)
  await socket.send(message({ 'Micro-Endpoint': 'Greeter.Raw', 'Micro-ID': '1' }, 'abc'))
  t.same(plain(await socket.receive()), {
    header: { 'Micro-ID': '1', 'X-Micro-ID': '1', 'Content-Type': 'application/protobuf' },
    body: 'abc',
  })
})

t.test('an empty protobuf reply has no content type', async t => {
  const { socket } = await bench(t)
  await socket.send(message({ 'Micro-Endpoint': 'Greeter.Raw', 'Micro-ID': '1' }))
  t.same(plain(await socket.receive()), {
    header: { 'Micro-ID': '1', 'X-Micro-ID': '1' },
    body: '',
  })
})

t.test('a body that cannot be read is 400', async t => {
  const { socket } = await bench(t)
  await socket.send(message(call, '{"name":'))
  t.match(
    (await socket.receive())!.header.get('Micro-Error'),
    /"code":400.*cannot read the request/,
  )
})

t.test(
  'micro-wire §3.2: json-rpc, also when a peer names neither service nor endpoint',
  async t => {
    const { socket } = await bench(t)
    const body = '{"params":[{"name":"a"}],"id":"4","method":"Greeter.Hello"}\n'
    await socket.send(message({ 'Content-Type': 'application/json' }, body))
    t.equal(
      plain(await socket.receive())?.body,
      '{"id":"4","result":{"msg":"Hello a"},"error":null}\n',
    )
    await socket.send(message({ ...call, 'Content-Type': 'application/json-rpc' }, body))
    t.equal(
      plain(await socket.receive())?.body,
      '{"id":"4","result":{"msg":"Hello a"},"error":null}\n',
    )
    await socket.send(
      message(
        { 'Content-Type': 'application/json' },
        '{"params":[{}],"id":5,"method":"Greeter.Nothing"}',
      ),
    )
    t.equal(
      plain(await socket.receive())?.body,
      `{"id":"5","result":null,"error":"rpc: can't find method Nothing"}\n`,
    )
    await socket.send(message({ 'Content-Type': 'application/json' }, 'no json'))
    t.match((await socket.receive())?.header.get('Micro-Error'), /json-rpc/)
  },
)

t.test('micro-wire §3.8: gRPC framing, endpoint from :path', async t => {
  const { socket } = await bench(t)
  const body = Buffer.from('\0\0\0\0\x0c{"name":"a"}', 'latin1')
  await socket.send(
    message(
      {
        'Content-Type': 'application/grpc+json',
        ':path': '/greeter.Greeter/Hello',
        'Micro-ID': '0',
      },
      body,
    ),
  )
  const answer = plain(await socket.receive())
  t.equal(answer?.body, '\0\0\0\0\x11{"msg":"Hello a"}')
  t.match(answer?.header, { ':status': '200', Trailer: 'grpc-status', 'grpc-status': '0' })
  await socket.send(
    message(
      { ...call, 'Content-Type': 'application/grpc+json' },
      Buffer.from('\0\0\0\0\x11{"name":"nobody"}'),
    ),
  )
  t.match(plain(await socket.receive())?.header, {
    'grpc-status': '13',
    'Micro-Error': /no such name/,
  })
})

t.test(
  'micro-wire §3.5: the opening body is discarded, messages carry X- copies and no Micro-Stream, and the end echoes the opening',
  async t => {
    const { socket } = await bench(t)
    await socket.send(message(chat, '{"n":7}\n'))
    await socket.send(message(chat, '{"n":1}\n'))
    t.same(plain(await socket.receive()), {
      header: {
        'Micro-ID': '1',
        'X-Micro-ID': '1',
        'Micro-Service': 'greeter',
        'X-Micro-Service': 'greeter',
        'Micro-Method': 'Greeter.Chat',
        'X-Micro-Method': 'Greeter.Chat',
        'Micro-Endpoint': 'Greeter.Chat',
        'X-Micro-Endpoint': 'Greeter.Chat',
        'Content-Type': 'application/json',
      },
      body: '{"n":1}\n',
    })
    await socket.send(message(chat, '{"n":99}\n'))
    t.same(plain(await socket.receive()), {
      header: { ...chat, 'Micro-Error': 'EOS', 'X-Micro-Error': 'EOS' },
      body: '',
    })
  },
)

t.test(
  "micro-wire §3.5: after the client's EOS no EOS comes back; Connection: close ends the socket once handlers are done",
  async t => {
    const { socket, seen } = await bench(t)
    await socket.send(message(chat, '{}'))
    await socket.send(message(chat, '{"n":1}'))
    t.equal(plain(await socket.receive())?.body, '{"n":1}\n')
    await socket.send(message({ ...chat, 'Micro-Error': 'EOS', Connection: 'close' }))
    t.equal(await socket.receive(), undefined, 'no EOS, but the end of the socket')
    t.same(seen, ['end'])
  },
)

t.test('micro-wire §3.5: a handler error ends the stream with its text', async t => {
  const { socket } = await bench(t)
  await socket.send(message(chat, '{}'))
  await socket.send(message(chat, '{"n":100}'))
  const answer = plain(await socket.receive())
  t.equal(
    answer?.header['Micro-Error'],
    '{"id":"greeter","code":409,"detail":"not 100","status":"Conflict"}',
  )
  t.equal(answer?.header['Micro-Stream'], '1')
})

t.test('a Micro-Error of the client other than EOS is what the handler gets', async t => {
  const { socket, seen } = await bench(t)
  await socket.send(message(chat, '{}'))
  await socket.send(message({ ...chat, 'Micro-Error': 'I give up' }))
  t.match((await socket.receive())?.header.get('Micro-Error'), /I give up/)
  t.same(seen, ['I give up'])
})

t.test('a stream message that cannot be read fails the stream', async t => {
  const { socket, seen } = await bench(t)
  await socket.send(message(chat, '{}'))
  await socket.send(message(chat, '{"n"'))
  t.match((await socket.receive())?.header.get('Micro-Error'), /"code":400/)
  t.match(seen, [/cannot read the request/])
})

t.test('micro-wire §3.5: server-streaming answers the first message after the opening', async t => {
  const { socket } = await bench(t)
  const count = { ...chat, 'Micro-Endpoint': 'Greeter.Count', 'Micro-Method': 'Greeter.Count' }
  await socket.send(message(count, '{}\n'))
  await socket.send(message(count, '{"n":2}\n'))
  t.equal(plain(await socket.receive())?.body, '{"n":0}\n')
  t.equal(plain(await socket.receive())?.body, '{"n":1}\n')
  t.equal(plain(await socket.receive())?.header['Micro-Error'], 'EOS')
  await socket.send(message({ ...count, 'Micro-Stream': '2', 'Micro-ID': '2' }, '{}\n'))
  await socket.send(
    message({ ...count, 'Micro-Stream': '2', 'Micro-ID': '2', 'Micro-Error': 'EOS' }),
  )
  t.match((await socket.receive())?.header.get('Micro-Error'), /ended without a request/)
})

t.test(
  'micro-wire §3.5: client-streaming answers after EOS, and sends no EOS after the answer',
  async t => {
    const { socket } = await bench(t)
    const sum = { ...chat, 'Micro-Endpoint': 'Greeter.Sum', 'Micro-Method': 'Greeter.Sum' }
    await socket.send(message(sum, '{}\n'))
    for (const n of [1, 2, 3]) await socket.send(message(sum, `{"n":${n}}`))
    await socket.send(message({ ...sum, 'Micro-Error': 'EOS', Connection: 'close' }))
    t.equal(plain(await socket.receive())?.body, '{"sum":6}\n')
    t.equal(await socket.receive(), undefined)
  },
)

t.test(
  'micro-wire §3.5: EOS for a stream that is not known ends the socket; other late messages start nothing',
  async t => {
    const { socket, seen } = await bench(t)
    await socket.send(message(chat, '{}'))
    await socket.send(message(chat, '{"n":99}'))
    t.equal((await socket.receive())?.header.get('Micro-Error'), 'EOS')
    await socket.send(message(chat, '{"n":1}'))
    await socket.send(message(call, '{"name":"a"}'))
    t.equal(
      plain(await socket.receive())?.body,
      '{"msg":"Hello a"}\n',
      'the late message was dropped',
    )
    await socket.send(message({ ...chat, 'Micro-Error': 'EOS' }))
    t.equal(await socket.receive(), undefined)
    t.same(seen, [''])
  },
)

t.test('micro-wire §3.6: calls with different ids run at once on one socket', async t => {
  const { socket, releaseSlow } = await bench(t)
  const slow = {
    ...call,
    'Micro-Endpoint': 'Greeter.Slow',
    'Micro-Method': 'Greeter.Slow',
    'Micro-ID': 's',
  }
  await socket.send(message(slow, '{}'))
  await socket.send(message(call, '{"name":"a"}'))
  t.equal(plain(await socket.receive())?.header['Micro-ID'], '0')
  releaseSlow()
  t.equal(plain(await socket.receive())?.header['Micro-ID'], 's')
})

t.test(
  'micro-wire §3.1: Connection: close finishes what is under way, then ends the socket',
  async t => {
    const { socket, releaseSlow } = await bench(t)
    const slow = { ...call, 'Micro-Endpoint': 'Greeter.Slow', 'Micro-Method': 'Greeter.Slow' }
    await socket.send(message({ ...slow, Connection: 'close' }, '{}'))
    await settle()
    releaseSlow()
    t.equal(plain(await socket.receive())?.body, '{"done":true}\n')
    t.equal(await socket.receive(), undefined)
  },
)

t.test(
  'micro-wire §3.1: Timeout is nanoseconds and becomes the deadline of the signal',
  async t => {
    const runtime = new FakeRuntime()
    const { socket, seen } = await bench(t, { runtime: runtime as unknown as Runtime })
    const slow = { ...call, 'Micro-Endpoint': 'Greeter.Slow', 'Micro-Method': 'Greeter.Slow' }
    await socket.send(message({ ...slow, Timeout: '5000000000' }, '{}'))
    await settle()
    runtime.advance(4_999)
    t.same(seen, [])
    runtime.advance(1)
    t.same(seen, ['aborted'])
  },
)

t.test('a slow reader stops a fast handler', async t => {
  const { socket, sent } = await bench(t)
  const count = { ...chat, 'Micro-Endpoint': 'Greeter.Count', 'Micro-Method': 'Greeter.Count' }
  await socket.send(message(count, '{}'))
  await socket.send(message(count, '{"n":1000}'))
  for (let turn = 0; turn < 20; turn++) await settle()
  const before = sent.count
  t.ok(before > 0 && before < 100, `${before} messages without a reader`)
  for (let n = 0; n < 10; n++) await socket.receive()
  for (let turn = 0; turn < 20; turn++) await settle()
  t.equal(sent.count, before + 10)
  await socket.close()
})

t.test('a handler that does not read stops a fast client', async t => {
  const transport = memoryTransport()
  const server = createServer({ name: 'a', address: 'a:1', transport })
  let start = (): void => {}
  const started = new Promise<void>(resolve => {
    start = resolve
  })
  let read = 0
  const sink = defineService('a.Sink', { fill: { kind: 'client', ...json } })
  server.handle(sink, {
    async fill(requests) {
      await started
      for await (const _ of requests) read++
      return read
    },
  })
  await server.start()
  t.teardown(() => server.stop())
  const socket = await transport.dial('a:1')
  const header = { ...chat, 'Micro-Endpoint': 'Sink.Fill', 'Micro-Method': 'Sink.Fill' }
  let sent = 0
  const sending = (async () => {
    await socket.send(message(header, '{}'))
    for (; sent < 1_000; sent++) await socket.send(message(header, '{}'))
    await socket.send(message({ ...header, 'Micro-Error': 'EOS', Connection: 'close' }))
  })()
  for (let turn = 0; turn < 100; turn++) await settle()
  t.ok(sent < 250, `${sent} messages without a reader`)
  start()
  await sending
  t.equal(plain(await socket.receive())?.body, '1000\n')
})

t.test('a lost socket aborts the handler, and the server lives on', async t => {
  const { socket, seen, dial, releaseSlow, server } = await bench(t)
  await socket.send(message(chat, '{}'))
  await settle()
  await socket.close()
  for (let turn = 0; turn < 5; turn++) await settle()
  t.same(seen, ['the socket ended before the stream did: no EOS came'])
  releaseSlow()
  const other = await dial()
  await other.send(message(call, '{"name":"b"}'))
  t.equal(plain(await other.receive())?.body, '{"msg":"Hello b"}\n')
  await server.stop()
  t.equal(server.socketCount, 0)
})

t.test(
  "micro-wire §3.9: events run the subscribers and the protocol's header fields come back",
  async t => {
    const { socket, server } = await bench(t)
    const got: unknown[] = []
    const unsubscribe = server.subscribe<{ n: number }>('news', (news, event) => {
      if (news.n === 13) throw MicroError.badRequest('unlucky')
      got.push([news, event.topic, event.header.get('Foo')])
    })
    const event = {
      'Micro-Topic': 'news',
      'Content-Type': 'application/json',
      Foo: 'bar',
      'Micro-ID': '3',
    }
    await socket.send(message(event, '{"n":1}'))
    const { Foo: _, ...back } = event
    t.same(plain(await socket.receive()), { header: back, body: '' })
    t.same(got, [[{ n: 1 }, 'news', 'bar']])
    await socket.send(message(event, '{"n":13}'))
    t.match((await socket.receive())?.header.get('Micro-Error'), /unlucky/)
    await socket.send(message(event, 'no json'))
    t.match((await socket.receive())?.header.get('Micro-Error'), /cannot read the event of news/)
    unsubscribe()
    await socket.send(message(event, '{"n":13}'))
    t.equal((await socket.receive())?.header.get('Micro-Error'), undefined)
    t.throws(() => server.subscribe('', () => {}), /topic/)
    t.throws(() => server.subscribe('a', 5 as never), /handler of topic a/)
  },
)

t.test(
  'middleware sees the call once, may change request and response, and its exceptions end the call',
  async t => {
    const calls: string[] = []
    const { socket } = await bench(t, {}, (call, next) => {
      calls.push(
        `${call.side} ${call.service} ${call.method} ${call.kind} ${call.metadata.get('foo')}`,
      )
      const request = call.request as { name?: string }
      if (request.name === 'stop') throw MicroError.unauthorized('who are you?')
      const response = next({ name: request.name?.toUpperCase() }) as { msg: string }
      return { msg: `${response.msg}!` }
    })
    await socket.send(message({ ...call, foo: 'bar' }, '{"name":"ada"}'))
    t.equal(plain(await socket.receive())?.body, '{"msg":"Hello ADA!"}\n')
    t.same(calls, ['server greeter.v1.Greeter hello unary bar'])
    await socket.send(message(call, '{"name":"stop"}'))
    t.match((await socket.receive())?.header.get('Micro-Error'), /"code":401/)
  },
)

t.test(
  'stop: running calls finish, idle sockets hear that the server leaves, and nothing is left',
  async t => {
    const { socket, dial, releaseSlow, server } = await bench(t)
    const idle = await dial()
    const slow = { ...call, 'Micro-Endpoint': 'Greeter.Slow', 'Micro-Method': 'Greeter.Slow' }
    await socket.send(message(slow, '{}'))
    await settle()
    const stopped = server.stop({ graceMs: 5_000 })
    // No orderly end: a message on its way here must not be taken for answered.
    await t.rejects(idle.receive(), /the server is leaving/)
    await t.rejects(dial(), /could not dial/)
    releaseSlow()
    t.equal(plain(await socket.receive())?.body, '{"done":true}\n')
    await t.rejects(socket.receive(), /the server is leaving/)
    await stopped
    t.equal(server.socketCount, 0)
  },
)

t.test('stop: what runs longer than graceMs is cut', async t => {
  const runtime = new FakeRuntime()
  const { socket, seen, server, releaseSlow } = await bench(t, {
    runtime: runtime as unknown as Runtime,
  })
  const slow = { ...call, 'Micro-Endpoint': 'Greeter.Slow', 'Micro-Method': 'Greeter.Slow' }
  await socket.send(message(slow, '{}'))
  await settle()
  const stopped = server.stop({ graceMs: 100 })
  await settle()
  t.same(seen, [])
  runtime.advance(100)
  t.same(seen, ['aborted'])
  releaseSlow()
  await stopped
  t.equal(runtime.timerCount, 0)
})

t.test('an answer that is too large to send is 500, and the error is sent', async t => {
  const transport = memoryTransport()
  const limited = {
    ...transport,
    listen: async (address: string) => {
      const listener = await transport.listen(address)
      const accept = listener.accept.bind(listener)
      listener.accept = handler =>
        accept(socket => {
          const send = socket.send.bind(socket)
          socket.send = async answer => {
            let size = answer.body.length
            for (const [key, value] of answer.header) size += key.length + value.length
            if (size > 1_000) throw new RangeError(`message is ${size} octets; the limit is 1000`)
            await send(answer)
          }
          return handler(socket)
        })
      return listener
    },
  }
  const server = createServer({ name: 'a', address: 'a:1', transport: limited })
  const large = defineService('a.Large', { get: { kind: 'unary', ...json } })
  server.handle(large, {
    get({ name }) {
      if (name === 'error') throw MicroError.notFound('x'.repeat(2_000))
      return 'x'.repeat(2_000)
    },
  })
  await server.start()
  t.teardown(() => server.stop())
  const socket = await transport.dial('a:1')
  const header = { ...call, 'Micro-Endpoint': 'Large.Get', 'Micro-Method': 'Large.Get' }
  for (const body of ['{}', '{"name":"error"}']) {
    await socket.send(message(header, body))
    t.match(
      (await socket.receive())?.header.get('Micro-Error'),
      /"code":500.*cannot be sent: message is \d+ octets/,
    )
  }
})

t.test('an id may be used again as soon as its answer is there, the empty one too', async t => {
  const { socket } = await bench(t)
  for (let count = 0; count < 20; count++) {
    const name = count % 2 === 0 ? 'nobody' : 'a'
    await socket.send(
      message(
        { 'Content-Type': 'application/json', 'Micro-Endpoint': 'Greeter.Hello' },
        JSON.stringify({ name }),
      ),
    )
    t.equal((await socket.receive())?.header.has('Micro-Error'), name === 'nobody')
  }
})

t.test(
  'requests that are still read when a stream is answered fail: no end says that all came',
  async t => {
    const transport = memoryTransport()
    const server = createServer({ name: 'a', address: 'a:1', transport })
    const sink = defineService('a.Sink', { chat: { kind: 'bidi', ...json } })
    const seen: string[] = []
    server.handle(sink, {
      async *chat(requests, context) {
        void (async () => {
          let count = 0
          try {
            for await (const _ of requests) count++
            seen.push(`the end after ${count}`)
          } catch (error) {
            seen.push(
              `${(error as MicroError).code} after ${count}: ${(error as MicroError).detail}`,
            )
          }
        })()
        await settle()
        yield {}
        if (context.metadata.get('Fails') !== undefined) throw new MicroError(409, 'as planned')
      },
    })
    await server.start()
    t.teardown(() => server.stop())
    const to = { ...chat, 'Micro-Endpoint': 'Sink.Chat', 'Micro-Method': 'Sink.Chat' }
    for (const header of [to, { ...to, Fails: '1' }]) {
      const socket = await transport.dial('a:1')
      await socket.send(message(header, '{}'))
      await socket.send(message(header, '{}'))
      while (plain(await socket.receive())?.header['Micro-Error'] === undefined);
      await settle()
      await socket.close()
    }
    const text = 'the call of Sink.Chat has been answered: requests that still come are not read'
    t.strictSame(seen, [`499 after 1: ${text}`, `499 after 1: ${text}`])
  },
)
