import t, { type Test } from 'tap'
import {
  type CallOptions,
  type Client,
  createClient,
  createServer,
  defineService,
  GrpcError,
  jsonCodec,
  MicroError,
  type Middleware,
  type MiddlewareCall,
  type ResponseStream,
  type Server,
  Status,
} from '../../src/index.js'
import { memoryRegistry } from '../../src/micro/index.js'
import { memoryTransport, nodeRuntime } from '../../src/transport/index.js'

const number = { request: jsonCodec<number>(), response: jsonCodec<number>() }

const service = defineService('double.v1.Double', {
  one: { kind: 'unary', ...number },
  down: { kind: 'server', ...number },
  up: { kind: 'client', ...number },
  both: { kind: 'bidi', ...number },
})

const KINDS = ['one', 'down', 'up', 'both'] as const
type Name = (typeof KINDS)[number]
const KIND_OF = { one: 'unary', down: 'server', up: 'client', both: 'bidi' } as const

async function* counting(to: number): AsyncGenerator<number> {
  for (let n = 1; n <= to; n++) yield n
}

/** What one call of a method gives, as a list whatever its kind. The request is 3, or 1, 2, 3. */
async function run(client: Client, name: Name, options: CallOptions = {}): Promise<number[]> {
  const { one, down, up, both } = client.bind(service)
  if (name === 'one') return [await one(3, options)]
  if (name === 'up') return [await up(counting(3), options)]
  const stream = name === 'down' ? down(3, options) : both(counting(3), options)
  const got: number[] = []
  for await (const n of stream) got.push(n)
  return got
}

const PLAIN: Readonly<Record<Name, number[]>> = {
  one: [6],
  down: [2, 4, 6],
  up: [12],
  both: [2, 4, 6],
}

interface Pair {
  readonly server: Server
  readonly client: Client
  /** Handlers that ran. */
  readonly handled: string[]
}

interface Sides {
  readonly client?: Middleware
  readonly server?: Middleware
  /** Fails the first calls. */
  readonly failures?: number
}

async function pair(t: Test, protocol: 'grpc' | 'mucp', sides: Sides = {}): Promise<Pair> {
  const server = createServer({ name: 'double' })
  const handled: string[] = []
  let failures = sides.failures ?? 0
  const enter = (name: Name, context: { headers: { set(n: string, v: string): void } }): void => {
    handled.push(name)
    if (failures-- > 0) throw new GrpcError(Status.Aborted, 'once more')
    context.headers.set('x-first', name)
  }
  if (sides.server !== undefined) server.use(sides.server)
  server.handle(service, {
    one(n, context) {
      enter('one', context)
      context.trailers.set('x-last', 'one')
      return n * 2
    },
    async *down(n, context) {
      enter('down', context)
      for await (const each of counting(n)) yield each * 2
      context.trailers.set('x-last', 'down')
    },
    async up(numbers, context) {
      enter('up', context)
      let sum = 0
      for await (const n of numbers) sum += n * 2
      context.trailers.set('x-last', 'up')
      return sum
    },
    async *both(numbers, context) {
      enter('both', context)
      for await (const n of numbers) yield n * 2
      context.trailers.set('x-last', 'both')
    },
  })
  await server.start()
  const client = createClient({ address: server.address, protocol })
  if (sides.client !== undefined) client.use(sides.client)
  t.teardown(async () => {
    await client.close()
    await server.stop({ graceMs: 0 })
  })
  return { server, client, handled }
}

const isStream = (value: unknown): value is AsyncIterable<number> =>
  typeof value === 'object' && value !== null && Symbol.asyncIterator in value

/** Each value of a stream, or the one there is, through `change`. */
function mapped(value: unknown, change: (n: number) => number): unknown {
  if (!isStream(value)) return change(value as number)
  return (async function* () {
    for await (const n of value) yield change(n)
  })()
}

