import { createHook } from 'node:async_hooks'
import t, { type Test } from 'tap'
import { CallAcceptor, Metadata, Router } from '../../src/grpc/index.js'
import {
  bytesCodec,
  defineService,
  GrpcError,
  jsonCodec,
  MicroError,
  Status,
} from '../../src/index.js'
import {
  type ClientOptions,
  type Context,
  createClient,
  createServer,
  type Middleware,
  type ServerOptions,
} from '../../src/micro/index.js'
import {
  type CallSession,
  type CallTransport,
  grpcTransport,
  type Runtime,
  serve,
} from '../../src/transport/index.js'
import { FakeRuntime } from './fake-runtime.js'

interface Ask {
  what?: string
  n?: number
}

const json = { request: jsonCodec<Ask>(), response: jsonCodec<unknown>() }
const service = defineService('a.v1.Things', {
  one: { kind: 'unary', ...json },
  later: { kind: 'unary', ...json },
  many: { kind: 'server', ...json },
  fill: { kind: 'client', ...json },
  chat: { kind: 'bidi', ...json },
})

interface Seen {
  events: string[]
  contexts: Context[]
  produced: number
  consumed: number
  start: () => void
}

async function bench(
  t: Test,
  serverOptions: Partial<ServerOptions> = {},
  clientOptions: Partial<ClientOptions> = {},
  middleware?: Middleware,
) {
  let start = (): void => {}
  const started = new Promise<void>(resolve => {
    start = resolve
  })
  const seen: Seen = { events: [], contexts: [], produced: 0, consumed: 0, start }
  const server = createServer({ name: 'things', ...serverOptions })
  if (middleware !== undefined) server.use(middleware)
  server.handle(service, {
    one({ what }, context) {
      seen.contexts.push(context)
      if (what === 'metadata') return [...context.metadata]
      if (what === 'micro') throw MicroError.notFound('no such thing')
      if (what === 'grpc') throw new GrpcError(Status.DataLoss, 'lost')
      if (what === 'bug') throw new Error('secret')
      if (what === 'bigint') return 1n
      context.trailers.set('x-tail', '2')
      if (what === 'trailers') throw MicroError.conflict('trailers only')
      context.headers.set('x-head', '1')
      if (what === 'both') throw MicroError.conflict('headers and trailers')
      return { what }
    },
    async later({ what }, { signal }) {
      if (what !== 'wait') return { what }
      seen.events.push('waiting')
      await new Promise<void>(resolve => signal.addEventListener('abort', () => resolve()))
      seen.events.push((signal.reason as Error).message)
      return {}
    },
    async *many({ what, n }, context) {
      seen.contexts.push(context)
      try {
        if (what === 'early') {
          context.headers.set('x-head', '1')
          throw MicroError.conflict('before the first')
        }
        if (what === 'late') {
          yield {}
          context.headers.set('x-head', '1')
          throw MicroError.conflict('after the first')
        }
        for (let index = 0; index < (n ?? 3); index++) {
          seen.produced++
          yield what === 'big' ? { data: 'x'.repeat(16_000) } : { index }
          if (what === 'fail' && index === 1) throw MicroError.conflict('after two')
          if (what === 'bug' && index === 1) throw new Error('secret')
        }
      } finally {
        seen.events.push('many ended')
      }
    },
    async fill(requests) {
      await started
      for await (const _ of requests) seen.consumed++
      return { consumed: seen.consumed }
    },
    async *chat(requests) {
      try {
        for await (const request of requests) {
          if (request.what === 'stop') return
          yield request
        }
      } catch (error) {
        seen.events.push((error as GrpcError).code)
        throw error
      }
    },
  })
  await server.start()
  const client = createClient({ address: server.address, ...clientOptions })
  t.teardown(async () => {
    start()
    await client.close()
    await server.stop({ graceMs: 100 })
  })
  return { server, client, seen, ...client.bind(service) }
}

