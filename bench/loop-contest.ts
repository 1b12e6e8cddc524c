import Benchmark from 'benchmark'
import type { Contest, Contestant, Metric, Sample, Target } from './contest.js'
import type { Pace } from './pace.js'

/** Time of one operation. */
export const TIME: Metric = { key: 'time', unit: 'ns', better: 'lower' }

/** One way of doing the same work within this process. */
export interface Loop {
  readonly peer: string
  /** Does `operations` of the contest's operations. */
  run(): void
}

/** The same work done in several ways. */
export interface LoopContest {
  readonly suite: string
  readonly plan?: string
  readonly name: string
  /** What one operation is. */
  readonly operation: string
  /** How many of them one run does. */
  readonly operations: number
  readonly targets?: readonly Target[]
  readonly loops: readonly Loop[]
}

/** Shortest time in which Benchmark.js samples one loop, as a share of a round's time. */
const SAMPLING_SHARE = 0.4

class LoopContestant implements Contestant {
  readonly peer: string
  readonly #loop: Loop
  readonly #operations: number
  readonly #pace: Pace

  constructor(loop: Loop, operations: number, pace: Pace) {
    this.peer = loop.peer
    this.#loop = loop
    this.#operations = operations
    this.#pace = pace
  }

  async prepare(): Promise<void> {
    this.#sample(this.#pace.warmUpSeconds * SAMPLING_SHARE)
  }

  async measure(): Promise<Sample> {
    const seconds = this.#sample(this.#pace.roundSeconds * SAMPLING_SHARE)
    return { [TIME.key]: (seconds * 1e9) / this.#operations }
  }

  async close(): Promise<void> {}

  /** Seconds of one run. */
  #sample(maxTime: number): number {
    const loop = this.#loop
    const benchmark = new Benchmark(() => loop.run(), {
      maxTime,
      minTime: Math.min(0.02, maxTime / 5),
      minSamples: 5,
    })
    benchmark.run({ async: false })
    if (benchmark.error !== undefined) throw benchmark.error
    return benchmark.stats.mean
  }
}

/** A contest of loops, sampled by Benchmark.js and interleaved like all contests. */
export function loopContest(setup: LoopContest, pace: Pace): Contest {
  return {
    suite: setup.suite,
    ...(setup.plan === undefined ? {} : { plan: setup.plan }),
    name: setup.name,
    conditions: `for each ${setup.operation}`,
    metrics: [TIME],
    targets: setup.targets ?? [],
    start: async () => setup.loops.map(loop => new LoopContestant(loop, setup.operations, pace)),
  }
}
