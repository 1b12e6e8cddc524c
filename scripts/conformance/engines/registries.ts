import { setTimeout as delay } from 'node:timers/promises'
import {
  type Client,
  createClient,
  createServer,
  defineService,
  jsonCodec,
  type Registry,
  type Server,
} from '../../../src/micro/index.js'
import { inTime } from '../in-time.js'
import type { Program } from '../program.js'
import { type SuiteRun, Unavailable } from '../suite.js'
import type { Tally } from '../tally.js'
import { goBuild } from '../toolchain.js'
import { type OpenRegistry, openRegistry } from './open-registry.js'
import { type Engine, startEngine } from './processes.js'
import type { EngineName } from './programs.js'

/** How long what has to come may take on a busy machine. Unit: ms. */
const SOON_MS = 10_000
const CASE_TIME_MAX_MS = 40_000
const GO_SOURCE = 'interop/go/registries'
/** go-micro's version in that source. */
const GO_VERSION = 'go-micro v5.30.0'

const greeterService = defineService('Greeter', {
  hello: {
    kind: 'unary',
    request: jsonCodec<{ name: string }>(),
    response: jsonCodec<{ text: string }>(),
  },
})

/** An engine as both sides reach it. */
export interface RegistryEngine {
  readonly name: string
  /** What the Go program calls it. */
  readonly go: string
  readonly engine: EngineName | undefined
  /** Go's TTL and interval. Unit: s. */
  readonly ttl: number
  /** Kinds of rows that this engine cannot have, with the reason. */
  readonly without?: Readonly<Record<string, string>>
}

export const ETCD: RegistryEngine = {
  name: 'etcd',
  go: 'etcd',
  engine: 'etcd',
  ttl: 6,
}

/** Consul removes who is critical after a minute; it is no node from the moment its TTL is over. */
export const CONSUL: RegistryEngine = {
  name: 'consul',
  go: 'consul',
  engine: 'consul',
  ttl: 6,
}

/** Go's watchers hear nothing of one that was killed: who asks gets no answer of it. */
export const NATS: RegistryEngine = {
  name: 'nats',
  go: 'nats',
  engine: 'nats',
  ttl: 6,
}

export const MDNS: RegistryEngine = {
  name: 'mdns',
  go: 'mdns',
  engine: undefined,
  ttl: 6,
}

/** Rows of one engine: Go's server found and called by us, ours by Go, and what becomes of both. */
export function registryRows(which: RegistryEngine): (run: SuiteRun) => Promise<void> {
  return async run => {
    try {
      const tool = await goBuild('registries', GO_SOURCE)
      const engine = which.engine === undefined ? undefined : await startEngine(run, which.engine)
      const place = new Place(run, which, engine, tool.path)
      await place.goServer()
      await place.ourServer()
      await engine?.stop()
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error
      run.row(`${which.name} with Go`, '').skip(error.message)
    }
  }
}

class Place {
  readonly #run: SuiteRun
  readonly #which: RegistryEngine
  readonly #engine: Engine | undefined
  readonly #go: string

  constructor(run: SuiteRun, which: RegistryEngine, engine: Engine | undefined, go: string) {
    this.#run = run
    this.#which = which
    this.#engine = engine
    this.#go = go
  }

