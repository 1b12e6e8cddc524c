import t from 'tap'
import {
  type Client,
  createClient,
  createServer,
  defineService,
  type GrpcError,
  jsonCodec,
  type MicroError,
  type Server,
  Status,
} from '../../src/index.js'
import type { ClientOptions, ServerOptions } from '../../src/micro/index.js'
import { healthService, mountHealth, ServingStatus } from '../../src/services/index.js'
import { SimulatedNetwork } from '../../src/testing/index.js'

const json = { request: jsonCodec<unknown>(), response: jsonCodec<unknown>() }
const shop = defineService('shop.v1.Shop', {
  buy: { kind: 'unary', ...json },
  list: { kind: 'server', ...json },
})

/** One server that limits its calls, and its client, on a simulated network. */
class Site implements AsyncDisposable {
  readonly network = new SimulatedNetwork({ seed: 1, conditions: { latencyMs: [1, 1] } })
  readonly server: Server
  readonly told: unknown[] = []
  begun = 0
  handlerMs = 100

  constructor(overload: NonNullable<ServerOptions['overload']>) {
    const { network: runtime } = this
    this.server = createServer({
      name: 'shop',
      runtime,
      overload,
      onError: error => this.told.push(error),
    })
    this.server.handle(shop, {
      buy: async () => {
        this.begun++
        await this.network.clock.sleep(this.handlerMs)
        return this.begun
      },
      list: async function* (this: Site) {
        yield 1
        await this.network.clock.sleep(this.handlerMs)
      }.bind(this),
    })
    mountHealth(this.server)
  }

  client(options: Partial<ClientOptions> = {}): Client {
    const { network: runtime, server } = this
    return createClient({ address: server.address, runtime, service: 'shop', ...options })
  }

  async run<T>(goal: () => Promise<T>): Promise<T> {
    return await this.network.clock.run(goal(), 600_000)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.run(() => this.server.stop({ graceMs: 0, settleMs: 0 }))
  }
}

const faultsOf = (results: readonly PromiseSettledResult<unknown>[]): unknown[] =>
  results.flatMap(result => (result.status === 'rejected' ? [result.reason] : []))

t.test(
  'R161: calls beyond callsMax fail at once with UNAVAILABLE and a pushback, over all connections',
  async t => {
    await using site = new Site({ callsMax: 2, pushbackMs: 400 })
    await site.run(async () => {
      await site.server.start()
      const clients = [1, 2, 3].map(() => site.client())
      const start = site.network.clock.now()
      const results = await Promise.allSettled(clients.map(client => client.bind(shop).buy({})))
      const [fault, ...others] = faultsOf(results) as GrpcError[]
      t.same(others, [])
      t.equal(fault?.status, Status.Unavailable)
      t.match(
        fault?.message,
        /^refused: 2 of 2 calls run \(overload\.callsMax\); it may be tried again in \d+ ms/,
      )
      t.match(fault?.metadata.get('grpc-retry-pushback-ms'), /^[2-6]\d\d$/)
      t.ok(site.network.clock.now() - start < 200)
      t.equal(site.begun, 2)
      t.same(site.told, [], 'a refusal is no error of the server')
      t.match(site.server.overload, { runningCount: 0, waitingCount: 0, refusedCount: 1 })
      for (const client of clients) await client.close()
    })
  },
)

t.test('our client comes back when the server said, and then gets through', async t => {
  await using site = new Site({ callsMax: 1, pushbackMs: 400 })
  await site.run(async () => {
    await site.server.start()
    const retryPolicy = {
      maxAttempts: 3,
      initialBackoff: '0.001s',
      maxBackoff: '0.001s',
      backoffMultiplier: 1,
      retryableStatusCodes: ['UNAVAILABLE'],
    }
    const serviceConfig = { methodConfig: [{ name: [{}], retryPolicy }] }
    const client = site.client({ serviceConfig })
    const { buy } = client.bind(shop)
    const start = site.network.clock.now()
    await Promise.all([buy({}), buy({})])
    const tookMs = site.network.clock.now() - start
    t.ok(tookMs >= 300 && tookMs < 800, `${tookMs} ms`)
    t.equal(site.server.overload?.refusedCount, 1)
    await client.close()
  })
})

t.test('R162: health answers however many calls run', async t => {
  await using site = new Site({ callsMax: 1, streamsMax: 1 })
  await site.run(async () => {
    await site.server.start()
    const client = site.client()
    const running = client.bind(shop).buy({})
    await site.network.clock.sleep(20)
    const health = client.bind(healthService)
    t.match(await health.check({ service: '' }), { status: ServingStatus.Serving })
    await running
    await client.close()
  })
})

t.test('R163: streams beyond streamsMax fail, and unary calls go on', async t => {
  await using site = new Site({ streamsMax: 1 })
  await site.run(async () => {
    await site.server.start()
    const client = site.client()
    const { list, buy } = client.bind(shop)
    const first = list({})[Symbol.asyncIterator]()
    await first.next()
    await t.rejects(list({})[Symbol.asyncIterator]().next(), {
      status: Status.Unavailable,
      message: /1 streams run, as many as may \(overload\.streamsMax\)/,
    })
    await buy({})
    await first.next()
    t.equal(site.server.overload?.streamCount, 0)
    await client.close()
  })
})

