import { GrpcError, MicroError } from '../src/index.js'
import { createClient, defineService, jsonCodec } from '../src/micro/index.js'
import { OctetSource, SimulatedNetwork } from '../src/testing/index.js'
import type { RawSocket } from '../src/transport/index.js'
import { invariant } from './invariant.js'

// T17: a whole client and a server that says anything and leaves as it likes, in virtual time.

const PORT = 5_000
const TIMEOUT_MS = 2_000
const CALLS = 3
/** Each wait is longer than the one before: nobody needs more in two seconds, whatever the server does. */
const CONNECTIONS_MAX = 24
const json = { request: jsonCodec<unknown>(), response: jsonCodec<unknown>() }
const service = defineService('fuzz.Fuzz', {
  one: { kind: 'unary', ...json },
  both: { kind: 'bidi', ...json },
})
/** Empty SETTINGS, and such that take no stream. */
const SETTINGS: readonly Buffer[] = [
  Buffer.from('000000040000000000', 'hex'),
  Buffer.from('000006040000000000000300000000', 'hex'),
  Buffer.alloc(0),
]
const LEAVING = ['fin', 'goaway', 'reset', 'stay', 'stay'] as const
const GOAWAY: Buffer = Buffer.from('0000080700000000000000000000000000', 'hex')

/** Octet 0 to 2: how the server begins and leaves, and the door; the rest is what it says. */
export async function fuzz(data: Buffer): Promise<void> {
  const source = new OctetSource(data)
  const settings = source.pick(SETTINGS)
  const leaving = source.pick(LEAVING)
  const protocol = source.octet() < 200 ? ('grpc' as const) : ('mucp' as const)
  const octets = data.subarray(3)
  const network = new SimulatedNetwork({ seed: 1 + (data[0] ?? 0) })
  let connections = 0
  const listener = await network.listen(
    { port: PORT, handshakeTimeoutMs: 1_000 },
    {
      onSocket(socket) {
        connections++
        serve(socket)
      },
      onHandshake: () => true,
      onHandshakeEnd: () => {},
      onError: () => {},
      onAcceptError: () => {},
    },
  )
  function serve(socket: RawSocket): void {
    socket.on('error', () => {})
    socket.on('end', () => socket.end())
    socket.on('data', () => {})
    socket.write(settings)
    if (octets.length > 0) socket.write(octets)
    if (leaving === 'goaway') socket.write(GOAWAY)
    if (leaving === 'reset') network.reset(network.links.at(-1)!)
    else if (leaving !== 'stay') socket.end()
  }
  const client = createClient({
    address: `127.0.0.1:${PORT}`,
    protocol,
    runtime: network,
    retries: 1,
  })
  const { one, both } = client.bind(service)
  const scenario = async (): Promise<readonly PromiseSettledResult<unknown>[]> => {
    const calls: Promise<unknown>[] = []
    for (let i = 0; i < CALLS; i++) {
      calls.push(
        i < 2
          ? one({ i }, { timeoutMs: TIMEOUT_MS })
          : drain(both([1, 2], { timeoutMs: TIMEOUT_MS })),
      )
    }
    const outcomes = await Promise.allSettled(calls)
    await client.close()
    listener.close()
    await network.clock.sleep(30_000)
    return outcomes
  }
  for (const outcome of await network.clock.run(scenario(), 600_000)) {
    if (outcome.status === 'fulfilled') continue
    const { reason } = outcome
    const isOurs = reason instanceof GrpcError || reason instanceof MicroError
    invariant(isOurs, 'T17 a call fails with an error of ours', () =>
      String(reason?.stack ?? reason),
    )
  }
  invariant(
    connections <= CONNECTIONS_MAX,
    'T17 a server that leaves gets no storm of connections',
    () => `${connections} connections`,
  )
  invariant(network.clock.pending === 0, 'T17 no timer is left', () => `${network.clock.pending}`)
}

async function drain(stream: AsyncIterable<unknown>): Promise<void> {
  for await (const _each of stream);
}