async function until(condition: () => boolean): Promise<void> {
  for (let turn = 0; turn < 1_000 && !condition(); turn++) {
    await new Promise(resolve => setImmediate(resolve))
  }
}

t.test('one service answers under its own name, the server name and its short name', async t => {
  const { server } = await bench(t)
  for (const name of ['a.v1.Things', 'things.Things', 'Things']) {
    const alias = defineService(name, { one: { kind: 'unary', ...json } })
    const client = createClient({ address: server.address })
    t.same(await client.bind(alias).one({ what: name }), { what: name })
    await client.close()
  }
  const other = defineService('other.Things', { one: { kind: 'unary', ...json } })
  const client = createClient({ address: server.address })
  await t.rejects(client.bind(other).one({}), { code: 'UNIMPLEMENTED' })
  await client.close()
})

t.test('matchShortName: whatever the package, the last part of the service decides', async t => {
  const { server } = await bench(t, { matchShortName: true })
  const client = createClient({ address: server.address })
  t.teardown(() => client.close())
  const one = { one: { kind: 'unary' as const, ...json } }
  t.same(await client.bind(defineService('what.so.ever.Things', one)).one({ what: 'x' }), {
    what: 'x',
  })
  await t.rejects(client.bind(defineService('a.Nothing', one)).one({}), { code: 'UNIMPLEMENTED' })
})

t.test('response metadata and trailers reach the caller', async t => {
  const { one } = await bench(t)
  const got: (string | undefined)[] = []
  await one(
    {},
    {
      onHeaders: each => got.push(each.get('x-head')),
      onTrailers: each => got.push(each.get('x-tail')),
    },
  )
  t.same(got, ['1', '2'])
  const error = (await one({ what: 'trailers' }).catch(each => each)) as MicroError
  t.equal(error.code, 409)
  t.equal((error.cause as GrpcError).metadata.get('x-tail'), '2')
})

t.test(
  'T1: headers set before an error reach the caller; without any it is Trailers-Only',
  async t => {
    const errors: unknown[] = []
    const { one, many } = await bench(t, { onError: error => errors.push(error) })
    const heads: (string | undefined)[] = []
    const onHeaders = (each: Metadata) => void heads.push(each.get('x-head'))
    const error = (await one({ what: 'both' }, { onHeaders }).catch(each => each)) as MicroError
    t.equal(error.code, 409)
    t.equal((error.cause as GrpcError).metadata.get('x-tail'), '2')
    t.same(heads, ['1'])
    await t.rejects(one({ what: 'trailers' }, { onHeaders }), { code: 409 })
    t.same(heads, ['1'], 'no headers came')
    const stream = many({ what: 'early' })
    await t.rejects(stream.next(), { code: 409 })
    t.equal((await stream.headers).get('x-head'), '1')
    const late = many({ what: 'late' })
    t.same(await late.next(), { done: false, value: {} })
    await t.rejects(late.next(), { code: 409 }, 'the error survives headers that come too late')
    t.match(errors, [{ message: 'headers were sent already' }])
  },
)

t.test('micro-wire §4.2: timeout and x-content-type are hidden from handlers', async t => {
  const { one } = await bench(t)
  const metadata = (await one(
    { what: 'metadata' },
    { metadata: { foo: 'bar' }, timeoutMs: 5_000 },
  )) as string[][]
  t.same(
    metadata.filter(([name]) => name !== 'user-agent'),
    [['foo', 'bar']],
  )
})

