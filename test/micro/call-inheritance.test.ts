import { AsyncLocalStorage } from 'node:async_hooks'
import t, { type Test } from 'tap'
import {
  type CallOptions,
  type Client,
  type ClientOptions,
  type Context,
  createClient,
  createServer,
  defineService,
  jsonCodec,
  type Server,
  type ServerOptions,
} from '../../src/index.js'
import { memoryTransport, nodeRuntime } from '../../src/transport/index.js'

const number = { request: jsonCodec<number>(), response: jsonCodec<number>() }
const shape = {
  one: { kind: 'unary', ...number },
  down: { kind: 'server', ...number },
  up: { kind: 'client', ...number },
  both: { kind: 'bidi', ...number },
} as const

const front = defineService('front.v1.Front', shape)
const back = defineService('back.v1.Back', shape)

type Name = keyof typeof shape
const NAMES: readonly Name[] = ['one', 'down', 'up', 'both']
const DOORS = ['grpc', 'mucp'] as const

/** What the server behind the other one saw of a call. */
interface Seen {
  readonly method: string
  readonly leftMs: number
  readonly metadata: Readonly<Record<string, string>>
  readonly context: Context
}

interface Chain {
  readonly client: Client
  readonly inner: Client
  readonly seen: Seen[]
}

interface ChainOptions {
  readonly inherit?: ServerOptions['inherit']
  readonly inner?: Partial<ClientOptions>
  readonly options?: CallOptions
  /** What a handler of the second server waits for. */
  readonly hold?: (context: Context) => Promise<void>
}

async function start(t: Test, server: Server): Promise<Server> {
  await server.start()
  t.teardown(() => server.stop({ graceMs: 0 }))
  return server
}

function connect(t: Test, options: ClientOptions): Client {
  const client = createClient(options)
  t.teardown(() => client.close())
  return client
}

/** A client, a server whose handlers each call the method of the same kind of a second server, and that one. */
async function chain(t: Test, protocol: 'grpc' | 'mucp', setup: ChainOptions): Promise<Chain> {
  const seen: Seen[] = []
  const enter = async (context: Context): Promise<void> => {
    const { method, deadline, metadata } = context
    const leftMs = deadline - nodeRuntime.now()
    seen.push({ method, leftMs, metadata: Object.fromEntries(metadata), context })
    await setup.hold?.(context)
  }
  const second = await start(
    t,
    createServer({ name: 'back' }).handle(back, {
      async one(n, context) {
        await enter(context)
        return n
      },
      async *down(n, context) {
        await enter(context)
        yield n
      },
      async up(numbers, context) {
        for await (const _ of numbers);
        await enter(context)
        return 1
      },
      async *both(numbers, context) {
        await enter(context)
        yield* numbers
      },
    }),
  )
  const inner = connect(t, { address: second.address, protocol, ...setup.inner })
  const calls = inner.bind(back)
  const { options } = setup
  const first = await start(
    t,
    createServer({
      name: 'front',
      ...(setup.inherit === undefined ? {} : { inherit: setup.inherit }),
    }).handle(front, {
      async one(n) {
        await undefined
        return await calls.one(n, options)
      },
      async *down(n) {
        yield 0
        await undefined
        yield* calls.down(n, options)
      },
      async up(numbers) {
        const all: number[] = []
        for await (const n of numbers) all.push(n)
        return await calls.up(all, options)
      },
      async *both(numbers) {
        for await (const n of numbers) yield* calls.both([n], options)
      },
    }),
  )
  return { client: connect(t, { address: first.address, protocol }), inner, seen }
}

async function run(client: Client, name: Name, options?: CallOptions): Promise<void> {
  const { one, down, up, both } = client.bind(front)
  if (name === 'one') await one(1, options)
  else if (name === 'up') await up([1], options)
  else for await (const _ of name === 'down' ? down(1, options) : both([1], options));
}

/** How often an asynchronous context was entered, and asked for, while `work` ran. */
async function contextUse(
  work: () => Promise<unknown>,
): Promise<{ run: number; getStore: number }> {
  const { prototype } = AsyncLocalStorage
  const { run: enter, getStore } = prototype
  const counts = { run: 0, getStore: 0 }
  prototype.run = function (...args: Parameters<typeof enter>) {
    counts.run++
    return enter.apply(this, args) as never
  }
  prototype.getStore = function () {
    counts.getStore++
    return getStore.call(this)
  }
  await work()
  Object.assign(prototype, { run: enter, getStore })
  return counts
}

// The first test of all: nothing in this process has used inheritance before.
t.test(
  'without a server that passes something on, nothing is entered and nothing is asked',
  async t => {
    const plain = await chain(t, 'grpc', {})
    const unused = await contextUse(async () => {
      for (const name of NAMES) await run(plain.client, name)
    })
    t.same(unused, { run: 0, getStore: 0 })
    await chain(t, 'grpc', { inherit: true })
    const elsewhere = await contextUse(async () => {
      for (const name of NAMES) await run(plain.client, name)
    })
    t.equal(elsewhere.run, 0, 'what another server does costs this one nothing')
    t.ok(elsewhere.getStore > 0)
  },
)

