import t, { type Test } from 'tap'
import { bytesCodec, defineService, jsonCodec, type Metadata, MicroError } from '../../src/index.js'
import { type ClientOptions, createClient } from '../../src/micro/index.js'
import {
  decodeMessage,
  type Listener,
  type Message,
  memoryTransport,
  type Runtime,
  type Socket,
} from '../../src/transport/index.js'
import { FakeRuntime, settle } from './fake-runtime.js'

const both = [jsonCodec<{ n?: number; name?: string }>(), bytesCodec()] as const
const json = {
  request: jsonCodec<{ n?: number; name?: string }>(),
  response: jsonCodec<{ msg?: string; n?: number }>(),
}

const greeter = defineService('greeter.v1.Greeter', {
  hello: { kind: 'unary', ...json },
  chat: { kind: 'bidi', ...json },
  count: { kind: 'server', ...json },
  sum: { kind: 'client', ...json },
})

type Script = (socket: Socket, index: number) => void | Promise<void>

/** A client, and a server that does for each socket what the script says. */
async function bench(
  t: Test,
  script: Script,
  options: Partial<ClientOptions> = {},
  transport = memoryTransport(),
) {
  const listener: Listener = await transport.listen('greeter:1')
  let sockets = 0
  const open: Socket[] = []
  listener.accept(async socket => {
    open.push(socket)
    await script(socket, sockets++)
  })
  const runtime = new FakeRuntime()
  const client = createClient({
    address: 'greeter:1',
    service: 'greeter',
    transport,
    runtime: runtime as unknown as Runtime,
    ...options,
  })
  t.teardown(async () => {
    await client.close()
    for (const socket of open) await socket.close()
    await listener.close()
    if (runtime.timerCount > 0) throw new Error(`${runtime.timerCount} timers are left`)
  })
  return { client, runtime, transport, listener, ...client.bind(greeter), count_: () => sockets }
}

function plain(answer: Message | undefined): { header: Record<string, string>; body: string } {
  return { header: Object.fromEntries(answer!.header), body: Buffer.from(answer!.body).toString() }
}

function message(header: Record<string, string>, body: string | Uint8Array = ''): Message {
  return { header: new Map(Object.entries(header)), body: Buffer.from(body as string) }
}

const OK = { 'Content-Type': 'application/json', 'Micro-ID': '0' }
const names = {
  'Micro-Service': 'greeter',
  'Micro-Endpoint': 'Greeter.Hello',
  'Micro-Method': 'Greeter.Hello',
}
const types = { 'Content-Type': 'application/json', Accept: 'application/json' }

/** Answers every message with `answer`; remembers what came. */
function answering(
  seen: Message[],
  answer: (message: Message, index: number) => Message | undefined,
): Script {
  return async socket => {
    for (;;) {
      const got = await socket.receive().catch(() => undefined)
      if (got === undefined) return
      seen.push(got)
      const reply = answer(got, seen.length - 1)
      if (reply !== undefined) await socket.send(reply)
    }
  }
}

t.test(
  'micro-wire §3.4: a unary call is the example request, with both spellings of the id',
  async t => {
    const seen: Message[] = []
    const { hello } = await bench(
      t,
      answering(seen, () => message(OK, '{"msg":"Hello John"}\n')),
    )
    t.same(await hello({ name: 'John' }), { msg: 'Hello John' })
    const hex =
      `0a1a0a0641636365707412106170706c69636174696f6e2f6a736f6e0a200a0c436f6e74656e742d547970
    6512106170706c69636174696f6e2f6a736f6e0a1f0a0e4d6963726f2d456e64706f696e74120d477265657465722e48
    656c6c6f0a0d0a084d6963726f2d49441201300a1d0a0c4d6963726f2d4d6574686f64120d477265657465722e48656c
    6c6f0a180a0d4d6963726f2d536572766963651207677265657465720a150a0754696d656f7574120a35303030303030
    30303012107b226e616d65223a224a6f686e227d0a`.replace(/\s/g, '')
    const bytes = Buffer.from(hex, 'hex')
    const example = plain(decodeMessage(bytes, 0, bytes.length))
    t.same(plain(seen[0]), { ...example, header: { ...example.header, 'Micro-Id': '0' } })
  },
)

