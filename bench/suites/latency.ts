import { Child } from '../child-process.js'
import type { Contest, Contestant } from '../contest.js'
import { LATENCIES, OpenLoopContestant } from '../open-loop.js'
import { compiled } from '../paths.js'
import type { Bench } from '../suite.js'
import { Core, pinned } from '../tools.js'
import { RATE } from '../unary-contest.js'

function openLoop(bench: Bench, generator: Child, share: number): Contest {
  const start = async (): Promise<Contestant[]> => {
    const contestants: Contestant[] = []
    for (const peer of bench.peers.available(['microwire', 'grpc-js', 'grpc-go'])) {
      const server = await bench.peers.startServer(peer)
      contestants.push(new OpenLoopContestant(peer, server, generator, share, bench.pace))
    }
    return contestants
  }
  return {
    suite: 'rpc',
    plan: 'P1',
    name: `latency at ${share * 100} % of the maximum`,
    conditions: 'open loop on 1 connection, each at its own rate, from when a call was due',
    metrics: [...LATENCIES, RATE],
    targets: [],
    start,
  }
}

/** Latency where servers are not saturated: at half and at four fifths of what each can do. */
export async function latency(bench: Bench): Promise<void> {
  const [command, ...args] = pinned(Core.loader, process.execPath, compiled('clients/generator'))
  const generator = await Child.start('generator', command, args)
  try {
    for (const share of [0.5, 0.8]) await bench.run(openLoop(bench, generator, share))
  } finally {
    await generator.close()
  }
}
