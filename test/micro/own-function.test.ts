import t, { type Test } from 'tap'
import { addService, Metadata as GrpcJsMetadata } from '../../src/compat/index.js'
import {
  type Client,
  createClient,
  createServer,
  defineService,
  jsonCodec,
  Metadata,
  type Service,
} from '../../src/micro/index.js'

const json = {
  kind: 'unary',
  request: jsonCodec<unknown>(),
  response: jsonCodec<unknown>(),
} as const

/** Methods whose JavaScript names every object has, or that JavaScript calls by itself. */
const NAMES = ['constructor', 'toString', 'valueOf', 'then', 'hasOwnProperty', '__proto__']

const odd = defineService(
  'odd.v1.Odd',
  Object.fromEntries(NAMES.map(name => [name, json])),
) as unknown as Service<never>

type Functions = Readonly<Record<string, (request: unknown) => Promise<unknown>>>

function bind(client: Client): Functions {
  return client.bind(odd) as unknown as Functions
}

async function answers(t: Test, serve: (server: ReturnType<typeof createServer>) => void) {
  const server = createServer({ name: 'odd' })
  serve(server)
  await server.start()
  t.teardown(() => server.stop())
  for (const protocol of ['grpc', 'mucp'] as const) {
    const client = createClient({ address: server.address, protocol })
    t.teardown(() => client.close())
    const bound = bind(client)
    t.same(Object.keys(bound), NAMES, `${protocol}: nothing but the methods`)
    for (const name of NAMES) {
      t.equal(await bound[name]!(JSON.parse('{"__proto__":1}')), name, `${protocol}: ${name}`)
    }
  }
}

/** Answers each method with its name. */
function handlers(): object {
  const all: object = Object.create(null)
  for (const name of NAMES) {
    Object.defineProperty(all, name, { value: () => name, enumerable: true })
  }
  return all
}

t.test('methods may have the names that every object has, on both doors', async t => {
  await answers(t, server => void server.handle(odd, handlers() as never))
})

t.test('handlers may come from a class, whose constructor is none', async t => {
  class Handlers {
    toString(): string {
      return 'toString'
    }
  }
  for (const name of ['valueOf', 'then', 'hasOwnProperty', '__proto__']) {
    Object.defineProperty(Handlers.prototype, name, { value: () => name })
  }
  const own = new Handlers()
  t.throws(() => createServer({ name: 'odd' }).handle(odd, own as never), {
    message: 'handlers of odd.v1.Odd: no handler function for constructor',
  })
  Object.defineProperty(own, 'constructor', { value: () => 'constructor' })
  await answers(t, server => void server.handle(odd, own as never))
})

t.test('what every object has handles no forgotten method', async t => {
  const text = `handlers of odd.v1.Odd: no handler function for ${NAMES.join(', ')}`
  t.throws(() => createServer({ name: 'odd' }).handle(odd, {} as never), { message: text })
})

t.test('grpc-js: what every object has implements no forgotten method', async t => {
  const server = createServer({ name: 'odd' })
  addService(server, odd, {})
  await server.start()
  const client = createClient({ address: server.address })
  t.teardown(async () => {
    await client.close()
    await server.stop()
  })
  const bound = bind(client)
  for (const name of NAMES) await t.rejects(bound[name]!({}), { code: 'UNIMPLEMENTED' }, name)
})

t.test('a bound client with a method `then` cannot be awaited, and says so', async t => {
  const client = createClient({ address: '127.0.0.1:1' })
  t.teardown(() => client.close())
  await t.rejects(
    Promise.resolve().then(() => bind(client)),
    { name: 'TypeError', message: /cannot be awaited.*put it in an object/ },
  )
})

t.test('metadata may have the names that every object has, on both doors', async t => {
  const fields = JSON.parse('{"__proto__":"p","constructor":"c","then":"t"}')
  const echo = defineService('odd.v1.Echo', { echo: json })
  const server = createServer({ name: 'odd' })
  server.handle(echo, {
    echo: (_, { metadata, headers }) => {
      for (const name of Object.keys(fields)) headers.set(name, metadata.get(name) ?? 'missing')
      return {}
    },
  })
  await server.start()
  t.teardown(() => server.stop())
  for (const protocol of ['grpc', 'mucp'] as const) {
    const client = createClient({ address: server.address, protocol })
    t.teardown(() => client.close())
    let came = new Metadata()
    const onHeaders = (metadata: Metadata): void => {
      came = metadata
    }
    await client.bind(echo).echo({}, { metadata: fields, onHeaders })
    const names = Object.keys(fields)
    t.same(
      names.map(name => came.get(name)),
      ['p', 'c', 't'],
      protocol,
    )
  }
  const compat = new GrpcJsMetadata()
  compat.set('__proto__', 'p')
  t.same(Object.entries(compat.getMap()), [['__proto__', 'p']])
})