t.test('micro-wire §4.2: the shorter of timeout and grpc-timeout is the deadline', async t => {
  const { one, seen } = await bench(t)
  for (const [timeout, timeoutMs, expectedMs] of [
    ['20000000000', 60_000, 20_000],
    ['60000000000', 20_000, 20_000],
    ['20000000000', undefined, 20_000],
    ['0', 20_000, 20_000],
    ['20s', 20_000, 20_000],
    ['20s', undefined, Number.POSITIVE_INFINITY],
  ] as const) {
    const given = timeoutMs === undefined ? {} : { timeoutMs }
    const before = performance.now()
    await one({}, { metadata: { timeout }, ...given })
    const { deadline } = seen.contexts.pop()!
    // What is left when the request arrives is never more than was given, give or take a tick.
    const name = `${timeout} and ${timeoutMs}: ${deadline - before} ms`
    if (expectedMs === Number.POSITIVE_INFINITY) t.equal(deadline, expectedMs, name)
    else t.ok(Math.abs(deadline - before - expectedMs) < 5_000, name)
  }
})

t.test('micro-wire §4.2: x-content-type is sent', async t => {
  const router = new Router()
  let seen: (string | undefined)[] = []
  router.add({
    method: service.methods[0]!,
    start(call) {
      seen = [call.metadata.get('x-content-type'), call.metadata.get('user-agent')]
      call.respond({})
      call.settle()
      return undefined
    },
  })
  const server = await serve({
    address: '127.0.0.1:0',
    handler: () => new CallAcceptor(router, {}),
  })
  const client = createClient({
    address: server.address,
    contentType: 'application/json',
    userAgent: 'shop/1',
  })
  await client.bind(service).one({})
  t.same(seen, ['application/json', 'shop/1 grpc-node-microwire/0.1.0'])
  await client.close()
  await server.stop()
})

t.test('compression.md: requests leave compressed as the client, or the call, says', async t => {
  const encodings: (string | undefined)[] = []
  const router = new Router()
  for (const method of service.methods) {
    router.add({
      method,
      start(call) {
        call.respond({})
        call.settle()
        return undefined
      },
    })
  }
  const raw = await serve({
    address: '127.0.0.1:0',
    handler: () => {
      const acceptor = new CallAcceptor(router, {})
      return {
        onStream(stream, headers, endStream) {
          const { list } = headers
          const index = list.indexOf('grpc-encoding')
          encodings.push(index < 0 ? undefined : list[index + 1])
          return acceptor.onStream(stream, headers, endStream)
        },
        onReceived: () => acceptor.onReceived(),
      }
    },
  })
  const client = createClient({ address: raw.address, compression: 'gzip' })
  const { one, many } = client.bind(service)
  await one({})
  await one({}, { compression: 'deflate' })
  await one({}, { compression: 'identity' })
  for await (const _ of many({}, { compression: 'deflate' }));
  const plain = createClient({ address: raw.address })
  await plain.bind(service).one({})
  t.same(encodings, ['gzip', 'deflate', undefined, 'deflate', undefined])
  const unknown = 'br' as 'gzip'
  await t.rejects(one({}, { compression: unknown }), /compression is "br"; expected one of gzip/)
  await Promise.all([client.close(), plain.close(), raw.stop()])
})

t.test('micro-wire §4.4: a MicroError crosses with status, JSON message and details', async t => {
  const { one } = await bench(t)
  const error = (await one({ what: 'micro' }).catch(each => each)) as MicroError
  t.ok(error instanceof MicroError)
  t.match(error, { id: 'things', code: 404, detail: 'no such thing', status: 'Not Found' })
  const cause = error.cause as GrpcError
  t.equal(cause.status, Status.NotFound)
  t.equal(cause.message, error.encode())
  t.ok(cause.metadata.getBinary('grpc-status-details-bin'))
})

t.test('a GrpcError stays one; any other exception is UNKNOWN without its text', async t => {
  const errors: unknown[] = []
  const { one, many } = await bench(t, { onError: error => errors.push(error) })
  await t.rejects(one({ what: 'grpc' }), { name: 'GrpcError', code: 'DATA_LOSS', message: 'lost' })
  await t.rejects(one({ what: 'bug' }), { code: 'UNKNOWN', message: 'the handler failed' })
  await t.rejects(one({ what: 'bigint' }), { code: 'INTERNAL' })
  const stream = many({ what: 'bug' })
  await stream.next()
  await stream.next()
  await t.rejects(stream.next(), { code: 'UNKNOWN', message: 'the handler failed' })
  t.equal(errors.length, 3)
  t.same(await one({ what: 'x' }), { what: 'x' }, 'nobody else is harmed')
})