t.test('ids are a decimal sequence from 0, and a socket is used again', async t => {
  const seen: Message[] = []
  const { hello, client, count_ } = await bench(
    t,
    answering(seen, () => message(OK, '{}')),
  )
  for (let call = 0; call < 3; call++) await hello({})
  t.same(
    seen.map(each => each.header.get('Micro-ID')),
    ['0', '1', '2'],
  )
  t.equal(count_(), 1)
  t.equal(client.idleCount('greeter:1'), 1)
})

t.test('micro-wire §3.7: concurrent calls have a socket each', async t => {
  const { hello, client, count_ } = await bench(
    t,
    answering([], () => message(OK, '{}')),
  )
  await Promise.all([hello({}), hello({}), hello({})])
  t.equal(count_(), 3)
  t.equal(client.idleCount('greeter:1'), 3)
})

t.test(
  'micro-wire §3.7: a socket older than 60 s is not used again, and no more than the limit are kept',
  async t => {
    const { hello, client, runtime, count_ } = await bench(
      t,
      answering([], () => message(OK, '{}')),
      { pool: { sizeMax: 2 } },
    )
    await Promise.all([hello({}), hello({}), hello({})])
    t.equal(client.idleCount('greeter:1'), 2)
    runtime.advance(60_000)
    await hello({})
    t.equal(count_(), 4)
    t.equal(client.idleCount('greeter:1'), 1)
  },
)

t.test('an idle socket that the server ends is dropped', async t => {
  const { hello, client, count_ } = await bench(t, async (socket, index) => {
    await socket.receive()
    await socket.send(message(OK, '{}'))
    if (index === 0) return
    await socket.receive().catch(() => undefined)
  })
  await hello({})
  for (let turn = 0; turn < 3; turn++) await settle()
  t.equal(client.idleCount('greeter:1'), 0)
  await hello({})
  t.equal(count_(), 2)
})

t.test('micro-wire §3.3: Micro-Error is parsed, and the socket is closed', async t => {
  const text =
    '{"id":"greeter","code":404,"detail":"no such name","status":"Not Found","reason":"x"}'
  let closed = false
  const { hello, client } = await bench(t, async socket => {
    await socket.receive()
    await socket.send(message({ 'micro-error': text }))
    closed = (await socket.receive()) === undefined
  })
  const error = await hello({}).catch(each => each)
  t.ok(error instanceof MicroError)
  t.match(error, {
    id: 'greeter',
    code: 404,
    detail: 'no such name',
    status: 'Not Found',
    extra: { reason: 'x' },
  })
  t.equal(client.idleCount('greeter:1'), 0)
  await settle()
  t.ok(closed)
})

t.test('micro-wire §3.9: text that is no JSON is the detail of an error with code 0', async t => {
  const { hello } = await bench(
    t,
    answering([], () => message({ 'Micro-Error': "rpc: can't find service X" })),
  )
  await t.rejects(hello({}), { code: 0, detail: "rpc: can't find service X", id: '', status: '' })
})

t.test('micro-wire §3.2: a reply in plain text is an error', async t => {
  const { hello } = await bench(
    t,
    answering([], () => message({ 'Content-Type': 'text/plain' }, 'unsupported Content-Type: x')),
  )
  await t.rejects(hello({}), {
    code: 415,
    detail: 'unsupported Content-Type: x',
    id: 'go.micro.client.codec',
  })
})

t.test('a reply that cannot be read is 500 from go.micro.client.codec', async t => {
  const { hello } = await bench(
    t,
    answering([], () => message(OK, '{"msg"')),
  )
  await t.rejects(hello({}), { code: 500, id: 'go.micro.client.codec' })
})

