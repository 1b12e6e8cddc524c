import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { ERROR_DEPTH_MAX, ERROR_TEXT_SIZE_MAX } from '../../src/micro/errors/micro-error.js'
import {
  createClient,
  createServer,
  defineService,
  type Handlers,
  jsonCodec,
  MicroError,
} from '../../src/micro/index.js'
import { type Message, memoryTransport, type Socket } from '../../src/transport/index.js'

const json = { request: jsonCodec<unknown>(), response: jsonCodec<unknown>() }
const things = defineService('t.Things', {
  one: { kind: 'unary', ...json },
  down: { kind: 'server', ...json },
  up: { kind: 'client', ...json },
  both: { kind: 'bidi', ...json },
})

function nested(depth: number): string {
  return `{"x":${'['.repeat(depth)}${']'.repeat(depth)}}`
}

const circle: Record<string, unknown> = {}
circle['self'] = circle
let deep: unknown = 1
for (let level = 0; level < 50_000; level++) deep = [deep]

/** What handlers and middleware throw: by mistake, by a library, or since a peer said so. */
const THROWN: Readonly<Record<string, () => unknown>> = {
  'a BigInt in extra': () => new MicroError(400, 'x', { extra: { id: 5n } }),
  'a circle in extra': () => new MicroError(400, 'x', { extra: circle }),
  'extra that nests without end': () => new MicroError(400, 'x', { extra: { deep } }),
  'a getter that throws': () =>
    new MicroError(400, 'x', {
      extra: {
        get id(): string {
          throw new TypeError('mine')
        },
      },
    }),
  'a toJSON that throws': () =>
    new MicroError(400, 'x', {
      extra: {
        toJSON() {
          throw new TypeError('mine')
        },
      },
    }),
  'extra of 10 MB': () => new MicroError(400, 'x', { extra: { text: 'y'.repeat(1e7) } }),
  'a detail of 10 MB': () => new MicroError(400, '<'.repeat(1e7)),
  'an id of 10 MB': () => new MicroError(400, 'x', { id: 'y'.repeat(1e7) }),
  'a detail that is no text': () => new MicroError(400, 5n as unknown as string),
  'what a peer said': () => MicroError.parse(nested(5_000)),
  'no error, no text': () => Object.create(null),
  'a message that throws': () =>
    Object.defineProperty(new Error('x'), 'message', {
      get() {
        throw new TypeError('mine')
      },
    }),
  nothing: () => undefined,
  'a symbol': () => Symbol('x'),
}

t.test('encode never throws, and its text is bounded', t => {
  for (const [name, make] of Object.entries(THROWN)) {
    const error = make()
    if (!(error instanceof MicroError)) continue
    const text = error.encode()
    t.ok(text.length <= ERROR_TEXT_SIZE_MAX, `${name}: ${text.length}`)
    t.match(JSON.parse(text), { code: error.code === 0 ? undefined : 400 }, name)
  }
  t.end()
})

t.test("extra takes the place of no field that is the protocol's own", t => {
  const extra = { code: undefined, detail: 5, id: {}, status: null, more: 1 }
  const error = new MicroError(404, 'gone', { id: 'a', extra })
  t.same(JSON.parse(error.encode()), {
    id: 'a',
    code: 404,
    detail: 'gone',
    status: 'Not Found',
    more: 1,
  })
  t.equal(JSON.parse(new MicroError(0, '', { extra: { code: 7 } }).encode()).code, undefined)
  t.end()
})

t.test('the depth and the size of an error that is read are bounded', t => {
  const fits = nested(ERROR_DEPTH_MAX - 1)
  t.same(JSON.parse(MicroError.parse(fits).encode()), JSON.parse(fits))
  for (const text of [nested(ERROR_DEPTH_MAX), nested(5_000)]) {
    t.same(MicroError.parse(text).extra, {}, `${text.length}`)
    t.equal(MicroError.parse(text).detail, text, 'the text is the detail')
  }
  const brackets = JSON.stringify({ detail: '\\"[{'.repeat(1_000) })
  t.equal(MicroError.parse(brackets).detail, '\\"[{'.repeat(1_000), 'brackets in a string')
  const large = `{"detail":"${'x'.repeat(ERROR_TEXT_SIZE_MAX)}"}`
  t.equal(MicroError.parse(large).code, 0)
  t.equal(MicroError.parse(large).detail.length, ERROR_TEXT_SIZE_MAX)
  t.end()
})

function handlersThatThrow(
  make: () => unknown,
): Handlers<typeof things extends never ? never : never> {
  return {
    one: async () => {
      throw make()
    },
    // biome-ignore lint/correctness/useYield: it fails before
    async *down() {
      throw make()
    },
    up: () => {
      throw make()
    },
    // biome-ignore lint/correctness/useYield: it fails before
    async *both() {
      throw make()
    },
  } as never
}

