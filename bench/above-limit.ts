import type { Child } from './child-process.js'
import type { Contestant, Metric, Sample } from './contest.js'
import { CPU } from './unary-contest.js'

/** CPU time of each unit without what the limit of the same shape takes. */
export const ABOVE: Metric = { key: 'above the limit', unit: 'us', better: 'lower' }

/** CPU time of each unit at the limit. */
export const LIMIT: Metric = { key: 'limit', unit: 'us', better: 'lower' }

/** Less than this cannot be told from the noise of the clock. Unit: us. */
const LEAST = 0.01

/** A server, and how to put so many units of work on it. */
export interface Work {
  readonly server: Child
  run(): Promise<void>
}

/** A server beside a limit of its shape, one after the other in each round. */
export class AboveLimitContestant implements Contestant {
  readonly peer: string
  readonly #own: Work
  readonly #limit: Work
  readonly #units: number

  constructor(peer: string, own: Work, limit: Work, units: number) {
    this.peer = peer
    this.#own = own
    this.#limit = limit
    this.#units = units
  }

  async prepare(): Promise<void> {
    for (const { run } of [this.#own, this.#limit]) {
      await run()
      await run()
    }
  }

  async measure(): Promise<Sample> {
    const cpu = await this.#cpuOf(this.#own)
    const limit = await this.#cpuOf(this.#limit)
    return { [CPU.key]: cpu, [LIMIT.key]: limit, [ABOVE.key]: Math.max(LEAST, cpu - limit) }
  }

  async close(): Promise<void> {
    await this.#own.server.close()
    await this.#limit.server.close()
  }

  async #cpuOf({ server, run }: Work): Promise<number> {
    const before = await server.usage()
    await run()
    const after = await server.usage()
    return (after['cpuUs']! - before['cpuUs']!) / this.#units
  }
}
