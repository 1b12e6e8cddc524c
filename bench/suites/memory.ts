import { Child } from '../child-process.js'
import type { Contest, Contestant, Metric, Sample, Target } from '../contest.js'
import {
  ABOVE_SOCKET,
  GC_FLAGS,
  HEAP,
  liveMemory,
  MemoryContestant,
  RSS,
} from '../memory-contest.js'
import { compiled } from '../paths.js'
import { Path } from '../payload.js'
import type { Peer } from '../peers.js'
import type { Bench } from '../suite.js'
import { Core, pinned } from '../tools.js'
import { growthLaws } from './growth-laws.js'

const SUITE = 'memory'

/** A semi-space so large that nothing is collected while a heap is watched. */
const WATCHED_FLAGS = [...GC_FLAGS, '--max-semi-space-size=256', '--min-semi-space-size=256']

const ROUNDS = 3

interface Sizes {
  readonly connections: number
  readonly streams: number
  readonly calls: number
}

function sizesOf({ pace }: Bench): Sizes {
  if (pace.kind === 'smoke') return { connections: 20, streams: 50, calls: 200 }
  return { connections: 1_000, streams: 5_000, calls: 4_000 }
}

/** Live memory of a bare socket, accepted and idle: what every connection contains. */
async function bareSocketHeap(bench: Bench, holder: Child, connections: number): Promise<number> {
  const server = await bench.peers.startServer('bare socket', { flags: GC_FLAGS })
  try {
    let least = Number.POSITIVE_INFINITY
    for (let round = 0; round < 3; round++) {
      const empty = await liveMemory(server)
      await holder.ask({ do: 'openBare', port: server.port, connections })
      least = Math.min(least, (await liveMemory(server)) - empty)
      await holder.ask({ do: 'release' })
    }
    return least / connections
  } finally {
    await server.close()
  }
}

function connectionContest(bench: Bench, holder: Child, called: boolean): Contest {
  const { connections } = sizesOf(bench)
  const start = async (): Promise<Contestant[]> => {
    const socketHeap = await bareSocketHeap(bench, holder, connections)
    const contestants: Contestant[] = []
    for (const peer of bench.peers.available(['microwire', 'node:http2', 'grpc-js'])) {
      const server = await bench.peers.startServer(peer, { flags: GC_FLAGS })
      const occupation = {
        server,
        units: connections,
        before: async () => {},
        occupy: async () => {
          await holder.ask({ do: 'open', port: server.port, connections, called })
        },
        release: async () => void (await holder.ask({ do: 'release' })),
      }
      contestants.push(new MemoryContestant(peer, occupation, socketHeap))
    }
    return contestants
  }
  return {
    suite: SUITE,
    plan: 'P13',
    name: called ? 'idle connection after a call' : 'idle connection',
    rounds: ROUNDS,
    conditions: `${connections} connections${called ? ', each has made one call' : ', SETTINGS exchanged'}`,
    metrics: [HEAP, ABOVE_SOCKET, RSS],
    targets: [
      { metric: ABOVE_SOCKET.key, atMost: 6 * 1024 },
      // Sessions of node:http2 live outside of the heap: only the process's memory compares.
      { peer: 'node:http2', metric: RSS.key, atLeast: 1 },
      { peer: 'grpc-js', metric: RSS.key, atLeast: 1 },
    ],
    start,
  }
}

interface StreamContest {
  readonly name: string
  readonly conditions: string
  readonly body: 'headers' | 'message'
  readonly peers: readonly Peer[]
  readonly targets: readonly Target[]
}

function streamContest(bench: Bench, holder: Child, setup: StreamContest): Contest {
  const { streams } = sizesOf(bench)
  const start = async (): Promise<Contestant[]> => {
    const contestants: Contestant[] = []
    for (const peer of bench.peers.available(setup.peers)) {
      const args = peer === 'microwire' ? ['--streams', '100000'] : []
      const server = await bench.peers.startServer(peer, { flags: GC_FLAGS, args })
      const { port } = server
      const occupation = {
        server,
        units: streams,
        before: async () => void (await holder.ask({ do: 'open', port, connections: 1 })),
        occupy: async () => {
          await holder.ask({ do: 'hold', port, streams, path: Path.hold, body: setup.body })
        },
        release: async () => void (await holder.ask({ do: 'release' })),
      }
      contestants.push(new MemoryContestant(peer, occupation))
    }
    return contestants
  }
  const { name, conditions, targets } = setup
  const common = { suite: SUITE, plan: 'P13', rounds: ROUNDS, metrics: [HEAP, RSS] }
  return {
    ...common,
    name,
    conditions: `${streams} on one connection, ${conditions}`,
    targets,
    start,
  }
}

const IDLE_STREAM: StreamContest = {
  name: 'idle stream',
  conditions: 'HEADERS only, HTTP/2 layer alone',
  body: 'headers',
  peers: ['connection layer', 'node:http2'],
  targets: [
    { metric: HEAP.key, atMost: 600 },
    { peer: 'node:http2', metric: HEAP.key, atLeast: 1 },
  ],
}

