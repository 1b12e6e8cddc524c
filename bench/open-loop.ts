import type { Child } from './child-process.js'
import type { Contestant, Metric, Sample } from './contest.js'
import { type Pace, warmUp } from './pace.js'
import { Path } from './payload.js'
import { RATE } from './unary-contest.js'

/** Quantiles of the time from when a call was due until it was answered. */
export const LATENCIES: readonly Metric[] = ['p50', 'p99', 'p99.9'].map(key => ({
  key,
  unit: 'us',
  better: 'lower',
}))

const CALLS_FIRST = 250
const CALLS_MAX = 80_000

/** A server at a share of its own greatest rate, which a closed loop finds out first. */
export class OpenLoopContestant implements Contestant {
  readonly peer: string
  readonly #server: Child
  readonly #generator: Child
  readonly #share: number
  readonly #pace: Pace
  #rate = 0

  constructor(peer: string, server: Child, generator: Child, share: number, pace: Pace) {
    this.peer = peer
    this.#server = server
    this.#generator = generator
    this.#share = share
    this.#pace = pace
  }

  async prepare(): Promise<void> {
    const calls = await warmUp(calls => this.#closed(calls), this.#pace, CALLS_FIRST, CALLS_MAX)
    const seconds = await this.#closed(calls)
    this.#rate = (calls / seconds) * this.#share
  }

  async measure(): Promise<Sample> {
    const rate = this.#rate
    const calls = Math.max(CALLS_FIRST, Math.round(rate * this.#pace.roundSeconds))
    const request = { do: 'paced', port: this.#server.port, path: Path.unary, rate, calls }
    return { ...(await this.#generator.ask(request)), [RATE.key]: rate }
  }

  async close(): Promise<void> {
    await this.#server.close()
  }

  async #closed(calls: number): Promise<number> {
    const { port } = this.#server
    const shape = { port, path: Path.unary, connections: 1, inFlight: 100, calls, varying: false }
    return (await this.#generator.ask({ do: 'unary', ...shape }))['seconds']!
  }
}