for (const protocol of ['grpc', 'mucp'] as const) {
  for (const exposeErrors of [false, true]) {
    t.test(
      `${protocol}, exposeErrors ${exposeErrors}: whatever a handler throws, its caller hears, and the process lives`,
      async t => {
        let make: () => unknown = () => undefined
        await using server = createServer({ name: 'things', address: '127.0.0.1:0', exposeErrors })
        server.handle(
          things,
          handlersThatThrow(() => make()),
        )
        await server.start()
        await using client = createClient({ address: server.address, protocol, timeoutMs: 5_000 })
        const { one, down, up, both } = client.bind(things)
        for (const [name, thrown] of Object.entries(THROWN)) {
          make = thrown
          const calls = {
            one: () => one({}),
            down: () => down({}, { timeoutMs: 5_000 }).next(),
            up: () => up([{}], { timeoutMs: 5_000 }),
            both: () => both([{}], { timeoutMs: 5_000 }).next(),
          }
          for (const [kind, call] of Object.entries(calls)) {
            const error = await call().then(
              () => 'success',
              reason => reason,
            )
            const isTold = error instanceof Error && !/deadline/i.test(error.message)
            t.ok(isTold, `${name}, ${kind}: ${error?.message ?? error}`)
          }
        }
      },
    )
  }
}

function message(fields: Record<string, string>, body = ''): Message {
  const header = { 'Content-Type': 'application/json', 'Micro-Id': '1', 'Micro-Stream': '1' }
  return { header: new Map(Object.entries({ ...header, ...fields })), body: Buffer.from(body) }
}

t.test('a Micro-Error of 5,000 levels reaches the handler as text, and goes back', async t => {
  const transport = memoryTransport()
  await using server = createServer({ name: 'things', address: 'things:1', transport })
  server.handle(things, {
    ...(handlersThatThrow(() => undefined) as object),
    async *both(requests: AsyncIterable<unknown>) {
      for await (const each of requests) yield each
    },
  } as never)
  await server.start()
  await using socket = await transport.dial('things:1')
  await socket.send(message({ 'Micro-Endpoint': 'Things.Both' }))
  await socket.send(message({ 'Micro-Endpoint': 'Things.Both', 'Micro-Error': nested(5_000) }))
  const answer = await socket.receive()
  t.match(answer?.header.get('Micro-Error'), /"id":"things"/)
})

/** A socket that breaks its word in every way it can. */
class BrokenSocket implements Socket {
  readonly local: string = 'a'
  readonly remote: string = 'b'
  readonly over: Promise<never> = Promise.reject(new Error('over'))
  readonly #incoming: Message[]

  constructor(incoming: readonly Message[]) {
    this.over.catch(() => undefined)
    this.#incoming = [...incoming]
  }

  async send(): Promise<void> {
    throw new RangeError('send')
  }

  async receive(): Promise<Message | undefined> {
    const next = this.#incoming.shift()
    if (next === undefined) throw new Error('receive')
    return next
  }

