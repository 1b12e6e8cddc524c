import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
// The snippets are programs of the package's users: they import `microwire`, as this test does for once.
import {
  type Client,
  type Context,
  createClient,
  createServer,
  defineService,
  GrpcError,
  jsonCodec,
  type Middleware,
  type Server,
  Status,
} from 'microwire'
import { generate } from 'selfsigned'
import t, { type Test } from 'tap'
import ts from 'typescript'
import { typeFaults } from '../support/type-faults.js'

const FOLDER = '.build/docs-middleware'
const NAMES = [
  'logging',
  'authentication',
  'authorisation',
  'credentials',
  'retry',
  'wrapping',
  'tracing',
]

const page = readFileSync('docs/middleware.md', 'utf8')
const snippets = new Map<string, string>()
for (const [, name, code] of page.matchAll(/<!-- snippet: (\w+) -->\n```ts\n([\s\S]*?)```/g)) {
  snippets.set(name!, code!)
}

mkdirSync(FOLDER, { recursive: true })
for (const [name, code] of snippets) {
  const options = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext }
  writeFileSync(join(FOLDER, `${name}.ts`), code)
  const { outputText } = ts.transpileModule(code, { compilerOptions: options })
  writeFileSync(join(FOLDER, `${name}.js`), outputText)
}

async function snippet<T>(name: string): Promise<T> {
  return (await import(pathToFileURL(join(FOLDER, `${name}.js`)).href)) as T
}

const number = { request: jsonCodec<number>(), response: jsonCodec<number>() }
const service = defineService('count.v1.Count', {
  one: { kind: 'unary', ...number },
  down: { kind: 'server', ...number },
  up: { kind: 'client', ...number },
})

interface Handling {
  readonly one?: (n: number, context: Context) => number | Promise<number>
}

async function start(t: Test, server: Server, handling: Handling = {}): Promise<string> {
  server.handle(service, {
    one: handling.one ?? (n => n),
    *down(n) {
      for (; n > 0; n--) yield n
    },
    async up(numbers) {
      let sum = 0
      for await (const n of numbers) sum += n
      return sum
    },
  })
  await server.start()
  t.teardown(() => server.stop())
  return server.address
}

function connect(t: Test, address: string, ...middleware: Middleware[]): Client {
  const client = createClient({ address }).use(...middleware)
  t.teardown(() => client.close())
  return client
}

async function listOf(numbers: AsyncIterable<number>): Promise<number[]> {
  const list: number[] = []
  for await (const n of numbers) list.push(n)
  return list
}

