import t from 'tap'
import { Connection, type ConnectionOptions } from '../../src/connection/index.js'
import { FrameReader, type FrameReaderOptions } from '../../src/frame/index.js'
import { CallConnector, type CallConnectorOptions, type CallOptions } from '../../src/grpc/index.js'
import {
  HpackDecoder,
  type HpackDecoderOptions,
  HpackEncoder,
  type HpackEncoderOptions,
} from '../../src/hpack/index.js'
import {
  type CallOptions as ClientCallOptions,
  type ClientOptions,
  type ConnectOptions,
  createClient,
  createServer,
  defineService,
  type FromDefinitionOptions,
  fromDefinition,
  type GenerateTypesOptions,
  generateTypes,
  type HandleOptions,
  type InheritOptions,
  jsonCodec,
  type LoadServiceOptions,
  loadService,
  memoryRegistry,
  type PoolOptions,
  type RegisterOptions,
  randomSelector,
  roundRobinSelector,
  type ServerOptions,
  type StopOptions as ServerStopOptions,
  staticRegistry,
} from '../../src/micro/index.js'
import { nearest } from '../../src/options/index.js'
import {
  Health,
  mountHealth,
  mountReflection,
  type ReflectionOptions,
} from '../../src/services/index.js'
import {
  Fuzzer,
  type FuzzerOptions,
  type PathConditions,
  SimulatedNetwork,
  type SimulatedNetworkOptions,
} from '../../src/testing/index.js'
import { connect } from '../../src/transport/client/session.js'
import {
  type BackOffOptions,
  type DialOptions,
  type ListenOptions,
  memoryTransport,
  type ServeOptions,
  type SessionConnectOptions,
  type SessionOptions,
  type StopOptions,
} from '../../src/transport/index.js'
import { grpcTransport } from '../../src/transport/micro/grpc-transport.js'
import type { GrpcTransportOptions } from '../../src/transport/micro/grpc-transport-options.js'
import { serve } from '../../src/transport/server/server.js'
import { acceptorOf, routerWith } from '../transport/calls.js'
import { FakeRuntime } from '../transport/fake-runtime.js'

const handler = acceptorOf(routerWith())
const runtime = new FakeRuntime()
const json = { request: jsonCodec<unknown>(), response: jsonCodec<unknown>() }
const things = defineService('a.v1.Things', {
  one: { kind: 'unary', ...json },
  many: { kind: 'server', ...json },
  fill: { kind: 'client', ...json },
  chat: { kind: 'bidi', ...json },
})
const handlers = { one: () => 1, many: () => [1], fill: () => 1, chat: () => [1] }
const address = '127.0.0.1:1'

/** Who takes options, and how to give some: what it throws or rejects with is the answer. */
interface Taker {
  readonly what: string
  /** Wrong values of each option, besides a symbol and null. */
  readonly wrong: Readonly<Record<string, readonly unknown[]>>
  give(options: object): unknown
}

/** Complete: an option without a row here does not compile. */
function taker<Options>(
  what: string,
  wrong: { readonly [name in keyof Required<Options>]: readonly unknown[] },
  give: (options: object) => unknown,
): Taker {
  return { what, wrong, give }
}

const LIMITS = [5, [], { streamMax: 1 }, { streamsMax: -1 }]
const NUMBER = ['5', Number.NaN, -1]
const FLAG = ['yes', 1]
const TEXT = [5, '']
const FUNCTION = [{}, 'x']
const LIST = ['x', {}]

const OF_CALL = {
  timeoutMs: NUMBER,
  signal: [{}, new AbortController()],
  metadata: ['x', 5, { a: 5 }],
  credentials: FUNCTION,
  inherit: FLAG,
  address: TEXT,
  contentType: TEXT,
  compression: TEXT,
  waitForReady: FLAG,
  onHeaders: FUNCTION,
  onTrailers: FUNCTION,
}

const CONNECTIONS = {
  onRequest: FUNCTION,
  connectionsMax: NUMBER,
  connectionsPerAddressMax: NUMBER,
  memoryPerAddressMax: NUMBER,
  handlersPerAddressMax: NUMBER,
  handshakeTimeoutMs: NUMBER,
  connectionAgeMs: NUMBER,
  connectionAgeGraceMs: NUMBER,
  connectionIdleMs: NUMBER,
  reusePort: FLAG,
}

