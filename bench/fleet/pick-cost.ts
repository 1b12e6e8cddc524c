import {
  type Balancing,
  Channel,
  leastRequest,
  peakEwma,
  roundRobin,
} from '../../src/channel/index.js'
import { nodeRuntime } from '../../src/transport/index.js'

const PICKS = 200_000

/** What one pick costs with `count` connected endpoints, its begin and its end included. Unit: ns. */
export function pickCost(balancing: Balancing, count: number): number {
  const channel = new Channel({
    name: 'cost',
    balancing,
    runtime: {
      // The clock of clients: whole milliseconds.
      now: nodeRuntime.now,
      random: Math.random,
      schedule: () => ({ cancel() {}, ref() {} }),
      afterMicrotasks: run => run(),
      afterTurn: run => run(),
    },
    open: () => undefined,
  })
  channel.update(
    Array.from({ length: count }, (_, at) => ({ id: `${at}`, address: `a:${at + 1}` })),
  )
  let best = Number.POSITIVE_INFINITY
  for (let round = 0; round < 5; round++) {
    const start = performance.now()
    const beganAt = nodeRuntime.now()
    for (let i = 0; i < PICKS; i++) {
      const picked = channel.pick()!
      // As a unary call does, which knows when it began.
      picked.begin(true)
      picked.done(undefined, undefined, beganAt)
    }
    best = Math.min(best, ((performance.now() - start) * 1e6) / PICKS)
  }
  return best
}

/** All balancers, by name. */
export const BALANCERS: readonly Balancing[] = [roundRobin(), leastRequest(), peakEwma()]
