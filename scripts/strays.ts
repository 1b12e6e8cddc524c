/** What nobody caught: unhandled rejections and uncaught exceptions. They fail the run in which they come. */
export class Strays {
  #texts: string[] = []

  /** From now on they do not end the process, but they are a fault of it: see `take`. */
  constructor() {
    process.on('unhandledRejection', error => this.#add('unhandled rejection', error))
    process.on('uncaughtException', error => this.#add('uncaught exception', error))
    // What comes after the last `take` has nobody else to tell.
    process.on('exit', () => {
      for (const text of this.#texts) process.stderr.write(`${text}\n`)
      if (this.#texts.length > 0) process.exitCode = 1
    })
  }

  /** Those since the last call. What was rejected a moment ago is told after a turn of the loop. */
  take(): string[] {
    return this.#texts.splice(0)
  }

  #add(kind: string, error: unknown): void {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
    this.#texts.push(`${kind}: ${text}`)
  }
}

/** Until what was rejected unhandled has been told: one turn of the loop. */
export function turnOfLoop(): Promise<void> {
  return new Promise(resolve => {
    setImmediate(resolve)
  })
}
