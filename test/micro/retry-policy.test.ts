import t from 'tap'
import {
  createClient,
  createServer,
  defineService,
  GrpcError,
  jsonCodec,
  Metadata,
  Status,
} from '../../src/index.js'
import type { ClientOptions } from '../../src/micro/index.js'
import { SimulatedNetwork } from '../../src/testing/index.js'

const json = { request: jsonCodec<unknown>(), response: jsonCodec<unknown>() }
const shop = defineService('shop.v1.Shop', {
  buy: { kind: 'unary', ...json },
  list: { kind: 'server', ...json },
})

/** What the server saw of one call: when, and `grpc-previous-rpc-attempts`. */
interface Seen {
  readonly at: number
  readonly previous: string | undefined
}

/** A server whose handlers fail as `fail` says, and a client of it, on a simulated network. */
async function run(
  options: Partial<ClientOptions>,
  fail: (attempt: number) => GrpcError | number | undefined,
  steps: (
    calls: { buy: (o?: object) => Promise<unknown>; list: () => AsyncIterator<unknown> },
    seen: Seen[],
    network: SimulatedNetwork,
  ) => Promise<void>,
): Promise<void> {
  const network = new SimulatedNetwork({ seed: 5, conditions: { latencyMs: [0, 0] } })
  const seen: Seen[] = []
  const handler = async (context: { metadata: Metadata }): Promise<unknown> => {
    seen.push({ at: network.now(), previous: context.metadata.get('grpc-previous-rpc-attempts') })
    const failure = fail(seen.length)
    if (typeof failure === 'number') await network.clock.sleep(failure)
    else if (failure !== undefined) throw failure
    return seen.length
  }
  const server = createServer({ name: 'shop', runtime: network })
  server.handle(shop, {
    buy: (_, context) => handler(context),
    list: async function* (_, context) {
      yield await handler(context)
    },
  })
  await network.clock.run(
    (async () => {
      await server.start()
      await using client = createClient({ address: server.address, runtime: network, ...options })
      const { buy, list } = client.bind(shop)
      await steps({ buy: o => buy({}, o), list: () => list({}) }, seen, network)
      await server.stop({ graceMs: 0, settleMs: 0 })
    })(),
    600_000,
  )
}

const policy = (change = {}) => ({
  methodConfig: [
    {
      name: [{ service: 'shop.v1.Shop' }],
      retryPolicy: {
        maxAttempts: 4,
        initialBackoff: '0.1s',
        maxBackoff: '1s',
        backoffMultiplier: 2,
        retryableStatusCodes: ['UNAVAILABLE'],
        ...change,
      },
    },
  ],
})
const busy = (pushback?: string) => {
  const metadata = new Metadata()
  if (pushback !== undefined) metadata.set('grpc-retry-pushback-ms', pushback)
  return new GrpcError(Status.Unavailable, 'busy', { metadata })
}

t.test(
  'gRPC A6: a method with a policy is called again, and the server hears how often it was before',
  async t => {
    await run(
      { serviceConfig: policy() },
      at => (at < 4 ? busy() : undefined),
      async ({ buy }, seen) => {
        t.equal(await buy(), 4)
        t.same(
          seen.map(({ previous }) => previous),
          [undefined, '1', '2', '3'],
        )
        const [first, second, third] = seen.map(({ at }) => at) as [number, number, number]
        t.ok(second - first >= 80 && second - first <= 125, `${second - first} ms`)
        t.ok(third - second >= 160 && third - second <= 245, `${third - second} ms`)
      },
    )
  },
)

t.test('gRPC A6: the last error is that of the call; other statuses end it at once', async t => {
  await run(
    { serviceConfig: policy() },
    () => busy(),
    async ({ buy }, seen) => {
      await t.rejects(buy(), { code: 'UNAVAILABLE', message: 'busy', unprocessed: false })
      t.equal(seen.length, 4)
    },
  )
  const denied = () => new GrpcError(Status.PermissionDenied, 'no')
  await run({ serviceConfig: policy() }, denied, async ({ buy }, seen) => {
    await t.rejects(buy(), { code: 'PERMISSION_DENIED' })
    t.equal(seen.length, 1)
  })
})

