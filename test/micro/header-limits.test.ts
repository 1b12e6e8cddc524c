import t, { type Test } from 'tap'
import { createClient, createServer, defineService, jsonCodec } from '../../src/index.js'
import { grpcTransport } from '../../src/transport/index.js'

// Two limits bound a header list: the connection's and the call's. Who raises one means both.

const things = defineService('a.v1.Things', {
  one: {
    kind: 'unary',
    request: jsonCodec<{ size?: number; fields?: number }>(),
    response: jsonCodec<number>(),
  },
})

type Served = Parameters<typeof createServer>[0]

async function served(t: Test, options: Partial<Served> = {}): Promise<string> {
  const server = createServer({ name: 'a', ...options })
  server.handle(things, {
    one: ({ size = 0, fields = 0 }, { headers, metadata }) => {
      if (size > 0) headers.set('x-large', 'v'.repeat(size))
      for (let i = 0; i < fields; i++) headers.set(`x-${i}`, 'v')
      return metadata.get('x-large')?.length ?? 0
    },
  })
  await server.start()
  t.teardown(() => server.stop({ graceMs: 0 }))
  return server.address
}

type Called = Omit<Parameters<typeof createClient>[0], 'address'>

function called(t: Test, address: string, options: Called = {}) {
  const client = createClient({ address, ...options })
  t.teardown(() => client.close())
  return client.bind(things)
}

const SIZE = 100_000
const RAISED: readonly (readonly [string, Called])[] = [
  ['limits.headerListSizeMax', { limits: { headerListSizeMax: 200_000 } }],
  ['calls.limits.metadataSizeMax', { calls: { limits: { metadataSizeMax: 200_000 } } }],
  [
    'limits.headerListSizeMax of the transport that is given',
    { transport: grpcTransport({ limits: { headerListSizeMax: 200_000 } }) },
  ],
]

for (const [name, options] of RAISED) {
  t.test(`a client takes larger response headers with ${name} alone`, async t => {
    const { one } = called(t, await served(t), options)
    t.equal(await one({ size: SIZE }), 0)
  })
}

for (const options of [
  { limits: { headerListSizeMax: 200_000 } },
  { calls: { limits: { metadataSizeMax: 200_000 } } },
]) {
  t.test(`a server takes larger metadata with ${JSON.stringify(options)} alone`, async t => {
    const { one } = called(t, await served(t, options))
    t.equal(await one({}, { metadata: { 'x-large': 'v'.repeat(SIZE) } }), SIZE)
  })
}

t.test('a call that would take what its connection does not is refused, by both names', t => {
  const options = {
    limits: { headerListSizeMax: 20_000 },
    calls: { limits: { metadataSizeMax: 30_000 } },
  }
  const message =
    /^limits\.headerListSizeMax is 20000, less than limits\.metadataSizeMax of calls, which is 30000/
  t.throws(() => createServer({ name: 'a', ...options }), { name: 'RangeError', message })
  t.throws(() => createClient({ address: 'a:1', ...options }), { name: 'RangeError', message })
  t.throws(() => grpcTransport(options), { name: 'RangeError', message })
  t.end()
})

t.test(
  'what is too much names the option, its value and how much it was, on either side',
  async t => {
    const address = await served(t)
    const { one } = called(t, address)
    await t.rejects(one({ size: SIZE }), {
      code: 'RESOURCE_EXHAUSTED',
      message:
        /^response: header list of 100\d{3} octets; the peer accepts 16384 .*limits\.headerListSizeMax/,
    })
    await t.rejects(one({}, { metadata: { 'x-large': 'v'.repeat(SIZE) } }), {
      code: 'RESOURCE_EXHAUSTED',
      message:
        /^header list of 100\d{3} octets; the peer accepts 16384 .*limits\.headerListSizeMax/,
    })
    const wide = called(t, address, { limits: { headerListSizeMax: SIZE } })
    await t.rejects(wide.one({ fields: 600 }), {
      code: 'RESOURCE_EXHAUSTED',
      message: /received more header fields than max \(60\d vs. 512\): limits\.headerFieldsMax/,
    })
    const strict = called(t, await served(t, { calls: { limits: { metadataSizeMax: 1_000 } } }))
    await t.rejects(strict.one({}, { metadata: { 'x-large': 'v'.repeat(2_000) } }), {
      code: 'RESOURCE_EXHAUSTED',
      message:
        /^received metadata larger than max \(2\d{3} vs. 1000\): limits\.metadataSizeMax of calls/,
    })
  },
)
