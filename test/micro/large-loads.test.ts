import * as grpc from '@grpc/grpc-js'
import t from 'tap'
import { CallAcceptor, Router } from '../../src/grpc/index.js'
import {
  bytesCodec,
  type Client,
  type ClientOptions,
  createClient,
  createServer,
  defineService,
  type Server,
  type ServerOptions,
} from '../../src/index.js'
import { connect, grpcTransport, serve } from '../../src/transport/index.js'
import { messageLimits } from '../../src/transport/socket/message-limits.js'

// Sockets, everything at its default: loads of an ordinary day that an earlier receiver did not survive.

const codecs = { request: bytesCodec('proto'), response: bytesCodec('proto') }
const service = defineService('t.Load', {
  size: { kind: 'unary', ...codecs },
  give: { kind: 'unary', ...codecs },
  fan: { kind: 'server', ...codecs },
  take: { kind: 'client', ...codecs },
})
const identity = (value: Buffer): Buffer => value

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

interface Load {
  readonly server: Server
  readonly client: Client
  readonly api: ReturnType<typeof apiOf>
  readonly errors: Error[]
  /** Wakes every listener of `fan`. */
  publish(): void
  readonly listeners: number
}

function apiOf(client: Client) {
  return client.bind(service)
}

async function start(
  test: { teardown(run: () => unknown): void },
  serverOptions: Partial<ServerOptions> = {},
  clientOptions: Partial<ClientOptions> = {},
): Promise<Load> {
  const errors: Error[] = []
  const waiting: (() => void)[] = []
  const onError = (error: unknown): void => void errors.push(error as Error)
  const server = createServer({ name: 'load', onError, ...serverOptions })
  server.handle(service, {
    size: request => u32(request.length),
    give: request => Buffer.alloc(Buffer.from(request).readUInt32BE(0)),
    fan: async function* () {
      await new Promise<void>(resolve => waiting.push(resolve))
      yield Buffer.alloc(65_536)
    },
    take: async requests => {
      let size = 0
      for await (const request of requests) size += request.length
      return u32(size)
    },
  })
  await server.start()
  const client = createClient({ address: server.address, ...clientOptions })
  test.teardown(async () => {
    await client.close()
    await server.stop({ graceMs: 0 })
  })
  return {
    server,
    client,
    api: apiOf(client),
    errors,
    publish: () => {
      for (const wake of waiting.splice(0)) wake()
    },
    get listeners() {
      return waiting.length
    },
  }
}

const BODY = Buffer.alloc(4_190_000)
const options = { timeoutMs: 60_000 }

t.test(
  '200 requests of 100 kB at once, and twelve of 4.19 MB with a small one beside them',
  async t => {
    const { api, errors } = await start(t)
    const body = BODY.subarray(0, 100_000)
    const sizes = await Promise.all(Array.from({ length: 200 }, () => api.size(body, options)))
    t.ok(sizes.every(size => Buffer.from(size).readUInt32BE(0) === 100_000))
    const large = Promise.all([
      ...Array.from({ length: 6 }, () => api.size(BODY, options)),
      ...Array.from({ length: 6 }, () => api.give(u32(4_190_000), options)),
    ])
    t.equal(Buffer.from(await api.size(Buffer.alloc(10), options)).readUInt32BE(0), 10)
    t.equal((await large).length, 12)
    t.same(errors, [])
  },
)

t.test('64 KiB fanned out to 300 streams of a default client', async t => {
  const load = await start(t)
  const reads = Array.from({ length: 300 }, async () => {
    let size = 0
    for await (const message of load.api.fan(Buffer.alloc(0), options)) size += message.length
    return size
  })
  while (load.listeners < 300) await new Promise(resolve => setImmediate(resolve))
  load.publish()
  t.ok((await Promise.all(reads)).every(size => size === 65_536))
})

