import { makeCertificate } from '../certificate.js'
import { Child } from '../child-process.js'
import type { Contest, Contestant, Target } from '../contest.js'
import { compiled } from '../paths.js'
import { Path, PREFIX_SIZE } from '../payload.js'
import type { Peer } from '../peers.js'
import { type Amount, ProcessContestant, secondsOf } from '../real/contestant.js'
import { freshContests } from '../real/fresh.js'
import { ORDER_SIZE, OrderPath, type Variety } from '../real/orders.js'
import { prepareOrders } from '../real/prepare.js'
import { workersContests } from '../real/workers.js'
import type { Bench } from '../suite.js'
import { Core, pinned } from '../tools.js'
import { CPU, RATE } from '../unary-contest.js'

const SUITE = 'real'
const MIB = 1024 * 1024

/** Who serves or calls, and how it is started. */
interface Entrant {
  readonly peer: string
  readonly program: Peer
  readonly args?: readonly string[]
}

const GENERATED: Entrant = { peer: 'microwire', program: 'microwire orders' }
const LOADED: Entrant = { peer: 'loadService', program: 'microwire orders', args: ['--load'] }
const GRPC_JS: Entrant = { peer: 'grpc-js', program: 'grpc-js orders' }
const CONNECT: Entrant = { peer: 'connect-node', program: 'connect-node' }
const GRPC_GO: Entrant = { peer: 'grpc-go', program: 'grpc-go' }
const TONIC: Entrant = { peer: 'tonic', program: 'tonic' }

function cheaper(peer: string, atLeast: number): Target {
  return { peer, metric: CPU.key, atLeast }
}

/** A load that our generator gives to servers. */
interface ServerRow {
  readonly name: string
  readonly path: string
  readonly variety?: Variety
  readonly connections?: number
  readonly inFlight?: number
  /** A connection for each call. */
  readonly short?: boolean
  /** Octets of DATA that each call is answered with. */
  readonly answerSize?: number
  readonly entrants: readonly Entrant[]
  readonly targets: readonly Target[]
}

const ALL = [GENERATED, LOADED, GRPC_JS, CONNECT, GRPC_GO, TONIC]
const GET = { path: OrderPath.get, variety: 'alike' } as const

const SERVER_ROWS: readonly ServerRow[] = [
  {
    ...GET,
    name: 'realistic call, server',
    entrants: ALL,
    targets: [cheaper('grpc-js', 12), cheaper('grpc-go', 4), cheaper('tonic', 1)],
  },
  {
    ...GET,
    name: 'realistic call, headers vary',
    variety: 'varying',
    entrants: ALL,
    targets: [cheaper('grpc-js', 12)],
  },
  {
    ...GET,
    name: 'realistic call, 60 fields of metadata, 10 vary',
    variety: 'many fields',
    entrants: [GENERATED, GRPC_JS, GRPC_GO, TONIC],
    targets: [cheaper('grpc-js', 8)],
  },
  {
    ...GET,
    name: 'realistic call, one at a time',
    inFlight: 1,
    entrants: [GENERATED, GRPC_JS, GRPC_GO, TONIC],
    targets: [],
  },
  {
    name: 'NOT_FOUND with ErrorInfo',
    path: OrderPath.missing,
    variety: 'alike',
    answerSize: 0,
    entrants: [GENERATED, GRPC_JS],
    targets: [cheaper('grpc-js', 8)],
  },
  {
    ...GET,
    name: '200 connections, one call in flight on each',
    connections: 200,
    inFlight: 1,
    entrants: [GENERATED, GRPC_JS, GRPC_GO, TONIC],
    targets: [cheaper('grpc-js', 4), cheaper('grpc-go', 1)],
  },
  {
    ...GET,
    name: 'short connections: connect, one call, close',
    connections: 8,
    short: true,
    entrants: [GENERATED, GRPC_JS, GRPC_GO, TONIC],
    targets: [cheaper('grpc-js', 2.5), cheaper('grpc-go', 1)],
  },
]

