import type { ChildProcess } from 'node:child_process'
import type { Played, PlayOrder } from './attack-socket.js'
import type { Listening } from './attacker.js'
import { answerOf, ask, ended, start } from './child.js'
import type { ClientMeasure } from './client.js'
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

/** Starts them, each in a process of its own. */
export async function makeStage(attack: Attack, peer: string): Promise<Stage> {
  return attack.client === undefined
    ? ServerStage.make(attack, peer)
    : ClientStage.make(attack, peer)
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
  readonly #attacker: ChildProcess
  #started: Started = { port: 0 }
  #victim: Victim | undefined

  private constructor(attack: Attack, peer: string) {
    this.#attack = attack
    this.#server = startTarget('server.js', [peer, attack.door ?? 'plain'])
    this.#attacker = start('attacker.js', ['child'], [])
  }

  static async make(attack: Attack, peer: string): Promise<Stage> {
    const stage = new ServerStage(attack, peer)
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
    return ask(this.#attacker, { ...order, port: attackPort, tls: cert !== undefined })
  }

  async leave(): Promise<void> {
    await ask(this.#attacker, 'leave')
    if (this.#attack.playMemory !== undefined) await ask(this.#server, { do: 'leave' })
  }

  async end(): Promise<void> {
    await this.#victim!.stop()
    await Promise.all([ended(this.#server, 'the server'), ended(this.#attacker, 'the attacker')])
  }

  kill(): void {
    this.#attacker.kill('SIGKILL')
    this.#server.kill('SIGKILL')
    void this.#victim?.stop()
  }
}

class ClientStage implements Stage {
  readonly #attack: Attack
  readonly #client: ChildProcess
  readonly #attacker: ChildProcess
  readonly #honest: ChildProcess
  readonly #listening: Listening

  private constructor(
    attack: Attack,
    peer: string,
    processes: readonly ChildProcess[],
    honestPort: number,
    listening: Listening,
  ) {
    this.#attack = attack
    ;[this.#honest, this.#attacker] = processes as [ChildProcess, ChildProcess]
    this.#listening = listening
    this.#client = startTarget('client.js', [peer, attack.door ?? 'plain', String(honestPort)])
  }

  static async make(attack: Attack, peer: string): Promise<Stage> {
    // All at once: a process takes most of its time to start.
    const processes = [
      start('server.js', ['microwire', 'plain'], []),
      start('attacker.js', ['child'], []),
    ]
    try {
      const { port } = await answerOf<Started>(processes[0]!)
      const listening = await ask<Listening>(processes[1]!, 'listen')
      const stage = new ClientStage(attack, peer, processes, port, listening)
      await answerOf(stage.#client)
      return stage
    } catch (error) {
      for (const child of processes) child.kill('SIGKILL')
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
    const played = ask<Played>(this.#attacker, { ...order, port: 0 })
    const { port, tlsPort, cert } = this.#listening
    const where = this.#attack.door === 'tls' ? { port: tlsPort, cert } : { port }
    await ask(this.#client, { do: 'call', calls: this.#attack.client!, ...where })
    return played
  }

  async leave(): Promise<void> {
    await Promise.all([ask(this.#attacker, 'leave'), ask(this.#client, { do: 'leave' })])
  }

  async end(): Promise<void> {
    // The client first: it calls the honest server until it goes.
    await ended(this.#client, 'the client')
    await Promise.all([
      ended(this.#attacker, 'the attacker'),
      ended(this.#honest, 'the honest server'),
    ])
  }

  kill(): void {
    for (const child of [this.#client, this.#attacker, this.#honest]) child.kill('SIGKILL')
  }
}