t.test(
  'a call waits in the queue for its place; one that is cancelled there never starts',
  async t => {
    await using site = new Site({ callsMax: 1, queue: { waitMaxMs: 1_000, targetMs: 1_000 } })
    await site.run(async () => {
      await site.server.start()
      const client = site.client()
      const { buy } = client.bind(shop)
      const controller = new AbortController()
      const first = buy({})
      await site.network.clock.sleep(10)
      const second = t.rejects(buy({}, { signal: controller.signal }), { code: /./ })
      const third = buy({})
      const fourth = t.rejects(buy({}, { timeoutMs: 50 }), { code: 'DEADLINE_EXCEEDED' })
      await site.network.clock.sleep(10)
      t.equal(site.server.overload?.waitingCount, 3)
      controller.abort()
      await Promise.all([first, second, third, fourth])
      t.equal(site.begun, 2)
      t.match(site.server.overload, { runningCount: 0, waitingCount: 0, refusedCount: 0 })
      await client.close()
    })
  },
)

t.test('R164: metadata says how much a call matters', async t => {
  await using site = new Site({ callsMax: 2, priority: 'x-criticality' })
  await site.run(async () => {
    await site.server.start()
    const client = site.client()
    const { buy } = client.bind(shop)
    const call = (priority: string) => buy({}, { metadata: { 'x-criticality': priority } })
    const results = await Promise.allSettled([
      call('sheddable'),
      call('sheddable'),
      call('critical_plus'),
    ])
    t.same(
      results.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled'],
    )
    await client.close()
  })
})

t.test('the same over mucp: 503 for the server, 429 for a method', async t => {
  for (const [overload, code] of [
    [{ callsMax: 1 }, 503],
    [{ methods: { 'shop.v1.Shop/Buy': 1 } }, 429],
  ] as const) {
    await using site = new Site(overload)
    await site.run(async () => {
      await site.server.start()
      const client = site.client({ protocol: 'mucp', retries: 0 })
      const { buy } = client.bind(shop)
      const faults = faultsOf(await Promise.allSettled([buy({}), buy({})])) as MicroError[]
      t.equal(faults.length, 1)
      t.match(faults[0], { code, detail: /^refused: / })
      t.equal(site.begun, 1)
      t.same(site.told, [])
      t.match(site.server.overload, { runningCount: 0, refusedCount: 1 })
      t.ok(await buy({}), 'and the place is free again')
      await client.close()
    })
  }
})

t.test('over mucp a call waits for its place as well, and gives it up with its client', async t => {
  await using site = new Site({ callsMax: 1, queue: { waitMaxMs: 1_000, targetMs: 1_000 } })
  await site.run(async () => {
    await site.server.start()
    const client = site.client({ protocol: 'mucp', retries: 0 })
    const { buy } = client.bind(shop)
    const first = buy({})
    await site.network.clock.sleep(10)
    const second = t.rejects(buy({}, { timeoutMs: 30 }), { name: 'MicroError' })
    const third = buy({})
    await Promise.all([first, second, third])
    t.equal(site.begun, 2)
    t.match(site.server.overload, { runningCount: 0, waitingCount: 0 })
    await client.close()
  })
})

t.test('a method that is limited and not handled is refused at start', async t => {
  const server = createServer({ name: 'a', overload: { methods: { 'shop.v1.Shop/Sell': 1 } } })
  server.handle(shop, { buy: () => 1, list: async function* () {} })
  await t.rejects(server.start(), {
    name: 'TypeError',
    message: /^overload\.methods has 'shop\.v1\.Shop\/Sell', which the server does not handle/,
  })
  await server.stop()
})

t.test(
  'R173: offered five times what it can do, an adaptive server does nearly all it can, and stays quick',
  async t => {
    const network = new SimulatedNetwork({ seed: 1, conditions: { latencyMs: [1, 1] } })
    const { clock } = network
    const server = createServer({ name: 'shop', runtime: network, overload: { adaptive: true } })
    // Four at a time, 10 ms each: 400 calls a second. Whoever comes later waits.
    let free = 4
    const waiting: (() => void)[] = []
    server.handle(shop, {
      buy: async () => {
        if (free > 0) free--
        else await new Promise<void>(resolve => waiting.push(resolve))
        await clock.sleep(10)
        const next = waiting.shift()
        if (next === undefined) free++
        else next()
        return 1
      },
      list: async function* () {},
    })
    const durations: number[] = []
    let offered = 0
    await clock.run(
      (async () => {
        await server.start()
        const client = createClient({ address: server.address, runtime: network })
        const { buy } = client.bind(shop)
        const one = async (): Promise<void> => {
          const at = clock.now()
          offered++
          try {
            await buy({}, { timeoutMs: 1_000 })
            if (at >= 3_000) durations.push(clock.now() - at)
          } catch {}
        }
        const all: Promise<void>[] = []
        while (clock.now() < 5_000) {
          for (let i = 0; i < (clock.now() < 2_000 ? 1 : 10); i++) all.push(one())
          await clock.sleep(5)
        }
        await Promise.all(all)
        await client.close()
        await server.stop()
      })(),
      600_000,
    )
    durations.sort((a, b) => a - b)
    const goodput = durations.length / 2
    const p99 = durations[Math.floor(durations.length * 0.99)]!
    t.ok(goodput >= 360, `${goodput} of 400 calls a second, of ${offered} in all`)
    t.ok(p99 <= 36, `p99 ${p99} ms, where a calm server takes 12`)
  },
)
