import t from 'tap'
import {
  type Context,
  createClient,
  createServer,
  defineService,
  FieldError,
  type GrpcError,
  type MicroError,
  type TypedCodec,
} from '../../src/micro/index.js'

/** Numbers alone, and a field that says so: as a schema's codec does. */
const numbers: TypedCodec<number> = {
  subtypes: ['proto'],
  encode(value) {
    if (typeof value !== 'number') throw new FieldError(`text '${value}' is no int32`).within('N.n')
    return Buffer.from([value])
  },
  decode: (bytes, start) => bytes[start]!,
}

const parts = { request: numbers, response: numbers }
const counters = defineService('f.v1.Counters', {
  one: { kind: 'unary', ...parts },
  down: { kind: 'server', ...parts },
  up: { kind: 'client', ...parts },
  both: { kind: 'bidi', ...parts },
})

/** What no field can hold. */
const BAD = 'many' as unknown as number
/** A request that handlers answer with `BAD`. */
const ANSWER_BAD = 9

const answer = (n: number): number => (n === ANSWER_BAD ? BAD : n)

async function last(messages: AsyncIterable<number>): Promise<number> {
  let found = 0
  for await (const message of messages) found = message
  return found
}

type Failure = GrpcError | MicroError

for (const protocol of ['grpc', 'mucp'] as const) {
  for (const exposeErrors of [false, true]) {
    t.test(`${protocol}, exposeErrors ${exposeErrors}: a value that no field can hold`, async t => {
      const told: { error: FieldError; context: Context | undefined }[] = []
      const server = createServer({
        name: 'f',
        exposeErrors,
        onError: (error, context) => told.push({ error: error as FieldError, context }),
      })
      server.handle(counters, {
        one: answer,
        async *down(n) {
          yield 1
          yield answer(n)
        },
        up: async requests => answer(await last(requests)),
        async *both(requests) {
          for await (const n of requests) yield answer(n)
        },
      })
      await server.start()
      const client = createClient({ address: server.address, protocol })
      t.teardown(async () => {
        await client.close()
        await server.stop()
      })
      const { one, down, up, both } = client.bind(counters)

      const sent: Readonly<Record<string, [unsent: boolean, call: () => Promise<unknown>]>> = {
        one: [true, () => one(BAD)],
        down: [true, () => last(down(BAD))],
        // The handler has begun with the first request.
        up: [false, () => up([1, BAD])],
        both: [false, () => last(both([1, BAD]))],
      }
      for (const [name, [unsent, call]] of Object.entries(sent)) {
        const error = await failureOf(call())
        t.ok(error instanceof TypeError, `${name}: the caller's mistake is a TypeError`)
        t.match(error, { code: 'INVALID_FIELD_VALUE', field: 'N.n' }, name)
        t.match(error.message, /N\.n: text 'many' is no int32/, `${name}: the caller reads which`)
        const ended = error.cause as Failure
        t.equal(ended.code, protocol === 'grpc' ? 'INTERNAL' : 500, `${name}: how the call ended`)
        t.match(ended.message, /N\.n: text 'many' is no int32/)
        t.equal(ended.unprocessed, unsent, `${name}: unprocessed`)
        t.equal(ended.origin, 'local')
        t.equal(ended.cause, undefined, 'whoever walks along causes comes to an end')
      }
      // A caller whose request broke has cut its handler off: that is no exception of the handler's.
      t.same(told, [], 'nothing at the server')

      const answers: Readonly<Record<string, () => Promise<unknown>>> = {
        one: () => one(ANSWER_BAD),
        down: () => last(down(ANSWER_BAD)),
        up: () => up([ANSWER_BAD]),
        both: () => last(both([ANSWER_BAD])),
      }
      for (const [name, call] of Object.entries(answers)) {
        told.length = 0
        const error = await call().then(
          () => t.fail(`${name} answered`) as never,
          (failure: Failure) => failure,
        )
        t.equal(/N\.n: text 'many'/.test(error.message), exposeErrors, `${name}: told on demand`)
        t.equal(error.origin, 'peer')
        t.equal(told.length, 1, `${name}: onError hears of it, once`)
        t.equal(told[0]?.error.field, 'N.n')
        t.equal(told[0]?.context?.method, name, `${name}: with its context`)
        t.equal(told[0]?.context?.door, protocol)
      }
    })
  }
}

/** What a call fails with. */
async function failureOf(call: Promise<unknown>): Promise<Failure> {
  return await call.then(
    () => {
      throw new Error('the call went well')
    },
    (failure: Failure) => failure,
  )
}

t.test('what was never sent is unprocessed', async t => {
  const dead = createServer({ name: 'f' })
  await dead.start()
  const { address } = dead
  await dead.stop()
  for (const protocol of ['grpc', 'mucp'] as const) {
    const client = createClient({ address, protocol })
    t.teardown(() => client.close())
    const { one, down } = client.bind(counters)
    t.equal((await failureOf(one(1))).unprocessed, true, `${protocol}: unary`)
    t.equal((await failureOf(last(down(1)))).unprocessed, true, `${protocol}: stream`)
  }
})

t.test('an attempt that may have run is no less run when the next finds no server', async t => {
  const server = createServer({ name: 'f' })
  server.handle(counters, {
    one: () => {
      void server.stop({ graceMs: 0, settleMs: 0 })
      return new Promise<number>(() => {})
    },
    down: () => [],
    up: last,
    both: () => [],
  })
  await server.start()
  const client = createClient({ address: server.address, retries: 1 })
  t.teardown(() => client.close())
  const error = await failureOf(client.bind(counters).one(1))
  t.match(error, { code: 'UNAVAILABLE', message: /refused/i })
  t.equal(error.unprocessed, false)
})

t.test('a handler whose response has no fields may return nothing, its types included', async t => {
  type Nothing = Record<never, never>
  const empty: TypedCodec<Nothing> = {
    subtypes: ['proto'],
    encode: () => Buffer.alloc(0),
    decode: () => ({}),
  }
  const removal = defineService('f.v1.Removal', {
    now: { kind: 'unary', request: empty, response: empty },
    later: { kind: 'unary', request: empty, response: empty },
  })
  await using server = createServer({ name: 'removal' })
  server.handle(removal, { now: () => {}, later: async () => {} })
  await server.start()
  await using client = createClient({ address: server.address })
  const { now, later } = client.bind(removal)
  t.same([await now({}), await later({})], [{}, {}])
})