t.test('a stream that fails gives its messages first, then the error, each time', async t => {
  const { many } = await bench(t)
  const stream = many({ what: 'fail' })
  t.same(await stream.next(), { done: false, value: { index: 0 } })
  t.same(await stream.next(), { done: false, value: { index: 1 } })
  await t.rejects(stream.next(), { code: 409, detail: 'after two' })
  await t.rejects(stream.next(), { code: 409 }, 'never the end')
  await t.rejects(stream.trailers, { code: 409 })
})

t.test('a sync handler costs no promise on the server, a unary call one on the client', async t => {
  const { one, later } = await bench(t)
  const count = 200
  const promises = async (call: (ask: Ask) => Promise<unknown>): Promise<number> => {
    await call({})
    let made = 0
    const hook = createHook({
      init(_id, type) {
        if (type === 'PROMISE') made++
      },
    })
    const calls: Promise<unknown>[] = []
    hook.enable()
    for (let index = 0; index < count; index++) calls.push(call({}))
    let done = 0
    for (const each of calls) each.then(() => done++)
    await until(() => done === count)
    hook.disable()
    return made / count
  }
  // One is ours, one is the `then` above; the rest is `until`.
  t.ok((await promises(one)) < 2.5, 'sync handler')
  t.ok((await promises(later)) < 6.5, 'async handler: at most four more')
})

t.test('the signal is aborted when the client cancels, and when the deadline passes', async t => {
  const { later, seen } = await bench(t)
  const controller = new AbortController()
  const failed = later({ what: 'wait' }, { signal: controller.signal }).catch(error => error)
  await until(() => seen.events.length === 1)
  controller.abort(new Error('enough'))
  t.match(await failed, { message: 'enough' }, 'the caller gets the reason')
  await until(() => seen.events.length === 2)
  t.match(seen.events[1], /cancelled/)
  await t.rejects(later({ what: 'wait' }, { timeoutMs: 20 }), { code: 'DEADLINE_EXCEEDED' })
  await until(() => seen.events.length === 4)
  t.equal(seen.events.length, 4)
  await t.rejects(later({}, { signal: controller.signal }), { message: 'enough' }, 'aborted before')
})

t.test('one listener serves all calls of a signal, and none is left', async t => {
  const { later, many } = await bench(t)
  const controller = new AbortController()
  const { signal } = controller
  let listeners = 0
  const add = signal.addEventListener.bind(signal)
  const remove = signal.removeEventListener.bind(signal)
  signal.addEventListener = (...args: Parameters<typeof add>): void => {
    listeners++
    add(...args)
  }
  signal.removeEventListener = (...args: Parameters<typeof remove>): void => {
    listeners--
    remove(...args)
  }
  const calls = [later({}, { signal }), later({}, { signal })]
  const stream = many({}, { signal })
  t.equal(listeners, 1)
  await Promise.all(calls)
  for await (const _ of stream);
  t.equal(listeners, 0)
})

t.test('leaving a stream early ends the handler', async t => {
  const { many, seen } = await bench(t)
  for await (const _ of many({ n: 1e9 })) break
  await until(() => seen.events.includes('many ended'))
  t.ok(seen.contexts[0]!.signal.aborted, 'a signal that is looked at late knows')
  t.same(seen.events, ['many ended'])
})