t.test(
  'a request that cannot be encoded is 500 from go.micro.client.codec, and nothing is sent',
  async t => {
    const { hello, count_ } = await bench(
      t,
      answering([], () => message(OK, '{}')),
    )
    await t.rejects(hello({ n: 1n as unknown as number }), {
      code: 500,
      id: 'go.micro.client.codec',
    })
    t.equal(count_(), 0)
  },
)

t.test(
  'micro-wire §2.4: the end of the socket under a call is 500 EOF from go.micro.client.transport',
  async t => {
    const { hello } = await bench(t, async socket => {
      await socket.receive()
    })
    await t.rejects(hello({}), {
      code: 500,
      id: 'go.micro.client.transport',
      detail: 'EOF',
      status: 'Internal Server Error',
    })
  },
)

t.test('a socket that breaks under a call is 500 from go.micro.client.transport', async t => {
  const { hello } = await bench(t, async socket => {
    await socket.receive()
    throw new Error('boom')
  })
  await t.rejects(hello({}), {
    code: 500,
    id: 'go.micro.client.transport',
    detail: /handler of the socket failed/,
  })
})

t.test('nobody at the address is 500 connection error from go.micro.client', async t => {
  const { hello } = await bench(t, () => {})
  await t.rejects(hello({}, { address: 'nobody:1' }), {
    code: 500,
    id: 'go.micro.client',
    detail: /^connection error: could not dial nobody:1/,
  })
})

t.test(
  'micro-wire §3.7: an attempt ends after 5 s with 408, the call after 30 s, with go-micro back-off between',
  async t => {
    const seen: Message[] = []
    const { hello, runtime } = await bench(
      t,
      answering(seen, () => undefined),
    )
    const failed = hello({}).catch(error => error)
    const starts: number[] = []
    for (let ms = 0; ms < 40_000; ms += 100) {
      await settle()
      if (seen.length > starts.length) starts.push(ms)
      runtime.advance(100)
    }
    // 5 s each, pauses of 100, 600, 1,900 and 4,300 ms; the whole call ends after 30 s.
    t.same(starts, [0, 5_100, 10_700, 17_600, 26_900])
    t.match(await failed, {
      code: 408,
      id: 'go.micro.client',
      detail: 'call timeout: context deadline exceeded',
    })
    t.equal(seen[4]!.header.get('Timeout'), '3100000000', 'the last attempt has what remains')
  },
)

t.test(
  'an attempt has its 5 s from when its request has left: what is slow to leave is not sent again',
  async t => {
    const seen: Message[] = []
    const inner = memoryTransport()
    const leave: (() => void)[] = []
    const transport: typeof inner = Object.create(inner)
    transport.dial = async (address, options) => {
      const socket = await inner.dial(address, options)
      const send = socket.send.bind(socket)
      socket.send = async sent => {
        await new Promise<void>(resolve => leave.push(resolve))
        return send(sent)
      }
      return socket
    }
    transport.listen = inner.listen.bind(inner)
    const { hello, runtime } = await bench(
      t,
      answering(seen, () => (seen.length < 2 ? undefined : message(OK, '{}'))),
      { transport, timeoutMs: 60_000 },
      transport,
    )
    const answered = hello({})
    await settle()
    runtime.advance(12_000)
    await settle()
    t.equal(leave.length, 1, 'it is on its way still')
    leave[0]!()
    await settle()
    t.equal(seen.length, 1)
    runtime.advance(4_900)
    await settle()
    t.equal(leave.length, 1)
    runtime.advance(200)
    await settle()
    runtime.advance(100)
    await settle()
    t.equal(leave.length, 2, 'no answer within 5 s: the next attempt')
    leave[1]!()
    t.same(await answered, {})
  },
)

