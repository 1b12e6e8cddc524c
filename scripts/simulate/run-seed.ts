import {
  type Client,
  type Context,
  createClient,
  createServer,
  defineService,
  jsonCodec,
  MicroError,
  type Server,
} from '../../src/index.js'
import { Random, SimulatedNetwork } from '../../src/testing/index.js'
import { type CallTransport, grpcTransport } from '../../src/transport/index.js'
import { CallBook, describe, FAILURE, makeNote, type Note, REASON } from './call-book.js'
import { type CallPlan, type Fault, isHarmless, makePlan, type RunPlan } from './plan.js'
import { WireLedger } from './wire-ledger.js'

/** What a seed came to. */
export interface SeedResult {
  readonly seed: number
  /** What was broken; empty when all is well. */
  readonly faults: readonly string[]
  readonly calls: number
  readonly succeeded: number
  readonly frames: number
  /** Of virtual time. Unit: ms. */
  readonly elapsedMs: number
  /** How many calls ended how. */
  readonly endings: ReadonlyMap<string, number>
}

const PORT = 5_000
const ADDRESS = `127.0.0.1:${PORT}`
/** Handlers take at most 20 × 200 ms, readers 20 × 100 ms each side; the rest is the network. Unit: ms. */
const GRACE_MS = 600_000
/** Virtual time in which a run must be over: a server finds a dead link after two hours. Unit: ms. */
const RUN_MS = 4 * 3_600_000

const note = jsonCodec<Note>()
const service = defineService('simulated.Simulated', {
  unary: { kind: 'unary', request: note, response: note },
  server: { kind: 'server', request: note, response: note },
  client: { kind: 'client', request: note, response: note },
  bidi: { kind: 'bidi', request: note, response: note },
})

/** Runs one seed. `trace` hears each frame and event, with its time. */
export async function runSeed(seed: number, trace?: (text: string) => void): Promise<SeedResult> {
  const run = new SeedRun(seed, trace)
  return run.run()
}

class SeedRun {
  readonly #plan: RunPlan
  readonly #network: SimulatedNetwork
  readonly #ledger: WireLedger
  readonly #book: CallBook
  readonly #faultsRandom: Random
  readonly #trace: ((text: string) => void) | undefined
  readonly #servers: Server[] = []
  readonly #stops: Promise<unknown>[] = []
  readonly #endings = new Map<string, number>()
  #succeeded = 0
  #current: Server | undefined