for (const protocol of DOORS) {
  t.test(`${protocol}: calls of a handler inherit its deadline`, async t => {
    const { client, seen } = await chain(t, protocol, { inherit: true })
    for (const name of NAMES) await run(client, name, { timeoutMs: 3_000 })
    t.same(
      seen.map(each => each.method),
      NAMES,
    )
    for (const { method, leftMs } of seen) {
      t.ok(leftMs > 1_000 && leftMs <= 3_001, `${method} has ${leftMs} ms left`)
    }
  })

  t.test(`${protocol}: of two deadlines the earlier one counts`, async t => {
    for (const [outerMs, ownMs] of [
      [60_000, 2_000],
      [2_000, 60_000],
    ] as const) {
      const { client, seen } = await chain(t, protocol, {
        inherit: true,
        options: { timeoutMs: ownMs },
      })
      for (const name of NAMES) await run(client, name, { timeoutMs: outerMs })
      for (const { method, leftMs } of seen) {
        t.ok(leftMs > 500 && leftMs <= 2_001, `${method} has ${leftMs} ms left`)
      }
    }
  })

  t.test(`${protocol}: a call that is cancelled cancels those of its handler`, async t => {
    for (const name of NAMES) {
      const controller = new AbortController()
      let ended: (() => void) | undefined
      const heard = new Promise<void>(resolve => {
        ended = resolve
      })
      const { client, seen } = await chain(t, protocol, {
        inherit: true,
        hold: async ({ signal }) => {
          setTimeout(() => controller.abort(new Error('changed my mind')), 5)
          await new Promise(resolve => signal.addEventListener('abort', resolve, { once: true }))
          ended?.()
        },
      })
      const { signal } = controller
      await t.rejects(run(client, name, { signal }), { message: 'changed my mind' })
      await heard
      t.equal(seen.length, 1, `${name}: the handler behind heard of it`)
    }
  })

  t.test(`${protocol}: metadata of the chosen names travels, nothing else does`, async t => {
    const { client, seen } = await chain(t, protocol, {
      inherit: { metadata: ['X-Tenant', 'traceparent', 'x-absent', 'x-raw-bin'] },
      options: { metadata: { traceparent: 'own', 'x-own': 'mine' } },
    })
    const metadata = {
      'x-tenant': 'blue',
      traceparent: 'outer',
      authorization: 'Bearer secret',
      'x-raw-bin': Uint8Array.of(1, 2, 3),
    }
    for (const name of NAMES) await run(client, name, { metadata })
    const expected = {
      'x-tenant': 'blue',
      traceparent: 'own',
      'x-own': 'mine',
      'x-raw-bin': 'AQID',
    }
    for (const each of seen) {
      const { 'user-agent': _agent, ...rest } = each.metadata
      t.same(rest, expected, each.method)
    }
    t.equal(seen.length, NAMES.length)
  })

  t.test(
    `${protocol}: a server without inherit, a client or call that opts out: nothing travels`,
    async t => {
      const metadata = { 'x-tenant': 'blue' }
      const inherit = { metadata: ['x-tenant'] }
      const cases: ChainOptions[] = [
        {},
        { inherit: false },
        { inherit, inner: { inherit: false } },
        { inherit, options: { inherit: false } },
      ]
      for (const setup of cases) {
        const { client, seen } = await chain(t, protocol, setup)
        for (const name of NAMES) await run(client, name, { metadata, timeoutMs: 2_000 })
        t.equal(seen.length, NAMES.length)
        for (const each of seen) {
          t.ok(each.leftMs > 2_500, `${each.method} has ${each.leftMs} ms left`)
          t.equal(each.metadata['x-tenant'], undefined)
        }
      }
    },
  )
}

t.test(
  'two calls at once do not mix, and what is made outside of handlers inherits nothing',
  async t => {
    const { client, inner, seen } = await chain(t, 'grpc', { inherit: { metadata: ['x-n'] } })
    const numbers = Array.from({ length: 20 }, (_, n) => n)
    await Promise.all(
      numbers.map(n => run(client, NAMES[n % 4]!, { metadata: { 'x-n': String(n) } })),
    )
    t.same(
      seen.map(each => Number(each.metadata['x-n'])).sort((a, b) => a - b),
      numbers,
    )
    seen.length = 0
    await inner.bind(back).one(1)
    t.equal(seen[0]?.leftMs, Number.POSITIVE_INFINITY)
    t.equal(seen[0]?.metadata['x-n'], undefined)
  },
)