t.test('a slow reader stops a fast handler', async t => {
  const { many, seen } = await bench(t)
  const stream = many({ what: 'big', n: 10_000 })
  await stream.next()
  await until(() => false)
  const before = seen.produced
  t.ok(before < 2_000, `${before} messages of 16 KB without a reader`)
  for (let index = 0; index < 500; index++) await stream.next()
  await until(() => seen.produced > before)
  t.ok(seen.produced > before, 'reading lets it go on')
  await stream.return?.()
})

t.test('a handler that does not read stops a fast client', async t => {
  const { fill, seen } = await bench(t)
  let sent = 0
  const filled = fill(
    (async function* () {
      for (; sent < 3_000; sent++) yield { what: 'x'.repeat(16_000) }
    })(),
  )
  await until(() => false)
  t.ok(sent < 2_000, `${sent} messages of 16 KB without a reader`)
  seen.start()
  t.same(await filled, { consumed: 3_000 })
})

t.test(
  'bidi: requests that fail cancel the call with the exception, the handler hears of it',
  async t => {
    const { chat, seen } = await bench(t)
    const stream = chat(
      (async function* () {
        yield { n: 1 }
        await until(() => false)
        throw new Error('broken')
      })(),
    )
    t.same(await stream.next(), { done: false, value: { n: 1 } })
    await t.rejects(stream.next(), { message: 'broken' })
    await until(() => seen.events.length > 0)
    t.same(seen.events, ['CANCELLED'])
  },
)

t.test('bidi: a server that is done first ends the requests', async t => {
  const { chat } = await bench(t)
  let finished = false
  const requests = (async function* () {
    try {
      yield { n: 1 }
      yield { what: 'stop' }
      for (;;) {
        await until(() => false)
        yield { n: 2 }
      }
    } finally {
      finished = true
    }
  })()
  const got: unknown[] = []
  for await (const each of chat(requests)) got.push(each)
  t.same(got, [{ n: 1 }])
  await until(() => finished)
  t.ok(finished)
})

t.test('stream by hand: send, receive, closeSend; several reads may wait', async t => {
  const { client } = await bench(t)
  const stream = client.stream(service, 'chat')
  const reads = [stream.receive(), stream.receive(), stream.receive()]
  await stream.send({ n: 1 })
  await stream.send({ n: 2 })
  await stream.closeSend()
  t.same(await Promise.all(reads), [{ n: 1 }, { n: 2 }, undefined])
  await t.rejects(stream.send({}), /send after closeSend/)
  t.ok((await stream.headers) instanceof Metadata)
  t.ok((await stream.trailers) instanceof Metadata)
  const cancelled = client.stream(service, 'chat')
  cancelled.cancel()
  await t.rejects(cancelled.receive(), { code: 'CANCELLED' })
  await cancelled.send({})
  await cancelled[Symbol.asyncDispose]()
})

t.test('client middleware sees each call, adds metadata, and changes what comes back', async t => {
  const { server } = await bench(t)
  const client = createClient({ address: server.address })
  t.teardown(() => client.close())
  const calls: string[] = []
  client.use((call, next) => {
    calls.push(`${call.side} ${call.service} ${call.method} ${call.kind}`)
    call.metadata.set('x-token', 't')
    return next(call.request)
  })
  const { one, many } = client.bind(service)
  const metadata = (await one({ what: 'metadata' }, { metadata: { foo: 'bar' } })) as string[][]
  t.same(
    metadata.filter(([name]) => name !== 'user-agent'),
    [
      ['foo', 'bar'],
      ['x-token', 't'],
    ],
  )
  for await (const _ of many({}));
  t.same(calls, ['client a.v1.Things one unary', 'client a.v1.Things many server'])
  t.throws(() => client.use(5 as never), /middleware must be a function/)
})

t.test('server middleware wraps streams as well', async t => {
  const { many } = await bench(t, {}, {}, async function* (call, next) {
    for await (const each of next(call.request) as AsyncIterable<{ index: number }>) {
      yield {
        index: each.index + (call.context?.door === 'grpc' ? 10 : 0),
        method: call.method,
        aborted: call.signal?.aborted,
      }
    }
  })
  const got: unknown[] = []
  for await (const each of many({ n: 1 })) got.push(each)
  t.same(got, [{ index: 10, method: 'many', aborted: false }])
})

