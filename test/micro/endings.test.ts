import t, { type Test } from 'tap'
import {
  createClient,
  createServer,
  defineService,
  GrpcError,
  jsonCodec,
  Status,
} from '../../src/index.js'
import type { Context } from '../../src/micro/index.js'
import { nodeRuntime, type RawSocket } from '../../src/transport/index.js'

// However a call ends, on whichever side and door: what was given is closed, and a cancellation is no end.

const number = { request: jsonCodec<number>(), response: jsonCodec<number>() }
const service = defineService('a.v1.Ends', {
  ask: { kind: 'unary', ...number },
  feed: { kind: 'server', ...number },
  fill: { kind: 'client', ...number },
  chat: { kind: 'bidi', ...number },
})

type Door = 'grpc' | 'mucp'
type Kind = 'ask' | 'feed' | 'fill' | 'chat'
type Ending = 'early break' | 'throw in the source' | 'signal' | 'deadline' | 'connection killed'

const never = (): Promise<never> => new Promise(() => undefined)

/** Three messages, then none for ever, or an exception; counts how often it is closed. */
class Source implements AsyncIterableIterator<number> {
  returns = 0
  #left = 3
  readonly #last: () => Promise<IteratorResult<number>>
  readonly #onReturn: () => void

  constructor(
    last: () => Promise<IteratorResult<number>> = never,
    onReturn: () => void = () => undefined,
  ) {
    this.#last = last
    this.#onReturn = onReturn
  }

  async next(): Promise<IteratorResult<number>> {
    return this.#left-- > 0 ? { done: false, value: 1 } : await this.#last()
  }

