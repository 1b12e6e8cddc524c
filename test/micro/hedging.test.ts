import t from 'tap'
import {
  type Client,
  createClient,
  createServer,
  defineService,
  GrpcError,
  jsonCodec,
  type Server,
  Status,
} from '../../src/index.js'
import { roundRobin } from '../../src/micro/index.js'
import { SimulatedNetwork } from '../../src/testing/index.js'

const json = { request: jsonCodec<unknown>(), response: jsonCodec<unknown>() }
const shop = defineService('shop.v1.Shop', { buy: { kind: 'unary', ...json } })

interface Seen {
  readonly at: number
  readonly server: number
  readonly previous: string | undefined
  cut: boolean
}

/** Three servers, what each does, and a client that hedges. */
class Site implements AsyncDisposable {
  readonly network = new SimulatedNetwork({ seed: 1, conditions: { latencyMs: [1, 1] } })
  readonly servers: Server[] = []
  readonly seen: Seen[] = []
  client!: Client
  isWarm = false

  readonly does: (server: number, nth: number) => number | Error

  constructor(does: (server: number, nth: number) => number | Error) {
    this.does = does
  }

  async start(policy: object): Promise<void> {
    for (let server = 0; server < 3; server++) {
      const each = createServer({ name: 'shop', runtime: this.network, onError: () => undefined })
      each.handle(shop, {
        buy: async (_, context) => {
          const previous = context.metadata.get('grpc-previous-rpc-attempts')
          const seen: Seen = { at: this.network.now(), server, previous, cut: false }
          this.seen.push(seen)
          context.signal.addEventListener('abort', () => {
            seen.cut = true
          })
          const what = this.isWarm ? this.does(server, this.seen.length) : 0
          if (what instanceof Error) throw what
          await this.network.clock.sleep(what)
          return server
        },
      })
      await each.start()
      this.servers.push(each)
    }
    this.client = createClient({
      address: `ipv4:${this.servers.map(({ address }) => address).join()}`,
      balancer: roundRobin(),
      runtime: this.network,
      serviceConfig: {
        methodConfig: [{ name: [{}], hedgingPolicy: { maxAttempts: 3, ...policy } }],
      },
    })
    // Each call starts one more connection.
    for (let call = 0; call < 6; call++) {
      await this.client.bind(shop).buy({})
      await this.network.clock.sleep(20)
    }
    this.seen.length = 0
    this.isWarm = true
  }

  async run(goal: () => Promise<void>): Promise<void> {
    await this.network.clock.run(goal(), 600_000)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.run(async () => {
      await this.client.close()
      await Promise.all(this.servers.map(each => each.stop({ graceMs: 0, settleMs: 0 })))
    })
  }
}

t.test(
  'R106: a server that does not answer in time is overtaken by others, and told so',
  async t => {
    await using site = new Site((_, nth) => (nth < 3 ? 1_000 : 5))
    await site.run(async () => {
      await site.start({ hedgingDelay: '0.05s' })
      const { now } = site.network.clock
      const start = now.call(site.network.clock)
      await site.client.bind(shop).buy({})
      const tookMs = site.network.clock.now() - start
      t.ok(tookMs >= 100 && tookMs < 130, `${tookMs} ms`)
      await site.network.clock.sleep(20)
      t.equal(new Set(site.seen.map(({ server }) => server)).size, 3, 'each attempt elsewhere')
      t.same(
        site.seen.map(({ previous }) => previous),
        [undefined, '1', '2'],
      )
      t.same(
        site.seen.map(({ cut }) => cut),
        [true, true, false],
      )
    })
  },
)

t.test(
  'R106: what is not fatal brings the next attempt at once, what is fatal ends the call and all its attempts',
  async t => {
    await using site = new Site((_, nth) =>
      nth === 1
        ? new GrpcError(Status.Unavailable, 'busy')
        : nth === 2
          ? 500
          : new GrpcError(Status.NotFound, 'none'),
    )
    await site.run(async () => {
      await site.start({ hedgingDelay: '0.1s', nonFatalStatusCodes: ['UNAVAILABLE'] })
      const start = site.network.clock.now()
      await t.rejects(site.client.bind(shop).buy({}), { code: 'NOT_FOUND', message: 'none' })
      const [first, second, third] = site.seen.map(({ at }) => at - start)
      t.ok(second! - first! < 20, `at once: ${first}, ${second}`)
      t.ok(
        third! - second! >= 100 && third! - second! < 120,
        `after the delay: ${second}, ${third}`,
      )
      await site.network.clock.sleep(20)
      t.same(
        site.seen.map(({ cut }) => cut),
        [false, true, false],
      )
    })
  },
)

t.test('with no delay all begin at once, one answers, and nothing is left', async t => {
  await using site = new Site(server => 10 + server * 200)
  await site.run(async () => {
    await site.start({})
    t.equal(await site.client.bind(shop).buy({}), 0)
    await site.network.clock.sleep(20)
    t.equal(site.seen.length, 3)
    t.equal(site.seen.filter(({ cut }) => cut).length, 2)
  })
})

t.test(
  'when all fail the last failure is the answer; the deadline and the caller’s signal end them all',
  async t => {
    await using site = new Site((_, nth) =>
      nth <= 3 ? new GrpcError(Status.Unavailable, `no ${nth}`) : 5_000,
    )
    await site.run(async () => {
      await site.start({ hedgingDelay: '0.01s', nonFatalStatusCodes: [14] })
      const { buy } = site.client.bind(shop)
      await t.rejects(buy({}), { code: 'UNAVAILABLE', message: 'no 3' })
      await t.rejects(buy({}, { timeoutMs: 100 }), { code: 'DEADLINE_EXCEEDED' })
      const controller = new AbortController()
      const call = t.rejects(buy({}, { signal: controller.signal }), { code: /CANCELLED|ABORT/ })
      await site.network.clock.sleep(50)
      controller.abort()
      await call
      await site.network.clock.sleep(20)
      t.equal(site.seen.filter(({ cut }) => cut).length, 6, 'no attempt runs on')
    })
  },
)

t.test(
  'a frozen server that hedges overtake is asked whether it lives, and gets no more calls',
  async t => {
    await using site = new Site(server => (server === 0 ? 60_000 : 5))
    await site.run(async () => {
      await site.start({ hedgingDelay: '0.03s' })
      const { network } = site
      const port = Number(site.servers[0]!.address.split(':').pop())
      for (const link of network.links) {
        if (link.client.remotePort === port) network.swallow(link, 'server')
      }
      const { buy } = site.client.bind(shop)
      const times: number[] = []
      for (let call = 0; call < 30; call++) {
        const start = network.clock.now()
        await buy({})
        times.push(network.clock.now() - start)
      }
      const slow = times.filter(ms => ms > 25).length
      t.ok(slow <= 2, `${slow} of 30 calls had to be overtaken`)
    })
  },
)
