import { generateKeyPairSync } from 'node:crypto'
import { inspect } from 'node:util'
import { generate } from 'selfsigned'
import t, { type Test } from 'tap'
import {
  type CallOptions,
  type ClientOptions,
  createClient,
  createServer,
  defineService,
  jsonCodec,
  Metadata,
  type ServerOptions,
} from '../../src/index.js'
import { memoryRegistry } from '../../src/micro/index.js'
import { connect, grpcTransport, memoryTransport } from '../../src/transport/index.js'

/** Planted wherever a program keeps secrets. */
const SECRETS = {
  metadata: 'hush-metadata-1f3a',
  octets: 'hush-octets-8c21',
  credentials: 'hush-credentials-77d0',
  password: 'hush-password-b42e',
  passphrase: 'hush-passphrase-05aa',
  key: 'hush-key-9e9e',
  cookie: 'hush-cookie-3b70',
  apiKey: 'hush-api-key-d5c4',
  proxy: 'hush-proxy-2f18',
  session: 'hush-session-66ab',
  jwt: 'eyJhbGciOiJIUzI1NiJ9.eyJodXNoIjoiand0In0.hush-jwt-90de',
  answer: 'hush-answer-e803',
  exception: 'hush-exception-417c',
}

/** Metadata that carries one, by name. */
const CARRIERS: Readonly<Record<string, string>> = {
  cookie: `session=${SECRETS.cookie}; theme=dark`,
  'x-api-key': SECRETS.apiKey,
  'proxy-authorization': `Basic ${Buffer.from(SECRETS.proxy).toString('base64')}`,
  'x-session-id': SECRETS.session,
  'x-jwt': SECRETS.jwt,
}

const service = defineService('safe.v1.Safe', {
  one: { kind: 'unary', request: jsonCodec<string>(), response: jsonCodec<string>() },
  down: { kind: 'server', request: jsonCodec<string>(), response: jsonCodec<string>() },
})

const { privateKey: encryptedKey } = generateKeyPairSync('ec', {
  namedCurve: 'P-256',
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: {
    type: 'pkcs8',
    format: 'pem',
    cipher: 'aes-256-cbc',
    passphrase: 'another one',
  },
})

const { privateKey: plainKey } = generateKeyPairSync('ec', {
  namedCurve: 'P-256',
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
})
/** Octets of private keys, as their files have them. */
const KEY_LINES = [encryptedKey, plainKey].map(pem => pem.split('\n')[1]!)

/** Everything that is said about something, as logs have it. */
class Sayings {
  readonly texts: string[] = []

  add(value: unknown): void {
    this.texts.push(
      String(value),
      inspect(value, { depth: 12, showHidden: true, maxStringLength: Number.POSITIVE_INFINITY }),
    )
    if (value instanceof Error) this.texts.push(JSON.stringify(value) ?? '', String(value.stack))
  }

  async of(run: () => unknown): Promise<void> {
    try {
      await run()
    } catch (error) {
      this.add(error)
      return
    }
    throw new Error('this call was to fail')
  }

  check(t: Test): void {
    t.ok(this.texts.length > 0)
    const all = this.texts.join('\n')
    for (const line of KEY_LINES) t.notOk(all.includes(line), 'a private key is shown')
    for (const [what, secret] of Object.entries(SECRETS)) {
      for (const form of [secret, Buffer.from(secret).toString('base64').replace(/=+$/, '')]) {
        const at = all.indexOf(form)
        t.equal(at, -1, `${what} is shown: ${all.slice(Math.max(0, at - 200), at + 60)}`)
      }
    }
  }
}

function secretMetadata(): Metadata {
  const metadata = Metadata.from({ authorization: `Bearer ${SECRETS.metadata}` })
  for (const [name, value] of Object.entries(CARRIERS)) metadata.set(name, value)
  metadata.setBinary('x-key-bin', Buffer.from(SECRETS.octets))
  return metadata
}

for (const protocol of ['grpc', 'mucp'] as const) {
  t.test(`no error, log or inspection of failing calls shows a secret: ${protocol}`, async t => {
    const said = new Sayings()
    const observer = { onFrame: (...frame: unknown[]) => said.add(frame) }
    const options: ServerOptions = {
      name: 'safe',
      transport: grpcTransport({ observer: () => observer, onError: error => said.add(error) }),
      onError: (error, context) => {
        said.add(error)
        said.add(context)
      },
    }
    const server = createServer(options)
    server.handle(service, {
      one(request, context) {
        said.add(context)
        said.add(context.metadata)
        for (const [name, value] of Object.entries(CARRIERS)) {
          context.headers.set(name, `${value}${SECRETS.answer}`)
          context.trailers.set(name, SECRETS.answer)
        }
        said.add(context.headers)
        said.add(context.trailers)
        if (request === 'silence') return new Promise<string>(() => {})
        throw new Error('the handler failed')
      },
      // biome-ignore lint/correctness/useYield: it fails before it has something
      async *down() {
        throw new Error('the handler failed')
      },
    })
    await server.start()
    const client = createClient({
      address: server.address,
      protocol,
      retries: 0,
      credentials: async () => ({ 'x-token': SECRETS.credentials }),
      allowPlaintextCredentials: true,
    })
    const { one, down } = client.bind(service)
    const metadata = secretMetadata()
    const calls: CallOptions[] = [
      { metadata },
      { metadata, timeoutMs: 1 },
      { metadata, signal: AbortSignal.abort() },
    ]
    for (const call of calls) {
      await said.of(() => one('fail', call))
      await said.of(async () => {
        for await (const _ of down('fail', call)) t.fail('nothing was sent')
      })
    }
    await said.of(() => one('silence', { metadata, timeoutMs: 30 }))
    const large = secretMetadata()
    large.set('x-large', SECRETS.metadata.repeat(2_000))
    await said.of(() => one('fail', { metadata: large }))
    const bad = [`${SECRETS.metadata}\n`, `${SECRETS.metadata}\u20ac`]
    for (const value of bad) {
      await said.of(() => one('fail', { metadata: { 'x-secret': value } as never }))
    }
    for (const thing of [client, server, metadata, large]) said.add(thing)
    await server.stop({ graceMs: 0 })
    await said.of(() => one('fail', { metadata }))
    await client.close()
    await said.of(() => one('fail', { metadata }))
    said.check(t)
  })
}

