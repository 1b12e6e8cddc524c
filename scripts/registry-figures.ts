/**
 * What registries cost, on real engines: `npm run compile && node .build/scripts/registry-figures.js [--calls N]`.
 *
 * Look-ups, how soon a new node is called, an engine that is restarted under load, a service that is killed, and a
 * thousand services. Each figure says what was wanted of it.
 */
import { parseArgs } from 'node:util'
import {
  type Client,
  createClient,
  createServer,
  defineService,
  jsonCodec,
} from '../src/micro/index.js'
import type { EtcdRegistry } from '../src/registry/etcd/index.js'
import { EtcdByHand } from './conformance/engines/etcd-by-hand.js'
import { openRegistry } from './conformance/engines/open-registry.js'
import { type Engine, startEngine } from './conformance/engines/processes.js'
import { until } from './conformance/engines/registries.js'
import { SuiteRun, Unavailable } from './conformance/suite.js'

const { values } = parseArgs({ options: { calls: { type: 'string', default: '100000' } } })
const CALLS = Number(values.calls)
const AT_ONCE = 20

const greeter = defineService('Greeter', {
  hello: {
    kind: 'unary',
    request: jsonCodec<{ name: string }>(),
    response: jsonCodec<{ text: string; pid?: number }>(),
  },
})

/** Retries of what no server answered, as resilience.md says to switch on. */
const RETRIES = {
  methodConfig: [
    {
      name: [{}],
      retryPolicy: {
        maxAttempts: 4,
        initialBackoff: '0.02s',
        maxBackoff: '0.5s',
        backoffMultiplier: 2,
        retryableStatusCodes: ['UNAVAILABLE'],
      },
    },
  ],
}

const run = new SuiteRun('figures')
process.once('SIGINT', () => void run.end().then(() => process.exit(1)))
try {
  const etcd = await startEngine(run, 'etcd')
  await lookUps(etcd)
  for (const name of ['etcd', 'consul', 'nats'] as const) await firstCall(name, etcd)
  await restarted(etcd)
  await killed(etcd)
  await thousandServices(etcd)
} finally {
  await run.end()
}

function say(what: string, figure: string, wanted: string): void {
  console.log(`${what.padEnd(64)}${figure.padStart(24)}   ${wanted}`)
}

/** A server of ours in this process. */
async function serve(name: string, who: string, engine: string, address: string) {
  const registry = openRegistry(engine, address, () => undefined)
  const server = createServer({ name, registry, registerTtlMs: 6_000, registerIntervalMs: 2_000 })
  server.handle(greeter, { hello: () => ({ text: who }) })
  await server.start()
  return {
    server,
    stop: async () => {
      await server.stop({ graceMs: 500 })
      await registry.close()
    },
  }
}

async function lookUps(engine: Engine): Promise<void> {
  const registry = openRegistry('etcd', engine.address, () => undefined) as EtcdRegistry
  const one = await serve('looked-up', 'one', 'etcd', engine.address)
  await registry.getService('looked-up')
  const COUNT = 5_000_000
  let nodes = 0
  const pass = () => {
    for (let index = 0; index < COUNT; index++) nodes += registry.peek('looked-up')!.length
  }
  pass()
  const began = performance.now()
  pass()
  const ns = ((performance.now() - began) / COUNT) * 1e6
  say('look-up through the cache, without a promise', `${ns.toFixed(0)} ns`, 'at most 300 ns')
  if (nodes === 0) throw new Error('nobody was found')
  await one.stop()
  await registry.close()
}

/** From the moment that the engine has the node until a client that follows the service has its answer. */
async function firstCall(name: 'etcd' | 'consul' | 'nats', etcd: Engine): Promise<void> {
  try {
    const engine = name === 'etcd' ? etcd : await startEngine(run, name)
    const registry = openRegistry(name, engine.address, () => undefined)
    const client = createClient({ registry, service: 'fresh' })
    const { hello } = client.bind(greeter)
    const first = await serve('fresh', 'first', name, engine.address)
    await until(
      'the first',
      async () => (await hello({ name: 'x' }).catch(() => undefined)) !== undefined,
    )
    const times: number[] = []
    for (let round = 0; round < 10; round++) {
      const who = `node ${round}`
      const next = await serve('fresh', who, name, engine.address)
      const began = performance.now()
      await until(who, async () => (await hello({ name: 'x' })).text === who)
      times.push(performance.now() - began)
      await next.stop()
    }
    times.sort((one, other) => one - other)
    const figure = `${times[5]!.toFixed(0)} ms, ${times.at(-1)!.toFixed(0)} at most`
    say(`new node to its first call: ${name}`, figure, 'at most 200 ms')
    await client.close()
    await first.stop()
    await registry.close()
    if (engine !== etcd) await engine.stop()
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error
    say(`new node to its first call: ${name}`, 'skipped', error.message)
  }
}

