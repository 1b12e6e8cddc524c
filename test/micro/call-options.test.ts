import t from 'tap'
import {
  bytesCodec,
  createClient,
  createServer,
  defineService,
  jsonCodec,
  Metadata,
} from '../../src/index.js'

const json = { request: jsonCodec<unknown>(), response: jsonCodec<unknown>() }
const things = defineService('a.v1.Things', {
  one: { kind: 'unary', ...json },
  raw: { kind: 'unary', request: bytesCodec(), response: bytesCodec() },
  many: { kind: 'server', ...json },
  fill: { kind: 'client', ...json },
  chat: { kind: 'bidi', ...json },
})

const server = createServer({ name: 'things' })
server.handle(things, {
  one: (_, { metadata }) => [...metadata].filter(([name]) => name.startsWith('x-')),
  raw: request => request,
  async *many() {
    yield 1
  },
  fill: () => 2,
  async *chat() {
    yield 3
  },
})
await server.start()
t.teardown(() => server.stop({ graceMs: 0 }))

type Case = readonly [options: unknown, name: string, message: RegExp]

const CASES: readonly Case[] = [
  ['x', 'TypeError', /^the options of a call must be an object like .*, got 'x'$/],
  [null, 'TypeError', /^the options of a call must be an object like .*, got null$/],
  [() => undefined, 'TypeError', /^the options of a call must be .*, got function$/],
  [new Metadata(), 'TypeError', /^the options of a call must be .*, got Metadata$/],
  [[], 'TypeError', /^the options of a call must be .*, got Array$/],
  [{ timeout: 5 }, 'TypeError', /^a call has no option timeout; it has timeoutMs, signal, /],
  [{ timeout: undefined }, 'TypeError', /^a call has no option timeout;/],
  [{ timeoutMs: Number.NaN }, 'RangeError', /^timeoutMs must be a number of ms .* got NaN$/],
  [{ timeoutMs: -1 }, 'RangeError', /^timeoutMs must be a number of ms of at least 0, got -1$/],
  [{ timeoutMs: '5' }, 'RangeError', /^timeoutMs must be a number of ms .* got '5'$/],
  [{ timeoutMs: null }, 'RangeError', /^timeoutMs must be a number of ms .* got null$/],
  [{ signal: {} }, 'TypeError', /^signal must be an AbortSignal, got object$/],
  [{ signal: null }, 'TypeError', /^signal must be an AbortSignal, got null$/],
  [
    { signal: new AbortController() },
    'TypeError',
    /^signal must be an AbortSignal, got AbortController$/,
  ],
  [{ credentials: null }, 'TypeError', /^credentials must be a function, got /],
  [{ inherit: 'no' }, 'TypeError', /^inherit must be true or false, got 'no'$/],
  [{ waitForReady: 1 }, 'TypeError', /^waitForReady must be true or false, got number$/],
  [{ address: '' }, 'TypeError', /^address must be a text that is not empty, got ''$/],
  [{ contentType: 5 }, 'TypeError', /^contentType must be a text that is not empty, got number$/],
  [{ compression: true }, 'TypeError', /^compression must be a text .* got boolean$/],
  [{ onHeaders: 'x' }, 'TypeError', /^onHeaders must be a function, got string$/],
  [{ onTrailers: {} }, 'TypeError', /^onTrailers must be a function, got object$/],
]

