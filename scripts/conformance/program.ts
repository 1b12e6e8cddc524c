import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'

export interface ProgramOptions {
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
}

/** How a program ended. */
export interface Ended {
  readonly code: number | null
  readonly signal: string | null
  readonly stdout: string
  readonly stderr: string
}

/** A child process whose output is kept. */
export class Program {
  readonly #child: ChildProcessWithoutNullStreams
  readonly #name: string
  #stdout = ''
  #stderr = ''
  readonly #ended: Promise<Ended>
  #listeners: (() => void)[] = []
  #over = false

  constructor(name: string, child: ChildProcessWithoutNullStreams) {
    this.#name = name
    this.#child = child
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text
      this.#wake()
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text
      this.#wake()
    })
    child.stdin.on('error', () => {})
    this.#ended = new Promise(resolve => {
      const finish = (code: number | null, signal: string | null) => {
        this.#over = true
        this.#wake()
        resolve({ code, signal, stdout: this.#stdout, stderr: this.#stderr })
      }
      child.once('error', error => {
        this.#stderr += error.message
        finish(-1, null)
      })
      child.once('close', finish)
    })
  }

  get stdout(): string {
    return this.#stdout
  }

  get stderr(): string {
    return this.#stderr
  }

  /** Waits until `pattern` is in the output of either kind, and gives the match. */
  async waitFor(pattern: RegExp, timeoutMs: number = 15_000): Promise<RegExpMatchArray> {
    const until = Date.now() + timeoutMs
    for (;;) {
      const match = pattern.exec(this.#stdout) ?? pattern.exec(this.#stderr)
      if (match !== null) return match
      const left = until - Date.now()
      if (this.#over || left <= 0) {
        const tail = (this.#stdout + this.#stderr).slice(-400)
        throw new Error(`${this.#name} did not say ${pattern}: ${tail}`)
      }
      await Promise.race([new Promise<void>(wake => this.#listeners.push(wake)), delay(left)])
    }
  }

  /** Gives it one line of input; more may follow. */
  writeLine(text: string): void {
    this.#child.stdin.write(`${text}\n`)
  }

  /** Gives it `text` as all of its input. */
  write(text: string): void {
    this.#child.stdin.end(text)
  }

  /** Gives it more input. */
  say(text: string): void {
    this.#child.stdin.write(text)
  }

  /** Waits for the end; past `timeoutMs` the program is killed and that is an error. */
  async ended(timeoutMs: number): Promise<Ended> {
    const timer = new AbortController()
    const late = delay(timeoutMs, 'late' as const, { signal: timer.signal }).catch(
      () => 'late' as const,
    )
    const first = await Promise.race([this.#ended, late])
    timer.abort()
    if (first !== 'late') return first
    await this.stop()
    const tail = (this.#stdout + this.#stderr).slice(-800)
    throw new Error(`${this.#name} took longer than ${timeoutMs} ms: ${tail}`)
  }

  /** Id of the process; undefined when it could not be started. */
  get pid(): number | undefined {
    return this.#child.pid
  }

  /** Ends it at once, without a chance to clean up, and waits until it is gone. */
  async kill(): Promise<void> {
    if (this.#over) return
    this.#child.kill('SIGKILL')
    await this.#ended
  }

  /** Ends it: politely first, by force after two seconds. */
  async stop(): Promise<void> {
    if (this.#over) return
    this.#child.stdin.end()
    this.#child.kill('SIGTERM')
    const force = setTimeout(() => this.#child.kill('SIGKILL'), 2_000)
    if (!this.#over) await once(this.#child, 'close')
    clearTimeout(force)
  }

  #wake(): void {
    const listeners = this.#listeners
    this.#listeners = []
    for (const wake of listeners) wake()
  }
}
