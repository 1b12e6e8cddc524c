import { Socket } from 'node:net'
import { createClient } from '../../src/index.js'
import { memoryRegistry, roundRobin } from '../../src/micro/index.js'
import { nodeRuntime, type Runtime } from '../../src/transport/index.js'
import { load, microwire, type Print } from './callers.js'
import { Fleet } from './servers.js'
import { FLEET } from './service.js'

const RETRIES = {
  methodConfig: [
    {
      name: [{}],
      retryPolicy: {
        maxAttempts: 4,
        initialBackoff: '0.01s',
        maxBackoff: '0.05s',
        backoffMultiplier: 2,
        retryableStatusCodes: ['UNAVAILABLE'],
      },
    },
  ],
}

/** Every call fails, and each may be made four times. */
export async function amplified(seconds: number, print: Print): Promise<void> {
  print(`\nall three servers fail every call, four attempts allowed, for ${seconds} s`)
  const fleet = await Fleet.start(3, 1, { fails: true })
  const caller = microwire('retryPolicy', fleet.ports, { serviceConfig: RETRIES })
  const run = await load(caller, 16, seconds * 1_000)
  const attempts = (await fleet.counts()).reduce((sum, count) => sum + count, 0)
  const calls = run.calls.length
  const bound = 1.2 * calls + 10 * seconds + 100
  print(
    `  ${caller.name}: ${attempts} attempts of ${calls} calls, ${(attempts / calls).toFixed(2)} times; at most ${bound.toFixed(0)} may be`,
  )
  await caller.close()
  await fleet.close()
}

/** A server that comes to two others in a registry. */
export async function joined(print: Print): Promise<void> {
  print('\na third server comes to a registry, 16 calls at a time')
  const fleet = await Fleet.start(3, 2)
  const registry = memoryRegistry()
  const node = (at: number) => ({
    id: `n${at}`,
    address: `127.0.0.1:${fleet.ports[at]}`,
    metadata: { protocol: 'grpc' },
  })
  const record = (at: number) => ({
    name: 'fleet',
    version: 'latest',
    metadata: {},
    endpoints: [],
    nodes: [node(at)],
  })
  await registry.register(record(0))
  await registry.register(record(1))
  const client = createClient({ registry, service: 'fleet', balancer: roundRobin() })
  const { call } = client.bind(FLEET)
  const caller = {
    name: 'microwire, roundRobin',
    call: () => call(Buffer.from('x')),
    close: () => client.close(),
  }
  await load(caller, 16, 500)
  const before = await fleet.counts()
  await registry.register(record(2))
  const first = await load(caller, 16, 100)
  const run = await load(caller, 16, 1_000)
  const after = await fleet.counts()
  const shares = after.map((count, at) => count - before[at]!)
  const failed = [...first.calls, ...run.calls].filter(({ ok }) => !ok).length
  const all = shares.reduce((sum, count) => sum + count, 0)
  print(
    `  ${caller.name}: ${((shares[2]! / all) * 100).toFixed(0)} % of the calls of the next 1.1 s went there, ${failed} of ${all} failed`,
  )
  await client.close()
  await fleet.close()
}

/** A name whose IPv6 address nobody answers at. */
export async function hole(print: Print): Promise<void> {
  print('\na name with an IPv6 address that swallows everything, and one that works: first call')
  const fleet = await Fleet.start(1, 0)
  const runtime: Runtime = {
    ...nodeRuntime,
    lookup: () => ['100::1', '127.0.0.1'],
    connect: (options, onReady) =>
      options.host === '100::1' ? new Socket() : nodeRuntime.connect(options, onReady),
  }
  for (const [name, address] of [
    ['host:port', `both.invalid:${fleet.ports[0]}`],
    ['dns:///', `dns:///both.invalid:${fleet.ports[0]}`],
  ] as const) {
    const client = createClient({ address, runtime })
    const start = performance.now()
    await client.bind(FLEET).call(Buffer.from('x'), { timeoutMs: 10_000 })
    print(`  microwire, ${name}: ${(performance.now() - start).toFixed(0)} ms`)
    await client.close()
  }
  await fleet.close()
}