t.test('a request that never leaves ends with the call, not with each attempt', async t => {
  const inner = memoryTransport()
  let sends = 0
  const transport: typeof inner = Object.create(inner)
  transport.dial = async (address, options) => {
    const socket = await inner.dial(address, options)
    socket.send = () => {
      sends++
      return new Promise(() => undefined)
    }
    return socket
  }
  transport.listen = inner.listen.bind(inner)
  const { hello, runtime } = await bench(
    t,
    answering([], () => undefined),
    { transport },
    transport,
  )
  const failed = hello({}).catch(error => error)
  await settle()
  runtime.advance(30_000)
  await settle()
  t.match(await failed, { code: 408 })
  t.equal(sends, 1)
})

t.test(
  'micro-wire §3.7: a 408 of the server is repeated 5 times, with pauses that grow',
  async t => {
    const seen: Message[] = []
    const { hello, runtime } = await bench(
      t,
      answering(seen, () => message({ 'Micro-Error': '{"code":408,"detail":"late"}' })),
    )
    const failed = hello({}).catch(error => error)
    const starts: number[] = []
    for (let ms = 0; ms < 25_000; ms += 100) {
      await settle()
      if (seen.length > starts.length) starts.push(ms)
      runtime.advance(100)
    }
    t.same(starts, [0, 100, 700, 2_600, 6_900, 14_800])
    t.match(await failed, { code: 408, detail: 'late' })
  },
)

t.test('only 408 is repeated', async t => {
  const seen: Message[] = []
  const { hello } = await bench(
    t,
    answering(seen, (_, index) =>
      index === 0 ? message({ 'Micro-Error': '{"code":500,"detail":"x"}' }) : message(OK, '{}'),
    ),
  )
  await t.rejects(hello({}), { code: 500 })
  t.equal(seen.length, 1)
})

t.test('408 from the server is repeated too, retries: 0 repeats nothing', async t => {
  const seen: Message[] = []
  const late = message({ 'Micro-Error': '{"code":408,"detail":"late"}' })
  const { hello, client, runtime } = await bench(
    t,
    answering(seen, (_, index) => (index === 0 ? late : message(OK, '{"msg":"ok"}'))),
  )
  const answered = hello({})
  await settle()
  runtime.advance(100)
  t.same(await answered, { msg: 'ok' })
  t.equal(seen.length, 2)
  await client.close()
  const other = await bench(
    t,
    answering([], () => late),
    { retries: 0 },
  )
  await t.rejects(other.hello({}), { code: 408, detail: 'late' })
})

t.test('timeoutMs bounds the whole call', async t => {
  const seen: Message[] = []
  const { hello, runtime } = await bench(
    t,
    answering(seen, () => undefined),
  )
  const failed = hello({}, { timeoutMs: 250 }).catch(error => error)
  await settle()
  t.equal(seen[0]!.header.get('Timeout'), '250000000')
  runtime.advance(250)
  t.match(await failed, { code: 408, detail: 'call timeout: context deadline exceeded' })
})

t.test(
  'a signal ends the call with its reason and closes the socket; none is left listening',
  async t => {
    let ended = false
    const { hello } = await bench(t, async socket => {
      await socket.receive()
      ended = (await socket.receive()) === undefined
    })
    const controller = new AbortController()
    const failed = hello({}, { signal: controller.signal }).catch(error => error)
    await settle()
    controller.abort(new Error('enough'))
    t.match(await failed, { message: 'enough' })
    await settle()
    t.ok(ended)
    await t.rejects(
      hello({}, { signal: controller.signal }),
      { message: 'enough' },
      'aborted before',
    )
  },
)

t.test('a signal ends the pause between two attempts', async t => {
  const late = message({ 'Micro-Error': '{"code":408,"detail":"late"}' })
  const { hello } = await bench(
    t,
    answering([], () => late),
  )
  const controller = new AbortController()
  const failed = hello({}, { signal: controller.signal }).catch(error => error)
  await settle()
  controller.abort(new Error('enough'))
  t.match(await failed, { message: 'enough' })
})

