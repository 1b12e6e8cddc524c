/** As tests plant secrets: what a test run prints must have none. */
const PLANTED_SECRET = /hush-[a-z]+-[0-9a-f]{4}\b/

/** How a process came to its end. */
export interface ProcessEnd {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** It was ended because it ran longer. Unit: ms. */
  readonly killedAfterMs?: number | undefined
}

/** Reads what one test file prints, in TAP: lines at the margin are tests, whose subtests and assertions are further in. */
export class TapReader {
  passed = 0
  failed = 0
  skipped = 0
  /** Names of what failed. */
  readonly failures: string[] = []
  /** Failed assertions with their diagnostics, but not the passed ones around them. */
  readonly details: string[] = []
  #hasPlan = false
  #isFailing = false

  /** What is no test, and yet fails the run. */
  fault(text: string): void {
    this.failed++
    this.failures.push(text)
  }

  /** A line of standard output. */
  line(line: string): void {
    this.look(line)
    const test = /^(not ok|ok) \d+ ?-? ?(.*)$/.exec(line)
    if (test !== null) this.#test(test[1] === 'ok', test[2]!)
    else if (/^Bail out!/.test(line)) this.fault(line)
    const plan = /^1\.\.(\d+)/.exec(line)
    if (plan !== null) this.#hasPlan = true
    if (plan?.[1] === '0') this.skipped++
    if (/^\s*not ok /.test(line)) this.#isFailing = true
    else if (/^\s*ok |^\s*# Subtest/.test(line)) this.#isFailing = false
    if (this.#isFailing) this.details.push(line)
  }

  /** A line that somebody printed, wherever. */
  look(line: string): void {
    if (PLANTED_SECRET.test(line)) this.fault(`a planted secret is printed: ${line}`)
  }

  /** The process has ended: a file can fail without a failed test. */
  end({ code, signal, killedAfterMs }: ProcessEnd): void {
    if (killedAfterMs !== undefined) this.fault(`had not ended after ${killedAfterMs / 1_000} s`)
    else if (this.failed > 0) return
    else if (signal !== null) this.fault(`ended by ${signal}`)
    else if (code !== 0) this.fault(`ended with exit code ${code}`)
    else if (!this.#hasPlan)
      this.fault('ended in the middle: it has not said how many tests it has')
  }

  #test(isPassed: boolean, text: string): void {
    if (/# SKIP/i.test(text)) this.skipped++
    else if (isPassed) this.passed++
    else {
      this.failed++
      this.failures.push(text.replace(/ # time=.*$/, ''))
    }
  }
}