t.test(
  'no error of the memory transport, or of a registry that names secrets, shows one',
  async t => {
    const said = new Sayings()
    const transport = memoryTransport()
    const address = `me:${SECRETS.password}@nobody:1`
    await said.of(() => transport.dial(address))
    await using _first = await transport.listen(address)
    await said.of(() => transport.listen(address))
    for (const protocol of ['grpc', 'mucp'] as const) {
      const nodes = [{ id: 'a', address, metadata: { protocol } }]
      const record = { name: 's', version: '1', metadata: {}, endpoints: [], nodes }
      const registry = memoryRegistry()
      await registry.register(record)
      const own = protocol === 'grpc' ? {} : { transport: memoryTransport() }
      await using client = createClient({ registry, service: 's', retries: 0, ...own })
      await said.of(() => client.bind(service).one('x'))
    }
    said.check(t)
  },
)

t.test('no error of options or addresses shows a secret', async t => {
  const said = new Sayings()
  const { cert } = await generate([{ name: 'commonName', value: 'localhost' }], { keyType: 'ec' })
  const user = `me:${SECRETS.password}`
  const clients: ClientOptions[] = [
    { address: `${user}@localhost:1` },
    { address: `https://${user}@localhost:1` },
    { address: 'localhost:1', authority: `${user}@localhost` },
    { address: 'localhost:1', userAgent: `shop/${SECRETS.key}\n` },
    {
      address: 'localhost:1',
      tls: { ca: cert, key: encryptedKey, cert, passphrase: SECRETS.passphrase },
    },
    { address: 'localhost:1', tls: { key: SECRETS.key, cert: SECRETS.key } },
    { address: 'localhost:1', tls: { key: plainKey, cert } },
    { address: 'localhost:1', tls: { key: plainKey, cert: 'no certificate' } },
    { address: 'localhost:1', tls: { ca: plainKey } },
    { address: 'localhost:1', contentType: 'x', neverIndexed: [`${SECRETS.key} `] },
  ]
  for (const options of clients) {
    await said.of(async () => {
      const client = createClient({ retries: 0, timeoutMs: 500, ...options })
      said.add(client)
      try {
        await client.bind(service).one('x', { metadata: secretMetadata() })
      } finally {
        await client.close()
      }
    })
  }
  const servers: ServerOptions[] = [
    { name: 'safe', address: `${user}@localhost:0` },
    { name: 'safe', tls: { key: encryptedKey, cert, passphrase: SECRETS.passphrase } },
    { name: 'safe', tls: { key: SECRETS.key, cert } },
    { name: 'safe', tls: { key: plainKey, cert } },
    { name: 'safe', tls: { key: cert, cert: plainKey } },
  ]
  for (const options of servers) {
    await said.of(async () => {
      const server = createServer(options)
      said.add(server)
      await server.start()
    })
  }
  await said.of(() => connect(`${user}@localhost:1`))
  const registry = memoryRegistry()
  await registry.register({
    name: 'safe',
    version: '1',
    metadata: {},
    endpoints: [],
    nodes: [{ id: '1', address: `${user}@localhost:1`, metadata: {} }],
  } as never)
  const found = createClient({ registry, service: 'safe', retries: 0 })
  await said.of(() => found.bind(service).one('x'))
  await found.close()
  said.check(t)
})

t.test('an exception of a handler is told to onError, and not to the caller', async t => {
  for (const protocol of ['grpc', 'mucp'] as const) {
    const said = new Sayings()
    const told: unknown[] = []
    const server = createServer({
      name: 'safe',
      address: '127.0.0.1:0',
      onError: error => told.push(error),
    })
    const fail = (): never => {
      const error = new Error(`password ${SECRETS.exception}`, { cause: SECRETS.exception })
      throw Object.assign(error, { detail: SECRETS.exception, metadata: SECRETS.exception })
    }
    server.handle(service, { one: fail, down: fail })
    await server.start()
    const client = createClient({ address: server.address, protocol, retries: 0 })
    const { one, down } = client.bind(service)
    await said.of(() => one('x'))
    await said.of(async () => {
      for await (const _ of down('x')) t.fail('nothing was sent')
    })
    await client.close()
    await server.stop({ graceMs: 0 })
    t.ok(told.length >= 2, 'our own side knows')
    said.check(t)
  }
})