const SESSION = {
  proxy: [3, 'https://gate:1'],
  eager: FLAG,
  connectTimeoutMs: NUMBER,
  backOff: [5, { initialMS: 1 }],
  keepProcessAlive: FLAG,
  waitingCallsMax: NUMBER,
  waitingWarningMs: NUMBER,
  keepaliveIntervalMs: [...NUMBER, 9_999],
  keepaliveWithoutCalls: FLAG,
  keepaliveTimeoutMs: NUMBER,
  observer: [() => undefined, {}],
  onError: FUNCTION,
}

const CALLS = {
  limits: [5, [], { metadataSize: 1 }, { metadataSizeMax: 0 }],
  compressions: [{}, new Map([['x', {}]])],
  compression: [5, 'br'],
  onError: FUNCTION,
}

const definition = {
  one: {
    path: '/a.v1.Things/One',
    requestStream: false,
    responseStream: false,
    requestSerialize: () => Buffer.alloc(0),
    requestDeserialize: () => ({}),
    responseSerialize: () => Buffer.alloc(0),
    responseDeserialize: () => ({}),
  },
}
const connectionParts = {
  role: 'client',
  handler: { onStream() {}, onReceived() {} },
  host: {
    onOutput() {},
    onSettings() {},
    onGoaway() {},
    onCapacity() {},
    onHandlerError() {},
    onClosed() {},
  },
  now: 0,
}