for (const protocol of ['grpc', 'mucp'] as const) {
  for (const side of ['client', 'server'] as const) {
    for (const name of KINDS) {
      const title = `${protocol}, ${side}, ${KIND_OF[name]}`

      t.test(`${title}: middleware observes each message and how the call ends`, async t => {
        const seen: unknown[] = []
        let last: MiddlewareCall | undefined
        const note = (what: string) => (n: number) => {
          seen.push(`${what} ${n}`)
          return n
        }
        const observe: Middleware = async (call, next) => {
          last = call
          seen.push(call.side, call.kind, call.service, call.method, call.metadata.get('x-who'))
          return mapped(await next(mapped(call.request, note('in'))), note('out'))
        }
        const { client, server } = await pair(t, protocol, { [side]: observe })
        const before = nodeRuntime.now()
        const options = { metadata: { 'x-who': 'Ada' }, timeoutMs: 20_000 }
        t.same(await run(client, name, options), PLAIN[name])
        t.same(seen.slice(0, 5), [side, KIND_OF[name], service.name, name, 'Ada'])
        const requests = name === 'one' || name === 'down' ? ['in 3'] : ['in 1', 'in 2', 'in 3']
        t.same(
          seen.filter(each => String(each).startsWith('in ')),
          requests,
        )
        t.same(
          seen.filter(each => String(each).startsWith('out ')),
          PLAIN[name].map(n => `out ${n}`),
        )
        const leftMs = last!.deadline - before
        if (protocol === 'mucp' && name === 'one') t.ok(leftMs > 1_000 && leftMs < 30_000)
        else t.ok(leftMs > 19_000 && leftMs < 30_000, `${leftMs} ms left`)
        if (side === 'client') {
          t.equal(last!.peer.address, server.address)
          t.equal(last!.headers.get('x-first'), name)
          // go-micro's protocol has no message after a client's own end that could carry trailers.
          const hasTrailers = protocol === 'grpc' || name === 'one' || name === 'down'
          t.equal(last!.trailers.get('x-last'), hasTrailers ? name : undefined)
          t.equal(last!.context, undefined)
        } else {
          t.match(last!.peer.address, /^127\.0\.0\.1:\d+$/)
          t.equal(last!.context?.door, protocol)
        }
      })

      t.test(`${title}: middleware that does not call next answers itself`, async t => {
        const answer: Middleware = call =>
          call.kind === 'server' || call.kind === 'bidi' ? [7, 8] : 7
        const { client, handled } = await pair(t, protocol, { [side]: answer })
        t.same(await run(client, name), name === 'down' || name === 'both' ? [7, 8] : [7])
        t.same(handled, [])
      })

      t.test(`${title}: middleware calls next again`, async t => {
        let attempts = 0
        const again: Middleware = async (call, next) => {
          // A stream of requests can be read once: it is kept for the next attempt.
          const requests = isStream(call.request) ? await listOf(call.request) : undefined
          const request = (): unknown =>
            requests === undefined ? call.request : iterableOf(requests)
          for (;;) {
            attempts++
            try {
              const result = await next(request())
              return isStream(result) ? await listOf(result) : result
            } catch (error) {
              if (attempts === 3) throw error
            }
          }
        }
        const { client, handled } = await pair(t, protocol, { [side]: again, failures: 2 })
        t.same(await run(client, name), PLAIN[name])
        t.same(handled, [name, name, name])
        t.equal(attempts, 3)
      })

      t.test(`${title}: what middleware throws ends the call`, async t => {
        for (const when of ['before', 'after'] as const) {
          const refuse: Middleware = async (_call, next) => {
            if (when === 'after') {
              const result = await next(_call.request)
              if (isStream(result)) await listOf(result)
            }
            throw new GrpcError(Status.PermissionDenied, 'not today')
          }
          const { client, handled } = await pair(t, protocol, { [side]: refuse })
          const status =
            side === 'server' && protocol === 'mucp' ? { code: 403 } : { code: 'PERMISSION_DENIED' }
          await t.rejects(run(client, name), { message: 'not today', ...status })
          t.equal(handled.length, when === 'after' ? 1 : 0)
        }
      })

      if (name === 'one' || name === 'up') continue
      t.test(`${title}: middleware wraps the stream, and may leave it early`, async t => {
        let closed = 0
        const firstTwo: Middleware = (call, next) =>
          (async function* () {
            try {
              let count = 0
              for await (const n of next(call.request) as AsyncIterable<number>) {
                yield n + 100
                if (++count === 2) return
              }
            } finally {
              closed++
            }
          })()
        const { client } = await pair(t, protocol, { [side]: firstTwo })
        t.same(await run(client, name), [102, 104])
        t.equal(closed, 1)
      })
    }
  }
}

