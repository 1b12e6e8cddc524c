import type { OverloadOptions } from '../../src/micro/index.js'
import { Child } from '../child-process.js'
import { compiled } from '../paths.js'

/** What is special about the servers of a fleet. */
export interface ServerKind {
  /** Calls that one can do at a time; the others wait. Default: any number. */
  readonly capacity?: number
  readonly overload?: OverloadOptions
  /** Every call fails with UNAVAILABLE. */
  readonly fails?: boolean
}

/** Processes that serve, and what is done to them. */
export class Fleet {
  readonly #children: Child[]

  private constructor(children: Child[]) {
    this.#children = children
  }

  /** `count` servers whose answers take `delayMs`. */
  static async start(count: number, delayMs: number, kind: ServerKind = {}): Promise<Fleet> {
    const args = [compiled('fleet/server'), '0', String(delayMs), JSON.stringify(kind)]
    const start = () => Child.start('fleet server', process.execPath, args)
    return new Fleet(await Promise.all(Array.from({ length: count }, start)))
  }

  get ports(): readonly number[] {
    return this.#children.map(({ port }) => port)
  }

  /** SIGKILL, SIGSTOP, SIGCONT. */
  signal(at: number, signal: NodeJS.Signals): void {
    process.kill(this.#children[at]!.pid, signal)
  }

  async delay(at: number, ms: number): Promise<void> {
    await this.#children[at]!.ask({ do: 'delay', ms })
  }

  /** Calls that each server has begun. */
  async counts(): Promise<number[]> {
    const replies = await Promise.all(this.#children.map(child => child.ask({ do: 'count' })))
    return replies.map(({ count = 0 }) => count)
  }

  /** Another process in place of one that was killed, on its port. */
  async restart(at: number, delayMs: number): Promise<void> {
    const args = [compiled('fleet/server'), String(this.#children[at]!.port), String(delayMs)]
    this.#children[at] = await Child.start('fleet server', process.execPath, args)
  }

  async close(): Promise<void> {
    await Promise.all(this.#children.map(child => child.close()))
  }
}
