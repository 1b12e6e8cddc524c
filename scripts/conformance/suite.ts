import { spawn } from 'node:child_process'
import { Program, type ProgramOptions } from './program.js'
import { type Row, Tally } from './tally.js'

/** A conformance suite by name. */
export interface Suite {
  readonly name: string
  /** What it proves, in one line. */
  readonly about: string
  run(run: SuiteRun): Promise<void>
}

/** Thrown when what a suite needs cannot be had here. The message is one clear sentence. */
export class Unavailable extends Error {
  override readonly name = 'Unavailable'
}

/** One run of one suite: its rows, and everything that must end with it. */
export class SuiteRun {
  readonly name: string
  readonly #tallies: Tally[] = []
  readonly #endings: (() => unknown)[] = []

  constructor(name: string) {
    this.name = name
  }

  /** A new row. `part` names the way of running, such as `tls`. */
  row(part: string, version: string): Tally {
    const tally = new Tally(part === '' ? this.name : `${this.name} ${part}`, version)
    this.#tallies.push(tally)
    return tally
  }

  /** Starts a program that ends with the suite at the latest. */
  start(command: string, args: readonly string[], options: ProgramOptions = {}): Program {
    const child = spawn(command, args, {
      stdio: 'pipe',
      env: { ...process.env, ...options.env },
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    })
    const program = new Program(command, child)
    this.onEnd(() => program.stop())
    return program
  }

  /** `ending` runs when the suite is over, the last one first. */
  onEnd(ending: () => unknown): void {
    this.#endings.push(ending)
  }

  async end(): Promise<void> {
    for (const ending of this.#endings.reverse()) {
      try {
        await ending()
      } catch (error) {
        this.row('cleanup', '').fail('end of the suite', error)
      }
    }
    this.#endings.length = 0
  }

  get rows(): readonly Row[] {
    return this.#tallies.map(tally => tally.row)
  }
}