t.test(
  'metadata travels in the header and cannot touch the protocol; the reply header comes back as metadata',
  async t => {
    const seen: Message[] = []
    const { hello } = await bench(
      t,
      answering(seen, () => message({ ...OK, Foo: 'bar' }, '{}')),
    )
    const got: (string | undefined)[] = []
    await hello(
      {},
      {
        metadata: { 'x-user': 'ada', 'micro-topic': 'no', timeout: '1' },
        onHeaders: metadata => got.push(metadata.get('foo')),
        onTrailers: metadata => got.push(metadata.get('foo')),
      },
    )
    t.same(got, ['bar', 'bar'])
    t.same(plain(seen[0]).header, {
      'x-user': 'ada',
      ...types,
      ...names,
      'Micro-ID': '0',
      'Micro-Id': '0',
      Timeout: '5000000000',
    })
  },
)

t.test('content types: bytes as octet-stream, json-rpc, gRPC framing', async t => {
  const seen: Message[] = []
  const raw = defineService('a.Raw', {
    send: { kind: 'unary', request: both, response: both },
  })
  const { client } = await bench(
    t,
    answering(seen, (got, index) => {
      if (index === 0) return message({}, 'abc')
      if (index === 1) return message({}, '{"id":"1","result":{"msg":"x"},"error":null}')
      if (index === 2) return message({}, '{"id":"1","result":null,"error":"late"}')
      return message({}, got.body)
    }),
  )
  const { send } = client.bind(raw) as unknown as { send: (...args: unknown[]) => Promise<unknown> }
  const answer = await send(Buffer.from('xyz'), { contentType: 'application/octet-stream' })
  t.same(Buffer.from(answer as Uint8Array).toString(), 'abc')
  t.equal(Buffer.from(seen[0]!.body).toString(), 'xyz')
  t.same(await send({ n: 1 }, { contentType: 'application/json-rpc' }), { msg: 'x' })
  t.equal(
    Buffer.from(seen[1]!.body).toString(),
    '{"params":[{"n":1}],"id":"1","method":"Raw.Send"}\n',
  )
  await t.rejects(send({ n: 1 }, { contentType: 'application/json-rpc' }), { message: 'late' })
  t.same(await send({ n: 1 }, { contentType: 'application/grpc+json' }), { n: 1 })
  t.equal(Buffer.from(seen[3]!.body).toString('latin1'), '\0\0\0\0\x07{"n":1}')
  t.match(Object.fromEntries(seen[3]!.header), {
    ':method': 'POST',
    ':path': '/greeter.Raw/Send',
    ':authority': 'greeter',
    te: 'trailers',
  })
  await t.rejects(send({}, { contentType: 'text/html' }), /contentType text\/html is not known/)
})

t.test(
  'micro-wire §3.5: a bidi stream opens with an empty request, repeats the header, and ends at EOS',
  async t => {
    const seen: Message[] = []
    const { chat } = await bench(
      t,
      answering(seen, (got, index) => {
        if (index === 0) return undefined
        if (got.header.get('Micro-Error') === 'EOS') return undefined
        return index === 3
          ? message({ ...Object.fromEntries(got.header), 'Micro-Error': 'EOS' })
          : message({ ...OK, foo: 'bar' }, got.body)
      }),
    )
    let release = (): void => {}
    const held = new Promise<void>(resolve => {
      release = resolve
    })
    const stream = chat(
      (async function* () {
        yield { n: 1 }
        yield { n: 2 }
        yield { n: 3 }
        await held
      })(),
    )
    const got: unknown[] = []
    for await (const each of stream) got.push(each)
    release()
    t.same(got, [{ n: 1 }, { n: 2 }])
    t.equal((await stream.headers).get('foo'), 'bar')
    await stream.trailers
    const header = {
      ...types,
      'Micro-Service': 'greeter',
      'Micro-Endpoint': 'Greeter.Chat',
      'Micro-Method': 'Greeter.Chat',
      'Micro-ID': '0',
      'Micro-Id': '0',
      'Micro-Stream': '0',
    }
    t.same(seen.slice(0, 2).map(plain), [
      { header, body: '{}\n' },
      { header, body: '{"n":1}\n' },
    ])
  },
)

