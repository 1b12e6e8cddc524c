import type { Child } from '../child-process.js'
import type { Contest, Contestant, Metric, Target } from '../contest.js'
import { GeneratorLoad } from '../generator-load.js'
import { H2load } from '../h2load.js'
import type { Load } from '../load.js'
import { Path } from '../payload.js'
import type { Peer } from '../peers.js'
import type { Bench } from '../suite.js'
import { Core, H2LOAD } from '../tools.js'
import {
  ClientContestant,
  CPU,
  RATE,
  REPLIES_PER_WRITE,
  ServerContestant,
  type UnaryShape,
} from '../unary-contest.js'
import { latency } from './latency.js'

const SUITE = 'rpc'
const ONE_BY_HUNDRED: UnaryShape = { path: Path.unary, connections: 1, inFlight: 100 }

/** CPU for each call, at least so many times less than the peer's. */
function cheaper(peer: string, atLeast: number): Target {
  return { peer, metric: CPU.key, atLeast }
}

/** Servers under the same load of unary calls. */
export interface ServerContest {
  readonly suite?: string
  readonly plan: string
  readonly name: string
  readonly shape: UnaryShape
  readonly peers: readonly Peer[]
  readonly targets: readonly Target[]
  readonly metrics?: readonly Metric[]
}

function conditions({ connections, inFlight }: UnaryShape, load: Load): string {
  const shape = connections === 1 ? '1 connection' : `${connections} connections`
  return `${shape} x ${inFlight} in flight, 100 octets, ${load.name}`
}

/** The contest of `setup`, driven by `load`. */
export function serverContest(bench: Bench, load: Load, setup: ServerContest): Contest {
  const { suite = SUITE, plan, name, shape, targets, metrics = [CPU, RATE] } = setup
  const start = async (): Promise<Contestant[]> => {
    const contestants: Contestant[] = []
    for (const peer of bench.peers.available(setup.peers)) {
      const server = await bench.peers.startServer(peer, { args: shape.tls ? ['--tls'] : [] })
      contestants.push(new ServerContestant(peer, server, load, shape, bench.pace))
    }
    return contestants
  }
  return { suite, plan, name, conditions: conditions(shape, load), metrics, targets, start }
}

const ALL: readonly Peer[] = ['microwire', 'grpc-js', 'node:http2', 'connect-node', 'grpc-go']

const UNARY: ServerContest = {
  plan: 'P1',
  name: 'unary server',
  shape: ONE_BY_HUNDRED,
  peers: [...ALL, 'canned responder'],
  targets: [
    cheaper('grpc-js', 18),
    cheaper('node:http2', 10),
    cheaper('connect-node', 25),
    cheaper('grpc-go', 3.5),
  ],
}

const TEN_CONNECTIONS: ServerContest = {
  plan: 'P1',
  name: 'unary server 10x100',
  shape: { ...ONE_BY_HUNDRED, connections: 10 },
  peers: ALL,
  targets: [
    cheaper('grpc-js', 30),
    cheaper('node:http2', 18),
    cheaper('connect-node', 40),
    cheaper('grpc-go', 6),
  ],
}

const VARYING: ServerContest = {
  plan: 'P1v',
  name: 'unary server varying headers',
  shape: ONE_BY_HUNDRED,
  peers: ['microwire', 'grpc-js', 'grpc-go'],
  targets: [cheaper('grpc-js', 12), cheaper('grpc-go', 2.5)],
}

const PROTOBUF: ServerContest = {
  plan: 'P2',
  name: 'unary server protobuf',
  shape: { ...ONE_BY_HUNDRED, path: Path.typed },
  peers: ['microwire', 'grpc-js', 'grpc-go'],
  targets: [cheaper('grpc-js', 15), cheaper('grpc-go', 3)],
}

const PING_PONG: ServerContest = {
  plan: 'P4',
  name: 'ping-pong',
  shape: { ...ONE_BY_HUNDRED, inFlight: 1 },
  peers: ['microwire', 'grpc-js', 'canned responder'],
  targets: [
    // At most 1.6 times what the canned responder needs, which parses nothing.
    cheaper('canned responder', 1 / 1.6),
    { peer: 'grpc-js', metric: RATE.key, atLeast: 1.6 },
  ],
}

/**
 * Handlers that answer from a timer of their own, beside the same server answering at once; and, to
 * tell our share from Node's, answering at once but starting the timer all the same. A hundred calls
 * that all wait a millisecond leave the server idle between them; with 900 it never is.
 */
function asyncContest(bench: Bench, load: Load, inFlight: number): Contest {
  const shape = { ...ONE_BY_HUNDRED, inFlight }
  const server = async (peer: string, path: string): Promise<Contestant> => {
    const child = await bench.peers.startServer('microwire')
    return new ServerContestant(peer, child, load, { ...shape, path }, bench.pace)
  }
  return {
    suite: SUITE,
    plan: 'P1a',
    name: inFlight === 100 ? 'unary server async' : `unary server async, ${inFlight} in flight`,
    conditions: conditions(shape, load),
    metrics: [CPU, RATE, REPLIES_PER_WRITE],
    targets: [
      cheaper('microwire, sync handler', 1 / 1.6),
      { metric: REPLIES_PER_WRITE.key, atLeast: 50 },
    ],
    start: async () => [
      await server('microwire', Path.timer),
      await server('microwire, sync handler', Path.unary),
      await server('microwire, sync, same timer', Path.armed),
    ],
  }
}

/** Clients of the canned responder, which is faster than any of them. */
function clientContest(bench: Bench): Contest {
  const inFlight = 100
  let server: Child | undefined
  const start = async (): Promise<Contestant[]> => {
    server = await bench.peers.startServer('canned responder', { core: Core.loader })
    const contestants: Contestant[] = []
    for (const peer of bench.peers.available(['microwire', 'grpc-js', 'grpc-go'])) {
      const client = await bench.peers.startClient(peer)
      await client.ask({ do: 'connect', port: server.port })
      contestants.push(new ClientContestant(peer, client, inFlight, bench.pace))
    }
    return contestants
  }
  return {
    suite: SUITE,
    plan: 'P3',
    name: 'unary client',
    conditions: `1 connection x ${inFlight} in flight, 100 octets, against the canned responder`,
    metrics: [CPU, RATE],
    targets: [cheaper('grpc-js', 15), cheaper('grpc-go', 2)],
    start,
    stop: async () => await server?.close(),
  }
}

/** Unary calls: what each costs a server or a client, beside the peers. */
export async function rpc(bench: Bench): Promise<void> {
  const varying = await GeneratorLoad.start(true)
  const load = H2LOAD === undefined ? await GeneratorLoad.start(false) : new H2load()
  try {
    bench.note(
      H2LOAD === undefined
        ? 'load: own generator, since h2load (Debian: nghttp2-client) is not installed'
        : `load: ${H2LOAD}`,
    )
    await bench.run(serverContest(bench, load, UNARY))
    await bench.run(serverContest(bench, load, TEN_CONNECTIONS))
    await bench.run(serverContest(bench, varying, VARYING))
    for (const inFlight of [100, 900]) await bench.run(asyncContest(bench, load, inFlight))
    await bench.run(serverContest(bench, load, PROTOBUF))
    await bench.run(clientContest(bench))
    await bench.run(serverContest(bench, load, PING_PONG))
    await latency(bench)
  } finally {
    await load.close()
    await varying.close()
  }
}
