import { setTimeout as delay } from 'node:timers/promises'
import type { RegistryService } from '../../../src/micro/index.js'
import { createClient, createServer, defineService, jsonCodec } from '../../../src/micro/index.js'
import { type EtcdRegistry, etcdRegistry } from '../../../src/registry/etcd/index.js'
import { inTime } from '../in-time.js'
import { freePort } from '../ports.js'
import { type SuiteRun, Unavailable } from '../suite.js'
import { EtcdByHand } from './etcd-by-hand.js'
import { type Engine, startEngine } from './processes.js'
import { until } from './registries.js'

const CASE_TIME_MAX_MS = 60_000
const json = { request: jsonCodec<{ name: string }>(), response: jsonCodec<{ text: string }>() }
const greeter = defineService('Greeter', { hello: { kind: 'unary', ...json } })

/** A record of one node. */
function record(name: string, id: string, address = '127.0.0.1:1'): RegistryService {
  return {
    name,
    version: 'latest',
    metadata: {},
    endpoints: [],
    nodes: [{ id, address, metadata: { protocol: 'mucp' } }],
  }
}

function ids(services: readonly RegistryService[]): string[] {
  return services.flatMap(({ nodes }) => nodes.map(({ id }) => id)).sort()
}

/** What issue tells of when an engine fails, on a real etcd. */
export async function etcdFailures(run: SuiteRun): Promise<void> {
  let engine: Engine
  try {
    engine = await startEngine(run, 'etcd')
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error
    return run.row('etcd: failures', '').skip(error.message)
  }
  const tally = run.row('etcd: failures', engine.version)
  const told: Error[] = []
  const open = (options = {}): EtcdRegistry => {
    const registry = etcdRegistry({
      address: engine.address,
      onError: error => told.push(error),
      ...options,
    })
    run.onEnd(() => registry.close())
    return registry
  }
  const hand = new EtcdByHand(engine.address)
  run.onEnd(() => hand.close())
  const registry = open()
  const watcher = open()
  const check = (name: string, work: () => Promise<void>) =>
    tally.run(name, () => inTime(work(), CASE_TIME_MAX_MS))

  await check('a key deleted by hand is back at once, though its lease lives', async () => {
    await registry.register(record('a', 'a-1'), { ttlMs: 9_000 })
    await hand.delete('/micro/registry/a/a-1')
    await until(
      'the key',
      async () => (await hand.get('/micro/registry/a/a-1')) !== undefined,
      3_000,
    )
  })
  await check('a lease that is revoked: everything is put again with another', async () => {
    const before = await hand.leaseOf('/micro/registry/a/a-1')
    await hand.revoke(before)
    await until(
      'the key',
      async () => ![0n, before].includes(await hand.leaseOf('/micro/registry/a/a-1')),
      8_000,
    )
  })
  await check(
    'a record that is no JSON is passed over and told once; the others are used',
    async () => {
      told.length = 0
      await hand.put('/micro/registry/a/broken', 'no json')
      t(ids(await watcher.getService('a')), ['a-1'])
      await hand.put('/micro/registry/a/broken', 'still none')
      await delay(200)
      const faults = told.filter(error => error.message.includes('/micro/registry/a/broken'))
      t([faults.length, (faults[0] as { code?: string })?.code], [1, 'REGISTRY_RECORD'])
      await hand.delete('/micro/registry/a/broken')
    },
  )
  await check('a name with slashes has the key of Go, and mixes with no other name', async () => {
    await registry.register(record('x/y', 'x/y-1'), { ttlMs: 9_000 })
    await registry.register(record('x-y', 'x-y-2'), { ttlMs: 9_000 })
    t((await hand.get('/micro/registry/x-y/x-y-1')) !== undefined, true)
    t(ids(await watcher.getService('x/y')), ['x/y-1'])
    t(ids(await watcher.getService('x-y')), ['x-y-2'])
  })
  await check('two services with one id are one node: the later one is found', async () => {
    const other = open()
    await registry.register(record('twin', 'twin-1', 'one:1'), { ttlMs: 9_000 })
    await other.register(record('twin', 'twin-1', 'two:1'), { ttlMs: 9_000 })
    const [service] = await watcher.getService('twin')
    t(
      service?.nodes.map(({ address }) => address),
      ['two:1'],
    )
    await other.close()
    await until(
      'the first again',
      async () => (await watcher.getService('twin'))[0]?.nodes[0]?.address === 'one:1',
      8_000,
    )
  })
  await check('compaction: a watch that was away lists again', async () => {
    await watcher.getService('a')
    await hand.compact()
    await registry.register(record('a', 'a-2'), { ttlMs: 9_000 })
    await until('it', async () => ids(await watcher.getService('a')).includes('a-2'))
  })
  await check('a stranger on another prefix is not seen', async () => {
    const other = open({ prefix: '/staging/' })
    t(await other.getService('a'), [])
    await other.register(record('a', 'a-9'), { ttlMs: 9_000 })
    t((await hand.get('/staging/a/a-9')) !== undefined, true)
    t(ids(await watcher.getService('a')).includes('a-9'), false)
    await other.close()
    t(await hand.get('/staging/a/a-9'), undefined)
  })
  await check(
    'etcd is killed and comes back: known nodes stay, nothing twice, changes are heard',
    async () => {
      told.length = 0
      await engine.kill()
      t(ids(await watcher.getService('a')), ['a-1', 'a-2'])
      const failed = await watcher.getService('never-asked').catch((error: Error) => error)
      if (!(failed instanceof Error) || !failed.message.includes(engine.address))
        throw new Error(String(failed))
      await engine.start()
      await until(
        'a new node',
        async () => {
          await registry.register(record('a', 'a-3'), { ttlMs: 9_000 }).catch(() => undefined)
          return ids(await watcher.getService('a')).includes('a-3')
        },
        30_000,
      )
      t(ids(await watcher.getService('a')), ['a-1', 'a-2', 'a-3'])
      t(
        told.filter(error => /UNREACHABLE/.test((error as { code?: string }).code ?? '')).length <=
          2,
        true,
      )
    },
  )
  await check(
    'etcd stands still: a request ends in its time, with the address and what to do',
    async () => {
      engine.freeze(true)
      const slow = open({ timeoutMs: 300 })
      const error = await slow.getService('a').catch((each: Error) => each)
      engine.freeze(false)
      if (!(error instanceof Error)) throw new Error('it answered')
      t(
        [(error as { code?: string }).code, error.message.includes(engine.address)],
        ['REGISTRY_TIMEOUT', true],
      )
    },
  )
  await check('10,000 nodes are read page by page, and one more is heard', async () => {
    await hand.fill('big', 10_000)
    const started = performance.now()
    const [service] = await watcher.getService('big')
    tally.note(`10,000 nodes were read in ${(performance.now() - started).toFixed(0)} ms`)
    t(service?.nodes.length, 10_000)
    await registry.register(record('big', 'big-more'), { ttlMs: 9_000 })
    await until('it', async () => (await watcher.getService('big'))[0]?.nodes.length === 10_001)
  })
  await check(
    'nobody is there when a server starts: it starts, says so once, registers when it can',
    async () => {
      const port = await freePort()
      const late = open({ address: `127.0.0.1:${port}`, timeoutMs: 1_000 })
      const errors: unknown[] = []
      const server = createServer({
        name: 'late',
        registry: late,
        registerIntervalMs: 1_000,
        onError: error => errors.push(error),
      })
      server.handle(greeter, { hello: ({ name }) => ({ text: name }) })
      await server.start()
      const required = createServer({ name: 'late', registry: late, registerRequired: true })
      const failed = await required.start().catch((error: Error) => error)
      if (!(failed instanceof Error)) throw new Error('it started')
      const second = await startEngine(run, 'etcd', { port })
      await until(
        'the node',
        async () => ids(await late.getService('late').catch(() => [])).length === 1,
        30_000,
      )
      t(errors.length, 1)
      const client = createClient({ registry: late, service: 'late' })
      t(await client.bind(greeter).hello({ name: 'Ada' }), { text: 'Ada' })
      await client.close()
      await server.stop({ graceMs: 0 })
      await until('its end', async () => (await late.getService('late')).length === 0)
      await late.close()
      await second.stop()
    },
  )
  await check('user and password: refused when wrong, and a new token when it expired', () =>
    credentials(run),
  )
  await check('one of two addresses is dead: the other is asked', async () => {
    const dead = await freePort()
    const two = open({ address: [`127.0.0.1:${dead}`, engine.address] })
    t(ids(await two.getService('a')).length > 0, true)
    await two.register(record('a', 'a-two'), { ttlMs: 9_000 })
    await two.close()
  })
  await check('close gives everything back at once', async () => {
    await registry.close()
    await until('nobody', async () => (await watcher.getService('a')).length === 0)
  })
  await watcher.close()
  await engine.stop()
}