t.test(
  'micro-wire §3.5: our half-close is EOS with Connection: close, and the end of the socket is the end of the stream',
  async t => {
    const seen: Message[] = []
    const { chat } = await bench(t, async socket => {
      for (;;) {
        const got = (await socket.receive())!
        seen.push(got)
        if (got.header.get('Micro-Error') !== 'EOS') continue
        await socket.send(message(OK, '{"n":5}'))
        return
      }
    })
    const got: unknown[] = []
    for await (const each of chat([{ n: 1 }])) got.push(each)
    t.same(got, [{ n: 5 }])
    t.same(
      seen.map(each => [each.header.get('Micro-Error'), each.header.get('Connection')]),
      [
        [undefined, undefined],
        [undefined, undefined],
        ['EOS', 'close'],
      ],
    )
  },
)

t.test(
  'micro-wire §3.5: client-streaming sends EOS, keeps the socket, and reads the reply',
  async t => {
    const seen: Message[] = []
    let closed = false
    const { sum } = await bench(t, async socket => {
      for (;;) {
        const got = (await socket.receive())!
        seen.push(got)
        if (got.header.get('Micro-Error') === 'EOS') break
      }
      await socket.send(message(OK, '{"n":6}'))
      closed = (await socket.receive()) === undefined
    })
    t.same(await sum([{ n: 1 }, { n: 2 }, { n: 3 }]), { n: 6 })
    await settle()
    t.ok(closed)
    t.same(
      seen.map(each => Buffer.from(each.body).toString()),
      ['{}\n', '{"n":1}\n', '{"n":2}\n', '{"n":3}\n', ''],
    )
  },
)

t.test('client-streaming: an early error ends the call and the requests', async t => {
  const { sum } = await bench(t, async socket => {
    await socket.receive()
    await socket.send(message({ 'Micro-Error': '{"code":409,"detail":"no"}' }))
    await socket.receive()
  })
  let finished = false
  const requests = (async function* () {
    try {
      for (;;) {
        await settle()
        yield { n: 1 }
      }
    } finally {
      finished = true
    }
  })()
  await t.rejects(sum(requests), { code: 409 })
  for (let turn = 0; turn < 5; turn++) await settle()
  t.ok(finished, 'the requests were ended')
})

t.test('client-streaming: an exception of the requests cancels the call with it', async t => {
  const { sum } = await bench(t, async socket => {
    while ((await socket.receive()) !== undefined);
  })
  const broken = (async function* () {
    yield { n: 1 }
    throw new Error('broken')
  })()
  await t.rejects(sum(broken), { message: 'broken' })
  await t.rejects(sum(5 as never), { message: /requests must be an iterable/ })
})

t.test(
  'micro-wire §3.5: server-streaming sends the request after the opening, and no EOS',
  async t => {
    const seen: Message[] = []
    const { count } = await bench(t, async socket => {
      seen.push((await socket.receive())!, (await socket.receive())!)
      await socket.send(message(OK, '{"n":1}'))
      await socket.send(message({ 'Micro-Error': 'EOS', 'x-end': 'yes' }))
      const last = await socket.receive()
      if (last !== undefined) seen.push(last)
    })
    const stream = count({ n: 9 })
    t.same(await stream.next(), { done: false, value: { n: 1 } })
    t.same(await stream.next(), { done: true, value: undefined })
    t.same(await stream.next(), { done: true, value: undefined })
    t.equal((await stream.trailers).get('x-end'), 'yes')
    t.same(
      seen.map(each => Buffer.from(each.body).toString()),
      ['{}\n', '{"n":9}\n'],
    )
  },
)

