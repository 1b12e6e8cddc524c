import type { ChildProcess } from 'node:child_process'
import type { Listening } from './attacker.js'
import { answerOf, ask, ended, start } from './child.js'
import type { Started } from './ours.js'

/** A process beside the one under attack. */
export interface Helper<Role extends 'attacker' | 'honest server'> {
  readonly role: Role
  readonly process: ChildProcess
  /** Where it listens, once it was asked. */
  listening: Promise<Role extends 'attacker' ? Listening : Started> | undefined
}

/** Who plays attacks. */
export type AttackerHelper = Helper<'attacker'>
/** What a client under attack calls beside the attacker. */
export type HonestHelper = Helper<'honest server'>

/**
 * The processes beside the one under attack. A process takes most of its time to start, so where many attacks
 * are played in part these are used again; the one under attack never is.
 */
export class Helpers {
  readonly #isPooled: boolean
  readonly #attackers: AttackerHelper[] = []
  readonly #honest: HonestHelper[] = []

  /** @param isPooled whether one that was given back is used again */
  constructor(isPooled: boolean) {
    this.#isPooled = isPooled
  }

  attacker(): AttackerHelper {
    const child = (): ChildProcess => start('attacker.js', ['child'], [])
    return this.#attackers.pop() ?? { role: 'attacker', process: child(), listening: undefined }
  }

  honest(): HonestHelper {
    const known = this.#honest.pop()
    if (known !== undefined) return known
    const process = start('server.js', ['microwire', 'plain'], [])
    return { role: 'honest server', process, listening: answerOf<Started>(process) }
  }

  /** Where `attacker` waits for clients. */
  async listening(attacker: AttackerHelper): Promise<Listening> {
    attacker.listening ??= ask<Listening>(attacker.process, 'listen')
    return await attacker.listening
  }

  /** They have done their part. Rejects when one ends otherwise than in good order. */
  async giveBack(helpers: readonly (AttackerHelper | HonestHelper)[]): Promise<void> {
    for (const helper of helpers) {
      if (helper.role === 'attacker') this.#attackers.push(helper as AttackerHelper)
      else this.#honest.push(helper as HonestHelper)
    }
    if (!this.#isPooled) await this.end()
  }

  /** All that were given back go in good order. Rejects when one does not. */
  async end(): Promise<void> {
    const all = [...this.#attackers.splice(0), ...this.#honest.splice(0)]
    await Promise.all(all.map(({ role, process }) => ended(process, `the ${role}`)))
  }
}