const IN_FLIGHT: StreamContest = {
  name: 'unary call in flight',
  conditions: 'message of 100 octets taken, no answer yet',
  body: 'message',
  peers: ['microwire', 'grpc-js', 'node:http2'],
  targets: [
    { metric: HEAP.key, atMost: 1536 + 100 },
    { peer: 'grpc-js', metric: HEAP.key, atLeast: 1 },
    { peer: 'node:http2', metric: HEAP.key, atLeast: 1 },
  ],
}

/** Heap that calls take, garbage included: nothing is collected in between. */
class CallHeapContestant implements Contestant {
  readonly peer: string
  readonly #server: Child
  readonly #holder: Child
  readonly #load: { readonly path: string; readonly calls: number }

  constructor(
    peer: string,
    server: Child,
    holder: Child,
    load: { readonly path: string; readonly calls: number },
  ) {
    this.peer = peer
    this.#server = server
    this.#holder = holder
    this.#load = load
  }

  async prepare(): Promise<void> {
    await this.#holder.ask({ do: 'open', port: this.#server.port, connections: 1 })
    for (let round = 0; round < 5; round++) await this.#call()
  }

  async measure(): Promise<Sample> {
    await this.#server.usage()
    const before = await this.#server.ask({ do: 'heap' })
    await this.#call()
    const after = await this.#server.ask({ do: 'heap' })
    return { [HEAP.key]: (after['heapOctets']! - before['heapOctets']!) / this.#load.calls }
  }

  async close(): Promise<void> {
    await this.#server.close()
  }

  async #call(): Promise<void> {
    const { calls, path } = this.#load
    const { port } = this.#server
    const callsMax = calls * 20
    await this.#holder.ask({ do: 'call', port, calls, callsMax, inFlight: 100, path })
  }
}

function callHeapContest(bench: Bench, holder: Child, awaiting: boolean): Contest {
  const { calls } = sizesOf(bench)
  const peers: readonly Peer[] = ['microwire', 'grpc-js', 'node:http2']
  const start = async (): Promise<Contestant[]> => {
    const contestants: Contestant[] = []
    for (const peer of bench.peers.available(awaiting ? ['microwire'] : peers)) {
      const server = await bench.peers.startServer(peer, { flags: WATCHED_FLAGS })
      const load = { calls, path: awaiting ? Path.awaiting : Path.unary }
      contestants.push(new CallHeapContestant(peer, server, holder, load))
    }
    return contestants
  }
  return {
    suite: SUITE,
    plan: 'P12',
    name: awaiting ? 'heap of a call, one await' : 'heap of a call',
    rounds: 5,
    conditions: `${calls} calls, 100 in flight, garbage included`,
    metrics: [HEAP],
    targets: [{ metric: HEAP.key, atMost: awaiting ? 1536 : 1024 }],
    start,
    stop: async () => void (await holder.ask({ do: 'release' })),
  }
}

const counted = (key: string, unit: string): Metric => ({ key, unit, better: 'lower' })

/** What the guards of `npm test` count: the same on every machine. */
function countedContest(): Contest {
  const start = async (): Promise<Contestant[]> => {
    const args = [...WATCHED_FLAGS, compiled('guards')]
    const guards = await Child.start('guards', process.execPath, args)
    const figure = async (command: string, name: string, method = ''): Promise<number> =>
      (await guards.ask({ do: command, method }))[name]!
    return [
      {
        peer: 'microwire',
        prepare: async () => {},
        measure: async () => ({
          'promises, sync': await figure('served', 'promises', 'Sync'),
          'promises, one await': await figure('served', 'promises', 'Awaiting'),
          up: await figure('wireSize', 'up'),
          down: await figure('wireSize', 'down'),
        }),
        close: async () => await guards.close(),
      },
    ]
  }
  return {
    suite: SUITE,
    plan: 'P12',
    name: 'promises and octets of a call',
    rounds: 1,
    conditions: 'server, 100 calls together; steady call of two octets on the wire',
    metrics: [
      counted('promises, sync', 'promises'),
      counted('promises, one await', 'promises'),
      counted('up', 'octets'),
      counted('down', 'octets'),
    ],
    targets: [
      // What ends the measurement makes a few promises, once for a hundred calls.
      { metric: 'promises, sync', atMost: 0.1 },
      { metric: 'promises, one await', atMost: 4.1 },
      { metric: 'up', atMost: 50 },
      { metric: 'down', atMost: 50 },
    ],
    start,
  }
}

/** Memory: what calls, connections and streams take, and that nothing grows that should not. */
export async function memory(bench: Bench): Promise<void> {
  const [command, ...args] = pinned(Core.loader, process.execPath, compiled('clients/holder'))
  const holder = await Child.start('holder', command, args)
  try {
    await bench.run(callHeapContest(bench, holder, false))
    await bench.run(callHeapContest(bench, holder, true))
    await bench.run(countedContest())
    await bench.run(connectionContest(bench, holder, false))
    await bench.run(connectionContest(bench, holder, true))
    await bench.run(streamContest(bench, holder, IDLE_STREAM))
    await bench.run(streamContest(bench, holder, IN_FLIGHT))
    for (const law of growthLaws(bench, holder)) await bench.run(law)
  } finally {
    await holder.close()
  }
}