t.test('micro-wire §3.5: leaving a stream early sends EOS, then closes the socket', async t => {
  const seen: Message[] = []
  let closed = false
  const { count } = await bench(t, async socket => {
    for (let n = 0; n < 2; n++) seen.push((await socket.receive())!)
    await socket.send(message(OK, '{"n":1}'))
    seen.push((await socket.receive())!)
    closed = (await socket.receive()) === undefined
  })
  for await (const _ of count({})) break
  for (let turn = 0; turn < 3; turn++) await settle()
  t.equal(seen[2]?.header.get('Micro-Error'), 'EOS')
  t.equal(seen[2]?.header.get('Connection'), undefined)
  t.ok(closed)
})

t.test(
  'micro-wire §3.5: the socket ends without EOS: 500 from go.micro.client.transport, not the end',
  async t => {
    const { count } = await bench(t, async socket => {
      await socket.receive()
    })
    const stream = count({})
    await t.rejects(stream.next(), { code: 500, id: 'go.micro.client.transport', detail: 'EOF' })
    await t.rejects(stream.next(), { code: 500, detail: 'EOF' }, 'each time: never the end')
    await t.rejects(stream.headers, { message: 'EOF' })
  },
)

t.test('a stream to nobody fails where it is read', async t => {
  const { chat } = await bench(t, () => {})
  await t.rejects(chat([{ n: 1 }], { address: 'nobody:1' }).next(), {
    code: 500,
    detail: /^connection error: could not dial/,
  })
})

t.test(
  'streams have no time limit unless one is given; then Timeout is sent and 408 is the end',
  async t => {
    const seen: Message[] = []
    const { count, runtime } = await bench(
      t,
      answering(seen, () => undefined),
    )
    const free = count({})
    await settle()
    t.equal(seen[0]!.header.get('Timeout'), undefined)
    const failed = count({}, { timeoutMs: 100 })
      .next()
      .catch(error => error)
    await settle()
    t.equal(seen[2]!.header.get('Timeout'), '100000000')
    runtime.advance(100)
    t.match(await failed, { code: 408, id: 'go.micro.client' })
    await free.return?.()
  },
)

t.test('a signal ends a stream with its reason', async t => {
  const { count } = await bench(
    t,
    answering([], () => undefined),
  )
  const controller = new AbortController()
  const failed = count({}, { signal: controller.signal })
    .next()
    .catch(error => error)
  await settle()
  controller.abort(new Error('enough'))
  t.match(await failed, { message: 'enough' })
  await t.rejects(count({}, { signal: controller.signal }).next(), { message: 'enough' })
})

t.test('stream by hand: send, receive, closeSend', async t => {
  const { client } = await bench(t, async socket => {
    await socket.receive()
    for (;;) {
      const got = (await socket.receive())!
      if (got.header.get('Micro-Error') === 'EOS') return
      await socket.send(message(OK, got.body))
    }
  })
  const stream = client.stream(greeter, 'chat')
  await stream.send({ n: 1 })
  t.same(await stream.receive(), { n: 1 })
  await stream.send({ n: 2 })
  t.same(await stream.receive(), { n: 2 })
  await stream.closeSend()
  t.equal(await stream.receive(), undefined)
  await t.rejects(stream.send({ n: 3 }), /send after closeSend/)
  t.throws(() => client.stream(greeter, 'nothing' as never), /no method nothing/)
})

t.test('micro-wire §3.5: server-streaming by hand: closeSend sends no EOS either', async t => {
  const seen: Message[] = []
  const { client } = await bench(
    t,
    answering(seen, (_, index) => (index === 1 ? message(OK, '{"n":1}') : undefined)),
  )
  const stream = client.stream(greeter, 'count')
  await stream.send({ n: 1 })
  await stream.closeSend()
  t.same(await stream.receive(), { n: 1 })
  t.same(
    seen.map(each => each.header.get('Micro-Error')),
    [undefined, undefined],
  )
  await stream.cancel()
})

