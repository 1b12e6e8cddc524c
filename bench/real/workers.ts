import { checkReusePort } from '../../src/transport/node/handed-socket.js'
import { Child } from '../child-process.js'
import type { Contest, Contestant } from '../contest.js'
import { compiled } from '../paths.js'
import { PREFIX_SIZE } from '../payload.js'
import type { Bench } from '../suite.js'
import { CPU, RATE } from '../unary-contest.js'
import { ProcessContestant, secondsOf } from './contestant.js'
import { ORDER_SIZE, OrderPath } from './orders.js'

/** Calls in flight over all connections. */
const IN_FLIGHT = 128

/** How few spoil it: a connection belongs to one worker. */
const CONNECTIONS = [64, 8, 2, 1] as const

const WAYS: readonly (readonly [peer: string, program: string, ...args: string[]])[] = [
  ['node:cluster', 'orders-workers'],
  ['one process', 'orders-microwire'],
  ['reusePort', 'orders-workers', '--reuse-port'],
]

function workersContest(bench: Bench, generator: Child, connections: number): Contest {
  const inFlight = IN_FLIGHT / connections
  const start = async (): Promise<Contestant[]> => {
    const contestants: Contestant[] = []
    for (const [peer, program, ...args] of WAYS) {
      if (peer === 'reusePort' && reusePortFault() !== undefined) continue
      const server = await Child.start(peer, process.execPath, [
        compiled(`servers/${program}`),
        ...args,
      ])
      const load = { do: 'unary', path: OrderPath.get, orders: 'alike', connections, inFlight }
      const answerSize = PREFIX_SIZE + ORDER_SIZE
      const run = async (calls: number): Promise<number> =>
        await secondsOf(generator, { ...load, answerSize, port: server.port, calls })
      contestants.push(new ProcessContestant(peer, server, bench.pace, run))
    }
    return contestants
  }
  return {
    suite: 'real',
    name: `two workers, ${connections} ${connections === 1 ? 'connection' : 'connections'}`,
    conditions: `realistic call, ${IN_FLIGHT} in flight in all, two cores that the load shares`,
    metrics: [RATE, CPU],
    targets:
      connections === CONNECTIONS[0]
        ? [{ peer: 'one process', metric: RATE.key, atLeast: 1.8 }]
        : [],
    start,
  }
}

function reusePortFault(): string | undefined {
  try {
    checkReusePort()
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}

/** What a second process at the same port gives. */
export async function workersContests(bench: Bench): Promise<void> {
  const fault = reusePortFault()
  if (fault !== undefined) bench.note(`left out: ${fault}`)
  // Not pinned: the processes and their load have both cores.
  const generator = await Child.start('generator', process.execPath, [
    compiled('clients/generator'),
  ])
  try {
    const all = bench.pace.kind === 'smoke' ? CONNECTIONS.slice(0, 1) : CONNECTIONS
    for (const connections of all) await bench.run(workersContest(bench, generator, connections))
  } finally {
    await generator.close()
  }
}
