import t from 'tap'
import {
  bytesCodec,
  createClient,
  createServer,
  defineService,
  jsonCodec,
  loadService,
} from '../../src/index.js'
import { memoryRegistry } from '../../src/micro/index.js'
import { grpcTransport, memoryTransport } from '../../src/transport/index.js'

const json = { request: jsonCodec<unknown>(), response: jsonCodec<unknown>() }

t.test('createServer: a wrong option is named', t => {
  const cases: [object, RegExp][] = [
    [{}, /name must be a text that is not empty, got undefined/],
    [{ name: '' }, /name must be/],
    [{ name: 'a', address: 5 }, /address must be a text/],
    [{ name: 'a', adress: 'x' }, /^createServer has no option adress; did you mean address\?$/],
    [{ name: 'a', transport: {} }, /transport must have the method dial, got object/],
    [{ name: 'a', transport: memoryTransport(), tls: {} }, /tls belongs to the transport/],
    [{ name: 'a', transport: grpcTransport(), connectionAgeMs: 5 }, /connectionAgeMs belongs to/],
    [{ name: 'a', connectionAgeMs: 0 }, /connectionAgeMs is 0; expected 1 or more/],
    [{ name: 'a', connectionAgeGraceMs: -1 }, /connectionAgeGraceMs is -1/],
    [{ name: 'a', connectionIdleMs: 'x' }, /connectionIdleMs is a string; expected a number/],
    [{ name: 'a', connectionsMax: 0 }, /connectionsMax is 0/],
    [{ name: 'a', handshakeTimeoutMs: 0 }, /handshakeTimeoutMs is 0/],
    [{ name: 'a', limits: { streams: 1 } }, /limits\.streams is not a limit/],
    [{ name: 'a', tls: { minVersion: 'TLSv1' } }, /tls\.minVersion is TLSv1; HTTP\/2 needs/],
    [{ name: 'a', registry: null }, /registry must have the method register, got null/],
    [{ name: 'a', registry: 'mdns' }, /registry must have the method register, got 'mdns'/],
  ]
  for (const [options, message] of cases) t.throws(() => createServer(options as never), message)
  t.throws(
    () => createServer(undefined as never),
    /^the options of createServer are undefined; expected an object$/,
  )
  t.end()
})