const TAKERS: readonly Taker[] = [
  taker<ServerOptions>(
    'createServer',
    {
      name: TEXT,
      address: TEXT,
      transport: [{}, 'grpc'],
      registry: [{}, 'mdns'],
      broker: [{}, 'nats'],
      version: TEXT,
      metadata: [5, { zone: 5 }, new Map()],
      advertise: [...TEXT, 'a b:1'],
      registerTtlMs: NUMBER,
      registerIntervalMs: NUMBER,
      registerRequired: FLAG,
      ...CONNECTIONS,
      tls: [5, 'x', { cert: 'x' }, { kye: 'x' }],
      limits: LIMITS,
      neverIndexed: LIST,
      memory: [5, {}],
      messageSizeMax: ['5', 0],
      compression: [5, 'br'],
      compressions: [{}, 'gzip'],
      calls: [5, [], { limit: {} }],
      exposeErrors: FLAG,
      onError: FUNCTION,
      handlerGraceMs: NUMBER,
      matchShortName: FLAG,
      inherit: ['yes', 5, { metadata: 'x' }, { metadata: [5] }, { names: [] }],
      overload: [
        5,
        { calls: 5 },
        { callsMax: 0 },
        { callsMax: 1.5 },
        { adaptive: 'yes' },
        { adaptive: { least: 1 } },
        { queue: true },
        { callsMax: 1, queue: { waitMaxMs: 0 } },
        { methods: { 'a.B/C': 0 } },
        { methods: { '/a.B/C': 1 } },
        { priority: 'X-Priority' },
        { exempt: 'a.B' },
      ],
      runtime: [{}, 5],
    },
    options => createServer({ name: 'a', ...options }),
  ),
  taker<ClientOptions>(
    'createClient',
    {
      address: TEXT,
      registry: [{}, 'mdns'],
      broker: [{}, 'nats'],
      service: TEXT,
      balancer: [{}, 'roundRobin'],
      resolver: [{}, 'dns'],
      proxy: [3, 'https://gate:1'],
      dnsRefreshMs: [...NUMBER, 5],
      selector: [{}, 'random'],
      protocol: ['http', 5],
      transport: [{}, 'grpc'],
      contentType: [5, '', 'text/html'],
      timeoutMs: [...NUMBER, 0],
      connectionTimeoutMs: [...NUMBER, 0],
      endGraceMs: [...NUMBER, 0],
      dialTimeoutMs: [...NUMBER, 0],
      retries: [...NUMBER, 1.5],
      serviceConfig: [5, '{', { methodConfig: 5 }],
      retryBudget: [5, true, { ratio: -1 }, { rate: 1 }],
      pool: [5, [], { size: 1 }, { sizeMax: -1 }, { ttlMs: 0 }],
      tls: [5, 'x', { cert: 'x' }, { kye: 'x' }],
      credentials: FUNCTION,
      allowPlaintextCredentials: FLAG,
      inherit: FLAG,
      limits: LIMITS,
      neverIndexed: LIST,
      memory: [5, {}],
      keepaliveIntervalMs: [...NUMBER, 9_999],
      keepaliveTimeoutMs: NUMBER,
      connectTimeoutMs: NUMBER,
      keepProcessAlive: FLAG,
      backOff: [5, { initialMS: 1 }],
      messageSizeMax: ['5', 0],
      calls: [5, [], { limit: {} }, { limits: 5 }, { limits: { metadataSize: 1 } }],
      compression: [5, 'br'],
      compressions: [{}, 'gzip'],
      authority: [...TEXT, 'a b'],
      userAgent: [...TEXT, 'a\nb'],
      runtime: [{}, 5],
    },
    options => createClient({ address, ...options }),
  ),
  taker<CallOptions>('calls', CALLS, calls => createServer({ name: 'a', calls })),
  taker<CallOptions>('calls', CALLS, calls => grpcTransport({ runtime, calls })),
  taker<PoolOptions>('pool', { sizeMax: [-1, '5'], ttlMs: [0, '5'] }, pool =>
    createClient({ address, pool }),
  ),
  taker<InheritOptions>('inherit', { metadata: ['x', [5], ['a b']] }, inherit =>
    createServer({ name: 'a', inherit }),
  ),
  taker<ServerStopOptions>(
    'stop',
    { lameDuckMs: NUMBER, graceMs: NUMBER, settleMs: NUMBER },
    async options => await createServer({ name: 'a' }).stop(options),
  ),
  taker<HandleOptions>('handle', { nativeOnly: FLAG, middleware: ['x', 5, {}, [5]] }, options =>
    createServer({ name: 'a' }).handle(things, handlers, options),
  ),
  ...(['grpc', 'mucp'] as const).flatMap(protocol => {
    const client = createClient({ address, protocol })
    const { one, many, fill, chat } = client.bind(things)
    return [
      taker<ClientCallOptions>('a call', OF_CALL, options => one({}, options)),
      taker<ClientCallOptions>('a call', OF_CALL, options => fill([], options)),
      taker<ClientCallOptions>('a call', OF_CALL, options => many({}, options)),
      taker<ClientCallOptions>('a call', OF_CALL, options => chat([], options)),
      taker<ClientCallOptions>('a call', OF_CALL, options =>
        client.stream(things, 'chat', options),
      ),
      taker<ClientCallOptions>('a call', OF_CALL, options => client.publish('a', {}, options)),
    ]
  }),
  taker<LoadServiceOptions>(
    'loadService',
    {
      int64: ['long', 5],
      includeDirs: ['x', [5], ['']],
      wellKnownTypes: ['x', true],
      ignoreUnknownFields: FLAG,
    },
    options => loadService('a.proto', 'A', options),
  ),
  taker<GenerateTypesOptions>(
    'generateTypes',
    {
      int64: ['long', 5],
      includeDirs: ['x', [5], ['']],
      wellKnownTypes: ['x', true],
      source: TEXT,
      module: TEXT,
    },
    options => generateTypes('a.proto', options),
  ),
  taker<FromDefinitionOptions>(
    'fromDefinition',
    {
      create: FUNCTION,
      toBinary: FUNCTION,
      fromBinary: FUNCTION,
      toJson: FUNCTION,
      fromJson: FUNCTION,
      root: ['x', 5],
    },
    options => fromDefinition(definition as object, options as FromDefinitionOptions),
  ),
  taker<RegisterOptions>('register', { ttlMs: [...NUMBER, 0] }, options =>
    memoryRegistry().register(
      { name: 'a', version: '1', metadata: {}, endpoints: [], nodes: [] },
      options,
    ),
  ),
  taker<ReflectionOptions>(
    'mountReflection',
    { descriptorSets: ['x', ['x'], {}], middleware: ['x', 5, {}] },
    options => mountReflection(createServer({ name: 'a' }), options),
  ),
  taker<ServeOptions>(
    'serve',
    {
      address: [5, 'a b'],
      handler: FUNCTION,
      ...CONNECTIONS,
      tls: [5, 'x', { cert: 'x' }],
      limits: LIMITS,
      messageSizeMax: NUMBER,
      backlog: NUMBER,
      neverIndexed: LIST,
      memory: [5, {}],
      observer: [{ onFrame() {} }],
      onError: FUNCTION,
      runtime: [{}, 5],
    },
    options => serve({ handler, runtime, ...options }),
  ),
  taker<Omit<SessionOptions, 'timers' | 'hosts'>>(
    'connect',
    {
      ...SESSION,
      messageSizeMax: NUMBER,
      tls: [5, { cert: 'x' }],
      limits: LIMITS,
      neverIndexed: LIST,
      memory: [5, {}],
      runtime: [{}, 5],
    },
    options => connect(address, { runtime, ...options }),
  ),
  taker<GrpcTransportOptions>(
    'grpcTransport',
    {
      ...CONNECTIONS,
      serverTls: [5, { cert: 'x' }],
      clientTls: [5, { cert: 'x' }],
      path: [5],
      messageSizeMax: ['5', 0],
      connectionPerSocket: FLAG,
      limits: LIMITS,
      neverIndexed: LIST,
      memory: [5, {}],
      calls: [5, []],
      session: [5, []],
      userAgent: [5],
      observer: [{ onFrame() {} }],
      onError: FUNCTION,
      runtime: [{}, 5],
    },
    options => grpcTransport({ runtime, ...options }),
  ),
  taker<Omit<NonNullable<GrpcTransportOptions['session']>, 'hosts'>>('session', SESSION, session =>
    grpcTransport({ runtime, session }),
  ),
  taker<BackOffOptions>(
    'backOff',
    { initialMs: NUMBER, multiplier: NUMBER, maxMs: NUMBER, jitter: NUMBER },
    backOff => connect(address, { runtime, backOff }),
  ),
  taker<ConnectOptions>(
    'connect',
    { timeoutMs: NUMBER, signal: [{}, new AbortController()], waitForReady: FLAG },
    options => createClient({ address, runtime }).connect(options),
  ),
  taker<SessionConnectOptions>('connect', { signal: [5, 'x'], waitForReady: FLAG }, options =>
    connect(address, { runtime }).connect(options),
  ),
  ...[() => grpcTransport({ runtime }), () => memoryTransport()].flatMap(make => [
    taker<DialOptions>('dial', { timeoutMs: [...NUMBER, 0], connClose: FLAG }, options =>
      make().dial(address, options),
    ),
    taker<ListenOptions>('listen', { backlog: NUMBER }, options =>
      make().listen('127.0.0.1:0', options),
    ),
  ]),
  taker<StopOptions>('stop', { graceMs: NUMBER }, async options =>
    (await serve({ handler, runtime: new FakeRuntime() })).stop(options),
  ),
  taker<ConnectionOptions>(
    'Connection',
    {
      role: ['peer', 5],
      handler: [{}, 5],
      host: [{}, 5],
      now: NUMBER.slice(0, 2),
      clock: FUNCTION,
      stopwatch: FUNCTION,
      limits: LIMITS,
      timers: [{}, 5],
      neverIndexed: LIST,
      memory: [5, {}],
      handlerGroup: [5, {}],
      observer: [() => undefined, {}],
    },
    options => new Connection({ ...connectionParts, ...options } as never),
  ),
  taker<CallConnectorOptions>(
    'CallConnector',
    { address: [5], onError: FUNCTION },
    options => new CallConnector(options),
  ),
  taker<HpackEncoderOptions>(
    'HpackEncoder',
    { tableSizeMax: [...NUMBER, 1.5], policy: ['slow', 5], neverIndexed: ['x', [5]] },
    options => new HpackEncoder(options),
  ),
  taker<HpackDecoderOptions>(
    'HpackDecoder',
    {
      tableSizeMax: NUMBER,
      classify: FUNCTION,
      fieldsMax: NUMBER,
      listSizeMax: NUMBER,
      tableSizeUpdatesMax: NUMBER,
    },
    options => new HpackDecoder(options),
  ),
  taker<FrameReaderOptions>(
    'FrameReader',
    { frameSizeMax: [...NUMBER, 5], reusesJoined: FLAG },
    options => new FrameReader(options),
  ),
  taker<FuzzerOptions>(
    'Fuzzer',
    { seed: ['5'], counters: [5], corpus: LIST, onKept: FUNCTION },
    options => new Fuzzer({ name: 'a', fuzz() {} }, options),
  ),
  taker<SimulatedNetworkOptions>(
    'SimulatedNetwork',
    {
      seed: ['5', Number.NaN],
      conditions: [5, { latency: 1 }],
      hosts: [5, { a: 'x' }, { a: [5] }],
      onOctets: FUNCTION,
      onEvent: FUNCTION,
      onLink: FUNCTION,
    },
    options => new SimulatedNetwork({ seed: 1, ...options }),
  ),
  taker<PathConditions>(
    'conditions',
    { latencyMs: [5, [2, 1], ['a', 'b']], pieceSizeMax: [...NUMBER, 0], capacity: [...NUMBER, 0] },
    conditions => new SimulatedNetwork({ seed: 1, conditions }),
  ),
]

