import { rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { generate } from 'selfsigned'
import t, { type Test } from 'tap'
import {
  type CallOptions,
  type Client,
  type ClientOptions,
  type Credentials,
  type CredentialsTarget,
  createClient,
  createServer,
  defineService,
  GrpcError,
  jsonCodec,
  Metadata,
  MicroError,
  type Server,
  Status,
} from '../../src/index.js'
import { memoryRegistry } from '../../src/micro/index.js'
import { grpcTransport, memoryTransport, nodeRuntime } from '../../src/transport/index.js'

const { cert, private: key } = await generate([{ name: 'commonName', value: 'localhost' }], {
  keyType: 'ec',
  extensions: [
    { name: 'basicConstraints', cA: true, critical: true },
    { name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }] },
  ],
})
const tls = { ca: cert, servername: 'localhost' }

const service = defineService('who.v1.Who', {
  one: { kind: 'unary', request: jsonCodec<string>(), response: jsonCodec<string[]>() },
  down: { kind: 'server', request: jsonCodec<string>(), response: jsonCodec<string>() },
  up: { kind: 'client', request: jsonCodec<string>(), response: jsonCodec<string[]>() },
  both: { kind: 'bidi', request: jsonCodec<string>(), response: jsonCodec<string>() },
})
type Name = 'one' | 'down' | 'up' | 'both'
const NAMES: readonly Name[] = ['one', 'down', 'up', 'both']
const DOORS = ['grpc', 'mucp'] as const

/** The method `name` of a server that answers with what it got under the name that is asked for. */
async function ask(
  client: Client,
  name: Name,
  of: string,
  options?: CallOptions,
): Promise<string[]> {
  const { one, down, up, both } = client.bind(service)
  if (name === 'one') return await one(of, options)
  if (name === 'up') return await up([of], options)
  const got: string[] = []
  for await (const each of name === 'down' ? down(of, options) : both([of], options)) got.push(each)
  return got
}

async function serve(
  t: Test,
  options: Omit<Parameters<typeof createServer>[0], 'name'> = {},
): Promise<{ server: Server; calls: () => number }> {
  const server = createServer({ name: 'who', ...options })
  let calls = 0
  const valuesOf = (of: string, metadata: Metadata): string[] => {
    calls++
    return metadata.getAll(of)
  }
  server.handle(service, {
    one: (of, { metadata }) => valuesOf(of, metadata),
    down: (of, { metadata }) => valuesOf(of, metadata),
    async up(all, { metadata }) {
      let of = ''
      for await (const each of all) of = each
      return valuesOf(of, metadata)
    },
    async *both(all, { metadata }) {
      for await (const of of all) yield* valuesOf(of, metadata)
    },
  })
  await server.start()
  t.teardown(() => server.stop({ graceMs: 0 }))
  return { server, calls: () => calls }
}

function connect(t: Test, options: ClientOptions): Client {
  const client = createClient(options)
  t.teardown(() => client.close())
  return client
}

const SECRET = 'Bearer s3cr3t'

for (const protocol of DOORS) {
  t.test(`${protocol}: another attempt asks for credentials anew`, async t => {
    const seen: (string | undefined)[] = []
    const server = createServer({ name: 'who', tls: { key, cert }, onError: () => undefined })
    server.handle(service, {
      one(_, { metadata }) {
        seen.push(metadata.get('authorization'))
        if (seen.length > 2) return []
        throw protocol === 'grpc'
          ? new GrpcError(Status.Unavailable, 'not yet')
          : MicroError.timeout('not yet')
      },
      down: () => [],
      up: () => [],
      both: () => [],
    })
    await server.start()
    t.teardown(() => server.stop({ graceMs: 0 }))
    let count = 0
    const credentials: Credentials = () => ({ authorization: `${SECRET} ${++count}` })
    const { address } = server
    const client = connect(t, { address, protocol, tls, credentials, retries: 5 })
    t.same(await client.bind(service).one(''), [])
    t.same(
      seen,
      [1, 2, 3].map(n => `${SECRET} ${n}`),
    )
    seen.length = 0
    const fails: Credentials = () => {
      if (++count > 4) throw new GrpcError(Status.PermissionDenied, 'no more')
      return { authorization: 'x' }
    }
    count = 3
    const error = await client
      .bind(service)
      .one('', { credentials: fails })
      .catch(error => error)
    t.match(
      error,
      { message: /credentials function failed|no more/ },
      'and fails with what that does',
    )
    t.equal(seen.length, 1)
  })
}

