import type { Child } from '../child-process.js'
import type { Contestant, Sample } from '../contest.js'
import { type Pace, warmUp } from '../pace.js'
import { CPU, RATE } from '../unary-contest.js'

/** What a round may hold. */
export interface Amount {
  /** What a warm-up begins with. */
  readonly first: number
  readonly most: number
}

/** A process whose CPU time is measured while `run` gives it work; answers how many seconds that took. */
export class ProcessContestant implements Contestant {
  readonly peer: string
  readonly #child: Child
  readonly #run: (units: number) => Promise<number>
  readonly #pace: Pace
  readonly #amount: Amount
  #units = 0

  constructor(
    peer: string,
    child: Child,
    pace: Pace,
    run: (units: number) => Promise<number>,
    amount: Amount = { first: 200, most: 40_000 },
  ) {
    this.peer = peer
    this.#child = child
    this.#run = run
    this.#pace = pace
    this.#amount = amount
  }

  async prepare(): Promise<void> {
    this.#units = await warmUp(this.#run, this.#pace, this.#amount.first, this.#amount.most)
  }

  async measure(): Promise<Sample> {
    const before = await this.#child.usage()
    const seconds = await this.#run(this.#units)
    const after = await this.#child.usage()
    const cpu = (after['cpuUs']! - before['cpuUs']!) / this.#units
    return { [CPU.key]: cpu, [RATE.key]: this.#units / seconds }
  }

  async close(): Promise<void> {
    await this.#child.close()
  }
}

/** The seconds that a command of a loader took. */
export async function secondsOf(
  loader: Child,
  request: Parameters<Child['ask']>[0],
): Promise<number> {
  const { seconds } = await loader.ask(request)
  if (seconds === undefined) throw new Error(`${loader.name}: no figures`)
  return seconds
}