t.test('context tells door, service, method, peer and deadline', async t => {
  const { one, seen } = await bench(t)
  await one({}, { timeoutMs: 60_000 })
  await one({})
  const [limited, free] = seen.contexts
  t.match(limited, {
    door: 'grpc',
    service: 'a.v1.Things',
    method: 'one',
    peer: /^127\.0\.0\.1:\d+$/,
  })
  const remainingMs = limited!.deadline - performance.now()
  t.ok(remainingMs > 50_000 && remainingMs <= 60_100, `${remainingMs} ms`)
  t.equal(free!.deadline, Number.POSITIVE_INFINITY)
})

t.test('content types: one without a codec is refused', async t => {
  const { one, many } = await bench(t)
  await t.rejects(one({}, { contentType: 'application/protobuf' }), /no codec for subtype "proto"/)
  await t.rejects(
    many({}, { contentType: 'application/protobuf' }).next(),
    /no codec for subtype "proto"/,
  )
  await t.rejects(
    one({}, { contentType: 'text/html' }),
    /contentType text\/html has no gRPC subtype/,
  )
  const binary = defineService('a.v1.Raw', {
    send: { kind: 'unary', request: bytesCodec(), response: bytesCodec() },
  })
  const server = createServer({ name: 'raw' })
  server.handle(binary, { send: request => Buffer.concat([request, request]) })
  await server.start()
  const client = createClient({ address: server.address })
  t.same(await client.bind(binary).send(Buffer.from('a')), Buffer.from('aa'))
  const asJson = defineService('a.v1.Raw', { send: { kind: 'unary', ...json } })
  await t.rejects(client.bind(asJson).send({}), { code: 'UNIMPLEMENTED' })
  await client.close()
  await server.stop()
})

t.test('a lost mucp connection aborts the handler', async t => {
  const transport = grpcTransport()
  const { later, many, seen } = await bench(t, {}, { transport, protocol: 'mucp', retries: 0 })
  const failed = later({ what: 'wait' }).catch(error => error)
  const stream = many({ what: 'big', n: 1e9 })
  await stream.next()
  await until(() => seen.events.length === 1)
  await transport.close()
  t.match(await failed, { code: 500, id: 'go.micro.client.transport' })
  await until(() => seen.events.length === 3)
  t.same(seen.events.sort(), ['many ended', 'the caller is gone', 'waiting'])
})

t.test('close: calls under way fail, later ones are refused', async t => {
  const { client, later, many, seen } = await bench(t)
  const failed = later({ what: 'wait' }).catch(error => error)
  await until(() => seen.events.length === 1)
  await client.close()
  await client.close()
  t.match(await failed, { name: 'GrpcError' })
  await t.rejects(later({}), /the client is closed/)
  t.throws(() => many({}), /the client is closed/)
})

/** A transport whose calls end as told, without a network. */
function failing(statuses: (GrpcError | undefined)[], runtime: FakeRuntime): CallTransport {
  const real = grpcTransport()
  const base = real.session('127.0.0.1:1')
  const session = {
    address: '127.0.0.1:1',
    authority: 'a',
    scheme: 'http',
    connected: true,
    timers: base.timers,
    now: () => runtime.now(),
    start(call: { cancel(error?: GrpcError): void }) {
      const error = statuses.shift()
      if (error !== undefined) queueMicrotask(() => call.cancel(error))
    },
  } as unknown as CallSession
  return {
    name: 'failing',
    dial: real.dial,
    listen: real.listen,
    session: () => session,
    close: () => real.close(),
  } as unknown as CallTransport
}

