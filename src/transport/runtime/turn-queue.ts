import { InTurns } from './in-turns.js'
import type { Runtime } from './runtime.js'

/** Tasks in the order in which they came, as many in each turn of the event loop as `InTurns` allows. */
export class TurnQueue {
  readonly #turns: InTurns
  #tasks: (() => void)[] = []
  /** Those before it are done: taking one is O(1). */
  #head = 0

  constructor(runtime: Pick<Runtime, 'afterTurn' | 'stopwatch'>) {
    this.#turns = new InTurns(runtime, () => this.#next())
  }

  /** Does what there is room for now. */
  add(tasks: readonly (() => void)[]): void {
    for (const task of tasks) this.#tasks.push(task)
    this.#turns.run()
  }

  /** Does all that is left at once: nothing may follow. */
  flush(): void {
    while (this.#next());
  }

  #next(): boolean {
    const task = this.#tasks[this.#head]
    if (task === undefined) {
      this.#tasks = []
      this.#head = 0
      return false
    }
    this.#head++
    task()
    return true
  }
}
