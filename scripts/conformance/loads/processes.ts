import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Certificate } from '../certificates.js'
import type { PythonTool } from '../foreign-tools.js'
import type { Cell, Peer } from './plan.js'
import type { Request } from './protocol.js'

/** Half a minute was too short for Node and Python where ten others wanted the two cores. Unit: ms. */
const START_TIME_MAX_MS = 120_000

/** One process of the matrix: a line of JSON to it, a line of JSON back. */
export class LoadProcess {
  readonly #child: ChildProcess
  readonly #waiting: { resolve(value: unknown): void; reject(error: Error): void }[] = []
  #stderr = ''
  #port = 0
  #over = false
  #crash: string | undefined

  private constructor(command: string, args: readonly string[], env: Record<string, string>) {
    const all: NodeJS.ProcessEnv = { ...process.env, ...env }
    // tap's coverage makes hot loops several times slower.
    delete all['NODE_V8_COVERAGE']
    this.#child = spawn(command, args, { env: all, stdio: 'pipe' })
    this.#child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-600)
    })
    this.#child.stdin!.on('error', () => {})
    this.#child.on('error', error => this.#fail(error.message))
    this.#child.on('exit', (code, signal) => {
      if (code !== null && code !== 0) this.#crash = `a process ended with ${code} ${this.#stderr}`
      this.#fail(`ended with ${signal ?? code}`)
    })
    createInterface({ input: this.#child.stdout! }).on('line', line => {
      this.#waiting.shift()?.resolve(JSON.parse(line))
    })
  }

  static async start(
    command: string,
    args: readonly string[],
    env: Record<string, string> = {},
  ): Promise<LoadProcess> {
    const started = new LoadProcess(command, args, env)
    started.#port = (await started.#answer<{ port: number }>(START_TIME_MAX_MS)).port
    return started
  }

  get port(): number {
    return this.#port
  }

  get isOver(): boolean {
    return this.#over
  }

  /** It ended by itself, and not in good order: what nobody caught, between two questions too. */
  get crash(): string | undefined {
    return this.#crash
  }

  async ask<T>(request: Request, timeoutMs: number): Promise<T> {
    const reply = this.#answer<T>(timeoutMs)
    this.#child.stdin!.write(`${JSON.stringify(request)}\n`)
    return await reply
  }

  /** SIGKILL: what an orderly end would tell its peer is not told. */
  async kill(): Promise<void> {
    if (this.#over) return
    const gone = new Promise(resolve => this.#child.once('exit', resolve))
    this.#child.kill('SIGKILL')
    await gone
  }

  #answer<T>(timeoutMs: number): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#over) return reject(new Error('the process is gone'))
      const timer = setTimeout(() => reject(new Error(`no answer in ${timeoutMs} ms`)), timeoutMs)
      const settle = () => clearTimeout(timer)
      this.#waiting.push({
        resolve: value => {
          settle()
          resolve(value as T)
        },
        reject: error => {
          settle()
          reject(error)
        },
      })
    })
  }

  #fail(what: string): void {
    this.#over = true
    const error = new Error(`${what} ${this.#stderr}`.trim())
    for (const waiting of this.#waiting.splice(0)) waiting.reject(error)
  }
}

/** Programs of the peers that are not of Node; who has none is left out of the plan. */
export interface Programs {
  readonly go?: string
  readonly python?: PythonTool
}

/** Starts processes when a cell needs them, and keeps them for the next one. */
export class ProcessPool {
  readonly #programs: Programs
  readonly #certificate: Certificate
  readonly #kept = new Map<string, LoadProcess>()

  constructor(programs: Programs, certificate: Certificate) {
    this.#programs = programs
    this.#certificate = certificate
  }

  get caFile(): string {
    return this.#certificate.certFile
  }

  async server(peer: Peer, cell: Cell): Promise<LoadProcess> {
    const flags = ['--windows', cell.windows]
    if (cell.security === 'tls') {
      flags.push('--cert', this.#certificate.certFile, '--key', this.#certificate.keyFile)
    }
    return await this.#get(`server ${peer} ${flags.join(' ')}`, peer, ['server', ...flags])
  }

  async client(peer: Peer): Promise<LoadProcess> {
    return await this.#get(`client ${peer}`, peer, ['client'])
  }

  async close(): Promise<void> {
    const crashes = [...this.#kept.values()].map(({ crash }) => crash)
    for (const kept of this.#kept.values()) await kept.kill()
    this.#kept.clear()
    const crash = crashes.find(text => text !== undefined)
    if (crash !== undefined) throw new Error(crash)
  }

  async #get(name: string, peer: Peer, [role, ...flags]: string[]): Promise<LoadProcess> {
    const kept = this.#kept.get(name)
    if (kept !== undefined && !kept.isOver) return kept
    this.#kept.delete(name)
    if (kept?.crash !== undefined) throw new Error(kept.crash)
    const { go, python } = this.#programs
    let started: LoadProcess
    if (peer === 'grpc-go') started = await LoadProcess.start(go!, [role!, ...flags])
    else if (peer === 'grpcio') {
      const args = ['interop/python/loads.py', role!, ...flags]
      started = await LoadProcess.start(python!.path, args, { ...python!.env })
    } else {
      const file = fileURLToPath(new URL('./child.js', import.meta.url))
      const args = ['--expose-gc', file, role!, peer, ...flags]
      started = await LoadProcess.start(process.execPath, args)
    }
    this.#kept.set(name, started)
    return started
  }
}