for (const protocol of DOORS) {
  t.test(`${protocol}: credentials are asked for before each call, and sent over TLS`, async t => {
    const { server } = await serve(t, { tls: { key, cert } })
    const { address } = server
    const targets: CredentialsTarget[] = []
    const credentials: Credentials = async target => {
      targets.push(target)
      await undefined
      return { authorization: `${SECRET} ${targets.length}` }
    }
    const client = connect(t, { address, protocol, tls, credentials })
    let count = 0
    for (const name of NAMES) {
      const options = { metadata: { authorization: 'stale', 'x-own': 'mine' } }
      t.same(await ask(client, name, 'authorization', options), [`${SECRET} ${++count}`], name)
      t.same(await ask(client, name, 'x-own', options), ['mine'])
      count++
    }
    t.same(targets[0], {
      service: 'who.v1.Who',
      method: 'one',
      authority: 'localhost',
      url: 'https://localhost/who.v1.Who',
      signal: undefined,
    })
    t.same(
      targets.map(target => target.method).filter((_, n) => n % 2 === 0),
      NAMES,
    )
  })

  t.test(`${protocol}: those of a call take the place of the client's`, async t => {
    const { server } = await serve(t, { tls: { key, cert } })
    const { address } = server
    const client = connect(t, { address, protocol, tls, credentials: () => ({ 'x-a': 'client' }) })
    const own = new Metadata()
    own.append('x-a', 'call')
    own.append('x-a', 'twice')
    for (const name of NAMES) {
      const got = await ask(client, name, 'x-a', { credentials: () => own })
      t.same(protocol === 'grpc' ? got : got.join().split(', '), ['call', 'twice'], name)
      t.same(await ask(client, name, 'x-a'), ['client'])
    }
    const stream = client.stream(service, 'both', { credentials: () => ({ 'x-a': 'by hand' }) })
    await stream.send('x-a')
    t.equal(await stream.receive(), 'by hand')
    stream.cancel()
  })

  t.test(`${protocol}: they are not sent without TLS unless the client allows it`, async t => {
    const { server, calls } = await serve(t)
    const { address } = server
    let asked = 0
    const credentials: Credentials = () => {
      asked++
      return { authorization: SECRET }
    }
    t.throws(
      () => createClient({ address, protocol, credentials }),
      new TypeError('credentials need tls, or allowPlaintextCredentials: true'),
    )
    const transport = grpcTransport()
    t.teardown(() => transport.close())
    const refusal = {
      code: protocol === 'grpc' ? 'UNAUTHENTICATED' : 401,
      message: `credentials are not sent to ${address} without TLS: the client needs tls, or allowPlaintextCredentials`,
    }
    const made = connect(t, { address, protocol, transport, credentials })
    const plain = connect(t, { address, protocol })
    for (const name of NAMES) {
      await t.rejects(ask(made, name, 'authorization'), refusal, name)
      await t.rejects(ask(plain, name, 'authorization', { credentials }), refusal, name)
    }
    const byHand = plain.stream(service, 'both', { credentials })
    await t.rejects(byHand.receive(), refusal)
    t.equal(asked, 0, 'they are not even asked for')
    t.equal(calls(), 0)
    const allowed = { address, protocol, credentials, allowPlaintextCredentials: true }
    t.same(await ask(connect(t, allowed), 'one', 'authorization'), [SECRET])
  })

  t.test(`${protocol}: what the function fails with ends the call`, async t => {
    const { server, calls } = await serve(t, { tls: { key, cert } })
    const { address } = server
    const client = connect(t, { address, protocol, tls })
    const code = (grpc: string, mucp: number): string | number =>
      protocol === 'grpc' ? grpc : mucp
    const cases: [thrown: unknown, expected: { code: string | number; message?: string }][] = [
      [
        new Error(`no token for ${SECRET}`),
        { code: code('UNAUTHENTICATED', 401), message: 'the credentials function failed' },
      ],
      ['text', { code: code('UNAUTHENTICATED', 401) }],
      [new GrpcError(Status.Unavailable, 'later'), { code: 'UNAVAILABLE', message: 'later' }],
      [new MicroError(418, 'tea'), { code: 418, message: 'tea' }],
      [
        new GrpcError(Status.NotFound, SECRET),
        {
          code: 'INTERNAL',
          message: 'the credentials function failed with NOT_FOUND, which only a server may say',
        },
      ],
    ]
    for (const [thrown, expected] of cases) {
      for (const name of NAMES) {
        const failing: Credentials = async () => {
          throw thrown
        }
        const throwing: Credentials = () => {
          throw thrown
        }
        await t.rejects(ask(client, name, 'x', { credentials: failing }), expected)
        await t.rejects(ask(client, name, 'x', { credentials: throwing }), expected)
      }
    }
    t.equal(calls(), 0)
  })

  t.test(`${protocol}: what cannot be sent is not quoted`, async t => {
    const { server, calls } = await serve(t, { tls: { key, cert } })
    const client = connect(t, { address: server.address, protocol, tls })
    const bad: unknown[] = [{ authorization: `${SECRET}\n` }, { 'grpc-status': SECRET }, null]
    for (const given of bad) {
      const error: Error = await ask(client, 'one', 'x', {
        credentials: () => given as never,
      }).then(
        () => t.fail('it was sent') as never,
        (failure: Error) => failure,
      )
      t.match(error, {
        code: protocol === 'grpc' ? 'UNAUTHENTICATED' : 401,
        message: 'the credentials function gave metadata that cannot be sent',
      })
      t.notMatch(inspect(error, { depth: 9, showHidden: true }), /s3cr3t/)
    }
    await t.rejects(
      ask(client, 'one', 'x', { credentials: 'token' as never }),
      new TypeError('credentials must be a function, got string'),
    )
    t.equal(calls(), 0)
  })

  t.test(`${protocol}: deadline and abort hold while the function runs`, async t => {
    const { server, calls } = await serve(t, { tls: { key, cert } })
    const client = connect(t, { address: server.address, protocol, tls })
    let seen: AbortSignal | undefined
    const never: Credentials = ({ signal }) => {
      seen = signal
      return new Promise(() => undefined)
    }
    for (const name of NAMES) {
      const late = protocol === 'grpc' ? { code: 'DEADLINE_EXCEEDED' } : { code: 408 }
      await t.rejects(ask(client, name, 'x', { credentials: never, timeoutMs: 20 }), {
        ...late,
        message: /deadline exceeded while the credentials function ran/,
      })
      const controller = new AbortController()
      const { signal } = controller
      const aborted = ask(client, name, 'x', { credentials: never, signal })
      setTimeout(() => controller.abort(new Error('changed my mind')), 5)
      await t.rejects(aborted, { message: 'changed my mind' })
      t.equal(seen, signal)
      const already = AbortSignal.abort(new Error('before'))
      await t.rejects(ask(client, name, 'x', { credentials: never, signal: already }), {
        message: 'before',
      })
    }
    t.equal(calls(), 0)
  })

  t.test(`${protocol}: the time they take is the call's`, async t => {
    let leftMs = 0
    const { server } = await serve(t, { tls: { key, cert } })
    const late = createServer({ name: 'late', tls: { key, cert } })
    late.use((call, next) => {
      leftMs = call.deadline - nodeRuntime.now()
      return next(call.request)
    })
    late.handle(service, { one: () => [], down: () => [], up: () => [], both: () => [] })
    await late.start()
    t.teardown(() => late.stop())
    const slow: Credentials = async () => {
      await new Promise(resolve => setTimeout(resolve, 60))
      return {}
    }
    const client = connect(t, { address: server.address, protocol, tls, credentials: slow })
    for (const name of NAMES) {
      await ask(client, name, 'x', { address: late.address, timeoutMs: 4_000 })
      t.ok(leftMs > 0 && leftMs < 3_945, `${leftMs} ms left`)
    }
  })

  t.test(`${protocol}: middleware does not see them, and each attempt asks anew`, async t => {
    const { server } = await serve(t, { tls: { key, cert } })
    let asked = 0
    const credentials: Credentials = () => ({ authorization: `${SECRET} ${++asked}` })
    const client = connect(t, { address: server.address, protocol, tls, credentials })
    client.use(async (call, next) => {
      const first = await next(call.request)
      t.equal(call.metadata.get('authorization'), undefined)
      t.same(first, [`${SECRET} 1`])
      return await next(call.request)
    })
    t.same(await ask(client, 'one', 'authorization'), [`${SECRET} 2`])
  })
}