/** What is given to these is put beside something else. */
const SPREADS = [
  'createServer',
  'createClient',
  'serve',
  'connect',
  'grpcTransport',
  'Connection',
  'SimulatedNetwork',
]

async function refusalOf(give: () => unknown): Promise<Error | undefined> {
  try {
    await give()
    return undefined
  } catch (error) {
    return error as Error
  }
}

for (const { what, wrong, give } of TAKERS) {
  t.test(
    `${what}: each option misspelt, and of a wrong type, is refused at once by its name`,
    async t => {
      for (const [name, values] of Object.entries(wrong)) {
        const misspelt = await refusalOf(() => give({ [`${name}x`]: undefined }))
        t.equal(misspelt?.message, `${what} has no option ${name}x; did you mean ${name}?`)
        t.equal(misspelt?.name, 'TypeError')
        for (const value of [Symbol('wrong'), null, ...values]) {
          const refusal = await refusalOf(() => give({ [name]: value }))
          const label = `${name}: ${Object(value).constructor.name} ${String(value)}: ${refusal}`
          t.ok(refusal instanceof TypeError || refusal instanceof RangeError, label)
          // What is given together with others, or has names of its own, is named by those.
          t.match(refusal?.message, name.replace(/^(?:server|client)Tls$/, 'tls'), label)
        }
      }
    },
  )
  t.test(`${what}: options that are none are refused`, async t => {
    for (const options of [5, 'x', []]) {
      if (!SPREADS.includes(what)) t.ok(await refusalOf(() => give(options as never)))
    }
  })
}

