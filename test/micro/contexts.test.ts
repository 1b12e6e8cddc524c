import { AsyncLocalStorage } from 'node:async_hooks'
import { readFileSync } from 'node:fs'
import { connect as connectHttp2 } from 'node:http2'
import { join } from 'node:path'
import t from 'tap'
import { createClient, createServer, defineService, jsonCodec } from '../../src/index.js'
import {
  type Client,
  type Context,
  memoryRegistry,
  type Registry,
  type Server,
} from '../../src/micro/index.js'
import { grpcTransport, memoryTransport, type Transport } from '../../src/transport/index.js'

// A hundred callers at once, each in an asynchronous context of its own: whose context does each callback see?

const CALLERS = 100

const plain = jsonCodec<number>()
/** Told by the test that runs. */
let onEncode: (value: number) => void = () => undefined
const watched: typeof plain = {
  subtypes: plain.subtypes,
  encode: value => {
    onEncode(value)
    return plain.encode(value)
  },
  decode: (bytes, start, end) => plain.decode(bytes, start, end),
}
const number = { request: watched, response: watched }
const service = defineService('a.v1.Work', {
  one: { kind: 'unary', ...number },
  down: { kind: 'server', ...number },
  up: { kind: 'client', ...number },
  both: { kind: 'bidi', ...number },
})

/** The application's own: the number of the caller. */
const caller = new AsyncLocalStorage<number>()

const pause = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

interface Door {
  readonly name: string
  readonly protocol: 'grpc' | 'mucp'
  readonly transport?: () => Transport
}

const DOORS: readonly Door[] = [
  { name: 'grpc', protocol: 'grpc' },
  { name: 'mucp', protocol: 'mucp' },
  { name: 'memory', protocol: 'mucp', transport: memoryTransport },
]

/** Somebody else's HTTP/2 client: one session, made for whoever asks first. */
class Web {
  readonly #address: () => string
  #session: ReturnType<typeof connectHttp2> | undefined

  constructor(address: () => string) {
    this.#address = address
  }

  get(path: string): Promise<string> {
    this.#session ??= connectHttp2(`http://${this.#address().replace('[::]', 'localhost')}`)
    const stream = this.#session.request({ ':path': path })
    return new Promise((resolve, reject) => {
      let body = ''
      stream.setEncoding('utf8').on('data', (chunk: string) => {
        body += chunk
      })
      stream.on('end', () => resolve(body)).on('error', reject)
    })
  }

  close(): void {
    this.#session?.close()
  }
}

/** Counts what each kind of callback saw: its own caller, nobody, or another. */
class Sightings {
  readonly others: string[] = []
  readonly counts = new Map<string, number>()

  /** @param own who may be seen; undefined: nobody may */
  see(what: string, own: number | undefined): void {
    const store = caller.getStore()
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1)
    if (store !== own) this.others.push(`${what}: ${store} in place of ${own}`)
  }
}