t.test('a unix socket without TLS is plain text, as in grpc-go', async t => {
  const path = join(tmpdir(), `microwire-credentials-${process.pid}.sock`)
  t.teardown(() => rmSync(path, { force: true }))
  const address = `unix:${path}`
  await serve(t, { address })
  const credentials: Credentials = () => ({ authorization: SECRET })
  const client = connect(t, { address })
  await t.rejects(ask(client, 'one', 'authorization', { credentials }), { code: 'UNAUTHENTICATED' })
  const allowed = connect(t, { address, allowPlaintextCredentials: true, credentials })
  t.same(await ask(allowed, 'one', 'authorization'), [SECRET])
})

t.test('a transport without sessions is plain text', async t => {
  const transport = memoryTransport()
  const { server } = await serve(t, { transport, address: 'who:1' })
  const { address } = server
  const credentials: Credentials = ({ url }) => ({ authorization: SECRET, 'x-url': url })
  const client = connect(t, { address, transport, credentials })
  await t.rejects(ask(client, 'one', 'authorization'), { code: 401 })
  const options = { address, transport, credentials, allowPlaintextCredentials: true }
  t.same(await ask(connect(t, options), 'one', 'x-url'), [`https://${address}/who.v1.Who`])
})

t.test(
  'with a registry they are for the node that was chosen; authority has its own name',
  async t => {
    const registry = memoryRegistry()
    await serve(t, { tls: { key, cert }, registry })
    const credentials: Credentials = ({ authority }) => ({ 'x-authority': authority })
    const shared = { registry, service: 'who', tls, credentials }
    t.same(await ask(connect(t, shared), 'one', 'x-authority'), ['localhost'])
    t.same(await ask(connect(t, shared), 'down', 'x-authority'), ['localhost'])
    const named = connect(t, { ...shared, authority: 'who.example' })
    t.same(await ask(named, 'one', 'x-authority'), ['who.example'])
  },
)

t.test('options: what is wrong is named', async t => {
  const address = '127.0.0.1:1'
  t.throws(
    () => createClient({ address, credentials: 'x' as never }),
    new TypeError('credentials is a string; expected a function'),
  )
  t.throws(
    () => createClient({ address, allowPlaintextCredentials: 1 as never }),
    new TypeError('allowPlaintextCredentials must be true or false, got number'),
  )
  const client = connect(t, { address })
  await t.rejects(
    client.publish('topic', {}, { credentials: () => ({}) }),
    new TypeError('credentials are for calls, not events; use metadata'),
  )
})
