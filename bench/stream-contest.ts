import type { Child } from './child-process.js'
import type { Contestant, Sample } from './contest.js'
import { type Pace, warmUp } from './pace.js'

/** Most octets of one round, so that a fast machine does not make it longer. */
const ROUND_SIZE_MAX = 2 ** 30

/** Octets that a warm-up begins with. */
const FIRST_SIZE = 2 ** 20

/** One stream, its messages and its direction. */
export interface StreamShape {
  /** The generator's command. */
  readonly command: 'echo' | 'upload' | 'download' | 'rawUpload' | 'rawDownload'
  /** Octets of a message. */
  readonly size: number
  /** Most messages of one round. */
  readonly messagesMax: number
  /** Echo: messages under way. */
  readonly inFlight?: number
  readonly tls?: boolean
}

/** A server with one busy stream. `sampleOf` makes figures of what a round came to. */
export class StreamContestant implements Contestant {
  readonly peer: string
  readonly #server: Child
  readonly #generator: Child
  readonly #shape: StreamShape
  readonly #pace: Pace
  readonly #sampleOf: (round: StreamRound) => Sample
  #messages = 0

  constructor(
    peer: string,
    parts: { readonly server: Child; readonly generator: Child },
    shape: StreamShape,
    pace: Pace,
    sampleOf: (round: StreamRound) => Sample,
  ) {
    this.peer = peer
    this.#server = parts.server
    this.#generator = parts.generator
    this.#shape = shape
    this.#pace = pace
    this.#sampleOf = sampleOf
  }

  async prepare(): Promise<void> {
    const { size, messagesMax } = this.#shape
    const most = Math.min(messagesMax, Math.floor(ROUND_SIZE_MAX / size))
    const first = Math.max(1, Math.ceil(FIRST_SIZE / size))
    this.#messages = await warmUp(messages => this.#run(messages), this.#pace, first, most)
  }

  async measure(): Promise<Sample> {
    const before = await this.#server.usage()
    const seconds = await this.#run(this.#messages)
    const after = await this.#server.usage()
    const cpuSeconds = (after['cpuUs']! - before['cpuUs']!) / 1e6
    const octets = this.#messages * this.#shape.size
    return this.#sampleOf({ messages: this.#messages, octets, seconds, cpuSeconds })
  }

  async close(): Promise<void> {
    await this.#server.close()
  }

  async #run(messages: number): Promise<number> {
    const { command, size, inFlight = 0, tls = false } = this.#shape
    const request = { do: command, port: this.#server.port, messages, size, inFlight, tls }
    const { seconds } = await this.#generator.ask(request)
    if (seconds === undefined) throw new Error(`${this.peer}: no figures`)
    return seconds
  }
}

/** What one round came to. */
export interface StreamRound {
  readonly messages: number
  readonly octets: number
  readonly seconds: number
  readonly cpuSeconds: number
}