t.test('a client follows the messageSizeMax of the transport that it was given', async t => {
  const messageSizeMax = 8 * 1_048_576
  const transport = grpcTransport({ messageSizeMax })
  t.teardown(() => transport.close())
  const { api } = await start(t, { messageSizeMax }, { transport })
  t.equal((await api.give(u32(messageSizeMax - 100))).length, messageSizeMax - 100)
})

t.test('a message of 20 MiB both ways, with messageSizeMax raised and nothing else', async t => {
  const messageSizeMax = 20 * 1_048_576
  const { api } = await start(t, { messageSizeMax }, { messageSizeMax })
  const size = messageSizeMax - 100
  t.equal(Buffer.from(await api.size(Buffer.alloc(size), options)).readUInt32BE(0), size)
  t.equal((await api.give(u32(size), options)).length, size)
})

t.test('ten uploads at once of one message of 16 MiB and an octet each', async t => {
  // An earlier receiver completed two, and held the others to their deadline.
  const messageSizeMax = 80 * 1_048_576
  const { api, errors } = await start(t, { messageSizeMax }, { messageSizeMax })
  const body = Buffer.alloc(16 * 1_048_576 + 1)
  const uploads = Array.from({ length: 10 }, () =>
    api.take(
      (async function* () {
        yield body
      })(),
      options,
    ),
  )
  const small = await api.size(Buffer.alloc(10), options)
  t.equal(Buffer.from(small).readUInt32BE(0), 10)
  for (const size of await Promise.all(uploads)) {
    t.equal(Buffer.from(size).readUInt32BE(0), body.length)
  }
  t.same(errors, [])
})

t.test('options that contradict each other are refused when they are set, by both names', t => {
  const limits = { receiveBufferMax: 1_000_000 }
  const text = /limits\.receiveBufferMax is 1000000, less than messageSizeMax, which is 4194304/
  t.throws(() => createServer({ name: 'x', limits }), { name: 'RangeError', message: text })
  t.throws(() => createClient({ address: '127.0.0.1:1', limits }), { message: text })
  const calls = { limits: { messageSizeMax: 2_000_000 } }
  t.throws(() => createServer({ name: 'x', limits, messageSizeMax: 500_000, calls }), {
    message: /messageSizeMax, which is 2000000/,
  })
  createServer({ name: 'x', limits, messageSizeMax: 500_000 })
  const transport = grpcTransport({ limits: { receiveBufferMax: 5_000_000 } })
  const address = '127.0.0.1:1'
  t.throws(() => createClient({ address, transport, messageSizeMax: 6_000_000 }), {
    name: 'RangeError',
    message: /limits\.receiveBufferMax is 5000000, less than messageSizeMax, which is 6000000/,
  })
  createClient({ address, transport, messageSizeMax: 5_000_000 })
  t.end()
})

t.test('serve and connect refuse limits that contradict messageSizeMax, and follow it', async t => {
  const limits = { receiveBufferMax: 1_000_000 }
  const message = /limits\.receiveBufferMax is 1000000, less than messageSizeMax, which is 1000001/
  const handler = (): CallAcceptor => new CallAcceptor(new Router())
  const given = { address: '127.0.0.1:0', handler, limits, messageSizeMax: 1_000_001 }
  t.throws(() => serve(given), { name: 'RangeError', message })
  const options = { limits, messageSizeMax: 1_000_001 }
  t.throws(() => connect('127.0.0.1:1', options), { name: 'RangeError', message })
  t.throws(() => connect('127.0.0.1:1', { messageSizeMax: 0 }), { message: /messageSizeMax/ })
  await connect('127.0.0.1:1', { limits, messageSizeMax: 1_000_000 }).close()
  const server = await serve({ ...given, messageSizeMax: 1_000_000 })
  await server.stop()
  t.same(messageLimits({ messageSizeMax: 64_000_000 }), { receiveBufferMax: 128_000_000 })
  t.equal(messageLimits({ limits }), limits)
})