/** etcd with authentication; its tokens live for five seconds. */
async function credentials(run: SuiteRun): Promise<void> {
  const engine = await startEngine(run, 'etcd', { args: ['--auth-token-ttl=3'] })
  const hand = new EtcdByHand(engine.address)
  await hand.enableAuth('root', 'top/secret')
  await hand.close()
  const wrong = etcdRegistry({
    address: engine.address,
    username: 'root',
    password: 'nope',
    onError: () => undefined,
  })
  const error = await wrong.getService('a').catch((each: Error) => each)
  await wrong.close()
  t(
    [(error as { code?: string }).code, (error as Error).message.includes('nope')],
    ['REGISTRY_DENIED', false],
  )
  const right = etcdRegistry({
    address: engine.address,
    username: 'root',
    password: 'top/secret',
    onError: () => undefined,
  })
  await right.register(record('a', 'a-1'), { ttlMs: 6_000 })
  await delay(7_000)
  await right.register(record('a', 'a-2'), { ttlMs: 6_000 })
  t(ids(await right.getService('a')), ['a-1', 'a-2'])
  await right.close()
  await engine.stop()
}

function t(found: unknown, wanted: unknown): void {
  const [one, other] = [JSON.stringify(found), JSON.stringify(wanted)]
  if (one !== other) throw new Error(`${one}; expected ${other}`)
}
