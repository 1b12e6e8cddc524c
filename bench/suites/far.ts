import { Child } from '../child-process.js'
import type { Contest, Contestant, Metric, Sample } from '../contest.js'
import { compiled } from '../paths.js'
import type { Peer } from '../peers.js'
import type { Bench } from '../suite.js'
import { Core, pinned } from '../tools.js'

const ROUND_TRIP_MS = 20
const MIB = 1024 * 1024
const MESSAGE_SIZE = 64 * 1024

/** How long one of them takes. */
const TIME: Metric = { key: 'time', unit: 'ms', better: 'lower' }

/** Payload per second of the wall clock; a megabyte is a million octets. */
const THROUGHPUT: Metric = { key: 'throughput', unit: 'MB/s', better: 'higher' }

interface Task {
  readonly command: 'large' | 'download'
  readonly size: number
  readonly messages: number
}

/** Client and server of one library, with their defaults, at both ends of a long path. */
class FarContestant implements Contestant {
  readonly peer: Peer
  readonly #server: Child
  readonly #proxy: Child
  readonly #bench: Bench
  readonly #task: Task

  constructor(peer: Peer, server: Child, proxy: Child, bench: Bench, task: Task) {
    this.peer = peer
    this.#server = server
    this.#proxy = proxy
    this.#bench = bench
    this.#task = task
  }

  async prepare(): Promise<void> {
    await this.measure()
  }

  /** On a connection of its own each time, set up by one small call: windows begin where they begin. */
  async measure(): Promise<Sample> {
    const client = await this.#bench.peers.startClient(this.peer, { core: Core.loader })
    try {
      await client.ask({ do: 'connect', port: this.#proxy.port })
      await client.ask({ do: 'large', size: 1 })
      const { command, size, messages } = this.#task
      const seconds = (await client.ask({ do: command, size, messages }))['seconds']!
      return {
        [TIME.key]: seconds * 1_000,
        [THROUGHPUT.key]: (size * messages) / 1e6 / seconds,
      }
    } finally {
      await client.close()
    }
  }

  async close(): Promise<void> {
    await this.#proxy.close()
    await this.#server.close()
  }
}

function farContest(bench: Bench, name: string, task: Task): Contest {
  const start = async (): Promise<Contestant[]> => {
    const contestants: Contestant[] = []
    for (const peer of bench.peers.available(['microwire', 'grpc-js'])) {
      const server = await bench.peers.startServer(peer)
      const proxy = await startProxy(server.port)
      contestants.push(new FarContestant(peer, server, proxy, bench, task))
    }
    return contestants
  }
  const unary = task.command === 'large'
  const metric = unary ? TIME : THROUGHPUT
  return {
    suite: 'scale',
    plan: 'P16',
    name,
    rounds: 5,
    conditions: `round trip of ${ROUND_TRIP_MS} ms, new connection, defaults on both sides`,
    metrics: unary ? [TIME] : [THROUGHPUT],
    targets: [{ peer: 'grpc-js', metric: metric.key, atLeast: 5 }],
    start,
  }
}

async function startProxy(port: number): Promise<Child> {
  const program = compiled('servers/delay-proxy')
  const call = [program, String(port), String(ROUND_TRIP_MS)] as const
  const [command, ...args] = pinned(Core.loader, process.execPath, ...call)
  return await Child.start('delay proxy', command, args)
}

/** A path of 20 ms: one large unary call, and a stream. */
export function farContests(bench: Bench): Contest[] {
  const smoke = bench.pace.kind === 'smoke'
  const size = smoke ? MIB / 8 : 4 * MIB
  const streamSize = smoke ? MIB / 4 : bench.pace.kind === 'quick' ? 8 * MIB : 32 * MIB
  const text = smoke ? '128 KiB' : '4 MiB'
  return [
    farContest(bench, `unary call of ${text} over 20 ms`, { command: 'large', size, messages: 1 }),
    farContest(bench, `server streaming over 20 ms`, {
      command: 'download',
      size: MESSAGE_SIZE,
      messages: streamSize / MESSAGE_SIZE,
    }),
  ]
}