t.test('createClient: a wrong option is named', t => {
  const address = 'a:1'
  const cases: [object, RegExp][] = [
    [{}, /one of address, registry with service, and resolver; got none$/],
    [
      { address, registry: memoryRegistry() },
      /registry with service, and resolver; got address and registry$/,
    ],
    [{ registry: memoryRegistry() }, /service must be a text/],
    [{ registry: {}, service: 'a' }, /registry must have the method getService/],
    [
      { registry: memoryRegistry(), service: 'a', selector: {} },
      /selector must have the method select/,
    ],
    [{ address: '' }, /address must be a text/],
    [{ address, userAgent: '' }, /userAgent must be a text that is not empty, got ''/],
    [{ address, userAgent: 5 }, /userAgent must be a text that is not empty, got number/],
    [{ address, userAgent: 'a\nb: c' }, /userAgent must be printable ASCII .*character 1 of 6/],
    [{ address, userAgent: ' a' }, /userAgent must be printable ASCII without spaces around it/],
    [{ address, userAgent: 'caf\u00e9' }, /userAgent must be printable ASCII/],
    [{ address, authority: '' }, /authority must be a text that is not empty, got ''/],
    [{ address, authority: 'a\r\nx: y' }, /authority must be printable ASCII .*character 1 of 7/],
    [{ address, authority: 'a\0' }, /authority must be printable ASCII/],
    [{ address, authority: 'a b' }, /authority is 'a b'; expected host or host:port/],
    [{ address, authority: 'a/b' }, /authority is 'a\/b'/],
    [{ address, authority: 'a,b' }, /authority is 'a,b'/],
    [{ address, authority: 'me:hush@a' }, /^authority has user information; expected/],
    [{ address, neverIndexed: 'x' }, /neverIndexed is a string; expected an array/],
    [{ address, neverIndexed: ['a b'] }, /neverIndexed\[0\] is no name of a header field/],
    [{ address, protocol: 'http' }, /protocol must be grpc or mucp, got 'http'/],
    [
      { address, transport: memoryTransport(), protocol: 'grpc' },
      /transport memory carries no native calls/,
    ],
    [{ address, transport: grpcTransport(), limits: {} }, /limits belongs to the transport/],
    [{ address, transport: grpcTransport(), backOff: {} }, /backOff belongs to the transport/],
    [{ address, keepaliveIntervalMs: 5_000 }, /keepaliveIntervalMs is 5000; expected 10000 or/],
    [{ address, keepaliveTimeoutMs: 0 }, /keepaliveTimeoutMs is 0/],
    [{ address, backOff: { multiplier: 0 } }, /backOff\.multiplier is 0; expected 1 or more/],
    [{ address, limits: { streamsMax: 0.5 } }, /limits\.streamsMax is 0\.5/],
    [{ address, tls: { maxVersion: 'TLSv1.1' } }, /tls\.maxVersion is TLSv1\.1/],
    [{ address, contentType: 'text/html' }, /contentType 'text\/html' is not known/],
    [{ address, timeoutMs: 0 }, /timeoutMs must be a number of ms above 0, got 0/],
    [{ address, connectionTimeoutMs: Number.NaN }, /connectionTimeoutMs must be/],
    [{ address, dialTimeoutMs: -1 }, /dialTimeoutMs must be/],
    [{ address, retries: 1.5 }, /retries must be an integer of at least 0, got 1.5/],
    [{ address, pool: { sizeMax: -1 } }, /pool.sizeMax must be/],
    [{ address, pool: { ttlMs: 0 } }, /pool.ttlMs must be/],
    [{ address, pool: { size: 1 } }, /^pool has no option size; it has sizeMax, ttlMs$/],
    [{ address, pool: 5 }, /^pool is a number; expected an object$/],
    [{ address, pool: null }, /^pool is null; expected an object$/],
    [{ address, messageSizeMax: 0 }, /messageSizeMax/],
    [{ address, compression: 'br' }, /compression must be gzip, deflate or identity, got 'br'/],
  ]
  for (const [options, message] of cases) t.throws(() => createClient(options as never), message)
  t.throws(
    () => createClient(null as never),
    /^the options of createClient are null; expected an object$/,
  )
  t.doesNotThrow(() => createClient({ address, contentType: 'application/grpc+custom' }))
  for (const userAgent of ['a', 'shop/1.2', 'shop/1.2 (linux; x64)']) {
    t.doesNotThrow(() => createClient({ address, userAgent, authority: 'shop.example:443' }))
  }
  t.end()
})

t.test('defineService: a wrong definition is named', t => {
  const cases: [string, object, RegExp][] = [
    ['', {}, /service name must look like/],
    ['a..b', {}, /service name must look like 'package.Service', got 'a..b'/],
    [
      'A',
      { m: { kind: 'stream', ...json } },
      /m.kind must be one of unary, client, server, bidi, got stream/,
    ],
    [
      'A',
      { m: { kind: 'unary', ...json, name: 'a.b' } },
      /m.name must be an identifier, got 'a.b'/,
    ],
    [
      'A',
      { m: { kind: 'unary', ...json, request: undefined } },
      /m: a codec must have encode and decode/,
    ],
    [
      'A',
      { m: { kind: 'unary', ...json, response: { encode() {}, decode() {} } } },
      /m: a codec must name its subtypes/,
    ],
    [
      'A',
      { m: { kind: 'unary', ...json }, n: { kind: 'unary', name: 'M', ...json } },
      /two methods named M/,
    ],
  ]
  for (const [name, methods, message] of cases)
    t.throws(() => defineService(name, methods as never), { name: 'TypeError', message })
  const define = defineService as (...given: unknown[]) => unknown
  t.throws(() => define(), /service name must look like 'package.Service', got undefined/)
  for (const [methods, what] of [
    [undefined, 'undefined'],
    ['x', "'x'"],
    [[], 'Array'],
  ] as const) {
    t.throws(() => define('A', methods), {
      message: `the methods of a service must be an object with a definition by name, got ${what}`,
    })
  }
  t.throws(() => define('A', { m: 5 }), /method m must be { kind, request, response }, got number/)
  t.end()
})