/** So many calls, `AT_ONCE` under way; gives how many failed, and the first error. */
async function load(
  client: Client,
  count: number,
  onDone: (done: number) => void,
): Promise<{ failed: number; error: string }> {
  const { hello } = client.bind(greeter)
  const result = { failed: 0, error: '' }
  let begun = 0
  let done = 0
  const lane = async () => {
    while (begun < count) {
      begun++
      await hello({ name: 'x' }).catch((error: Error) => {
        result.failed++
        result.error ||= error.message
      })
      onDone(++done)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, lane))
  return result
}

async function restarted(engine: Engine): Promise<void> {
  const count = Math.min(CALLS, 20_000)
  const servers = await Promise.all(
    ['a', 'b', 'c'].map(who => serve('loaded', who, 'etcd', engine.address)),
  )
  const registry = openRegistry('etcd', engine.address, () => undefined)
  const client = createClient({ registry, service: 'loaded' })
  await client.bind(greeter).hello({ name: 'x' })
  let restart: Promise<void> | undefined
  const { failed, error } = await load(client, count, done => {
    if (done === Math.floor(count / 4)) {
      restart = engine.kill().then(() => engine.start())
    }
  })
  await restart
  say(
    'engine killed and started again under load',
    `${failed} of ${count} failed`,
    `0 failed ${error}`,
  )
  await client.close()
  await Promise.all(servers.map(({ stop }) => stop()))
  await registry.close()
}

async function killed(engine: Engine): Promise<void> {
  const processes = ['a', 'b', 'c'].map(() =>
    run.start(process.execPath, [
      '.build/scripts/conformance/engines/serve-ours.js',
      'etcd',
      engine.address,
      'victim',
      '6000',
    ]),
  )
  await Promise.all(processes.map(each => each.waitFor(/registered/)))
  const registry = openRegistry('etcd', engine.address, () => undefined)
  const client = createClient({ registry, service: 'victim', serviceConfig: RETRIES })
  let kill: Promise<void> | undefined
  const { failed, error } = await load(client, CALLS, done => {
    if (done === Math.floor(CALLS / 3)) kill = processes[0]!.kill()
  })
  await kill
  say(
    'one of three services killed (SIGKILL), with retries',
    `${failed} of ${CALLS} failed`,
    `0 failed ${error}`,
  )
  await client.close()
  await registry.close()
  await Promise.all(processes.map(each => each.stop()))
}

async function thousandServices(engine: Engine): Promise<void> {
  const hand = new EtcdByHand(engine.address)
  const names = Array.from({ length: 1_000 }, (_, index) => `service-${index}`)
  for (let at = 0; at < names.length; at += 20) {
    await Promise.all(names.slice(at, at + 20).map(name => hand.fill(name, 10)))
  }
  const registry = openRegistry('etcd', engine.address, () => undefined)
  const heap = process.memoryUsage().heapUsed
  const began = performance.now()
  const found = await Promise.all(names.map(name => registry.getService(name)))
  const ms = performance.now() - began
  const nodes = found.flat().reduce((sum, service) => sum + service.nodes.length, 0)
  say(`1,000 services x 10 nodes in etcd: all known (${nodes} nodes)`, `${ms.toFixed(0)} ms`, '')
  const held = (process.memoryUsage().heapUsed - heap) / 1_048_576
  say('1,000 services x 10 nodes in etcd: heap', `${held.toFixed(1)} MiB`, '')
  let changes = 0
  registry.watch?.(() => void changes++)
  await Promise.all(
    names.map(name =>
      hand.put(
        `/micro/registry/${name}/${name}-0`,
        JSON.stringify({
          name,
          version: 'latest',
          nodes: [{ id: `${name}-0`, address: '10.9.9.9:1', metadata: {} }],
        }),
      ),
    ),
  )
  await until('all changes', () => changes >= 1_000, 30_000)
  const cpu = process.cpuUsage()
  await Promise.all(
    names.map(name =>
      hand.put(
        `/micro/registry/${name}/${name}-0`,
        JSON.stringify({
          name,
          version: 'latest',
          nodes: [{ id: `${name}-0`, address: '10.9.9.8:1', metadata: {} }],
        }),
      ),
    ),
  )
  await until('all changes', () => changes >= 2_000, 30_000)
  const { user, system } = process.cpuUsage(cpu)
  say(
    '1,000 changes put and heard in one process: CPU of each',
    `${((user + system) / 1_000).toFixed(0)} us`,
    '',
  )
  await registry.close()
  await hand.close()
}