t.test('what takes no options refuses them; what needs something says what', async t => {
  const given = { timeoutMs: 5 } as never
  const cases: [() => unknown, RegExp][] = [
    [() => memoryTransport(given), /^memoryTransport has no option timeoutMs/],
    [() => roundRobinSelector(given), /^roundRobinSelector takes no options; it was given/],
    [
      () => createClient({ address }).close(given),
      /^close takes no options; it was given timeoutMs/,
    ],
    [() => memoryRegistry(given), /^runtime must have the method schedule, got object$/],
    [() => randomSelector(given), /^runtime must have the method random, got object$/],
    [() => staticRegistry(undefined as never), /^staticRegistry needs .*, got undefined$/],
    [() => staticRegistry({ a: 'x' } as never), /^the nodes of a must be a list, got 'x'$/],
    [() => staticRegistry({ a: [5] } as never), /^a\[0\] must be an address, or .*, got number$/],
    [() => memoryRegistry().register({} as never), /^service.name must be a text/],
    [() => memoryRegistry().watch(5 as never), /^onChange must be a function, got number$/],
    [() => mountHealth({} as never), /^mountHealth needs a server of createServer, got object$/],
    [() => mountReflection(5 as never), /^mountReflection needs a server of createServer, got num/],
    [() => new Health(5 as never), /^services must be a function, got number$/],
    [() => new Connection({} as never), /^Connection needs role$/],
    [() => new SimulatedNetwork({} as never), /^SimulatedNetwork needs a seed$/],
    [() => createServer({ name: 'a' }).subscribe('', () => {}), /^topic must be a text, got ''$/],
    [
      () => createServer({ name: 'a' }).subscribe('a', () => {}, { encode: 5 } as never),
      /^codec must have the method encode, got object$/,
    ],
    [
      () => grpcTransport({ session: { tls: {} } } as never),
      /^session has no option tls; grpcTransport has clientTls$/,
    ],
  ]
  for (const [give, message] of cases)
    t.match(await refusalOf(give), { name: 'TypeError', message })
  await createClient({ address }).close()
})

t.test(
  'tls of a transport is refused, with the two that there are: nothing is served in plain text',
  t => {
    t.throws(() => grpcTransport({ tls: {} } as never), {
      name: 'TypeError',
      message:
        'grpcTransport has no option tls; serverTls is for listen, clientTls for dial and session',
    })
    t.end()
  },
)

t.test('an observer that is an object where a function is meant, and the other way round', t => {
  const observer = { onFrame() {} }
  t.throws(() => grpcTransport({ observer } as never), {
    message: 'observer is an object; expected a function',
  })
  t.throws(() => serve({ handler, observer } as never), { message: /^observer is an object/ })
  t.throws(() => connect('a:1', { observer: () => observer } as never), {
    message: 'observer is a function; expected an object',
  })
  t.throws(() => serve({} as never), { message: 'serve needs a handler' })
  t.throws(() => grpcTransport(null as never), /options of grpcTransport are null/)
  t.end()
})

t.test('the name that was meant: other letters, one too many, too few, or wrong; else none', t => {
  const known = ['backlog', 'observer']
  for (const name of ['backLog', 'backlogs', 'backlo', 'bucklog']) {
    t.equal(nearest(known, name), 'backlog', name)
  }
  t.equal(nearest(known, 'listener'), undefined)
  t.end()
})