const metrics = [CPU, RATE]

function serverContest(bench: Bench, generator: Child, row: ServerRow): Contest {
  const { path, variety = 'alike', connections = 1, inFlight = 100, short = false } = row
  const answerSize = row.answerSize ?? PREFIX_SIZE + ORDER_SIZE
  const command = short ? 'short' : 'unary'
  const start = async (): Promise<Contestant[]> => {
    const contestants: Contestant[] = []
    for (const { peer, program, args = [] } of available(bench, row.entrants)) {
      const server = await bench.peers.startServer(program, { args })
      const load = { do: command, path, orders: variety, connections, inFlight, answerSize }
      const run = async (calls: number): Promise<number> =>
        await secondsOf(generator, { ...load, port: server.port, calls })
      contestants.push(new ProcessContestant(peer, server, bench.pace, run))
    }
    return contestants
  }
  const shape = short
    ? `${connections} at a time`
    : `${connections === 1 ? '1 connection' : `${connections} connections`} x ${inFlight} in flight`
  const conditions = `${shape}, request of 46 octets, response of ${ORDER_SIZE}, 9 fields`
  return { suite: SUITE, name: row.name, conditions, metrics, targets: row.targets, start }
}

function available(bench: Bench, entrants: readonly Entrant[]): readonly Entrant[] {
  const programs = bench.peers.available(entrants.map(({ program }) => program))
  return entrants.filter(({ program }) => programs.includes(program))
}

/** Clients of our own server, which is on the other core. */
function clientContest(bench: Bench, name: string, variety: Variety, targets: Target[]): Contest {
  const inFlight = 100
  let server: Child | undefined
  const start = async (): Promise<Contestant[]> => {
    server = await bench.peers.startServer('microwire orders', { core: Core.loader })
    const contestants: Contestant[] = []
    for (const { peer, program, args = [] } of [GENERATED, LOADED, GRPC_JS]) {
      const client = await bench.peers.startClient(program, { args })
      await client.ask({ do: 'connect', port: server.port })
      const run = async (calls: number): Promise<number> =>
        await secondsOf(client, { do: 'get', variety, calls, inFlight })
      contestants.push(new ProcessContestant(peer, client, bench.pace, run))
    }
    return contestants
  }
  const stop = async (): Promise<void> => await server?.close()
  const conditions = `1 connection x ${inFlight} in flight, against microwire's server`
  return { suite: SUITE, name, conditions, metrics, targets, start, stop }
}

/** Large messages that a client of grpc-js sends: what each costs the server. */
function bulkContest(bench: Bench, unary: boolean, size: number, tls: boolean): Contest {
  const clients: Child[] = []
  const amount: Amount = { first: 2, most: 400 }
  const start = async (): Promise<Contestant[]> => {
    const contestants: Contestant[] = []
    for (const peer of ['microwire', 'grpc-js'] as const) {
      const server = await bench.peers.startServer(peer, { args: tls ? ['--tls'] : [] })
      const client = await bench.peers.startClient('grpc-js orders', { core: Core.loader })
      clients.push(client)
      await client.ask({ do: 'connect', port: server.port, tls })
      const command = unary ? 'store' : 'upload'
      const run = async (messages: number): Promise<number> =>
        await secondsOf(client, { do: command, messages, size })
      contestants.push(new ProcessContestant(peer, server, bench.pace, run, amount))
    }
    return contestants
  }
  const stop = async (): Promise<void> => {
    for (const client of clients) await client.close()
  }
  const what = unary ? 'unary upload' : 'client streaming'
  const name = `${what} of ${size / MIB} MiB${tls ? ', TLS 1.3' : ''}, a client of grpc-js`
  const conditions = 'one at a time on one connection, defaults'
  const targets = [cheaper('grpc-js', 2)]
  return { suite: SUITE, name, conditions, metrics, targets, start, stop }
}