async function listOf(values: AsyncIterable<unknown>): Promise<unknown[]> {
  const list: unknown[] = []
  for await (const value of values) list.push(value)
  return list
}

async function* iterableOf(values: readonly unknown[]): AsyncGenerator<unknown> {
  yield* values
}

for (const protocol of ['grpc', 'mucp'] as const) {
  t.test(
    `${protocol}: the first middleware is outermost; after bind and handle there is none to add`,
    async t => {
      const order: string[] = []
      const named =
        (name: string): Middleware =>
        (call, next) => {
          order.push(`${call.side} ${name}`)
          return next((call.request as number) + 1)
        }
      const { client, server } = await pair(t, protocol)
      client.use(named('a'), named('b'))
      const { one } = client.bind(service)
      const late = /must be added before (bind|handle): .* would run without it/
      t.throws(() => client.use(named('late')), { name: 'TypeError', message: late })
      t.throws(() => server.use(named('late')), { name: 'TypeError', message: late })
      t.equal(await one(1), 6)
      t.same(order, ['client a', 'client b'])
    },
  )

  t.test(`${protocol}: a service may have middleware of its own, or none`, async t => {
    const paths: string[] = []
    const note =
      (name: string): Middleware =>
      (call, next) => {
        paths.push(`${name} ${call.side} ${call.path}`)
        return next(call.request)
      }
    const server = createServer({ name: 'own' }).use(note('all'))
    const json = {
      kind: 'unary',
      request: jsonCodec<number>(),
      response: jsonCodec<number>(),
    } as const
    const open = defineService('a.v1.Open', { get: json })
    const own = defineService('a.v1.Own', { get: json })
    const usual = defineService('a.v1.Usual', { get: json })
    const handlers = { get: (n: number) => n }
    server.handle(open, handlers, { middleware: [] })
    server.handle(own, handlers, { middleware: [note('own')] })
    server.use(note('still in time'))
    server.handle(usual, handlers)
    t.throws(
      () => server.handle(usual, handlers, { middleware: [5] as never }),
      /must be a function/,
    )
    t.throws(
      () => server.handle(usual, handlers, { middlewares: [] } as never),
      /no option middlewares/,
    )
    await server.start()
    const client = createClient({ address: server.address, protocol }).use(note('client'))
    t.teardown(async () => {
      await client.close()
      await server.stop()
    })
    for (const each of [open, own, usual]) t.equal(await client.bind(each).get(1), 1)
    t.same(paths, [
      'client client /a.v1.Open/Get',
      'client client /a.v1.Own/Get',
      'own server /a.v1.Own/Get',
      'client client /a.v1.Usual/Get',
      'all server /a.v1.Usual/Get',
      'still in time server /a.v1.Usual/Get',
    ])
  })

  t.test(`${protocol}: without middleware the bound stream is the call's own`, async t => {
    const { client } = await pair(t, protocol)
    const plain = client.bind(service).down(1)
    const { client: other } = await pair(t, protocol)
    other.use((call, next) => next(call.request))
    const looked = other.bind(service).down(1)
    t.equal(plain.constructor, looked.constructor)
    t.same([await listOf(plain), await listOf(looked)], [[2], [2]])
  })

  t.test(`${protocol}: all attempts of a call share its deadline`, async t => {
    const deadlines: number[] = []
    const again: Middleware = async (call, next) => {
      deadlines.push(call.deadline)
      await new Promise(resolve => setTimeout(resolve, 60))
      await next(call.request)
      return await next(call.request)
    }
    const left: number[] = []
    const { client } = await pair(t, protocol, {
      client: again,
      server: (call, next) => {
        left.push(call.deadline - nodeRuntime.now())
        return next(call.request)
      },
    })
    await run(client, 'one', { timeoutMs: 4_000 })
    t.equal(left.length, 2)
    for (const each of left) t.ok(each > 0 && each <= 3_945, `${each} ms left`)
  })

  t.test(`${protocol}: a deadline that has passed between attempts ends the call`, async t => {
    const { client, handled } = await pair(t, protocol, {
      client: async (call, next) => {
        await new Promise(resolve => setTimeout(resolve, 30))
        return await next(call.request)
      },
    })
    const code = protocol === 'grpc' ? 'DEADLINE_EXCEEDED' : 408
    await t.rejects(run(client, 'one', { timeoutMs: 5 }), { code })
    t.same(handled, [])
  })

  t.test(`${protocol}: trailers of an error are seen by client middleware`, async t => {
    let trailers: string | undefined
    const { client } = await pair(t, protocol, {
      client: async (call, next) => {
        try {
          return await next(call.request)
        } finally {
          trailers = call.trailers.get('x-why')
        }
      },
      server: call => {
        call.trailers.set('x-why', 'closed')
        throw new GrpcError(Status.Unavailable, 'no')
      },
    })
    await t.rejects(run(client, 'one'))
    t.equal(trailers, 'closed')
  })
}

