import type { ChildProcess } from 'node:child_process'
import type { Played, PlayOrder } from './attack-socket.js'
import type { Listening } from './attacker.js'
import { answerOf, ask, ended, start } from './child.js'
import type { ClientMeasure } from './client.js'
import type { AttackerHelper, Helpers, HonestHelper } from './helpers.js'
import type { Measure, Order } from './meter.js'
import type { Started } from './ours.js'
import type { Attack } from './play.js'
import { Victim } from './victim.js'

/** What the ordinary client's calls took since the last look, and how many failed. Unit: ms. */
export interface Ordinary {
  readonly times: readonly number[]
  readonly errors: number
}

/** Who takes part in an attack: the one under attack, the attacker, and an ordinary client beside them. */
export interface Stage {
  ask(order: Order): Promise<Measure>
  ordinary(): Promise<Ordinary>
  attack(order: Omit<PlayOrder, 'port'>): Promise<Played>
  /** The attacker goes. */
  leave(): Promise<void>
  /** All go in good order. Rejects when one does not. */
  end(): Promise<void>
  /** By force, if they are there still. */
  kill(): void
}

/** Starts the one under attack in a process of its own; who is beside it comes from `helpers`. */
export async function makeStage(attack: Attack, peer: string, helpers: Helpers): Promise<Stage> {
  return attack.client === undefined
    ? ServerStage.make(attack, peer, helpers)
    : ClientStage.make(attack, peer, helpers)
}

function startTarget(file: string, args: readonly string[]): ChildProcess {
  // Code that a collection throws away would look like memory that the attack gave back.
  const child = start(file, args, ['--expose-gc', '--no-flush-bytecode'])
  // A crash in between is told by the question that then has no answer.
  child.on('error', () => {})
  return child
}

class ServerStage implements Stage {
  readonly #attack: Attack
  readonly #server: ChildProcess
  readonly #helpers: Helpers
  /** Undefined once it was given back. */
  #attacker: AttackerHelper | undefined
  #started: Started = { port: 0 }
  #victim: Victim | undefined

  private constructor(attack: Attack, peer: string, helpers: Helpers) {
    this.#attack = attack
    this.#helpers = helpers
    this.#server = startTarget('server.js', [peer, attack.door ?? 'plain'])
    this.#attacker = helpers.attacker()
  }

  static async make(attack: Attack, peer: string, helpers: Helpers): Promise<Stage> {
    const stage = new ServerStage(attack, peer, helpers)
    try {
      stage.#started = await answerOf<Started>(stage.#server)
    } catch (error) {
      stage.kill()
      throw error
    }
    stage.#victim = new Victim(stage.#started.port, stage.#started.cert)
    return stage
  }

  ask(order: Order): Promise<Measure> {
    return ask(this.#server, order)
  }

  async ordinary(): Promise<Ordinary> {
    return this.#victim!.take()
  }

  attack(order: Omit<PlayOrder, 'port'>): Promise<Played> {
    const { port, attackPort = port, cert } = this.#started
    if (this.#attack.playMemory !== undefined) return ask(this.#server, { ...order, do: 'play' })
    const where = { port: attackPort, tls: cert !== undefined }
    return ask(this.#attacker!.process, { ...order, ...where })
  }

  async leave(): Promise<void> {
    await ask(this.#attacker!.process, 'leave')
    if (this.#attack.playMemory !== undefined) await ask(this.#server, { do: 'leave' })
  }

  async end(): Promise<void> {
    await this.#victim!.stop()
    const attacker = this.#attacker!
    this.#attacker = undefined
    await Promise.all([ended(this.#server, 'the server'), this.#helpers.giveBack([attacker])])
  }

  kill(): void {
    this.#attacker?.process.kill('SIGKILL')
    this.#server.kill('SIGKILL')
    void this.#victim?.stop()
  }
}

class ClientStage implements Stage {
  readonly #attack: Attack
  readonly #client: ChildProcess
  readonly #helpers: Helpers
  readonly #attacker: AttackerHelper
  readonly #honest: HonestHelper
  #isGivenBack = false
  readonly #listening: Listening

  private constructor(
    attack: Attack,
    client: ChildProcess,
    beside: { helpers: Helpers; attacker: AttackerHelper; honest: HonestHelper },
    listening: Listening,
  ) {
    this.#attack = attack
    this.#client = client
    this.#helpers = beside.helpers
    this.#attacker = beside.attacker
    this.#honest = beside.honest
    this.#listening = listening
  }

  static async make(attack: Attack, peer: string, helpers: Helpers): Promise<Stage> {
    // Both at once: a process takes most of its time to start.
    const [honest, attacker] = [helpers.honest(), helpers.attacker()]
    try {
      const { port } = await honest.listening!
      const listening = await helpers.listening(attacker)
      const client = startTarget('client.js', [peer, attack.door ?? 'plain', String(port)])
      await answerOf(client)
      return new ClientStage(attack, client, { helpers, attacker, honest }, listening)
    } catch (error) {
      for (const { process } of [honest, attacker]) process.kill('SIGKILL')
      throw error
    }
  }

  ask(order: Order): Promise<ClientMeasure> {
    return ask(this.#client, order)
  }

  async ordinary(): Promise<Ordinary> {
    const { victimTimes, victimErrors } = await this.ask({ do: 'peek' })
    return { times: victimTimes, errors: victimErrors }
  }

  async attack(order: Omit<PlayOrder, 'port'>): Promise<Played> {
    const played = ask<Played>(this.#attacker.process, { ...order, port: 0 })
    const { port, tlsPort, cert } = this.#listening
    const where = this.#attack.door === 'tls' ? { port: tlsPort, cert } : { port }
    await ask(this.#client, { do: 'call', calls: this.#attack.client!, ...where })
    return played
  }

  async leave(): Promise<void> {
    await Promise.all([ask(this.#attacker.process, 'leave'), ask(this.#client, { do: 'leave' })])
  }

  async end(): Promise<void> {
    // The client first: it calls the honest server until it goes.
    await ended(this.#client, 'the client')
    this.#isGivenBack = true
    await this.#helpers.giveBack([this.#attacker, this.#honest])
  }

  kill(): void {
    this.#client.kill('SIGKILL')
    if (this.#isGivenBack) return
    for (const { process } of [this.#attacker, this.#honest]) process.kill('SIGKILL')
  }
}