/** Handlers written for grpc-js: what they cost our layer for them, us without it, and grpc-js. */
function layerContest(bench: Bench, generator: Child, load: LayerLoad): Contest {
  const { what, conditions, of } = load
  const start = async (): Promise<Contestant[]> => {
    const contestants: Contestant[] = []
    for (const peer of ['grpc-js layer', 'microwire', 'grpc-js'] as const) {
      const server = await bench.peers.startServer(peer)
      const run = async (units: number): Promise<number> =>
        await secondsOf(generator, { ...of(units), port: server.port })
      contestants.push(new ProcessContestant(peer, server, bench.pace, run))
    }
    return contestants
  }
  const targets = [cheaper('grpc-js', 1), cheaper('microwire', 0.5)]
  return { suite: SUITE, name: `handlers of grpc-js, ${what}`, conditions, metrics, targets, start }
}

interface LayerLoad {
  readonly what: string
  readonly conditions: string
  of(units: number): Parameters<Child['ask']>[0]
}

const LAYER_LOADS: readonly LayerLoad[] = [
  {
    what: 'unary',
    conditions: '1 connection x 100 in flight, echo of 100 octets',
    of: calls => ({ do: 'unary', path: Path.unary, connections: 1, inFlight: 100, calls }),
  },
  {
    what: 'uploads',
    conditions: 'client streaming of 100 octets, one stream',
    of: messages => ({ do: 'upload', messages, size: 100, inFlight: 256, tls: false }),
  },
]

/** What one await costs: the same server with a synchronous handler and with one that awaits. */
function awaitContest(bench: Bench, generator: Child): Contest {
  const start = async (): Promise<Contestant[]> => {
    const contestants: Contestant[] = []
    for (const [peer, path] of [
      ['one await', Path.awaiting],
      ['synchronous', Path.unary],
    ] as const) {
      const server = await bench.peers.startServer('microwire')
      const load = { do: 'unary', path, connections: 1, inFlight: 100 }
      const run = async (calls: number): Promise<number> =>
        await secondsOf(generator, { ...load, port: server.port, calls })
      contestants.push(new ProcessContestant(peer, server, bench.pace, run))
    }
    return contestants
  }
  return {
    suite: SUITE,
    name: 'one await',
    conditions: '1 connection x 100 in flight, echo of 100 octets',
    metrics,
    targets: [cheaper('synchronous', 1 / 1.6)],
    start,
  }
}

/** The calls that people make, and where others are near: docs/benchmarks.md. */
export async function real(bench: Bench): Promise<void> {
  await prepareOrders()
  await makeCertificate()
  const [command, ...args] = pinned(Core.loader, process.execPath, compiled('clients/generator'))
  const generator = await Child.start('generator', command, args)
  try {
    // Of a smoke run each kind of row is enough.
    const rows = bench.pace.kind === 'smoke' ? SERVER_ROWS.slice(-2) : SERVER_ROWS
    for (const row of rows) await bench.run(serverContest(bench, generator, row))
    await bench.run(
      clientContest(bench, 'realistic call, client', 'alike', [cheaper('grpc-js', 20)]),
    )
    await bench.run(
      clientContest(bench, '60 fields of metadata, 10 vary, client', 'many fields', [
        cheaper('grpc-js', 8),
      ]),
    )
    for (const tls of bench.pace.kind === 'smoke' ? [true] : [false, true]) {
      await bench.run(bulkContest(bench, false, MIB, tls))
      await bench.run(bulkContest(bench, true, 4 * MIB, tls))
    }
    await bench.run(awaitContest(bench, generator))
    const loads = bench.pace.kind === 'smoke' ? LAYER_LOADS.slice(1) : LAYER_LOADS
    for (const load of loads) await bench.run(layerContest(bench, generator, load))
    await workersContests(bench)
    await freshContests(bench)
  } finally {
    await generator.close()
  }
}
