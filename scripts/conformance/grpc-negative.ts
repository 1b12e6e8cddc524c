import { equal, ok, rejects } from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { type Misbehaviour, NegativeServer } from '../../interop/node/negative-server.js'
import { largeUnary } from '../../interop/node/test-client.js'
import { loadTestService, type TestService } from '../../interop/node/test-service.js'
import { type BoundClient, createClient, GrpcError } from '../../src/index.js'
import { inTime } from './in-time.js'
import type { Suite } from './suite.js'

const CASE_TIME_MAX_MS = 20_000
const PARALLEL_CALLS = 15

type Calls = BoundClient<TestService>
type Check = (calls: Calls, server: NegativeServer) => Promise<void>

const CASES: Readonly<Record<Misbehaviour, Check>> = {
  goaway: async (calls, { observed }) => {
    await largeUnary(calls)
    await delay(200)
    await largeUnary(calls)
    equal(observed.connectionCount, 2, 'the second call has a connection of its own')
  },
  rst_after_header: fails,
  rst_during_data: fails,
  rst_after_data: fails,
  ping: async (calls, { observed }) => {
    await largeUnary(calls)
    for (let i = 0; i < 50 && observed.pingsAcked < observed.pingsSent; i++) await delay(20)
    ok(observed.pingsSent > 20, `${observed.pingsSent} pings`)
    equal(observed.pingsAcked, observed.pingsSent, 'pings acknowledged')
  },
  max_streams: async (calls, { observed }) => {
    await largeUnary(calls)
    await Promise.all(Array.from({ length: PARALLEL_CALLS }, () => largeUnary(calls)))
    equal(observed.streamsMax, 1, 'streams at once on a connection')
  },
  data_frame_padding: async calls => {
    for (let i = 0; i < 5; i++) await largeUnary(calls)
  },
}

export const grpcNegative: Suite = {
  name: 'grpc-negative',
  about: "gRPC's negative HTTP/2 cases: our client, and servers on our framer that misbehave",
  async run(run) {
    const tally = run.row('', 'cases of gRPC, servers of ours')
    const service = await loadTestService()
    for (const [name, check] of Object.entries(CASES)) {
      const server = new NegativeServer(name as Misbehaviour)
      const address = await server.listen()
      const client = createClient({ address })
      await tally.run(name, () => inTime(check(client.bind(service), server), CASE_TIME_MAX_MS))
      await client.close()
      server.close()
    }
  },
}

/** The call ends with an error and no reply, and the next one is none the worse for it. */
async function fails(calls: Calls): Promise<void> {
  await rejects(largeUnary(calls), error => {
    ok(error instanceof GrpcError, `a GrpcError, not ${error}`)
    return true
  })
  await rejects(largeUnary(calls), GrpcError)
}