for (const { name, protocol, transport: newTransport } of DOORS) {
  t.test(
    `${name}: each callback of ${CALLERS} interleaved callers sees its own caller; what is shared sees nobody`,
    async t => {
      const seen = new Sightings()
      // Callers send their number, or -1; at the server, where sums are sent too, nobody may be seen.
      onEncode = value => {
        const store = caller.getStore()
        seen.see('codec', value === -1 || store === undefined ? store : value)
      }
      const transport = newTransport?.()
      const serverTransport =
        transport ??
        grpcTransport({
          observer: () => ({ onFrame: () => seen.see('observer', undefined) }),
          onRequest: async ({ path }) => {
            seen.see('onRequest', undefined)
            await pause()
            seen.see('onRequest', undefined)
            return { body: path }
          },
        })
      const server = createServer({
        name: 'work',
        transport: serverTransport,
        onError: () => seen.see('onError', undefined),
      })
      server.use((call, next) => {
        seen.see('server middleware', undefined)
        call.signal?.addEventListener('abort', () => seen.see('signal listener', undefined))
        return next(call.request)
      })
      server.handle(service, {
        one: async n => {
          seen.see('handler', undefined)
          await pause()
          seen.see('handler', undefined)
          if (n < 0) throw new Error('told to onError')
          return n
        },
        down: async function* (n) {
          try {
            for (let index = 0; index < 3; index++) {
              seen.see('responses', undefined)
              yield n
              await pause()
            }
          } finally {
            seen.see('responses closed', undefined)
          }
        },
        up: async requests => {
          let sum = 0
          for await (const n of requests) sum += n
          seen.see('handler', undefined)
          return sum
        },
        both: async function* (requests) {
          for await (const n of requests) yield n
        },
      })
      server.subscribe('news', () => seen.see('subscriber', undefined))
      server.onStop(() => seen.see('onStop', undefined))
      await server.start()
      const memory = memoryRegistry()
      const registry: Registry = {
        name: 'memory',
        register: (...args) => memory.register(...args),
        deregister: (...args) => memory.deregister(...args),
        listServices: () => memory.listServices(),
        getService: async () => {
          seen.see('registry', undefined)
          await pause()
          const metadata = { protocol, ...(protocol === 'grpc' ? { grpc: 'true' } : {}) }
          const nodes = [{ id: 'a', address: server.address, metadata }]
          return [{ name: 'work', version: '1', metadata: {}, endpoints: [], nodes }]
        },
        watch: () => {
          seen.see('registry watch', undefined)
          return () => undefined
        },
      }
      let client: Client | undefined
      // The first caller makes the client, and with it the sockets.
      const clientOf = (): Client => {
        client ??= createClient({
          registry,
          service: 'work',
          protocol,
          retries: 0,
          ...(transport === undefined ? {} : { transport }),
          allowPlaintextCredentials: true,
          selector: {
            name: 'first',
            select: (_name, nodes) => {
              seen.see('selector', caller.getStore())
              return nodes[0]!
            },
          },
        })
        return client
      }
      const web = new Web(() => server.address)
      const work = async (id: number): Promise<void> => {
        if (transport === undefined) t.equal(await web.get(`/${id}`), `/${id}`)
        const { one, down, up, both } = clientOf().bind(service)
        const controller = new AbortController()
        controller.signal.addEventListener('abort', () => seen.see("caller's signal", id))
        const options = {
          signal: controller.signal,
          credentials: async () => {
            seen.see('credentials', id)
            await pause()
            return { 'x-caller': String(id) }
          },
          onHeaders: () => seen.see('onHeaders', id),
          onTrailers: () => seen.see('onTrailers', id),
        }
        async function* requests() {
          try {
            for (let index = 0; index < 3; index++) {
              seen.see('requests', id)
              yield id
              await pause()
            }
          } finally {
            seen.see('requests closed', id)
          }
        }
        async function* untilAborted() {
          yield id
          await new Promise<void>(resolve => {
            controller.signal.addEventListener('abort', () => resolve())
          })
        }
        await one(id, options)
        if (protocol === 'mucp') await clientOf().publish('news', id)
        await t.rejects(one(-1, options))
        for await (const _ of down(id, options)) seen.see('loop', id)
        for await (const _ of down(id, options)) break
        await up(requests(), options)
        for await (const _ of both(requests(), options)) seen.see('loop', id)
        // It has no end of its own: the call runs when it is aborted.
        const last = both(untilAborted(), options)
        await last.next()
        controller.abort(new Error('enough'))
        await t.rejects(async () => {
          for await (const _ of last);
        })
        seen.see('after', id)
      }
      await Promise.all(Array.from({ length: CALLERS }, (_, id) => caller.run(id, work, id)))
      await client?.close()
      web.close()
      t.same((await server.stop()).abandoned, [])
      t.same([...new Set(seen.others)].slice(0, 10), [])
      const kinds = [...seen.counts.keys()].sort()
      t.same(kinds, [
        'after',
        "caller's signal",
        'codec',
        'credentials',
        'handler',
        'loop',
        ...(transport === undefined ? ['observer'] : []),
        'onError',
        'onHeaders',
        ...(transport === undefined ? ['onRequest'] : []),
        'onStop',
        'onTrailers',
        'registry',
        'registry watch',
        'requests',
        'requests closed',
        'responses',
        'responses closed',
        'selector',
        'server middleware',
        'signal listener',
        ...(protocol === 'mucp' ? ['subscriber'] : []),
      ])
    },
  )

  t.test(
    `${name}: what a callback calls inherits from its own caller; a server without inherit passes nothing on`,
    async t => {
      const transport = newTransport?.()
      const given = transport === undefined ? {} : { transport }
      const servers: Server[] = []
      const clients: Client[] = []
      t.teardown(async () => {
        for (const client of clients) await client.close()
        for (const server of servers) await server.stop()
      })
      const start = async (
        named: string,
        one: (n: number, context: Context) => number | Promise<number>,
        inherit?: { metadata: string[] },
      ): Promise<Client> => {
        const server = createServer({
          name: named,
          ...given,
          ...(inherit === undefined ? {} : { inherit }),
        })
        server.handle(service, { one, down: () => [], up: () => 0, both: () => [] })
        await server.start()
        servers.push(server)
        const client = createClient({ address: server.address, protocol, retries: 0, ...given })
        clients.push(client)
        return client
      }
      const tenantOf = ({ metadata }: Context): number => Number(metadata.get('x-tenant') ?? -1)
      const who = await start('who', (_n, context) => tenantOf(context))
      // It has no `inherit`: what it calls has no tenant, whoever made its socket.
      const plain = await start('plain', () => who.bind(service).one(0))
      const gate = await start(
        'gate',
        async (n, context) => {
          context.headers.set('x-any', '1')
          const results: Promise<number>[] = []
          const ask = (): unknown => results.push(who.bind(service).one(0))
          await who.bind(service).one(0, { onHeaders: ask, onTrailers: ask })
          results.push(who.bind(service).one(0))
          const tenants = await Promise.all(results)
          if (tenants.length !== 3 || tenants.some(each => each !== n)) return -100
          return (await plain.bind(service).one(0)) === -1 ? n : -200
        },
        { metadata: ['x-tenant'] },
      )
      const answers = await Promise.all(
        Array.from({ length: CALLERS }, (_, id) =>
          gate.bind(service).one(id, { metadata: { 'x-tenant': String(id) }, timeoutMs: 20_000 }),
        ),
      )
      t.same(
        answers.filter((answer, id) => answer !== id),
        [],
      )
      t.equal(await who.bind(service).one(0), -1, 'a call outside any handler inherits nothing')
    },
  )
}