t.test("a call's own signal still ends it", async t => {
  const controller = new AbortController()
  const { client } = await chain(t, 'grpc', {
    inherit: true,
    options: { signal: controller.signal },
    hold: ({ signal }) => {
      controller.abort(new Error('enough'))
      return new Promise(resolve => signal.addEventListener('abort', () => resolve()))
    },
  })
  for (const name of NAMES) await t.rejects(run(client, name), { code: 'CANCELLED' })
})

t.test('a call that a handler makes when its own time is over fails at once', async t => {
  const errors: unknown[] = []
  const { inner, seen } = await chain(t, 'grpc', {})
  let done: (() => void) | undefined
  const over = new Promise<void>(resolve => {
    done = resolve
  })
  const server = await start(
    t,
    createServer({ name: 'late', inherit: true }).handle(front, {
      async one(_n, { signal }) {
        await new Promise(resolve => signal.addEventListener('abort', resolve))
        await inner
          .bind(back)
          .one(1)
          .catch(error => errors.push(error))
        done?.()
        return 1
      },
      down: () => [],
      up: () => 1,
      both: () => [],
    }),
  )
  const client = connect(t, { address: server.address })
  // The connection is there: what is left of the time is the handler's.
  await run(client, 'up', {})
  await t.rejects(run(client, 'one', { timeoutMs: 100 }), { code: 'DEADLINE_EXCEEDED' })
  await over
  t.equal(errors.length, 1)
  t.same(seen, [])
})

t.test('middleware, streams by hand and events inherit as well', async t => {
  const events: ReadonlyMap<string, string>[] = []
  const { inner, seen } = await chain(t, 'grpc', {})
  const transport = memoryTransport()
  const bus = await start(t, createServer({ name: 'bus', transport, address: 'bus:1' }))
  bus.subscribe('news', (_message, { header }) => void events.push(header))
  const publisher = connect(t, { address: bus.address, transport })
  const server = createServer({ name: 'front', inherit: { metadata: ['x-tenant'] } })
  server.use(async (call, next) => {
    await inner.bind(back).one(1)
    await publisher.publish('news', {})
    return await next(call.request)
  })
  server.handle(front, {
    async one(n) {
      const stream = inner.stream(back, 'both')
      await stream.send(n)
      await stream.closeSend()
      return (await stream.receive()) ?? 0
    },
    down: () => [1, 2],
    up: () => 1,
    both: function* () {
      yield inner.bind(back).one(3) as never
    },
  })
  await start(t, server)
  const client = connect(t, { address: server.address })
  const metadata = { 'x-tenant': 'blue' }
  for (const name of NAMES) await run(client, name, { metadata })
  t.same(
    seen.map(each => each.metadata['x-tenant']),
    Array(6).fill('blue'),
  )
  t.same(
    events.map(header => header.get('x-tenant')),
    Array(4).fill('blue'),
  )
})

t.test('a handler that stops a stream early ends the generator within its call', async t => {
  let cleaned = false
  const { inner, seen } = await chain(t, 'grpc', {})
  const server = createServer({ name: 'front', inherit: { metadata: ['x-tenant'] } })
  server.handle(front, {
    one: () => 1,
    async *down() {
      try {
        for (let n = 0; ; n++) yield n
      } finally {
        await inner
          .bind(back)
          .one(1, { inherit: true, timeoutMs: 2_000 })
          .catch(() => undefined)
        cleaned = true
      }
    },
    up: () => 1,
    both: () => [],
  })
  await start(t, server)
  const client = connect(t, { address: server.address })
  for await (const n of client.bind(front).down(1, { metadata: { 'x-tenant': 'blue' } })) {
    if (n === 2) break
  }
  while (!cleaned) await new Promise(resolve => setTimeout(resolve, 5))
  t.same(seen, [], 'its signal is aborted: what it calls then fails')
})

t.test('options: what is wrong is named', t => {
  const cases: [inherit: unknown, expected: RegExp][] = [
    [5, /^inherit is a number; expected an object$/],
    [{ names: [] }, /^inherit has no option names; it has metadata$/],
    [{ metadata: 'x' }, /^inherit\.metadata must be a list of texts, got 'x'$/],
    [{ metadata: ['grpc-timeout'] }, /inherit\.metadata: metadata name "grpc-timeout" is reserved/],
    [{ metadata: [''] }, /^inherit\.metadata\[0\] must be a text that is not empty, got ''$/],
    [{ metadata: ['a b'] }, /inherit\.metadata: .* has a character outside/],
  ]
  for (const [inherit, expected] of cases) {
    t.throws(() => createServer({ name: 'a', inherit: inherit as never }), {
      name: 'TypeError',
      message: expected,
    })
  }
  t.throws(
    () => createClient({ address: 'a:1', inherit: {} as never }),
    new TypeError('inherit must be true or false, got object'),
  )
  t.end()
})
