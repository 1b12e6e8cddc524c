import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Reply, Request } from './child.js'

/** A child that takes longer than this for one answer is broken; the longest command takes seconds. */
const ANSWER_TIME_MAX_MS = 120_000

interface Waiting {
  resolve(reply: Reply): void
  reject(error: Error): void
}

/** The runner's half of the protocol with a child: a server under load, or a client that loads. */
export class Child {
  readonly name: string
  readonly #process: ChildProcess
  readonly #waiting: Waiting[] = []
  #ready: Reply = {}
  #failure: Error | undefined
  #stderr = ''

  private constructor(name: string, command: string, args: readonly string[]) {
    this.name = name
    // tap hands NODE_V8_COVERAGE to everything below it, which makes hot loops several times slower.
    const env = { ...process.env }
    delete env['NODE_V8_COVERAGE']
    this.#process = spawn(command, args, { env, stdio: ['pipe', 'pipe', 'pipe'] })
    this.#process.on('error', error => this.#fail(error.message))
    this.#process.on('exit', (code, signal) => this.#fail(`ended with ${signal ?? code}`))
    this.#process.stdin!.on('error', error => this.#fail(error.message))
    this.#process.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-2_000)
    })
    createInterface({ input: this.#process.stdout! }).on('line', line => {
      this.#waiting.shift()?.resolve(JSON.parse(line) as Reply)
    })
  }

  /** Starts a child; resolves when it says that it is ready. */
  static async start(name: string, command: string, args: readonly string[]): Promise<Child> {
    const child = new Child(name, command, args)
    child.#ready = await child.#answer()
    return child
  }

  /** Port of a server. */
  get port(): number {
    const port = this.#ready['port']
    if (port === undefined) throw new Error(`${this.name} is not a server`)
    return port
  }

  /** For signals. */
  get pid(): number {
    return this.#process.pid!
  }

  /** Sends one command and waits for its answer. */
  async ask(request: Request): Promise<Reply> {
    const answer = this.#answer()
    this.#process.stdin!.write(JSON.stringify(request) + '\n')
    return await answer
  }

  /** CPU time (user and system) so far in microseconds, memory in octets, and the child's own counters. */
  async usage(): Promise<Reply> {
    return await this.ask({ do: 'usage' })
  }

  /** Ends the child and waits until it is gone. */
  async close(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return
    const gone = new Promise<void>(resolve => this.#process.once('exit', () => resolve()))
    this.#process.stdin!.end()
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), 2_000)
    await gone
    clearTimeout(timer)
  }

  #answer(): Promise<Reply> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#process.kill('SIGKILL')
        reject(new Error(`${this.name} did not answer within ${ANSWER_TIME_MAX_MS / 1_000} s`))
      }, ANSWER_TIME_MAX_MS)
      this.#waiting.push({
        resolve: reply => {
          clearTimeout(timer)
          resolve(reply)
        },
        reject: error => {
          clearTimeout(timer)
          reject(error)
        },
      })
    })
  }

  #fail(reason: string): void {
    this.#failure ??= new Error(`${this.name} ${reason}\n${this.#stderr}`.trim())
    for (const waiting of this.#waiting.splice(0)) waiting.reject(this.#failure)
  }
}