/** Where options and what they are made of are declared; of each, what is called back, with its row above or why it has none. */
const CALLBACKS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'micro/call/call-options': {
    credentials: 'credentials',
    onHeaders: 'onHeaders',
    onTrailers: 'onTrailers',
  },
  'micro/client/client-options': { credentials: 'credentials' },
  'micro/server/server-options': {
    onError: 'onError',
    onRequest: 'onRequest',
  },
  'micro/discovery/registry': {
    getService: 'registry',
    watch: 'registry watch',
    register: 'of the server alone',
    deregister: 'of the server alone',
    listServices: 'called by nobody here',
  },
  'micro/discovery/selector': { select: 'selector' },
  'micro/service/codec': { encode: 'codec', decode: 'codec', decodeOwned: 'codec' },
  'transport/micro/grpc-transport-options': {
    observer: 'observer; of a client, within whatever wrote the frame',
    onError: 'onError',
  },
  'transport/server/serve-options': {
    handler: 'below micro: sees connections, no callers',
    observer: 'as in grpc-transport',
    onError: 'onError',
    onRequest: 'as in server-options',
  },
  'transport/client/session-options': {
    observer: 'as in grpc-transport',
    onError: 'below micro: no callers',
  },
}

t.test('every callback of an option is in this test', t => {
  const src = join(import.meta.dirname, '..', '..', '..', 'src')
  for (const [file, known] of Object.entries(CALLBACKS)) {
    const text = readFileSync(join(src, `${file}.ts`), 'utf8')
    const found = new Set<string>()
    for (const [, body] of text.matchAll(
      /^export interface (?:\w*Options|Registry|Selector|TypedCodec)\b[^{]*\{\n([\s\S]*?)^\}/gm,
    )) {
      for (const [, name] of body!.matchAll(
        /^ {2}(?:readonly )?(\w+)\??(?:\(|: (?:.*=>|OnRequest|Credentials|FrameObserver|NonNullable<(?:GrpcTransport|Serve)Options\['(?:on|obs)))/gm,
      )) {
        found.add(name!)
      }
    }
    t.same([...found].sort(), Object.keys(known).sort(), file)
  }
  t.end()
})
