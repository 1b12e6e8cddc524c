import type { Child } from './child-process.js'
import type { Contestant, Metric, Sample } from './contest.js'
import type { Load } from './load.js'
import { type Pace, warmUp } from './pace.js'
import { verifyEcho } from './verify.js'

/** Most calls of one round of a client; those of a server depend on its loader. */
const CLIENT_CALLS_MAX = 200_000

/** Calls that a warm-up begins with. */
const CALLS_FIRST = 250

/** CPU time (user and system) of the measured process for each call. */
export const CPU: Metric = { key: 'cpu', unit: 'us', better: 'lower' }

/** Calls per second of the wall clock. */
export const RATE: Metric = { key: 'rate', unit: 'calls/s', better: 'higher' }

/** Answers that one socket write carries. */
export const REPLIES_PER_WRITE: Metric = {
  key: 'replies per write',
  unit: 'replies',
  better: 'higher',
}

/** Where and how a server is loaded. */
export interface UnaryShape {
  readonly path: string
  readonly connections: number
  readonly inFlight: number
  readonly tls?: boolean
}

/** A server under a load of unary calls. */
export class ServerContestant implements Contestant {
  readonly peer: string
  readonly #server: Child
  readonly #load: Load
  readonly #shape: UnaryShape
  readonly #pace: Pace
  #calls = CALLS_FIRST

  constructor(peer: string, server: Child, load: Load, shape: UnaryShape, pace: Pace) {
    this.peer = peer
    this.#server = server
    this.#load = load
    this.#shape = shape
    this.#pace = pace
  }

  async prepare(): Promise<void> {
    await verifyEcho(this.peer, this.#server.port, this.#shape)
    const run = async (calls: number): Promise<number> => (await this.#run(calls)).seconds
    this.#calls = await warmUp(run, this.#pace, CALLS_FIRST, this.#load.callsMax)
  }

  async measure(): Promise<Sample> {
    const before = await this.#server.usage()
    const { calls, seconds } = await this.#run(this.#calls)
    const after = await this.#server.usage()
    const sample = { cpu: (after['cpuUs']! - before['cpuUs']!) / calls, rate: calls / seconds }
    const writes = (after['writes'] ?? 0) - (before['writes'] ?? 0)
    return writes > 0 ? { ...sample, [REPLIES_PER_WRITE.key]: calls / writes } : sample
  }

  async close(): Promise<void> {
    await this.#server.close()
  }

  async #run(calls: number): Promise<{ calls: number; seconds: number }> {
    return await this.#load.unary({ ...this.#shape, port: this.#server.port, calls })
  }
}

/** A client that keeps calls in flight to a server that all clients share. */
export class ClientContestant implements Contestant {
  readonly peer: string
  readonly #client: Child
  readonly #inFlight: number
  readonly #pace: Pace
  #calls = CALLS_FIRST

  constructor(peer: string, client: Child, inFlight: number, pace: Pace) {
    this.peer = peer
    this.#client = client
    this.#inFlight = inFlight
    this.#pace = pace
  }

  async prepare(): Promise<void> {
    const run = async (calls: number): Promise<number> => (await this.#run(calls)).seconds
    this.#calls = await warmUp(run, this.#pace, CALLS_FIRST, CLIENT_CALLS_MAX)
  }

  async measure(): Promise<Sample> {
    const before = await this.#client.usage()
    const { seconds } = await this.#run(this.#calls)
    const after = await this.#client.usage()
    const cpu = (after['cpuUs']! - before['cpuUs']!) / this.#calls
    return { cpu, rate: this.#calls / seconds }
  }

  async close(): Promise<void> {
    await this.#client.close()
  }

  async #run(calls: number): Promise<{ seconds: number }> {
    const { seconds } = await this.#client.ask({ do: 'unary', calls, inFlight: this.#inFlight })
    if (seconds === undefined) throw new Error(`${this.peer}: no figures`)
    return { seconds }
  }
}