  /** Go's server: we find it, call it, see it change, leave and die. */
  async goServer(): Promise<void> {
    const tally = this.#row('Go server, our client')
    const registry = this.#open()
    const changes: string[] = []
    registry.watch?.((name, change) => {
      for (const node of change?.service.nodes ?? [])
        changes.push(`${change?.action} ${name} ${node.id}`)
    })
    const client = createClient({ registry, service: 'greeter', protocol: 'mucp' })
    const one = await this.#serve('one')
    await tally.run('register: found and called', () => this.#called(client, 'one'))
    const two = await this.#serve('two')
    await tally.run('watch: a second one is seen and called', () => this.#called(client, 'two'))
    await tally.run('record: version, metadata and endpoints of Go', async () => {
      const [service] = await registry.getService('greeter')
      const node = service?.nodes.find(({ id }) => id === 'greeter-one')
      if (service?.version !== 'latest') throw new Error(`version ${service?.version}`)
      if (node?.metadata['protocol'] !== 'mucp' || node.metadata['zone'] !== 'go') {
        throw new Error(`metadata ${JSON.stringify(node?.metadata)}`)
      }
      const hello = service.endpoints.find(({ name }) => name === 'Greeter.Hello')
      if (hello?.request?.name !== 'HelloRequest')
        throw new Error(JSON.stringify(service.endpoints))
    })
    await tally.run('update: a restarted one has its new address', async () => {
      const before = await this.#addressOf(registry, 'greeter-two')
      await two.kill()
      await this.#serve('two')
      await until(
        'a new address',
        async () => (await this.#addressOf(registry, 'greeter-two')) !== before,
      )
      await this.#called(client, 'two')
    })
    await this.#unless(
      tally,
      'deregister',
      'deregister: gone at once, and the other is called',
      async () => {
        one.write('')
        await until(
          'its end',
          async () => (await this.#addressOf(registry, 'greeter-one')) === undefined,
        )
        await this.#called(client, 'two')
      },
    )
    await this.#unless(
      tally,
      'expire',
      'expire: one that was killed is gone within its TTL',
      async () => {
        const three = await this.#serve('three')
        await this.#called(client, 'three')
        await three.kill()
        const gone = async () => (await this.#addressOf(registry, 'greeter-three')) === undefined
        await until('its expiry', gone, (this.#which.ttl + 4) * 1_000 + SOON_MS)
      },
    )
    await this.#unless(tally, 'watch', 'watch: create and delete were told', () => {
      for (const wanted of ['create greeter greeter-one', 'delete greeter greeter-one']) {
        if (!changes.includes(wanted)) throw new Error(`no ${wanted} in ${changes.join('; ')}`)
      }
    })
    await client.close()
    await registry.close()
  }

  /** Our server: Go finds it, calls it, sees it change, leave and die. */
  async ourServer(): Promise<void> {
    const tally = this.#row('our server, Go client')
    const registry = this.#open()
    const service = 'ours'
    const watch = this.#start(['watch', '-name', service])
    await watch.waitFor(/"ready":true/)
    const server = await this.#serveOurs(registry, service, 'first')
    const go = new GoClient(this.#start(['call', '-name', service]))
    await go.ready()
    await tally.run('register: found and called', async () => {
      await until('an answer', async () => /from us first/.test(await go.call('Ada')))
    })
    await tally.run('record: Go reads id, address, metadata and endpoints', async () => {
      const known = await go.call('?')
      const { nodes } = JSON.parse(known) as { nodes: Record<string, unknown>[] }
      const [node] = nodes
      const isRight = node?.['address'] === server.address && node['endpoints'] === 1
      if (nodes.length !== 1 || !isRight) throw new Error(known)
      const { protocol, zone } = node!['metadata'] as Record<string, string>
      if (protocol !== 'mucp' || zone !== 'ts') throw new Error(known)
    })
    await this.#unless(tally, 'watch', 'watch: Go hears of it', () =>
      watch.waitFor(/"action":"(create|update)","ids":\["ours-/, SOON_MS),
    )
    await tally.run('update: a second one is found', async () => {
      const second = await this.#serveOurs(registry, service, 'second')
      await until(
        'the second',
        async () => ((await go.call('?')).match(/"address"/g) ?? []).length === 2,
      )
      await second.stop({ graceMs: 0 })
      await until('one', async () => ((await go.call('?')).match(/"address"/g) ?? []).length === 1)
    })
    await tally.run('deregister: stop leaves at once, and Go hears of it', async () => {
      await server.stop({ graceMs: 0 })
      await until('nobody', async () => !/"address"/.test(await go.call('?')))
      if (this.#which.without?.['watch'] === undefined)
        await watch.waitFor(/"action":"delete"/, SOON_MS)
    })
    await this.#unless(
      tally,
      'expire',
      'expire: a process of ours that was killed is gone within its TTL',
      async () => {
        const child = this.#run.start(process.execPath, [
          '.build/scripts/conformance/engines/serve-ours.js',
          this.#which.name,
          this.#engine?.address ?? '',
          service,
          '6000',
        ])
        await child.waitFor(/registered/)
        await until('it', async () => /"address"/.test(await go.call('?')))
        await child.kill()
        await until('nobody', async () => !/"address"/.test(await go.call('?')), 10_000 + SOON_MS)
      },
    )
    await registry.close()
  }

  #row(part: string): Tally {
    const { name } = this.#which
    const version =
      this.#engine === undefined ? GO_VERSION : `${this.#engine.version}, ${GO_VERSION}`
    return this.#run.row(`${name}: ${part}`, version)
  }

  async #unless(tally: Tally, kind: string, name: string, check: () => unknown): Promise<void> {
    const reason = this.#which.without?.[kind]
    if (reason !== undefined) return tally.note(`${kind}: ${reason}`)
    await tally.run(name, () => inTime(Promise.resolve(check()), CASE_TIME_MAX_MS))
  }

  #open(): OpenRegistry {
    return openRegistry(this.#which.name, this.#engine?.address ?? '', () => undefined)
  }

  #start(args: readonly string[]): Program {
    const where = ['-registry', this.#which.go, '-at', this.#engine?.address ?? '']
    return this.#run.start(this.#go, [...args, ...where])
  }

  async #serve(id: string): Promise<Program> {
    const program = this.#start([
      'serve',
      '-id',
      id,
      '-ttl',
      `${this.#which.ttl}`,
      '-interval',
      '2',
    ])
    await program.waitFor(/"address"/)
    return program
  }

  async #serveOurs(registry: Registry, name: string, who: string): Promise<Server> {
    const server = createServer({
      name,
      registry,
      metadata: { zone: 'ts' },
      registerTtlMs: 6_000,
      registerIntervalMs: 2_000,
      registerRequired: true,
    })
    server.handle(greeterService, {
      hello: ({ name: whom }) => ({ text: `Hello, ${whom}, from us ${who}` }),
    })
    await server.start()
    this.#run.onEnd(() => server.stop({ graceMs: 0 }))
    return server
  }

  async #addressOf(registry: Registry, id: string): Promise<string | undefined> {
    const services = await registry.getService('greeter')
    return services.flatMap(({ nodes }) => nodes).find(node => node.id === id)?.address
  }

  /** Calls until this one has answered. */
  async #called(client: Client, who: string): Promise<void> {
    const { hello } = client.bind(greeterService)
    await until(`an answer of ${who}`, async () => {
      const { text } = await hello({ name: 'Ada' }).catch((error: Error) => ({
        text: error.message,
      }))
      return text.endsWith(`from Go ${who}`)
    })
  }
}

/** The Go program that calls for each line. */
class GoClient {
  readonly #program: Program
  #seen = 0

  constructor(program: Program) {
    this.#program = program
  }

  async ready(): Promise<void> {
    await this.#program.waitFor(/"ready":true\}\n/)
    this.#seen = this.#program.stdout.length
  }

  /** The line that answers. */
  async call(line: string): Promise<string> {
    this.#program.writeLine(line)
    const from = this.#seen
    await until('a line', () => this.#program.stdout.indexOf('\n', from) >= 0)
    const end = this.#program.stdout.indexOf('\n', from)
    this.#seen = end + 1
    return this.#program.stdout.slice(from, end)
  }
}

/** Asks again and again. */
export async function until(
  what: string,
  check: () => boolean | Promise<boolean>,
  timeMaxMs: number = SOON_MS,
): Promise<void> {
  const end = Date.now() + timeMaxMs
  while (!(await check())) {
    if (Date.now() > end) throw new Error(`${what} did not come in ${timeMaxMs} ms`)
    await delay(20)
  }
}