t.test('docs/middleware.md: every snippet is run here, and has no type errors', t => {
  t.equal(page.match(/^```ts$/gm)?.length, NAMES.length)
  t.same([...snippets.keys()], NAMES)
  t.same(typeFaults(NAMES.map(name => join(FOLDER, `${name}.ts`))), [])
  t.end()
})

t.test('docs/middleware.md: logging', async t => {
  const { logging } = await snippet<{ logging(write: (line: string) => void): Middleware }>(
    'logging',
  )
  const lines: string[] = []
  const log = logging(line => lines.push(line))
  const server = createServer({ name: 'count' }).use(log)
  const refuse = (n: number): number => {
    if (n === 0) throw new GrpcError(Status.OutOfRange, 'zero')
    return n
  }
  const { one, down } = connect(t, await start(t, server, { one: refuse }), log).bind(service)
  t.equal(await one(1), 1)
  await t.rejects(one(0), { code: 'OUT_OF_RANGE' })
  t.same(await listOf(down(3)), [3, 2, 1])
  for await (const n of down(3)) {
    t.equal(n, 3)
    break
  }
  const ends = ['OK', 'OUT_OF_RANGE', 'OK, 3 messages', 'left early, 1 messages']
  const methods = ['one', 'one', 'down', 'down']
  t.same(
    lines.filter(line => line.startsWith('client')),
    ends.map((end, n) => `client count.v1.Count/${methods[n]}: ${end}`),
  )
  t.same(
    lines.filter(line => line.startsWith('server')).slice(0, 3),
    ends.slice(0, 3).map((end, n) => `server count.v1.Count/${methods[n]}: ${end}`),
  )
})

const identityOf = (name: string) =>
  generate([{ name: 'commonName', value: name }], {
    keyType: 'ec',
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'subjectAltName', altNames: [{ type: 2, value: name }] },
    ],
  })
const pems = await identityOf('localhost')

t.test('docs/middleware.md: authorisation by client certificate, over both protocols', async t => {
  const { authorisation } = await snippet<{
    authorisation(allowed: ReadonlyMap<string, readonly string[]>): Middleware
  }>('authorisation')
  const [shop, other] = [await identityOf('shop'), await identityOf('other')]
  const ca = [shop.cert, other.cert]
  const tls = { key: pems.private, cert: pems.cert, ca, requestCert: true }
  const server = createServer({ name: 'count', tls })
  server.use(authorisation(new Map([['shop', ['/count.v1.Count/One']]])))
  const address = await start(t, server)
  for (const protocol of ['grpc', 'mucp'] as const) {
    const clientOf = ({ private: key, cert }: typeof shop): Client => {
      const own = { ca: pems.cert, servername: 'localhost', key, cert }
      const client = createClient({ address, protocol, tls: own })
      t.teardown(() => client.close())
      return client
    }
    const { one, down } = clientOf(shop).bind(service)
    t.equal(await one(1), 1)
    const denied = { code: protocol === 'grpc' ? 'PERMISSION_DENIED' : 403 }
    await t.rejects(listOf(down(1)), denied)
    await t.rejects(clientOf(other).bind(service).one(1), denied)
  }
})

t.test('docs/middleware.md: who calls, and credentials', async t => {
  const { authentication, userOf } = await snippet<{
    authentication(userWith: (token: string) => Promise<string | undefined>): Middleware
    userOf(context: Context): string | undefined
  }>('authentication')
  const credentials = await snippet<{
    connect(
      address: string,
      ca: string,
      fetchToken: (audience: string) => Promise<{ text: string; expiresAt: number }>,
    ): Client
  }>('credentials')
  const users: (string | undefined)[] = []
  const server = createServer({ name: 'count', tls: { key: pems.private, cert: pems.cert } })
  server.use(authentication(async token => (token === 'sesame' ? 'Ada' : undefined)))
  const address = await start(t, server, {
    one(n, context) {
      users.push(userOf(context))
      return n
    },
  })
  const audiences: string[] = []
  const client = credentials.connect(address, pems.cert, async audience => {
    audiences.push(audience)
    return { text: 'sesame', expiresAt: Date.now() + 60_000 }
  })
  const stranger = credentials.connect(address, pems.cert, async () => {
    return { text: 'open', expiresAt: 0 }
  })
  t.teardown(() => Promise.all([client.close(), stranger.close()]))
  t.equal(await client.bind(service).one(1), 1)
  t.equal(await client.bind(service).one(2), 2)
  t.same(users, ['Ada', 'Ada'])
  t.same(audiences, ['https://localhost/count.v1.Count'], 'the token is kept')
  await t.rejects(stranger.bind(service).one(1), { code: 'UNAUTHENTICATED' })
  await t.rejects(listOf(stranger.bind(service).down(1)), { code: 'UNAUTHENTICATED' })
})

t.test('docs/middleware.md: trying again', async t => {
  const { retry } = await snippet<{ retry(attemptsMax: number, pauseMs: number): Middleware }>(
    'retry',
  )
  let failures = 2
  const controller = new AbortController()
  const address = await start(t, createServer({ name: 'count' }), {
    one(n) {
      if (n === 0) setTimeout(() => controller.abort(), 20)
      if (failures-- > 0) throw new GrpcError(Status.Unavailable, 'away')
      return n
    },
  })
  const { one } = connect(t, address, retry(3, 1)).bind(service)
  t.equal(await one(5), 5)
  failures = 3
  await t.rejects(one(5), { code: 'UNAVAILABLE' })
  failures = 1
  const { one: patient } = connect(t, address, retry(3, 5_000)).bind(service)
  await t.rejects(patient(0, { signal: controller.signal }), { name: 'AbortError' })
})

t.test('docs/middleware.md: wrapping a stream', async t => {
  const { atMost } = await snippet<{ atMost(max: number): Middleware }>('wrapping')
  for (const side of ['client', 'server'] as const) {
    const server = createServer({ name: 'count' })
    if (side === 'server') server.use(atMost(3))
    const address = await start(t, server)
    const { up, down } = connect(t, address, ...(side === 'client' ? [atMost(3)] : [])).bind(
      service,
    )
    t.equal(await up([1, 2, 3]), 6)
    t.same(await listOf(down(3)), [3, 2, 1])
    await t.rejects(up([1, 2, 3, 4]), { code: 'RESOURCE_EXHAUSTED' })
    await t.rejects(listOf(down(4)), { code: 'RESOURCE_EXHAUSTED' })
  }
})

t.test('docs/middleware.md: tracing', async t => {
  const { tracedServer } = await snippet<{
    tracedServer(name: string, record: (traceparent: string) => void): Server
  }>('tracing')
  const spans: string[][] = []
  const record = (traceparent: string): void => {
    t.match(traceparent, /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/)
    spans.push(traceparent.split('-'))
  }
  const back = connect(t, await start(t, tracedServer('back', record)))
  const { one: inner } = back.bind(service)
  const address = await start(t, tracedServer('front', record), { one: n => inner(n) })
  t.equal(await connect(t, address).bind(service).one(1), 1)
  const [outer, onward] = spans
  t.equal(onward?.[1], outer?.[1], 'one trace')
  t.not(onward?.[2], outer?.[2], 'two spans')
  t.equal(spans.length, 2)
})