  constructor(seed: number, trace?: (text: string) => void) {
    this.#plan = makePlan(seed, new Random(seed))
    this.#book = new CallBook(this.#plan)
    this.#faultsRandom = new Random(seed ^ 0x0fa0_175)
    const tell =
      trace === undefined
        ? undefined
        : (text: string) => trace(`${String(this.#network.now() - 1_000).padStart(7)} ms  ${text}`)
    this.#trace = tell
    this.#ledger = new WireLedger(this.#plan.faults.includes('swallow'), tell)
    this.#network = new SimulatedNetwork({
      seed,
      conditions: this.#plan.conditions,
      onOctets: (from, bytes) => this.#ledger.onOctets(from, bytes),
      ...(tell === undefined ? {} : { onEvent: tell }),
    })
  }

  async run(): Promise<SeedResult> {
    const { clock } = this.#network
    const { faults } = this.#book
    const { calls, ...rest } = this.#plan
    this.#trace?.(`seed ${JSON.stringify(rest)}, ${calls.length} calls`)
    try {
      await clock.run(this.#scenario(), RUN_MS)
    } catch (error) {
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
      faults.push(`${text}\n${this.#book.openText()}`)
    }
    return {
      seed: this.#plan.seed,
      faults: [...faults, ...this.#ledger.faults],
      calls: this.#plan.calls.length,
      succeeded: this.#succeeded,
      frames: this.#ledger.frames,
      elapsedMs: clock.now() - 1_000,
      endings: this.#endings,
    }
  }

  async #scenario(): Promise<void> {
    const network = this.#network
    const { clock } = network
    await this.#startServer()
    const transports = new Map<string, CallTransport>()
    const clients = new Map<string, Client>()
    for (const door of this.#plan.doors) {
      const transport = grpcTransport({ runtime: network, limits: this.#plan.limits })
      transports.set(door, transport)
      clients.set(
        door,
        createClient({
          address: ADDRESS,
          protocol: door,
          transport,
          runtime: network,
          contentType: door === 'grpc' ? 'application/grpc+json' : 'application/json',
          ...(door === 'grpc' ? { retries: this.#plan.retries } : {}),
        }),
      )
    }
    const calls = this.#plan.calls.map(plan => this.#call(clients.get(plan.door)!, plan))
    const trouble = this.#trouble()
    await Promise.all(calls)
    await trouble
    while (this.#book.running > 0) await clock.sleep(1_000)
    await clock.sleep(10_000)
    this.#checkWire()
    for (const client of clients.values()) await client.close()
    for (const transport of transports.values()) await transport.close()
    this.#stops.push(this.#current!.stop({ graceMs: 1_000 }))
    await Promise.all(this.#stops)
    await clock.sleep(10_000)
    this.#checkRest()
  }

  async #startServer(): Promise<void> {
    const network = this.#network
    const server = createServer({
      name: 'simulated',
      address: ADDRESS,
      transport: grpcTransport({ runtime: network, limits: this.#plan.limits }),
      runtime: network,
    })
    server.handle(service, {
      unary: (request, context) => this.#handleOne(request, context),
      server: (request, context) => this.#handleMany([request], context),
      client: (requests, context) => this.#handleOne(requests, context),
      bidi: (requests, context) => this.#handleMany(requests, context),
    })
    this.#current = server
    this.#servers.push(server)
    await server.start()
  }

  /** The requests of one call, as its handler reads them. */
  async #readRequests(
    requests: AsyncIterable<Note> | Iterable<Note>,
    id: number,
    run: { requests: number },
  ): Promise<void> {
    const plan = this.#book.plan(id)
    for await (const request of requests) {
      this.#book.check('request', request, id, run.requests, plan.size)
      run.requests++
      if (plan.readerMs > 0) await this.#network.clock.sleep(plan.readerMs)
    }
    this.#book.sawEnd(id, run.requests)
  }

  async #handleOne(given: Note | AsyncIterable<Note>, context: Context): Promise<Note> {
    const id = idOf(context)
    const plan = this.#book.plan(id)
    const run = this.#book.begin(id)
    this.#book.running++
    try {
      await this.#readRequests('seq' in given ? [given] : given, id, run)
      await this.#pause(plan, context)
      if (plan.fails) throw new MicroError(FAILURE.code, FAILURE.detail)
      run.complete = true
      return makeNote(id, 0, plan.size)
    } finally {
      this.#book.running--
    }
  }

  async *#handleMany(
    given: Iterable<Note> | AsyncIterable<Note>,
    context: Context,
  ): AsyncGenerator<Note> {
    const id = idOf(context)
    const plan = this.#book.plan(id)
    const run = this.#book.begin(id)
    this.#book.running++
    try {
      const reading = this.#readRequests(given, id, run)
      reading.catch(() => {})
      for (let seq = 0; seq < plan.replies; seq++) {
        await this.#pause(plan, context)
        yield makeNote(id, seq, plan.size)
      }
      await reading
      if (plan.fails) throw new MicroError(FAILURE.code, FAILURE.detail)
      run.complete = true
    } finally {
      this.#book.running--
    }
  }

  async #pause(plan: CallPlan, context: Context): Promise<void> {
    if (plan.handlerMs > 0) await this.#network.clock.sleep(plan.handlerMs)
    if (!plan.stubborn) context.signal.throwIfAborted()
  }

  async #call(client: Client, plan: CallPlan): Promise<void> {
    const { clock } = this.#network
    await clock.sleep(plan.startMs)
    const startedAt = clock.now()
    const abort = new AbortController()
    const timer =
      plan.cancelMs === Number.POSITIVE_INFINITY
        ? undefined
        : clock.schedule(plan.cancelMs, () => abort.abort(REASON))
    const progress = { replies: 0 }
    this.#trace?.(`call ${plan.id} starts: ${JSON.stringify(plan)}`)
    let error: unknown
    try {
      await this.#exchange(client, plan, abort.signal, progress)
    } catch (thrown) {
      error = thrown
    }
    timer?.cancel()
    const elapsedMs = clock.now() - startedAt
    this.#trace?.(`call ${plan.id} ends after ${elapsedMs} ms: ${describe(error)}`)
    if (error === undefined) this.#succeeded++
    const ending = describe(error).replace(/ ".*/, '')
    this.#endings.set(ending, (this.#endings.get(ending) ?? 0) + 1)
    this.#book.settle(plan, { error, replies: progress.replies, elapsedMs })
  }

  async #exchange(
    client: Client,
    plan: CallPlan,
    signal: AbortSignal,
    progress: { replies: number },
  ): Promise<void> {
    const bound = client.bind(service)
    const { id, size } = plan
    const options = {
      signal,
      waitForReady: plan.waitForReady,
      metadata: { 'call-id': String(id) },
      ...(plan.timeoutMs === Number.POSITIVE_INFINITY ? {} : { timeoutMs: plan.timeoutMs }),
    }
    const onReply = (reply: Note) => {
      this.#book.check('reply', reply, id, progress.replies, size)
      progress.replies++
    }
    const requests = Array.from({ length: plan.requests }, (_, seq) => makeNote(id, seq, size))
    if (plan.kind === 'unary') onReply(await bound.unary(requests[0]!, options))
    else if (plan.kind === 'client') onReply(await bound.client(source(requests, plan), options))
    else {
      const replies =
        plan.kind === 'server'
          ? bound.server(requests[0]!, options)
          : bound.bidi(source(requests, plan), options)
      for await (const reply of replies) {
        onReply(reply)
        if (plan.readerMs > 0) await this.#network.clock.sleep(plan.readerMs)
      }
    }
  }

  /** The faults of the plan, at times that chance gives. */
  async #trouble(): Promise<void> {
    const { faults, faultCount, spanMs } = this.#plan
    const random = this.#faultsRandom
    for (let i = 0; i < faultCount; i++) {
      // Often in the thick of it: the first milliseconds.
      const pauseMs = random.chance(0.5) ? random.integer(0, 20) : random.integer(0, spanMs + 200)
      await this.#network.clock.sleep(pauseMs)
      const fault = random.pick(faults)
      if (fault !== 'none') await this.#make(fault)
    }
  }

  async #make(fault: Fault): Promise<void> {
    const network = this.#network
    const random = this.#faultsRandom
    const { links } = network
    this.#trace?.(`fault: ${fault}`)
    switch (fault) {
      case 'handover': {
        // GOAWAY for everybody, and the next server is there at once.
        this.#stops.push(this.#current!.stop({ graceMs: GRACE_MS }))
        await network.clock.sleep(0)
        return this.#startServer()
      }
      case 'restart': {
        this.#stops.push(this.#current!.stop({ graceMs: random.pick([0, 0, 50]) }))
        await network.clock.sleep(random.pick([1, 10, 500, 5_000]))
        return this.#startServer()
      }
      case 'unreachable': {
        network.setReachable(false)
        for (const link of links) network.reset(link)
        await network.clock.sleep(random.pick([10, 2_000, 30_000]))
        network.setReachable(true)
        return
      }
      default:
    }
    if (links.length === 0) return
    const link = random.pick(links)
    if (fault === 'reset') network.reset(link)
    if (fault === 'stall') network.stall(link, random.integer(1, 3_000))
    if (fault === 'swallow') network.swallow(link, random.pick(['client', 'server']))
  }

  /** All calls are over: what stands on the wire now, stands for ever. */
  #checkWire(): void {
    if (!isHarmless(this.#plan) || this.#plan.doors.includes('mucp')) return
    for (const { client } of this.#network.links) {
      for (const text of this.#ledger.leftovers(client)) this.#book.fault(text)
    }
  }

  #checkRest(): void {
    const { clock, socketCount, listenerCount } = this.#network
    if (clock.pending > 0) this.#book.fault(`${clock.pending} timers are left`)
    if (socketCount > 0) this.#book.fault(`${socketCount} sockets are left`)
    if (listenerCount > 0) this.#book.fault(`${listenerCount} listeners are left`)
    for (const server of this.#servers) {
      if (server.socketCount > 0) this.#book.fault(`${server.socketCount} mucp sockets are left`)
    }
  }
}

/** What a client sends; it may give up in the middle. */
function* source(requests: readonly Note[], { throwsAfter }: CallPlan): Generator<Note> {
  let given = 0
  for (const request of requests) {
    if (given++ >= throwsAfter) throw REASON
    yield request
  }
  if (throwsAfter < Number.POSITIVE_INFINITY) throw REASON
}

/** Ids travel as metadata: a stream may have no message. */
function idOf(context: Context): number {
  const value = context.metadata.get('call-id') ?? context.metadata.get('Call-Id')
  if (value === undefined) throw new Error('a call without an id')
  return Number(value)
}
