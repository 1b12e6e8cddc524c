import t from 'tap'
import {
  type Client,
  createClient,
  createServer,
  defineService,
  jsonCodec,
  type Server,
} from '../../src/index.js'
import {
  type ClientOptions,
  leastRequest,
  memoryRegistry,
  peakEwma,
  type Registry,
  roundRobin,
  roundRobinSelector,
} from '../../src/micro/index.js'
import { SimulatedNetwork } from '../../src/testing/index.js'

const json = { request: jsonCodec<unknown>(), response: jsonCodec<unknown>() }
const shop = defineService('shop.v1.Shop', {
  buy: { kind: 'unary', ...json },
  list: { kind: 'server', ...json },
})

/** Servers of one service behind a registry, on a simulated network. */
class Fleet implements AsyncDisposable {
  readonly network = new SimulatedNetwork({ seed: 1, conditions: { latencyMs: [1, 1] } })
  readonly #killed = new Set<string>()
  readonly #memory = memoryRegistry(this.network)
  readonly registry: Registry = {
    name: 'memory',
    register: (...given) => this.#memory.register(...given),
    // Who is killed has no time for it.
    deregister: async service => {
      if (!this.#killed.has(service.nodes[0]!.address)) await this.#memory.deregister(service)
    },
    getService: name => this.#memory.getService(name),
    listServices: () => this.#memory.listServices(),
    watch: onChange => this.#memory.watch(onChange),
  }
  readonly servers: Server[] = []
  /** Calls that handlers began, by server. */
  readonly calls: number[] = []
  handlerMs = 20

  static async of(count: number): Promise<Fleet> {
    const fleet = new Fleet()
    for (let at = 0; at < count; at++) await fleet.add()
    return fleet
  }

  async add(): Promise<void> {
    const at = this.servers.length
    const server = createServer({ name: 'shop', registry: this.registry, runtime: this.network })
    server.handle(shop, {
      buy: async () => {
        this.calls[at]!++
        await this.network.clock.sleep(this.handlerMs)
        return at
      },
      list: async function* () {
        yield at
      },
    })
    await server.start()
    this.servers.push(server)
    this.calls.push(0)
  }

  client(options: Partial<ClientOptions> = {}): Client {
    const { registry, network: runtime } = this
    return createClient({ registry, service: 'shop', runtime, ...options })
  }

  /** SIGKILL: its connections are reset, and new ones refused. It stays in the registry. */
  kill(at: number): void {
    this.#killed.add(this.servers[at]!.address)
    for (const link of this.#linksOf(at)) this.network.reset(link)
    void this.servers[at]!.stop({ graceMs: 0, settleMs: 0 })
  }

  /** SIGSTOP: nothing comes from it, and nothing is refused. */
  freeze(at: number): void {
    for (const link of this.#linksOf(at)) this.network.swallow(link, 'server')
  }

  async run<T>(goal: () => Promise<T>): Promise<T> {
    return await this.network.clock.run(goal(), 600_000)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.run(async () => {
      await Promise.all(this.servers.map(each => each.stop({ graceMs: 0, settleMs: 0 })))
    })
  }

  #linksOf(at: number): SimulatedNetwork['links'] {
    const port = Number(this.servers[at]!.address.split(':').pop())
    return this.network.links.filter(({ client }) => client.remotePort === port)
  }
}

/** Callers that call one after the other until `endMs`; what their calls ended with. */
async function load(
  fleet: Fleet,
  client: Client,
  { callers, forMs, timeoutMs }: { callers: number; forMs: number; timeoutMs?: number },
): Promise<{ ok: number; failed: { at: number; error: Error }[] }> {
  const { buy } = client.bind(shop)
  const { clock } = fleet.network
  const endAt = clock.now() + forMs
  const outcome = { ok: 0, failed: [] as { at: number; error: Error }[] }
  const caller = async (): Promise<void> => {
    while (clock.now() < endAt) {
      const at = clock.now()
      try {
        await buy({}, timeoutMs === undefined ? {} : { timeoutMs })
        outcome.ok++
      } catch (error) {
        outcome.failed.push({ at, error: error as Error })
      }
    }
  }
  await Promise.all(Array.from({ length: callers }, caller))
  return outcome
}

const CALLERS = 6

for (const [name, options] of [
  ['defaults', {}],
  ['roundRobin', { balancer: roundRobin() }],
  ['peakEwma', { balancer: peakEwma() }],
  ['a selector', { selector: roundRobinSelector() }],
] as const) {
  t.test(
    `one of three is killed under load, with ${name}: only calls in flight on it fail`,
    async t => {
      await using fleet = await Fleet.of(3)
      await fleet.run(async () => {
        await using client = fleet.client(options)
        await load(fleet, client, { callers: CALLERS, forMs: 100 })
        const killedAt = fleet.network.now() + 500
        fleet.network.schedule(500, () => fleet.kill(1))
        const { ok, failed } = await load(fleet, client, { callers: CALLERS, forMs: 1_500 })
        t.ok(ok > 250, `${ok} calls`)
        t.ok(failed.length <= CALLERS, `${failed.length} failed`)
        for (const { at, error } of failed) {
          t.ok(at <= killedAt, `it began ${at - killedAt} ms after`)
          t.match(error, { code: 'UNAVAILABLE' })
        }
      })
    },
  )
}

t.test(
  'one of three is killed, and the client has retries: no call fails, and none goes there again',
  async t => {
    await using fleet = await Fleet.of(3)
    await fleet.run(async () => {
      await using client = fleet.client({ retries: 1 })
      fleet.network.schedule(500, () => fleet.kill(1))
      const { ok, failed } = await load(fleet, client, { callers: CALLERS, forMs: 1_500 })
      t.ok(ok > 250)
      t.same(failed, [])
    })
  },
)

t.test('a killed server that is back on its address is used again', async t => {
  await using fleet = await Fleet.of(3)
  await fleet.run(async () => {
    await using client = fleet.client()
    await load(fleet, client, { callers: CALLERS, forMs: 500 })
    const { address } = fleet.servers[1]!
    fleet.kill(1)
    await load(fleet, client, { callers: CALLERS, forMs: 2_000 })
    let back = 0
    const server = createServer({ name: 'shop', address, runtime: fleet.network })
    server.handle(shop, { buy: () => back++, list: () => [] })
    await server.start()
    const { failed } = await load(fleet, client, { callers: CALLERS, forMs: 1_500 })
    t.same(failed, [])
    t.ok(back > 30, `${back} calls`)
    await server.stop({ graceMs: 0, settleMs: 0 })
  })
})

t.test(
  'one of three is frozen: some calls miss their deadline at first, after a second none',
  async t => {
    await using fleet = await Fleet.of(3)
    await fleet.run(async () => {
      await using client = fleet.client()
      await load(fleet, client, { callers: CALLERS, forMs: 500 })
      const frozenAt = fleet.network.now()
      fleet.freeze(1)
      const { ok, failed } = await load(fleet, client, {
        callers: CALLERS,
        forMs: 4_000,
        timeoutMs: 1_000,
      })
      t.ok(failed.length < ok / 100, `${failed.length} of ${ok} failed`)
      for (const { at } of failed) t.ok(at - frozenAt < 1_000, `${at - frozenAt} ms after`)
    })
  },
)

t.test(
  'a server that joins takes its share, and one that leaves gets no call more; no call fails',
  async t => {
    await using fleet = await Fleet.of(2)
    await fleet.run(async () => {
      await using client = fleet.client()
      await load(fleet, client, { callers: CALLERS, forMs: 200 })
      await fleet.add()
      const joined = await load(fleet, client, { callers: CALLERS, forMs: 1_000 })
      t.same(joined.failed, [])
      t.ok(fleet.calls[2]! > joined.ok / 5, `${fleet.calls[2]} of ${joined.ok}`)
      const leaving = fleet.servers[0]!.stop({ graceMs: 1_000 })
      const left = await load(fleet, client, { callers: CALLERS, forMs: 1_000 })
      await leaving
      t.same(left.failed, [])
      const before = fleet.calls[0]
      t.same((await load(fleet, client, { callers: CALLERS, forMs: 200 })).failed, [])
      t.equal(fleet.calls[0], before)
    })
  },
)

t.test(
  'over mucp one that is killed fails the calls in flight, and gets no other while the rest is there',
  async t => {
    await using fleet = await Fleet.of(3)
    await fleet.run(async () => {
      await using client = fleet.client({ protocol: 'mucp', retries: 0 })
      await load(fleet, client, { callers: CALLERS, forMs: 200 })
      const killedAt = fleet.network.now() + 500
      fleet.network.schedule(500, () => fleet.kill(1))
      const { ok, failed } = await load(fleet, client, { callers: CALLERS, forMs: 1_500 })
      t.ok(ok > 250, `${ok} calls`)
      t.ok(failed.length <= CALLERS, `${failed.length} failed`)
      for (const { at } of failed) t.ok(at <= killedAt, `it began ${at - killedAt} ms after`)
    })
  },
)

t.test(
  'when none of several servers can be reached, the error names each with its last error',
  async t => {
    await using fleet = await Fleet.of(2)
    await fleet.run(async () => {
      await using client = fleet.client()
      fleet.kill(0)
      fleet.kill(1)
      const { buy, list } = client.bind(shop)
      const expected = {
        code: 'UNAVAILABLE',
        unprocessed: true,
        message:
          /^none of the 2 endpoints of shop can be reached: .*ECONNREFUSED.*; .*ECONNREFUSED/,
      }
      await t.rejects(buy({}), expected)
      await t.rejects(list({}).next(), expected)
    })
  },
)

t.test('a call that runs out of time while nobody answers says what it waited for', async t => {
  await using fleet = await Fleet.of(2)
  await fleet.run(async () => {
    await using client = fleet.client()
    fleet.network.setReachable(false)
    const { buy } = client.bind(shop)
    await t.rejects(buy({}, { timeoutMs: 300 }), {
      code: 'DEADLINE_EXCEEDED',
      message: /^deadline exceeded: no connection in time: .*: connecting; .*: connecting/,
    })
    const waiting = buy({}, { timeoutMs: 60_000 })
    fleet.network.setReachable(true)
    t.equal(typeof (await waiting), 'number', 'it goes on when somebody does')
  })
})

t.test(
  'every call tells how it ended, whatever ended it: nothing counts as running then',
  async t => {
    await using fleet = await Fleet.of(3)
    await fleet.run(async () => {
      const seen = new Map<string, number>()
      let running = 0
      const balancing = leastRequest()
      const counted = {
        name: 'counted',
        create: (outside: Parameters<typeof balancing.create>[0]) => ({
          ...balancing.create(outside),
          pick: (from: readonly { endpoint: { id: string; address: string }; pending: number }[]) =>
            from[Math.floor(outside.random() * from.length)]!,
          onBegin: () => void running++,
          onEnd: (_: unknown, { outcome }: { outcome: string }) => {
            running--
            seen.set(outcome, (seen.get(outcome) ?? 0) + 1)
          },
        }),
      }
      await using client = fleet.client({ balancer: counted, retries: 1 })
      const { buy, list } = client.bind(shop)
      const controller = new AbortController()
      const all: Promise<unknown>[] = []
      for (let i = 0; i < 60; i++) {
        all.push(buy({}, { timeoutMs: i }))
        all.push(buy({}, { signal: controller.signal }))
        all.push(list({}).next())
        const stream = list({})
        stream.cancel()
        all.push(stream.next())
        all.push(buy(1n))
      }
      fleet.network.schedule(3, () => controller.abort())
      fleet.network.schedule(5, () => fleet.kill(0))
      await Promise.allSettled(all)
      await Promise.allSettled([...Array(60)].map(() => buy({}, { timeoutMs: 50 })))
      await fleet.network.clock.sleep(1_000)
      t.equal(running, 0)
      t.ok((seen.get('ok') ?? 0) > 10, JSON.stringify([...seen]))
      t.ok((seen.get('neutral') ?? 0) > 10, JSON.stringify([...seen]))
    })
  },
)
