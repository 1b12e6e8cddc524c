import {
  type Client,
  createClient,
  createServer,
  defineService,
  GrpcError,
  jsonCodec,
  MicroError,
} from '../../src/index.js'
import { Random, type SimulatedLink, SimulatedNetwork } from '../../src/testing/index.js'

/** One message: the call it belongs to, its number, and something to carry. */
interface Note {
  readonly id: number
  readonly seq: number
  readonly pad: string
}

const KINDS = ['unary', 'client', 'server', 'bidi'] as const

/** What one call of a conversation does. */
interface CallPlan {
  readonly id: number
  readonly kind: (typeof KINDS)[number]
  readonly requests: number
  readonly replies: number
  readonly pad: string
  /** How long the handler thinks before each reply. Unit: ms. */
  readonly handlerMs: number
}

/** A short exchange between one client and one server, which its seed decides. */
export interface Conversation {
  readonly seed: number
  readonly protocol: 'grpc' | 'mucp'
  readonly calls: readonly CallPlan[]
}

export type Side = 'client' | 'server'

/** Where the connection of a conversation breaks, and how. */
export interface Cut {
  /** Whose octets are counted. */
  readonly side: Side
  /** Octets of that side that arrive. */
  readonly octets: number
  /** Both ends hear ECONNRESET, or the side leaves and the other hears the end. */
  readonly how: 'reset' | 'leave'
}

/** What came of a conversation. */
export interface Course {
  /** Octets that each side has sent on the first connection. */
  readonly octets: Readonly<Record<Side, number>>
  readonly succeeded: number
  /** What was broken; empty when all is well. */
  readonly faults: readonly string[]
}

const PORT = 5_000
const TIMEOUT_MS = 5_000
/** Beyond a deadline: the rounding of clocks. Unit: ms. */
const SLACK_MS = 2
/** Virtual time in which all must be over. Unit: ms. */
const RUN_MS = 600_000
/** The call that is made when all is over; nothing happens to its connection. */
const LAST_ID = 1_000

const note = jsonCodec<Note>()
const service = defineService('faults.Faults', {
  unary: { kind: 'unary', request: note, response: note },
  client: { kind: 'client', request: note, response: note },
  server: { kind: 'server', request: note, response: note },
  bidi: { kind: 'bidi', request: note, response: note },
})

/** The conversation of a seed. */
export function makeConversation(seed: number): Conversation {
  const random = new Random(seed)
  const calls = Array.from({ length: random.integer(1, 2) }, (_, id): CallPlan => {
    const kind = random.pick(KINDS)
    return {
      id,
      kind,
      requests: kind === 'client' || kind === 'bidi' ? random.integer(0, 2) : 1,
      replies: kind === 'server' || kind === 'bidi' ? random.integer(0, 2) : 1,
      pad: 'p'.repeat(random.pick([0, 0, 40])),
      handlerMs: random.pick([0, 0, 3]),
    }
  })
  return { seed, protocol: random.pick(['grpc', 'mucp'] as const), calls }
}

/** Holds a conversation over a simulated network, whole or with its connection cut. */
export function holdConversation(conversation: Conversation, cut?: Cut): Promise<Course> {
  return new Talk(conversation, cut).run()
}

class Talk {
  readonly #conversation: Conversation
  readonly #network: SimulatedNetwork
  readonly #octets: Record<Side, number> = { client: 0, server: 0 }
  readonly #starts = new Map<number, number>()
  readonly #faults: string[] = []
  #running = 0
  #succeeded = 0
  /** The calls of the plan have settled. */
  #over = false

