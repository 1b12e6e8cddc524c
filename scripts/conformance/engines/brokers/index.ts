import assert from 'node:assert/strict'
import { httpBroker } from '../../../../src/broker/http/index.js'
import type { EngineOptions as BrokerOptions } from '../../../../src/broker/index.js'
import { natsBroker } from '../../../../src/broker/nats/index.js'
import { rabbitmqBroker } from '../../../../src/broker/rabbitmq/index.js'
import { redisBroker } from '../../../../src/broker/redis/index.js'
import {
  type Broker,
  type Delivery,
  memoryRegistry,
  type RegistryService,
} from '../../../../src/micro/index.js'
import { type SuiteRun, Unavailable } from '../../suite.js'
import { type Engine, startEngine } from '../processes.js'
import type { EngineName } from '../programs.js'
import { endings } from './endings.js'
import { GoPeer, until } from './go-peer.js'
import { goPublishes, message, type Pair, wePublish } from './with-go.js'

const SECRET = 's3cret'

/** How to make a broker of ours on an engine. */
interface Kind {
  readonly name: EngineName & ('nats' | 'redis' | 'rabbitmq')
  readonly args: readonly string[]
  /** As Go takes it; undefined: no broker of go-micro v5 speaks to it. */
  goAddress(engine: Engine): string | undefined
  newBroker(engine: Engine, password: string, options: BrokerOptions): Broker
}

const KINDS: readonly Kind[] = [
  {
    name: 'nats',
    args: ['--user', 'user', '--pass', SECRET],
    goAddress: ({ address }) => `nats://user:${SECRET}@${address}`,
    newBroker: ({ address }, password, options) =>
      natsBroker({ servers: address, user: 'user', password, ...options }),
  },
  {
    name: 'redis',
    args: ['--requirepass', SECRET],
    goAddress: () => undefined,
    newBroker: ({ address }, password, options) =>
      redisBroker({ url: address, password, ...options }),
  },
  {
    name: 'rabbitmq',
    args: [],
    goAddress: ({ address }) => `amqp://guest:guest@${address}`,
    newBroker: ({ address }, password, options) =>
      rabbitmqBroker({
        url: address,
        ...(password === SECRET ? {} : { user: 'guest', password }),
        ...options,
      }),
  },
]

/** Brokers whose engine is at hand, each with Go beside it. */
export async function brokers(run: SuiteRun): Promise<void> {
  await brokerOn(run, 'nats')
  await brokerOn(run, 'redis')
  await brokerOn(run, 'rabbitmq')
  await httpRows(run)
}

/** What `.ci/run` has time for. */
export async function quickBrokers(run: SuiteRun): Promise<void> {
  await brokerOn(run, 'nats')
  await brokerOn(run, 'redis')
}

async function brokerOn(run: SuiteRun, name: Kind['name']): Promise<void> {
  const kind = KINDS.find(each => each.name === name)!
  let engine: Engine
  try {
    engine = await startEngine(run, name, { args: kind.args })
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error
    run.row(`broker ${name}`, '').skip(error.message)
    return
  }
  const newBroker = (options: BrokerOptions) => kind.newBroker(engine, SECRET, options)
  const goAddress = kind.goAddress(engine)
  if (goAddress !== undefined) await goRows(run, kind, engine, goAddress)
  const own = run.row(`broker ${name}, ours with ours`, engine.version)
  await ownRows(own, kind, newBroker)
  const row = run.row(`broker ${name}, engine lost`, engine.version)
  const newStranger = (options: BrokerOptions) => kind.newBroker(engine, 'wr0ng', options)
  await endings(row, { engine, newBroker, newStranger })
  await engine.stop()
}

async function goRows(run: SuiteRun, kind: Kind, engine: Engine, address: string): Promise<void> {
  const version = `${GoPeer.version}, ${engine.version}`
  const what = [
    ['Go publishes', goPublishes],
    ['we publish', wePublish],
  ] as const
  for (const [name, cases] of what) {
    const row = run.row(`broker ${kind.name}, ${name}`, version)
    let go: GoPeer
    try {
      go = await GoPeer.start(run, kind.name, address)
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error
      row.skip(error.message)
      continue
    }
    const errors: unknown[] = []
    const pair: Pair = {
      go,
      errors,
      newBroker: () => kind.newBroker(engine, SECRET, { onError: error => errors.push(error) }),
      settle: () => new Promise(resolve => setTimeout(resolve, SETTLE_MS)),
    }
    await cases(row, pair)
    await go.stop()
  }
}

