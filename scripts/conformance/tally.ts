/** One line of the result: a suite, or one way of running it. */
export interface Row {
  readonly suite: string
  /** Version of the peer or of the data. */
  readonly version: string
  readonly passed: number
  readonly failed: number
  readonly skipped: number
  readonly total: number
  /** Names and reasons of what failed or was skipped, for the reader. */
  readonly notes: readonly string[]
}

/** Counts the cases of one row while a suite runs. */
export class Tally {
  readonly suite: string
  readonly version: string
  #passed = 0
  #failed = 0
  #skipped = 0
  readonly #notes: string[] = []

  constructor(suite: string, version: string) {
    this.suite = suite
    this.version = version
  }

  pass(): void {
    this.#passed++
  }

  fail(name: string, why: unknown): void {
    this.#failed++
    this.#notes.push(`FAILED ${name}: ${reason(why)}`)
  }

  /** `why` is one clear sentence. */
  skip(why: string, count: number = 1): void {
    this.#skipped += count
    this.#notes.push(`skipped: ${why}`)
  }

  /** Something worth knowing that changes no count. */
  note(text: string): void {
    this.#notes.push(text)
  }

  /** Counts `check` as passed unless it throws. */
  async run(name: string, check: () => unknown): Promise<void> {
    const start = performance.now()
    try {
      await check()
      this.pass()
    } catch (error) {
      this.fail(name, error)
    }
    if (process.env['MICROWIRE_CASES'] === undefined) return
    console.log(`     ${this.suite}: ${name} ${(performance.now() - start).toFixed(0)} ms`)
  }

  get row(): Row {
    return {
      suite: this.suite,
      version: this.version,
      passed: this.#passed,
      failed: this.#failed,
      skipped: this.#skipped,
      total: this.#passed + this.#failed + this.#skipped,
      notes: this.#notes,
    }
  }
}

/** Counts what a client of another language printed: a line of JSON for each case. */
export function tallyLines(tally: Tally, stdout: string, stderr: string): void {
  const lines = stdout.split('\n').filter(line => line.startsWith('{'))
  if (lines.length === 0) tally.fail('the client itself', stderr.slice(-400))
  for (const line of lines) {
    const result = JSON.parse(line) as { case: string; ok: boolean; error?: string }
    if (result.ok) tally.pass()
    else tally.fail(result.case, result.error)
  }
}

function reason(why: unknown): string {
  if (!(why instanceof Error)) return String(why)
  const text = why.message.split('\n', 12).join('\n    ')
  return process.env['MICROWIRE_STACKS'] === undefined ? text : `${text}\n${why.stack}`
}