async function wrapped(
  t: Test,
  protocol: 'grpc' | 'mucp',
): Promise<{ stream: ResponseStream<number>; handled: string[]; told: string[] }> {
  const { client, handled } = await pair(t, protocol, {
    client: async function* (call, next) {
      yield* next(call.request) as AsyncIterable<number>
    },
  })
  const told: string[] = []
  const stream = client.bind(service).down(3, {
    onHeaders: metadata => told.push(`headers ${metadata.get('x-first')}`),
    onTrailers: metadata => told.push(`trailers ${metadata.get('x-last')}`),
  })
  return { stream, handled, told }
}

for (const protocol of ['grpc', 'mucp'] as const) {
  t.test(`${protocol}: a wrapped stream has headers and trailers`, async t => {
    const { stream, told } = await wrapped(t, protocol)
    t.equal((await stream.headers).get('x-first'), 'down', 'asked for ahead of the first message')
    t.same(await listOf(stream), [2, 4, 6])
    t.equal((await stream.trailers).get('x-last'), 'down')
    t.same(told, ['headers down', 'trailers down'])
    t.same(await stream.next(), { done: true, value: undefined })
  })

  t.test(`${protocol}: a wrapped stream can be cancelled before and while it is read`, async t => {
    const early = await wrapped(t, protocol)
    early.stream.cancel()
    await t.rejects(early.stream.next(), { message: 'the call was cancelled' })
    await t.rejects(early.stream.next(), { message: 'the call was cancelled' }, 'never the end')
    await t.rejects(early.stream.headers, { message: 'the call was cancelled' })
    const late = await wrapped(t, protocol)
    t.same(await late.stream.next(), { done: false, value: 2 })
    const reason = new Error('enough')
    late.stream.cancel(reason)
    late.stream.cancel(new Error('not heard'))
    await t.rejects(late.stream.next(), { message: 'enough' })
    await t.rejects(late.stream.trailers, { message: 'enough' })
    const left = await wrapped(t, protocol)
    for await (const n of left.stream) {
      t.equal(n, 2)
      break
    }
    t.same(await left.stream.next(), { done: true, value: undefined })
    const disposed = await wrapped(t, protocol)
    await disposed.stream[Symbol.asyncDispose]()
    t.same(disposed.handled, [])
  })

  t.test(`${protocol}: a read that waits hears of a cancel`, async t => {
    const { client } = await pair(t, protocol, {
      client: () =>
        (async function* () {
          await new Promise(() => undefined)
          yield 1
        })(),
    })
    const stream = client.bind(service).down(1)
    const read = stream.next()
    stream.cancel(new Error('too slow'))
    await t.rejects(read, { message: 'too slow' })
  })
}