/** A raw upload by grpc-js that stops half-way: HTTP/2 as node has it, a prefix that promises more. */
async function stall(address: string, sizes: readonly number[]): Promise<() => void> {
  const { connect } = await import('node:http2')
  const session = connect(`http://${address}`)
  const headers = {
    ':method': 'POST',
    ':path': '/t.Load/Size',
    'content-type': 'application/grpc',
    te: 'trailers',
  }
  const heads = sizes.map(size => {
    const stream = session.request(headers)
    stream.on('error', () => {})
    stream.resume()
    const prefix = Buffer.alloc(5)
    prefix.writeUInt32BE(4_194_304, 1)
    stream.write(Buffer.concat([prefix, Buffer.alloc(size)]))
    return stream
  })
  await new Promise(resolve => setTimeout(resolve, 50))
  const bystander = session.request(headers)
  const answered = new Promise<void>((resolve, reject) => {
    bystander.on('error', reject)
    bystander.on('end', () => resolve())
  })
  const prefix = Buffer.alloc(5)
  prefix.writeUInt32BE(4_000_000, 1)
  bystander.end(Buffer.concat([prefix, BODY.subarray(0, 4_000_000)]))
  bystander.resume()
  await answered
  return () => {
    for (const stream of heads) stream.destroy()
    session.destroy()
  }
}

t.test(
  'uploads that stall hold nobody up, a large message on the same connection least of all',
  async t => {
    const { server, errors } = await start(t)
    const started = performance.now()
    const end = await stall(server.address, [1_000_000, 1_000_000, 1_000_000, 1_000_000, 1_000_000])
    t.ok(performance.now() - started < 5_000, 'it was ten seconds')
    t.same(errors, [], 'nobody was reset')
    end()
  },
)

t.test(
  'what is given up for want of memory is told on both sides: whose limit, and the octets',
  async t => {
    const limits = { receiveBufferMax: 4_194_304 }
    const { server, errors } = await start(t, { limits })
    const end = await stall(server.address, [2_000_000, 2_000_000, 2_000_000])
    t.match(
      errors[0]?.message,
      /the server holds \d+ octets .* its limits\.receiveBufferMax is 4194304/,
    )
    end()
  },
)

t.test('grpc-js: 100 requests of 100 kB, and ten of 4.19 MB at once', async t => {
  const { server } = await start(t)
  const client = new grpc.Client(server.address, grpc.credentials.createInsecure())
  t.teardown(() => client.close())
  const call = (size: number): Promise<Buffer> =>
    new Promise((resolve, reject) => {
      const body = BODY.subarray(0, size)
      client.makeUnaryRequest('/t.Load/Size', identity, identity, body, (error, response) => {
        if (error === null) resolve(response!)
        else reject(error)
      })
    })
  t.equal((await Promise.all(Array.from({ length: 100 }, () => call(100_000)))).length, 100)
  t.equal((await Promise.all(Array.from({ length: 10 }, () => call(4_190_000)))).length, 10)
})

t.test('a server of grpc-js gives our client ten messages of 4.19 MB at once', async t => {
  const server = new grpc.Server()
  const method = { requestStream: false, responseStream: false }
  const codec = { requestSerialize: identity, requestDeserialize: identity }
  const answer = { responseSerialize: identity, responseDeserialize: identity }
  server.addService(
    { Give: { path: '/t.Load/Give', ...method, ...codec, ...answer } },
    {
      Give: (call: { request: Buffer }, done: grpc.sendUnaryData<Buffer>) =>
        done(null, BODY.subarray(0, call.request.readUInt32BE(0))),
    },
  )
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  )
  const client = createClient({ address: `127.0.0.1:${port}` })
  t.teardown(async () => {
    await client.close()
    server.forceShutdown()
  })
  const api = client.bind(service)
  const answers = await Promise.all(
    Array.from({ length: 10 }, () => api.give(u32(4_190_000), options)),
  )
  t.ok(answers.every(({ length }) => length === 4_190_000))
})