  async return(): Promise<IteratorResult<number>> {
    this.returns++
    this.#onReturn()
    return { done: true, value: undefined }
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}

/** Reads everything: how many came, and how that ended. */
async function outcomeOf(messages: AsyncIterable<number>, onMessage: () => void): Promise<string> {
  let count = 0
  try {
    for await (const message of messages) {
      count += message
      onMessage()
    }
    return `ended after ${count}`
  } catch {
    return `threw after ${count}`
  }
}

function untilAborted(context: Context): Promise<never> {
  return new Promise((_resolve, reject) => {
    context.signal.addEventListener('abort', () => reject(context.signal.reason))
  })
}

interface Scene {
  readonly kind: Kind
  readonly door: Door
  readonly ending: Ending
}

/** Makes one call and ends it. What happened, on both sides. */
async function play(t: Test, { kind, door, ending }: Scene) {
  const given = new Source()
  const seen = { errors: [] as unknown[], requests: undefined as Promise<string> | undefined }
  let heard = (): void => undefined
  /** The handler runs and has everything that was sent. */
  const underWay = new Promise<void>(resolve => {
    let count = 0
    heard = () => {
      if (++count === (kind === 'fill' || kind === 'chat' ? 4 : 1)) resolve()
    }
  })
  const server = createServer({ name: 'ends', onError: error => seen.errors.push(error) })
  server.handle(service, {
    ask: (_request, context) => {
      heard()
      return untilAborted(context)
    },
    feed: () => {
      heard()
      return given
    },
    fill: async requests => {
      heard()
      seen.requests = outcomeOf(requests, heard)
      await seen.requests
      return 0
    },
    chat: requests => {
      heard()
      seen.requests = outcomeOf(requests, heard)
      return given
    },
  })
  await server.start()
  const sockets: RawSocket[] = []
  const runtime = {
    ...nodeRuntime,
    connect: (...args: Parameters<typeof nodeRuntime.connect>) => {
      const socket = nodeRuntime.connect(...args)
      sockets.push(socket)
      return socket
    },
  }
  const client = createClient({ address: server.address, protocol: door, runtime, retries: 0 })
  t.teardown(() => client.close())
  const source =
    ending === 'throw in the source'
      ? new Source(async () => {
          await underWay
          throw new Error('the source failed')
        })
      : new Source()
  const controller = new AbortController()
  const options = {
    signal: controller.signal,
    ...(ending === 'deadline' ? { timeoutMs: 200 } : {}),
  }
  const functions = client.bind(service)
  const end = async (): Promise<void> => {
    await underWay
    if (ending === 'signal') controller.abort(new Error('no longer wanted'))
    if (ending === 'connection killed') for (const socket of sockets) socket.destroy()
  }
  let outcome: string
  if (kind === 'ask' || kind === 'fill') {
    const response = kind === 'ask' ? functions.ask(1, options) : functions.fill(source, options)
    void end()
    outcome = await response.then(
      () => 'answered',
      () => 'threw',
    )
  } else {
    const responses = kind === 'feed' ? functions.feed(1, options) : functions.chat(source, options)
    outcome = await consume(responses, ending === 'early break' ? underWay : undefined, end)
  }
  await client.close()
  const { abandoned } = await server.stop()
  const requests = await seen.requests
  return { outcome, requests, abandoned, errors: seen.errors, given, source }
}

async function consume(
  responses: AsyncIterable<number>,
  breakAfter: Promise<void> | undefined,
  end: () => Promise<void>,
): Promise<string> {
  let count = 0
  try {
    for await (const _ of responses) {
      if (++count === 1 && breakAfter !== undefined) {
        await breakAfter
        return 'left'
      }
      if (count === 3) void end()
    }
    return 'ended'
  } catch {
    return 'threw'
  }
}

const ENDINGS: Readonly<Record<Ending, readonly Kind[]>> = {
  'early break': ['feed', 'chat'],
  'throw in the source': ['fill', 'chat'],
  signal: ['ask', 'feed', 'fill', 'chat'],
  deadline: ['ask', 'feed', 'fill', 'chat'],
  'connection killed': ['ask', 'feed', 'fill', 'chat'],
}

for (const door of ['grpc', 'mucp'] as const) {
  for (const [ending, kinds] of Object.entries(ENDINGS) as [Ending, readonly Kind[]][]) {
    for (const kind of kinds) {
      t.test(
        `${door}, ${kind}, ${ending}: everything is closed once, nothing ends in good order`,
        async t => {
          const seen = await play(t, { kind, door, ending })
          t.equal(seen.outcome, ending === 'early break' ? 'left' : 'threw', 'what the caller sees')
          if (kind === 'feed' || kind === 'chat') {
            t.equal(seen.given.returns, 1, 'what the handler gave is closed')
          }
          if (kind === 'fill' || kind === 'chat') {
            const own = ending === 'throw in the source' ? 0 : 1
            t.equal(seen.source.returns, own, 'what the caller gave is closed')
            t.equal(seen.requests, 'threw after 3', 'what the handler sees of the requests')
          }
          t.same(seen.abandoned, [], 'no handler is left')
          const errors = seen.errors.filter(
            each => (each as Error & { code?: unknown }).code !== 'TRANSPORT_LOST',
          )
          t.same(errors, [], 'a cancellation is no error of the server')
        },
      )
    }
  }
}

for (const door of ['grpc', 'mucp'] as const) {
  t.test(`${door}: a call that is answered early closes the rest of its requests`, async t => {
    const server = createServer({ name: 'ends' })
    server.handle(service, {
      ask: () => 0,
      feed: () => [],
      fill: async requests => {
        for await (const _ of requests) break
        return 7
      },
      chat: async function* () {
        yield 1
      },
    })
    await server.start()
    const client = createClient({ address: server.address, protocol: door })
    t.teardown(() => client.close())
    const { fill, chat } = client.bind(service)
    const first = new Source()
    t.equal(await fill(first), 7)
    const second = new Source()
    const got: number[] = []
    for await (const n of chat(second)) got.push(n)
    t.same(got, [1])
    t.same((await server.stop()).abandoned, [])
    t.same([first.returns, second.returns], [1, 1])
  })

  t.test(`${door}: requests of a call that never starts are closed`, async t => {
    const client = createClient({ address: '127.0.0.1:1', protocol: door, dialTimeoutMs: 1_000 })
    const { fill, chat } = client.bind(service)
    const sources = [new Source(), new Source(), new Source(), new Source()]
    const signal = AbortSignal.abort(new Error('before'))
    await t.rejects(fill(sources[0]!, { signal }))
    await t.rejects(chat(sources[1]!, { signal }).next())
    await t.rejects(fill(sources[2]!))
    await client.close()
    await t.rejects(fill(sources[3]!), { message: 'the client is closed' })
    await new Promise(resolve => setImmediate(resolve))
    t.same(
      sources.map(each => each.returns),
      [1, 1, 1, 1],
    )
  })

  t.test(`${door}: 1,000 abandoned feeds leave nothing behind and refuse nobody`, async t => {
    let open = 0
    const server = createServer({ name: 'ends' })
    server.handle(service, {
      ask: n => n,
      feed: () => {
        open++
        return new Source(never, () => open--)
      },
      fill: () => 0,
      chat: () => [],
    })
    await server.start()
    const client = createClient({ address: server.address, protocol: door })
    t.teardown(() => client.close())
    const { ask, feed } = client.bind(service)
    for (let round = 0; round < 20; round++) {
      await Promise.all(
        Array.from({ length: 50 }, async () => {
          for await (const _ of feed(1)) break
        }),
      )
    }
    t.equal(await ask(5), 5)
    t.same((await server.stop()).abandoned, [])
    t.equal(open, 0)
  })
}

t.test('a reader that goes on after a failure is told the failure again, not an end', async t => {
  const server = createServer({ name: 'ends' })
  const outcomes: string[] = []
  server.handle(service, {
    ask: () => 0,
    feed: () => new Source(),
    fill: async (requests, context) => {
      const iterator = requests[Symbol.asyncIterator]()
      const both = [
        iterator.next(),
        iterator.next(),
        iterator.next(),
        iterator.next(),
        iterator.next(),
      ]
      for (const each of await Promise.allSettled(both)) outcomes.push(each.status)
      outcomes.push((await Promise.allSettled([iterator.next()]))[0].status)
      context.signal.throwIfAborted()
      return 0
    },
    chat: () => [],
  })
  await server.start()
  const client = createClient({ address: server.address, protocol: 'grpc' })
  t.teardown(() => client.close())
  const { feed, fill } = client.bind(service)
  const controller = new AbortController()
  const filling = fill(new Source(), { signal: controller.signal })
  const responses = feed(1, { signal: controller.signal })
  for (let n = 0; n < 3; n++) await responses.next()
  await new Promise(resolve => setTimeout(resolve, 50))
  controller.abort(new Error('no longer wanted'))
  await t.rejects(filling, { message: 'no longer wanted' })
  await t.rejects(responses.next(), { message: 'no longer wanted' })
  await t.rejects(responses.next(), { message: 'no longer wanted' })
  await responses.return?.()
  t.same(await responses.next(), { done: true, value: undefined }, 'whoever has left gets the end')
  await server.stop()
  t.same(outcomes, ['fulfilled', 'fulfilled', 'fulfilled', 'rejected', 'rejected', 'rejected'])
})

t.test('requests that are read after the answer fail: they are no end', async t => {
  let outcome: Promise<string> | undefined
  const server = createServer({ name: 'ends' })
  server.handle(service, {
    ask: () => 0,
    feed: () => [],
    fill: () => 0,
    chat: requests => {
      outcome = outcomeOf(requests, () => undefined)
      return [1]
    },
  })
  await server.start()
  const client = createClient({ address: server.address, protocol: 'grpc' })
  t.teardown(() => client.close())
  for await (const _ of client.bind(service).chat(new Source()));
  t.match(await outcome, /^threw/)
  await server.stop()
})

t.test('what a handler gives that is no stream fails the call with words', async t => {
  const errors: unknown[] = []
  const server = createServer({ name: 'ends', onError: error => errors.push(error) })
  server.handle(service, {
    ask: () => 0,
    feed: (() => 5) as never,
    fill: () => 0,
    chat: () => [],
  })
  await server.start()
  const client = createClient({ address: server.address, protocol: 'grpc' })
  t.teardown(() => client.close())
  await t.rejects(client.bind(service).feed(1).next(), { code: 'UNKNOWN' })
  t.match(errors, [
    {
      message:
        'what the handler of /a.v1.Ends/Feed returns must be an iterable or async iterable of messages, got number',
    },
  ])
  await server.stop()
})

for (const door of ['grpc', 'mucp'] as const) {
  t.test(
    `${door}: generators of middleware around a stream do not keep it from being closed`,
    async t => {
      const outer: string[] = []
      async function* around(messages: AsyncIterable<unknown>, name: string) {
        try {
          yield* messages
          outer.push(`${name} ended`)
        } catch (error) {
          outer.push(`${name} threw`)
          throw error
        } finally {
          outer.push(`${name} closed`)
        }
      }
      const given = new Source()
      const source = new Source()
      let requests: Promise<string> | undefined
      let heard = (): void => undefined
      const underWay = new Promise<void>(resolve => {
        let count = 0
        heard = () => {
          if (++count === 3) resolve()
        }
      })
      const server = createServer({ name: 'ends' })
      server.use((call, next) => around(next(call.request) as AsyncIterable<unknown>, 'server'))
      server.handle(service, {
        ask: () => 0,
        feed: () => given,
        fill: () => 0,
        chat: incoming => {
          requests = outcomeOf(incoming, heard)
          return given
        },
      })
      await server.start()
      const client = createClient({ address: server.address, protocol: door })
      client.use((call, next) => next(around(call.request as AsyncIterable<unknown>, 'client')))
      t.teardown(() => client.close())
      const controller = new AbortController()
      const responses = client.bind(service).chat(source, { signal: controller.signal })
      for (let n = 0; n < 3; n++) await responses.next()
      await underWay
      const last = responses.next()
      controller.abort(new Error('no longer wanted'))
      await t.rejects(last, { message: 'no longer wanted' })
      t.same((await server.stop()).abandoned, [])
      t.same([given.returns, source.returns], [1, 1])
      t.match(await requests, /^threw/)
      t.same(outer.sort(), ['client closed', 'client threw', 'server closed', 'server threw'])
    },
  )
}

t.test('middleware that answers without asking for the requests: they are closed', async t => {
  const client = createClient({ address: '127.0.0.1:1', protocol: 'grpc' })
  client.use(call => (call.kind === 'client' ? 5 : [5]))
  t.teardown(() => client.close())
  const { fill, chat } = client.bind(service)
  const sources = [new Source(), new Source()]
  t.equal(await fill(sources[0]!), 5)
  for await (const n of chat(sources[1]!)) t.equal(n, 5)
  await new Promise(resolve => setImmediate(resolve))
  t.same(
    sources.map(each => each.returns),
    [1, 1],
  )
})

t.test('middleware may send a list of requests again', async t => {
  let attempts = 0
  const server = createServer({ name: 'ends' })
  server.handle(service, {
    ask: () => 0,
    feed: () => [],
    fill: async requests => {
      let sum = 0
      for await (const n of requests) sum += n
      if (++attempts === 1) throw new GrpcError(Status.Aborted, 'once more')
      return sum
    },
    chat: () => [],
  })
  await server.start()
  const client = createClient({ address: server.address, protocol: 'grpc' })
  client.use(async (call, next) => {
    try {
      return await next(call.request)
    } catch {
      return await next(call.request)
    }
  })
  t.teardown(() => client.close())
  t.equal(await client.bind(service).fill([1, 2, 3]), 6)
  await server.stop()
})