const unseen = (): GrpcError => new GrpcError(Status.Unavailable, 'goaway', { unprocessed: true })
const down = (): GrpcError => new GrpcError(Status.Unavailable, 'down')

t.test('a call that no server looked at is sent once more, at once', async t => {
  const runtime = new FakeRuntime()
  const left = [unseen(), new GrpcError(Status.NotFound, 'second')]
  const client = createClient({
    address: 'a:1',
    transport: failing(left, runtime),
    runtime: runtime as unknown as Runtime,
  })
  const { one, many } = client.bind(service)
  await t.rejects(one({}), { message: 'second' })
  left.push(unseen(), unseen())
  await t.rejects(one({}), { message: 'goaway' }, 'not twice')
  left.push(unseen(), new GrpcError(Status.NotFound, 'second'))
  await t.rejects(many({}).next(), { message: 'second' })
  left.push(unseen(), new GrpcError(Status.NotFound, 'second'))
  const stream = client.stream(service, 'chat')
  await stream.closeSend()
  await t.rejects(stream.receive(), { message: 'second' })
  left.push(unseen())
  const written = client.stream(service, 'chat')
  await written.send({ n: 1 })
  await t.rejects(written.receive(), { message: 'goaway' }, 'not when messages were written')
})

t.test('unprocessed is no reason to go on where the reason lies with us', async t => {
  const runtime = new FakeRuntime()
  const full = (): GrpcError =>
    new GrpcError(Status.ResourceExhausted, 'full', { unprocessed: true })
  const left: GrpcError[] = []
  const { one, many } = createClient({
    address: 'a:1',
    transport: failing(left, runtime),
    runtime: runtime as unknown as Runtime,
    retries: 1,
  }).bind(service)
  for (const call of [() => one({}), () => many({}).next()]) {
    left.push(full(), new GrpcError(Status.NotFound, 'second'))
    await t.rejects(call(), { message: 'full' })
    t.equal(left.length, 1, 'one attempt')
    left.shift()
  }
})

t.test(
  'retries: UNAVAILABLE is repeated with back-off when asked for, other errors are not',
  async t => {
    const runtime = new FakeRuntime()
    const left = [down(), down(), new GrpcError(Status.NotFound, 'third')]
    const options = {
      address: 'a:1',
      transport: failing(left, runtime),
      runtime: runtime as unknown as Runtime,
    }
    const { one } = createClient({ ...options, retries: 3 }).bind(service)
    const failed = one({}).catch(error => error)
    await until(() => runtime.timerCount === 1)
    runtime.advance(99)
    t.equal(left.length, 2)
    runtime.advance(1)
    await until(() => runtime.timerCount === 1)
    runtime.advance(600)
    t.match(await failed, { message: 'third' })
    left.push(down())
    await t.rejects(createClient(options).bind(service).one({}), { message: 'down' })
    left.push(down(), down())
    await t.rejects(one({}, { timeoutMs: 50 }), { message: 'down' }, 'not beyond the deadline')
    left.shift()
    left.push(down())
    const controller = new AbortController()
    const aborted = one({}, { signal: controller.signal }).catch(error => error)
    await until(() => runtime.timerCount === 1)
    controller.abort(new Error('enough'))
    t.match(await aborted, { message: 'enough' })
    t.equal(runtime.timerCount, 0)
  },
)

t.test('what onHeaders and onTrailers throw ends the call, and only that one', async t => {
  const { one, many } = await bench(t)
  const fail = (): never => {
    throw new Error('mine')
  }
  await t.rejects(one({}, { onHeaders: fail }), { message: 'mine' })
  await t.rejects(one({}, { onTrailers: fail }), { message: 'mine' })
  await t.rejects(many({}, { onHeaders: fail }).next(), { message: 'mine' })
  const stream = many({ n: 1 }, { onTrailers: fail })
  await stream.next()
  await t.rejects(stream.next(), { message: 'mine' })
  t.same(await one({ what: 'x' }), { what: 'x' })
})