/** A subscription takes a moment at the engine; go-micro does not say when it is there. */
const SETTLE_MS = 300

/** What needs no Go: the engine's own rules. */
async function ownRows(
  row: import('../../tally.js').Tally,
  kind: Kind,
  newBroker: (options: BrokerOptions) => Broker,
): Promise<void> {
  await row.run('1,000 messages in a burst come once, and in their order', async () => {
    const broker = newBroker({ limits: { handlersMax: 1 } })
    await broker.connect()
    const got: string[] = []
    const subscription = broker.subscribe('burst', async ({ body }) => void got.push(String(body)))
    await subscription.ready
    const all = Array.from({ length: 1_000 }, (_, i) => `${i}`)
    await Promise.all(all.map(text => broker.publish('burst', message(text))))
    await until(() => got.length === 1_000, `${got.length} of 1000 came`)
    assert.deepEqual(got, all)
    await subscription.unsubscribe()
    await broker.publish('burst', message('after'))
    await broker.close()
    assert.equal(got.length, 1_000, 'nothing comes after unsubscribe')
  })
  if (kind.name === 'rabbitmq') await rabbitmqRows(row, newBroker)
}

async function rabbitmqRows(
  row: import('../../tally.js').Tally,
  newBroker: (options: BrokerOptions & { requeueOnError?: boolean }) => Broker,
): Promise<void> {
  await row.run('requeueOnError: what failed comes again, redelivered', async () => {
    const broker = newBroker({ requeueOnError: true })
    const seen: boolean[] = []
    const onError = (): void => undefined
    const subscription = broker.subscribe(
      'again',
      ({ redelivered }) => {
        seen.push(redelivered)
        if (!redelivered) throw new Error('not yet')
      },
      { queue: 'again', onError },
    )
    await subscription.ready
    await broker.publish('again', message('x'))
    await until(() => seen.length === 2, 'it has not come again')
    assert.deepEqual(seen, [false, true])
    await broker.close()
  })
  await row.run('what is not acknowledged when its broker goes comes to another', async () => {
    const [first, second] = [newBroker({ closeGraceMs: 0 }), newBroker({})]
    const onError = (): void => undefined
    let begun = 0
    const hang = first.subscribe('moved', () => new Promise<void>(() => void begun++), {
      queue: 'moved',
      onError,
    })
    await hang.ready
    await second.connect()
    await second.publish('moved', message('x'))
    await until(() => begun === 1, 'it has not come')
    const got: Delivery[] = []
    await second.subscribe('moved', each => void got.push(each), { queue: 'moved' }).ready
    await first.close()
    await until(() => got.length === 1, 'it has not moved')
    assert.equal(got[0]?.redelivered, true)
    await second.close()
  })
}

/** No engine: Go's registry and ours are told of each other's nodes. */
async function httpRows(run: SuiteRun): Promise<void> {
  for (const [name, cases] of [
    ['Go publishes', goPublishes],
    ['we publish', wePublish],
  ] as const) {
    const row = run.row(`broker http, ${name}`, GoPeer.version)
    let go: GoPeer
    try {
      go = await GoPeer.start(run, 'http', '')
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error
      row.skip(error.message)
      continue
    }
    const registry = memoryRegistry()
    const errors: unknown[] = []
    const newBroker = (): Broker => httpBroker({ registry, onError: error => errors.push(error) })
    await cases(row, { go, errors, newBroker, settle: () => exchangeNodes(go, registry) })
    await go.stop()
  }
}

async function exchangeNodes(
  go: GoPeer,
  registry: ReturnType<typeof memoryRegistry>,
): Promise<void> {
  await new Promise(resolve => setTimeout(resolve, SETTLE_MS))
  const topic = 'micro.http.broker'
  for (const service of await registry.getService(topic)) await go.do('register', { service })
  const { services = [] } = await go.do('list', { topic }).catch(() => ({ services: [] }))
  for (const service of services as RegistryService[]) {
    const nodes = service.nodes.map(node => ({ ...node, metadata: node.metadata ?? {} }))
    await registry.register({ ...service, metadata: {}, endpoints: [], nodes })
  }
}
