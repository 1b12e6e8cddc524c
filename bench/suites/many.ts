import { ABOVE, AboveLimitContestant, LIMIT, type Work } from '../above-limit.js'
import type { Child } from '../child-process.js'
import type { Contest, Contestant } from '../contest.js'
import type { Load } from '../load.js'
import { Path } from '../payload.js'
import type { Peer } from '../peers.js'
import type { Bench } from '../suite.js'
import { CPU, RATE, ServerContestant } from '../unary-contest.js'

const SUITE = 'scale'

/** Ours has to cost at most `times` what it costs at the smaller size. */
function within(peer: string, metric: string, times: number) {
  return { peer, metric, atLeast: 1 / times }
}

/** The same server with 10,000 streams open, and with fewer. */
function streamsContest(bench: Bench, load: Load, answered: 'at once' | 'from a timer'): Contest {
  const path = answered === 'at once' ? Path.unary : Path.timer
  const most = bench.pace.kind === 'smoke' ? 1_000 : 10_000
  const nameOf = (inFlight: number): string => `${inFlight} streams`
  const start = async (): Promise<Contestant[]> => {
    const contestants: Contestant[] = []
    for (const inFlight of [most, 1_000, 100]) {
      if (contestants.some(({ peer }) => peer === nameOf(inFlight))) continue
      const args = ['--streams', String(most)]
      const server = await bench.peers.startServer('microwire', { args })
      const shape = { path, connections: 1, inFlight }
      const contestant = new ServerContestant(nameOf(inFlight), server, load, shape, bench.pace)
      contestants.push(contestant)
    }
    return contestants
  }
  return {
    suite: SUITE,
    plan: 'P14',
    name: `many streams, answered ${answered}`,
    conditions: `1 connection, 100 octets, ${load.name}`,
    metrics: [CPU, RATE],
    targets: [within(nameOf(100), CPU.key, 1.5)],
    start,
  }
}

/** Streams that end at once, and streams of which as many are really open. */
export function streamsContests(bench: Bench, load: Load): Contest[] {
  return [streamsContest(bench, load, 'at once'), streamsContest(bench, load, 'from a timer')]
}

const IN_FLIGHT = 10

/** The same server with many connections and with one, above the canned responder of the same shape. */
export function connectionsContest(bench: Bench, holder: Child): Contest {
  const smoke = bench.pace.kind === 'smoke'
  const most = smoke ? 20 : 2_000
  const calls = smoke ? 400 : 20_000
  const callsMax = calls * (bench.pace.rounds + 3)
  const work = async (peer: Peer, connections: number): Promise<Work> => {
    const server = await bench.peers.startServer(peer)
    const { port } = server
    await holder.ask({ do: 'open', port, connections })
    const run = async (): Promise<void> => {
      await holder.ask({ do: 'call', port, calls, callsMax, inFlight: IN_FLIGHT })
    }
    return { server, run }
  }
  const contestant = async (peer: string, connections: number): Promise<Contestant> => {
    const own = await work('microwire', connections)
    const limit = await work('canned responder', connections)
    return new AboveLimitContestant(peer, own, limit, calls)
  }
  return {
    suite: SUITE,
    plan: 'P14',
    name: 'many connections',
    conditions: `${IN_FLIGHT} in flight on each, ${calls} calls, above the canned responder`,
    metrics: [ABOVE, CPU, LIMIT],
    targets: [within('1 connection', ABOVE.key, 2)],
    start: async () => [
      await contestant(`${most} connections`, most),
      await contestant('1 connection', 1),
    ],
    stop: async () => void (await holder.ask({ do: 'release' })),
  }
}

/** What it costs to set a connection up, SETTINGS exchanged, above accepting a bare one. */
export function setUpContest(bench: Bench, holder: Child, tls: boolean): Contest {
  const { kind } = bench.pace
  const connections = kind === 'smoke' ? 20 : kind === 'quick' ? 1_000 : 3_000
  const args = tls ? ['--tls'] : []
  const work = async (peer: Peer): Promise<Work> => {
    const server = await bench.peers.startServer(peer, { args })
    const command = peer === 'bare socket' ? 'bareConnects' : 'connects'
    const run = async (): Promise<void> => {
      await holder.ask({ do: command, port: server.port, connections, tls })
    }
    return { server, run }
  }
  const start = async (): Promise<Contestant[]> => {
    const contestants: Contestant[] = []
    for (const peer of bench.peers.available(['microwire', 'node:http2', 'grpc-js'])) {
      const limit = await work('bare socket')
      contestants.push(new AboveLimitContestant(peer, await work(peer), limit, connections))
    }
    return contestants
  }
  return {
    suite: SUITE,
    plan: 'P9',
    name: tls ? 'connection set-up, TLS 1.3' : 'connection set-up',
    conditions: `${connections} connections, above a bare accept${tls ? ' and handshake' : ''}`,
    metrics: [ABOVE, CPU, LIMIT],
    targets: [{ peer: 'node:http2', metric: ABOVE.key, atLeast: 2 }],
    start,
  }
}
