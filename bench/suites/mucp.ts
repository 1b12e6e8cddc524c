import { Child } from '../child-process.js'
import type { Contest, Contestant, Sample } from '../contest.js'
import { warmUp } from '../pace.js'
import { compiled } from '../paths.js'
import type { Bench } from '../suite.js'
import { Core, pinned } from '../tools.js'
import { CPU, RATE } from '../unary-contest.js'

const IN_FLIGHT = 32
const CALLS_FIRST = 200
const CALLS_MAX = 100_000

/** A server of go-micro's protocol under the load of our client. */
class MucpContestant implements Contestant {
  readonly peer: string
  readonly #server: Child
  readonly #client: Child
  readonly #bench: Bench
  #calls = CALLS_FIRST

  constructor(peer: string, server: Child, client: Child, bench: Bench) {
    this.peer = peer
    this.#server = server
    this.#client = client
    this.#bench = bench
  }

  async prepare(): Promise<void> {
    await this.#client.ask({ do: 'connect', port: this.#server.port })
    const run = async (calls: number): Promise<number> => await this.#run(calls)
    this.#calls = await warmUp(run, this.#bench.pace, CALLS_FIRST, CALLS_MAX)
  }

  async measure(): Promise<Sample> {
    const before = await this.#server.usage()
    const seconds = await this.#run(this.#calls)
    const after = await this.#server.usage()
    const cpu = (after['cpuUs']! - before['cpuUs']!) / this.#calls
    return { [CPU.key]: cpu, [RATE.key]: this.#calls / seconds }
  }

  async close(): Promise<void> {
    await this.#client.close()
    await this.#server.close()
  }

  async #run(calls: number): Promise<number> {
    return (await this.#client.ask({ do: 'unary', calls, inFlight: IN_FLIGHT }))['seconds']!
  }
}

/** go-micro's own protocol over transport/grpc, JSON inside, by the same client for all. */
export function mucpContest(bench: Bench): Contest {
  const start = async (): Promise<Contestant[]> => {
    const contestants: Contestant[] = []
    for (const peer of bench.peers.available(['microwire', 'go-micro v6', 'go-micro v5'])) {
      const server = await bench.peers.startServer(peer)
      const program = compiled('clients/mucp')
      const [command, ...args] = pinned(Core.loader, process.execPath, program)
      const client = await Child.start('mucp client', command, args)
      contestants.push(new MucpContestant(peer, server, client, bench))
    }
    return contestants
  }
  return {
    suite: 'scale',
    plan: 'P7',
    name: 'mucp unary, JSON',
    conditions: `${IN_FLIGHT} in flight, message of 98 octets, transport/grpc, our client`,
    metrics: [CPU, RATE],
    targets: ['go-micro v6', 'go-micro v5'].map(peer => ({ peer, metric: CPU.key, atLeast: 4 })),
    start,
  }
}