const METADATA: readonly Case[] = [
  [{ metadata: 'x' }, 'TypeError', /^metadata is a string; expected an object of names/],
  [{ metadata: null }, 'TypeError', /^metadata is null; expected an object of names/],
  [{ metadata: new Map([['a', 'b']]) }, 'TypeError', /^metadata is a Map; expected an object/],
  [{ metadata: [['a', 'b']] }, 'TypeError', /^metadata is an array; expected an object of names/],
  [{ metadata: { a: 5 } }, 'TypeError', /^metadata "a" is a number; expected a string$/],
  [{ metadata: { a: undefined } }, 'TypeError', /^metadata "a" is undefined; expected a string$/],
  [{ metadata: { a: ['x'] } }, 'TypeError', /^metadata "a" is an array; expected a string$/],
  [{ metadata: { a: 5n } }, 'TypeError', /^metadata "a" is a bigint; expected a string$/],
  [{ metadata: { 'a-Bin': 5 } }, 'TypeError', /^metadata "a-Bin" is a number; expected a Uint8A/],
  [
    { metadata: { 'a-bin': 'x' } },
    'TypeError',
    /^metadata "a-bin" is a string; expected a Uint8Array$/,
  ],
  [{ metadata: { '': 'x' } }, 'TypeError', /^metadata name is ""; expected a string/],
  [
    { metadata: { a: 'b\nc' } },
    'TypeError',
    /^metadata "a" has U\+000A at 1 of 3 characters; expected printable/,
  ],
]

for (const protocol of ['grpc', 'mucp'] as const) {
  for (const hasMiddleware of [false, true]) {
    const title = `${protocol}${hasMiddleware ? ', with middleware' : ''}`
    t.test(`${title}: a mistake in a call's options is named, and nothing is sent`, async t => {
      const client = createClient({ address: server.address, protocol })
      let seen = 0
      if (hasMiddleware) {
        client.use((call, next) => {
          seen++
          return next(call.request)
        })
      }
      const { one, many, fill, chat } = client.bind(things)
      for (const [options, name, message] of [...CASES, ...METADATA]) {
        const given = options as never
        const expected = { name, message }
        await t.rejects(one({}, given), expected, 'unary: as a rejected promise')
        await t.rejects(fill([], given), expected, 'client: as a rejected promise')
        t.throws(() => many({}, given), expected, 'server: thrown, like every other mistake')
        t.throws(() => chat([], given), expected)
        t.throws(() => client.stream(things, 'chat', given), expected, 'by hand')
        await t.rejects(client.publish('topic', {}, given), expected, 'publish')
      }
      t.equal(seen, 0)
      await client.close()
    })
  }

  t.test(`${protocol}: what a call may be given works`, async t => {
    const client = createClient({ address: server.address, protocol })
    const { one, many } = client.bind(things)
    const { signal } = new AbortController()
    let heard = 0
    const all = {
      timeoutMs: Number.POSITIVE_INFINITY,
      signal,
      metadata: { 'x-a': 'b' },
      inherit: false,
      address: server.address,
      contentType: 'application/json',
      compression: 'identity' as const,
      waitForReady: false,
      onHeaders: () => heard++,
      onTrailers: () => heard++,
    }
    const mucpTypes = {
      contentType: protocol === 'grpc' ? 'application/grpc+json' : all.contentType,
    }
    t.same(await one({}, { ...all, ...mucpTypes } as never), [['x-a', 'b']])
    t.equal(heard, 2)
    t.same(await one({}, {}), [])
    t.same(await one({}, undefined), [])
    t.same(
      await one({}, { timeoutMs: undefined, signal: undefined, metadata: undefined } as never),
      [],
    )
    const inheriting = Object.create({ metadata: { 'x-a': 'c' } })
    t.same(await one({}, inheriting), [['x-a', 'c']], 'defaults of a prototype count')
    const foreign = {
      aborted: false,
      addEventListener() {},
      removeEventListener() {},
      throwIfAborted() {},
    }
    t.same(await one({}, { signal: foreign as never }), [], "another realm's AbortSignal")
    await t.rejects(one({}, { timeoutMs: 0 }), /deadline exceeded/i, '0: no time is left')
    await t.rejects(many({}, { timeoutMs: 0 }).next(), /deadline exceeded/i)
    await client.close()
  })
}

t.test('a client without inherit checks as well', async t => {
  const client = createClient({ address: server.address, inherit: false })
  const { one } = client.bind(things)
  await t.rejects(one({}, { timeout: 5 } as never), /a call has no option timeout;/)
  t.same(await one({}, { metadata: { 'x-a': 'b' } }), [['x-a', 'b']])
  await client.close()
})