  constructor(conversation: Conversation, cut: Cut | undefined) {
    this.#conversation = conversation
    this.#network = new SimulatedNetwork({
      seed: conversation.seed,
      conditions: { latencyMs: [0, 1], pieceSizeMax: 200 },
      onOctets: (from, bytes) => {
        if (this.#over) return
        if (from.name === '0.client') this.#octets.client += bytes.length
        if (from.name === '0.server') this.#octets.server += bytes.length
      },
      onLink: link => {
        if (cut !== undefined && link.id === 0) this.#cutAt(link, cut)
      },
    })
  }

  async run(): Promise<Course> {
    try {
      await this.#network.clock.run(this.#scenario(), RUN_MS)
    } catch (error) {
      this.#fault(error instanceof Error ? (error.stack ?? error.message) : String(error))
    }
    return { octets: this.#octets, succeeded: this.#succeeded, faults: this.#faults }
  }

  #fault(text: string): void {
    this.#faults.push(text)
  }

  #cutAt(link: SimulatedLink, { side, octets, how }: Cut): void {
    link[side].cutAfter(octets, () => {
      if (how === 'reset') this.#network.reset(link)
      else link[side].destroy()
    })
  }

  async #scenario(): Promise<void> {
    const network = this.#network
    const { clock } = network
    const { protocol, calls } = this.#conversation
    const address = `127.0.0.1:${PORT}`
    const server = createServer({ name: 'faults', address, runtime: network })
    server.handle(service, {
      unary: request => this.#handleOne([request]),
      client: requests => this.#handleOne(requests),
      server: request => this.#handleMany([request]),
      bidi: requests => this.#handleMany(requests),
    })
    await server.start()
    const contentType = protocol === 'grpc' ? 'application/grpc+json' : 'application/json'
    const client = createClient({ address, protocol, contentType, runtime: network, retries: 0 })
    await Promise.all(calls.map(plan => this.#call(client, plan)))
    await clock.sleep(10_000)
    this.#over = true
    for (const link of network.links) {
      link.client.cutAfter(Number.POSITIVE_INFINITY, () => {})
      link.server.cutAfter(Number.POSITIVE_INFINITY, () => {})
    }
    // Whatever happened to the first connection, there is one that works.
    const last = {
      id: LAST_ID,
      kind: 'unary',
      requests: 1,
      replies: 1,
      pad: '',
      handlerMs: 0,
    } as const
    const before = this.#succeeded
    await this.#call(client, last)
    if (this.#succeeded === before) this.#fault('the call after it failed')
    await client.close()
    await server.stop({ graceMs: 1_000 })
    await clock.sleep(10_000)
    this.#checkRest(server.socketCount)
  }

  /** Nothing may be left of a conversation. */
  #checkRest(mucpSockets: number): void {
    const { clock, socketCount, listenerCount } = this.#network
    const left = {
      timers: clock.pending,
      sockets: socketCount,
      listeners: listenerCount,
      handlers: this.#running,
      'mucp sockets': mucpSockets,
    }
    for (const [what, count] of Object.entries(left)) {
      if (count > 0) this.#fault(`${count} ${what} are left`)
    }
    for (const [id, starts] of this.#starts) {
      if (starts > 1) this.#fault(`call ${id}: its handler ran ${starts} times`)
    }
  }

  #plan(id: number): CallPlan | undefined {
    return this.#conversation.calls[id]
  }

  /** The requests of a call, in order; returns what its handler needs of its plan. */
  async #take(requests: Iterable<Note> | AsyncIterable<Note>): Promise<CallPlan | undefined> {
    let plan: CallPlan | undefined
    let next = 0
    for await (const { id, seq } of requests) {
      if (next === 0) this.#starts.set(id, (this.#starts.get(id) ?? 0) + 1)
      if (seq !== next++) this.#fault(`call ${id}: request ${seq} came as number ${next - 1}`)
      plan = this.#plan(id)
    }
    return plan
  }

  async #handleOne(requests: Iterable<Note> | AsyncIterable<Note>): Promise<Note> {
    this.#running++
    try {
      const plan = await this.#take(requests)
      if (plan !== undefined) await this.#network.clock.sleep(plan.handlerMs)
      return { id: plan?.id ?? LAST_ID, seq: 0, pad: plan?.pad ?? '' }
    } finally {
      this.#running--
    }
  }

  async *#handleMany(requests: Iterable<Note> | AsyncIterable<Note>): AsyncGenerator<Note> {
    this.#running++
    try {
      const plan = await this.#take(requests)
      for (let seq = 0; seq < (plan?.replies ?? 0); seq++) {
        await this.#network.clock.sleep(plan!.handlerMs)
        yield { id: plan!.id, seq, pad: plan!.pad }
      }
    } finally {
      this.#running--
    }
  }

  async #call(client: Client, plan: CallPlan): Promise<void> {
    const { clock } = this.#network
    const startedAt = clock.now()
    try {
      await this.#exchange(client, plan)
      this.#succeeded++
    } catch (error) {
      if (!(error instanceof GrpcError || error instanceof MicroError)) {
        this.#fault(`call ${plan.id} ended with ${String(error)}`)
      }
    }
    const elapsedMs = clock.now() - startedAt
    if (elapsedMs > TIMEOUT_MS + SLACK_MS) this.#fault(`call ${plan.id} took ${elapsedMs} ms`)
  }

  async #exchange(client: Client, plan: CallPlan): Promise<void> {
    const { id, kind, pad } = plan
    const bound = client.bind(service)
    const options = { timeoutMs: TIMEOUT_MS }
    const requests = Array.from({ length: plan.requests }, (_, seq) => ({ id, seq, pad }))
    // A stream without a request tells its handler nothing, and gets nothing.
    const replies = plan.requests === 0 ? 0 : plan.replies
    if (kind === 'unary' || kind === 'client') {
      const reply =
        kind === 'unary'
          ? await bound.unary(requests[0]!, options)
          : await bound.client(requests, options)
      if (plan.requests > 0 && (reply.id !== id || reply.pad !== pad))
        this.#fault(`call ${id}: altered`)
      return
    }
    let count = 0
    const stream =
      kind === 'server' ? bound.server(requests[0]!, options) : bound.bidi(requests, options)
    for await (const reply of stream) {
      if (reply.id !== id || reply.seq !== count || reply.pad !== pad)
        this.#fault(`call ${id}: altered`)
      count++
    }
    if (count !== replies) this.#fault(`call ${id} succeeded with ${count} of ${replies} replies`)
  }
}