t.test('a call that middleware leaves behind is cancelled', async t => {
  let signal: AbortSignal | undefined
  const { client } = await pair(t, 'grpc', {
    client: async (call, next) => {
      const stream = next(call.request) as AsyncIterable<number>
      await stream[Symbol.asyncIterator]().next()
      return []
    },
    server: (call, next) => {
      signal = call.signal
      return (async function* () {
        yield* next(call.request) as AsyncIterable<number>
        await new Promise(resolve => signal?.addEventListener('abort', resolve, { once: true }))
      })()
    },
  })
  t.same(await run(client, 'down'), [])
  while (signal?.aborted !== true) await new Promise(resolve => setTimeout(resolve, 5))
  t.pass('the handler heard of it')
})

t.test('metadata that cannot be sent is an error where every other one is', async t => {
  const { client } = await pair(t, 'grpc', { client: (call, next) => next(call.request) })
  const options = { metadata: { 'grpc-status': '0' } }
  const { one, up, down } = client.bind(service)
  for (const call of [() => one(1, options), () => up([1], options)]) {
    const result = call()
    await t.rejects(result, new TypeError('metadata name "grpc-status" is reserved'))
  }
  t.throws(() => down(1, options), new TypeError('metadata name "grpc-status" is reserved'))
})

t.test('what is no stream cannot be given for one', async t => {
  const { client } = await pair(t, 'grpc', { client: () => 5 })
  await t.rejects(
    run(client, 'down'),
    /what middleware gives back for a stream must be an iterable/,
  )
})

t.test('with a registry, peer is the node that was chosen', async t => {
  const registry = memoryRegistry()
  const server = createServer({ name: 'double', registry })
  server.handle(service, {
    one: n => n,
    down: n => [n],
    up: () => 0,
    both: numbers => numbers,
  })
  await server.start()
  const client = createClient({ registry, service: 'double' })
  t.teardown(async () => {
    await client.close()
    await server.stop()
  })
  const peers: string[] = []
  client.use(async (call, next) => {
    peers.push(call.peer.address)
    const result = await next(call.request)
    peers.push(call.peer.address)
    return result
  })
  const { one, down } = client.bind(service)
  t.equal(await one(4), 4)
  t.same(await listOf(down(4)), [4])
  t.same(peers.slice(0, 2), ['', server.address])
  t.equal(peers.at(-1), server.address)
})

for (const [name, newTransport] of [
  ['native port', undefined],
  ['memory', memoryTransport],
] as const) {
  t.test(
    `${name}: events pass through middleware: what it refuses reaches no subscriber`,
    async t => {
      const given = newTransport === undefined ? {} : { transport: newTransport() }
      const server = createServer({ name: 'events', ...given })
      const heard: unknown[] = []
      const seen: unknown[] = []
      server.use(async (call, next) => {
        const { side, kind, service, method, request } = call
        if (method === 'open') return await next(request)
        t.equal(call.path, '', 'an event has no path')
        seen.push({ side, kind, service, method, request, door: call.context?.door })
        if (call.metadata.get('x-token') !== 'good') throw MicroError.unauthorized('who are you?')
        return await next(call.request)
      })
      server.subscribe('open', message => void heard.push(message))
      server.subscribe('orders', message => void heard.push(message))
      t.throws(() => server.use((_, next) => next(1)), { message: /before subscribe: open/ })
      await server.start()
      const client = createClient({ address: server.address, protocol: 'mucp', ...given })
      t.teardown(async () => {
        await client.close()
        await server.stop()
      })
      await t.rejects(client.publish('orders', { id: 1 }), { code: 401, detail: 'who are you?' })
      t.same(heard, [])
      await client.publish('orders', { id: 2 }, { metadata: { 'x-token': 'good' } })
      await client.publish('open', { id: 3 })
      t.same(heard, [{ id: 2 }, { id: 3 }])
      const call = { side: 'server', kind: 'event', service: '', method: 'orders', door: 'mucp' }
      t.match(seen, [
        { ...call, request: { id: 1 } },
        { ...call, request: { id: 2 } },
      ])
    },
  )
}