  async close(): Promise<void> {
    throw new Error('close')
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

t.test('sockets that fail in everything end no process, at a client or a server', async t => {
  const strays: unknown[] = []
  const onStray = (error: unknown): unknown => strays.push(error)
  process.on('unhandledRejection', onStray)
  t.teardown(() => process.off('unhandledRejection', onStray))
  const requests = [
    message({ 'Micro-Endpoint': 'Things.One' }, '{}'),
    message({ 'Micro-Endpoint': 'Things.Both', 'Micro-Stream': '2' }, '{}'),
    message({ 'Micro-Endpoint': 'Nobody.Nothing', 'Micro-Stream': '3' }),
    message({ 'Content-Type': 'text/html', 'Micro-Stream': '4' }),
    message({ 'Micro-Topic': 'news' }, 'no json'),
  ]
  let accept: (socket: Socket) => void | Promise<void> = () => undefined
  const transport = {
    name: 'broken',
    dial: async () =>
      new BrokenSocket([message({}, '{}'), message({ 'Micro-Error': '{"code":400}' })]),
    listen: async () => ({
      address: 'broken:1',
      accept: (handler: typeof accept) => {
        accept = handler
      },
      close: async () => undefined,
      async [Symbol.asyncDispose]() {},
    }),
  }
  await using server = createServer({ name: 'things', address: 'broken:1', transport })
  server.handle(
    things,
    handlersThatThrow(() => new MicroError(400, 'x', { extra: circle })),
  )
  server.subscribe('news', () => undefined)
  await server.start()
  await accept(new BrokenSocket(requests))
  await using client = createClient({ address: 'broken:1', transport, pool: { sizeMax: 0 } })
  const { one, down, up, both } = client.bind(things)
  await one({}).catch(() => undefined)
  await up([{}]).catch(() => undefined)
  await client.publish('news', {}).catch(() => undefined)
  for (const stream of [down({}), both([{}])]) {
    await stream.next().catch(() => undefined)
    await stream.return?.()
  }
  const failing = () => {
    throw new Error('mine')
  }
  await one({}, { onHeaders: failing, onTrailers: failing }).catch(() => undefined)
  await down({}, { onHeaders: failing, onTrailers: failing })
    .next()
    .catch(() => undefined)
  await new Promise(resolve => setTimeout(resolve, 50))
  t.same(strays, [])
})

/** Promises that nobody waits for, each in a function that says that it never rejects, or catches by itself. */
const UNWATCHED: Readonly<Record<string, readonly string[]>> = {
  'broker/engine-broker': ['this.#link.begin()', 'subscription.attach(session)'],
  'broker/engine-link': ['this.#user.onSession(session)', 'ended.then('],
  'broker/http/http-broker': ['subscription.begin(this.#listening)'],
  'broker/nats/nats-broker': ['connection.closed().then('],
  'broker/nats/nats-session': ['this.#watch()', 'Promise.resolve().then(', 'this.#flush()'],
  'broker/rabbitmq/rabbitmq-session': ['Promise.resolve().then(', 'this.#drop('],
  'micro/client/calls/client-stream': ['pumpRequests(stream, requests, onEnded)'],
  'micro/client/client-finder': ['transport.session(address, hosts).close()'],
  'micro/discovery/registry-resolver': ['this.ask().catch('],
  'micro/server/native/route': ['this.#pump(context, call, result)'],
  'micro/client/native/unary-call': ['this.#renewed(renew)'],
  'micro/server/mucp/call': [
    'this.deliver(message, fields)',
    'this.#fail(error)',
    'finish(result)',
  ],
  'micro/client/mucp/client': ['closeSocket(socket.socket)'],
  'micro/client/mucp/exchange': ['closeSocket(socket.socket)'],
  'micro/client/stream-function': ['pumpRequests(stream, iterable, options?.onEnded)'],
  'micro/server/mucp/gate': ['call.start()'],
  'micro/client/mucp/stream': [
    'closeSocket(opened.socket)',
    'trySend(',
    'this.#trailers.promise.then',
  ],
  'micro/server/server': ['this.#registration?.update()'],
  'micro/client/mucp/socket-pool': ['closeSocket(socket.socket)'],
  'micro/client/wrapped-stream': ['this.#cancel(reason)'],
  'registry/consul/consul-registry': ['inRootContext(() => this.#poll('],
  'registry/consul/registered-nodes': ['inRootContext(() => this.#keep('],
  'registry/etcd/followed-prefix': ['inRootContext(() => this.#list())'],
  'registry/etcd/lease': ['this.#keep(id)'],
  'registry/etcd/own-keys': ['this.#putAgain('],
  'registry/etcd/watch-hub': [
    'inRootContext(() => this.#run())',
    'stream.send({ create }).catch(',
    'stream.send({ cancel: { watchId } }).catch(',
    'this.#stream?.send({ cancel: { watchId: id } }).catch(',
  ],
  'registry/kubernetes/list-watch': ['inRootContext(() => this.#run())'],
  'registry/mdns/mdns-registry': ['this.#announce(key, own)', 'this.#rounds(name, heard)'],
  'registry/nats/nats-link': ['this.#follow(connection)'],
  'registry/nats/nats-registry': [
    'this.#again()',
    'this.#link.publish(',
    'this.#rounds(name, followed)',
    'this.pauses.wait(',
  ],
  'services/health': ['watch.return()', 'watch.finish('],
  'transport/server/http-exchange': ['this.#answer()'],
  'transport/client/resting-sockets': ['socket.close()', 'socket.close?.()'],
  'transport/micro/socket-flow': ['this.receive().then(receiver.resolve, receiver.reject)'],
}

t.test('every promise that is left alone is known here: it must not be able to reject', t => {
  const src = join(import.meta.dirname, '..', '..', '..', 'src')
  for (const file of readdirSync(src, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.ts')) continue
    const known = UNWATCHED[file.replaceAll('\\', '/').slice(0, -3)] ?? []
    for (const line of readFileSync(join(src, file), 'utf8').split('\n')) {
      const match = /^(?:\s*|.*\) |.*else )void (.*\(.*)$/.exec(line)
      if (match === null) continue
      t.ok(
        known.some(each => match[1]!.startsWith(each)),
        `${file}: void ${match[1]}`,
      )
    }
  }
  t.end()
})