t.test('publish: Micro-Topic, the body, and the answer', async t => {
  const seen: Message[] = []
  const { client } = await bench(
    t,
    answering(seen, (got, index) =>
      index === 2
        ? message({ 'Micro-Error': '{"code":400,"detail":"no"}' })
        : { header: got.header, body: Buffer.alloc(0) },
    ),
  )
  await client.publish('news', { n: 1 }, { metadata: { foo: 'bar' } })
  t.match(plain(seen[0]), {
    header: { 'Micro-Topic': 'news', 'Content-Type': 'application/json', foo: 'bar' },
    body: '{"n":1}',
  })
  await client.publish('news', Buffer.from('raw'))
  t.match(plain(seen[1]), { header: { 'Content-Type': 'application/octet-stream' }, body: 'raw' })
  await t.rejects(client.publish('news', {}), { code: 400 })
  await t.rejects(client.publish('', {}), /topic/)
})

t.test('micro-wire Fact 2: publish reads Micro-Error in any case', async t => {
  const spellings = ['micro-error', 'MICRO-ERROR', 'Micro-Error']
  const { client } = await bench(
    t,
    answering([], (_, index) => message({ [spellings[index]!]: '{"code":400,"detail":"no"}' })),
  )
  for (const spelling of spellings) {
    await t.rejects(client.publish('news', {}), { code: 400, detail: 'no' }, spelling)
  }
})

t.test('close: idle sockets close, streams fail, later calls are refused', async t => {
  const { client, count, hello } = await bench(
    t,
    answering([], (_, index) => (index === 0 ? message(OK, '{}') : undefined)),
  )
  await hello({})
  const failed = count({})
    .next()
    .catch(error => error)
  await settle()
  await client.close()
  t.match(await failed, { code: 499, detail: 'the client was closed' })
  t.equal(client.idleCount('greeter:1'), 0)
  await t.rejects(hello({}), /the client is closed/)
  t.throws(() => count({}), /the client is closed/)
})

t.test(
  'streams tell headers and trailers too; what those callbacks throw ends the call',
  async t => {
    const { count } = await bench(t, async socket => {
      await socket.receive()
      await socket.receive()
      await socket.send(message({ ...OK, foo: '1' }, '{"n":1}'))
      await socket.send(message({ ...OK, 'Micro-Error': 'EOS', foo: '2' }))
      await socket.receive()
    })
    const got: (string | undefined)[] = []
    const tell = {
      onHeaders: (each: Metadata) => got.push(each.get('foo')),
      onTrailers: (each: Metadata) => got.push(each.get('foo')),
    }
    for await (const _ of count({}, tell));
    await settle()
    t.same(got, ['1', '2'])
    const failing = count(
      {},
      {
        onHeaders: () => {
          throw new Error('mine')
        },
      },
    )
    await t.rejects(failing.next(), { message: 'mine' })
  },
)

for (const [version, id, ends] of [
  ['v4.9', 'Micro-Id', true],
  ['v4.10', 'Micro-ID', false],
] as const) {
  t.test(
    `micro-wire §3.5: a server of go-micro ${version} that says nothing after our end ${ends ? 'is at its own after endGraceMs' : 'is waited for'}`,
    async t => {
      const { chat, runtime } = await bench(
        t,
        async socket => {
          for (;;) {
            const got = await socket.receive()
            if (got === undefined) return
            if (got.header.has('Micro-Error') || got.body.length < 4) continue
            await socket.send(
              message({ 'Content-Type': 'application/json', [id]: '0' }, '{"n":1}\n'),
            )
          }
        },
        { endGraceMs: 300 },
      )
      const stream = chat([{ n: 1 }])
      t.same(await stream.next(), { done: false, value: { n: 1 } })
      let result: unknown
      const last = stream.next().then(each => {
        result = each
      })
      await settle()
      runtime.advance(299)
      await settle()
      t.equal(result, undefined)
      runtime.advance(1)
      await settle()
      t.same(result, ends ? { done: true, value: undefined } : undefined)
      await stream.return?.()
      await last
    },
  )
}