t.test(
  'handle: missing and unknown handlers are listed, a short name is taken once, the transport is not served',
  t => {
    const server = createServer({ name: 'a' })
    const things = defineService('a.Things', {
      one: { kind: 'unary', ...json },
      two: { kind: 'unary', ...json },
    })
    t.throws(
      () => server.handle(things, { one: () => 1, tow: () => 2 } as never),
      /handlers of a.Things: no handler function for two; no method for tow/,
    )
    class Handlers {
      readonly #base = 1
      readonly name = 'a field is no handler'
      one(): number {
        return this.#base
      }
      Two(): number {
        return this.#base + 1
      }
    }
    t.doesNotThrow(
      () => server.handle(things, new Handlers() as never),
      'class instances and wire names do',
    )
    const other = defineService('b.Things', { one: { kind: 'unary', ...json } })
    t.throws(
      () => server.handle(other, { one: () => 1 }),
      /b.Things has the short name of a.Things/,
    )
    const own = defineService('go.micro.transport.grpc.Transport', {
      stream: { kind: 'bidi', ...json },
    })
    t.throws(() => server.handle(own, { stream: () => [] }), /is the transport's own/)
    const needed = /^a service of defineService, loadService or fromDefinition is needed, got /
    t.throws(() => server.handle({} as never, {}), needed)
    t.throws(() => server.handle({} as never, {}, { nativeOnly: true }), needed)
    t.throws(
      () => server.handle(Promise.resolve(things) as never, {}),
      /is needed, got Promise: await it$/,
    )
    for (const [handlers, what] of [
      [undefined, 'undefined'],
      [null, 'null'],
      ['x', "'x'"],
    ]) {
      t.throws(() => createServer({ name: 'b' }).handle(things, handlers as never), {
        name: 'TypeError',
        message: `handlers of a.Things must be an object with a function for each method, got ${what}`,
      })
    }
    const client = createClient({ address: 'a:1' })
    for (const service of [undefined, null, {}, 'a.Things', { name: 'a' }]) {
      t.throws(() => client.bind(service as never), needed)
      t.throws(() => client.stream(service as never, 'one' as never), needed)
    }
    t.throws(() => client.bind(Promise.resolve(things) as never), /got Promise: await it$/)
    t.throws(() => server.use('x' as never), /middleware must be a function, got string/)
    t.end()
  },
)

t.test('loadService: a wrong argument is named', async t => {
  const load = loadService as (...given: unknown[]) => Promise<unknown>
  const cases: [unknown[], RegExp][] = [
    [[], /^files must be a path of a .proto file or a list of them, got undefined$/],
    [[''], /^files must be a path of a .proto file or a list of them, got ''$/],
    [[['a.proto', 5]], /^files must be a path of a .proto file or a list of them, got number$/],
    [[[]], /^files must name a .proto file, got an empty list$/],
    [['a.proto'], /^the name of the service must be a text that is not empty, got undefined$/],
    [['a.proto', 'A', null], /^the options of loadService are null; expected an object$/],
    [
      ['a.proto', 'A', { int: 1 }],
      /^loadService has no option int; it has int64, includeDirs, wellKnownTypes, ignoreUnknownFields$/,
    ],
  ]
  for (const [given, message] of cases)
    await t.rejects(load(...given), { name: 'TypeError', message })
})

t.test('a server whose metadata no node can have is not made', t => {
  const cases: [unknown, RegExp][] = [
    [5, /^metadata of the server must be an object of texts, got number$/],
    [new Map(), /^metadata of the server must be an object of texts, got Map$/],
    [{ zone: 5 }, /^metadata.zone of the server must be a text, got number$/],
  ]
  for (const [metadata, message] of cases) {
    const given = { name: 'a', registry: memoryRegistry(), metadata: metadata as never }
    t.throws(() => createServer(given), { name: 'TypeError', message })
  }
  t.end()
})

t.test('start once, address after start, stop at any time', async t => {
  const server = createServer({ name: 'a', transport: memoryTransport(), address: 'a:1' })
  t.throws(() => server.address, /no address before start/)
  await server.start()
  t.equal(server.address, 'a:1')
  await t.rejects(server.start(), /the server is running already/)
  t.throws(
    () => server.stop({ graceMs: -1 }),
    /graceMs must be a number of ms of at least 0, got -1/,
  )
  t.throws(
    () => server.stop({ timeoutMs: 5 } as never),
    /stop has no option timeoutMs; it has lameDuckMs, graceMs, settleMs/,
  )
  t.throws(() => server.stop({ settleMs: NaN }), /settleMs must be a number of ms/)
  await server[Symbol.asyncDispose]()
  await server.stop()
  await t.rejects(server.start(), /the server is stopped already/)
  await createServer({ name: 'a' }).stop()
})

t.test('codecs: JSON and octets', t => {
  const codec = jsonCodec()
  t.equal(Buffer.from(codec.encode(undefined)).toString(), '{}')
  t.same(codec.decode(Buffer.from('x[1]y'), 1, 4), [1])
  t.same(codec.decode(Buffer.from(''), 0, 0), {})
  const bytes = bytesCodec()
  t.same(bytes.subtypes, ['proto', 'bytes'])
  t.same(bytesCodec('json').subtypes, ['json'])
  const chunk = Buffer.from('abc')
  const decoded = bytes.decode(chunk, 1, 2)
  chunk.fill(0)
  t.same(Buffer.from(decoded), Buffer.from('b'), 'copied')
  const own = Buffer.from('abc')
  const view = bytes.decodeOwned!(own, 1, 3)
  own[1] = 0x78
  t.same(Buffer.from(view), Buffer.from('xc'), 'not copied')
  t.equal(bytes.encode(undefined as never).length, 0)
  t.throws(() => bytes.encode('text' as never), /a bytes codec encodes a Uint8Array, got string/)
  t.end()
})

t.test(
  'createServer passes the options of connections on, and changes its certificate',
  async t => {
    const errors: unknown[] = []
    const server = createServer({
      name: 'a',
      connectionsMax: 1,
      connectionAgeMs: 30,
      handshakeTimeoutMs: 5_000,
      onError: error => errors.push(error),
    })
    const echo = defineService('a.v1.Echo', { echo: { kind: 'unary', ...json } })
    server.handle(echo, { echo: request => request })
    t.throws(() => server.updateTls({}), /no certificate before start/)
    await server.start()
    t.throws(() => server.updateTls({}), /was made without tls/)
    const client = createClient({ address: server.address, keepaliveIntervalMs: 10_000 })
    const call = client.bind(echo)
    await call.echo({ n: 1 })
    const other = createClient({ address: server.address })
    await t.rejects(other.bind(echo).echo({}), { code: 'UNAVAILABLE' })
    t.match(errors[0], { message: /refused: 1 connections are open/ })
    await new Promise(resolve => setTimeout(resolve, 80))
    t.same(await call.echo({ n: 2 }), { n: 2 }, 'its connection has reached its age meanwhile')
    await other.close()
    await client.close()
    await server.stop()
    const memory = createServer({ name: 'a', transport: memoryTransport() })
    await memory.start()
    t.throws(() => memory.updateTls({}), /transport memory has no certificate/)
    await memory.stop()
  },
)