t.test('gRPC A6: a server-streaming call is made again until its answer begins', async t => {
  await run(
    { serviceConfig: policy() },
    at => (at < 3 ? busy() : undefined),
    async ({ list }, seen) => {
      t.same(await list().next(), { done: false, value: 3 })
      t.same(
        seen.map(({ previous }) => previous),
        [undefined, '1', '2'],
      )
    },
  )
})

t.test('a stream that is cancelled between two attempts makes none', async t => {
  await run(
    { serviceConfig: policy() },
    () => busy(),
    async ({ list }, seen, network) => {
      const stream = list()
      const reading = stream.next().catch(error => error)
      await network.clock.sleep(50)
      await stream.return?.()
      await reading
      await network.clock.sleep(5_000)
      t.equal(seen.length, 1)
    },
  )
})

t.test(
  'gRPC A6: pushback: the server says when, or that there is to be no other attempt',
  async t => {
    for (const options of [{ serviceConfig: policy() }, { retries: 3 }]) {
      await run(
        options,
        at => (at < 2 ? busy('700') : undefined),
        async ({ buy }, seen) => {
          t.equal(await buy(), 2)
          const waitedMs = seen[1]!.at - seen[0]!.at
          t.ok(waitedMs >= 700 && waitedMs < 705, `${waitedMs} ms`)
        },
      )
      await run(
        options,
        () => busy('-1'),
        async ({ buy }, seen) => {
          await t.rejects(buy(), { code: 'UNAVAILABLE' })
          t.equal(seen.length, 1)
        },
      )
    }
  },
)

t.test(
  'the time of an attempt is its own: another one follows within the time of the call',
  async t => {
    const serviceConfig = policy({ perAttemptRecvTimeout: '0.2s' })
    await run(
      { serviceConfig },
      at => (at === 1 ? 5_000 : undefined),
      async ({ buy }, _, network) => {
        const before = network.now()
        t.equal(await buy({ timeoutMs: 2_000 }), 2)
        t.ok(network.now() - before < 400)
      },
    )
    await run(
      { serviceConfig },
      () => 5_000,
      async ({ buy }, seen) => {
        await t.rejects(buy({ timeoutMs: 300 }), { code: 'DEADLINE_EXCEEDED' })
        t.ok(seen.length <= 2)
      },
    )
  },
)

t.test(
  'a config bounds the time of a method, and lets its calls wait for a connection',
  async t => {
    const serviceConfig = { methodConfig: [{ name: [{}], timeout: '0.1s', waitForReady: true }] }
    await run(
      { serviceConfig },
      () => 5_000,
      async ({ buy }, _, network) => {
        const before = network.now()
        await t.rejects(buy({ timeoutMs: 60_000 }), { code: 'DEADLINE_EXCEEDED' })
        t.equal(network.now() - before, 100)
      },
    )
    await run(
      { serviceConfig, address: '10.0.0.9:1' },
      () => undefined,
      async ({ buy }) => {
        await t.rejects(buy(), { code: 'DEADLINE_EXCEEDED' }, 'it waited')
        await t.rejects(buy({ waitForReady: false }), { code: 'UNAVAILABLE' })
      },
    )
  },
)

t.test(
  'when all calls fail the budget bounds the retries of all calls together, for retries as for policies',
  async t => {
    for (const options of [{ serviceConfig: policy() }, { retries: 3 }]) {
      const retryBudget = { ratio: 0.2, perSecond: 1 }
      await run(
        { ...options, retryBudget },
        () => busy(),
        async ({ buy }, seen) => {
          await Promise.all(Array.from({ length: 200 }, () => buy().catch(() => undefined)))
          const most = 200 * 1.2 + 10 + 5
          t.ok(seen.length > 200 && seen.length <= most, `${seen.length} attempts, at most ${most}`)
        },
      )
      await run(
        { ...options, retryBudget: false },
        () => busy(),
        async ({ buy }, seen) => {
          await Promise.all(Array.from({ length: 50 }, () => buy().catch(() => undefined)))
          t.equal(seen.length, 200)
        },
      )
    }
  },
)

t.test('gRPC A6: throttling: with half of the tokens gone no call is made again', async t => {
  const serviceConfig = { ...policy(), retryThrottling: { maxTokens: 10, tokenRatio: 0.1 } }
  await run(
    { serviceConfig },
    () => busy(),
    async ({ buy }, seen) => {
      for (let i = 0; i < 10; i++) await t.rejects(buy())
      t.equal(seen.length, 10 + 3)
    },
  )
})
