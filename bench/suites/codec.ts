import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { MESSAGES } from '../codec/messages.js'
import { PEERS, type Peer, prepare } from '../codec/peers.js'
import type { Contest, Contestant, Sample, Target } from '../contest.js'
import { TIME } from '../loop-contest.js'
import type { Pace } from '../pace.js'
import type { Bench } from '../suite.js'

const SUITE = 'codec'
const CHILD = join(import.meta.dirname, '../codec/child.js')
const OPERATIONS = ['encode', 'decode'] as const

/** Of issue's figures: ours against protobufjs for the order, and never slower than any on any message. */
const ORDER_AT_LEAST: Readonly<Record<string, number>> = { encode: 2.5, decode: 1.5 }

class CodecContestant implements Contestant {
  readonly peer: Peer
  readonly #child: ChildProcess
  readonly #pace: Pace

  constructor(peer: Peer, message: string, operation: string, pace: Pace) {
    this.peer = peer
    this.#pace = pace
    this.#child = fork(CHILD, [peer, message, operation])
  }

  async prepare(): Promise<void> {
    await this.#ask(this.#pace.warmUpSeconds / 2)
  }

  async measure(): Promise<Sample> {
    return { [TIME.key]: await this.#ask(this.#pace.roundSeconds / 2) }
  }

  async close(): Promise<void> {
    this.#child.kill()
  }

  async ready(): Promise<this> {
    await once(this.#child, 'message')
    return this
  }

  async #ask(seconds: number): Promise<number> {
    const answer = once(this.#child, 'message')
    this.#child.send(seconds)
    const [{ nanoseconds }] = (await answer) as [{ nanoseconds: number }]
    return nanoseconds
  }
}

function targets(message: string, operation: string): Target[] {
  return PEERS.slice(1)
    .filter(peer => peer !== 'JSON')
    .map(peer => ({
      peer,
      metric: TIME.key,
      atLeast: message === 'order' && peer === 'protobufjs' ? ORDER_AT_LEAST[operation]! : 1,
    }))
}

function contest(message: string, operation: string, pace: Pace): Contest {
  return {
    suite: SUITE,
    name: `${message}, ${operation}`,
    conditions: 'each codec in a process of its own',
    metrics: [TIME],
    targets: targets(message, operation),
    async start() {
      const all: CodecContestant[] = []
      for (const peer of PEERS) {
        if (message === 'bytes' && peer === 'JSON') continue
        all.push(await new CodecContestant(peer, message, operation, pace).ready())
      }
      return all
    },
  }
}

/** Generated code against the codecs that there are. Installs them at the first run. */
export async function codec(bench: Bench): Promise<void> {
  prepare()
  for (const message of Object.keys(MESSAGES)) {
    for (const operation of OPERATIONS) await bench.run(contest(message, operation, bench.pace))
  }
}
