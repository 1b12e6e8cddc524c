import { type Client, createClient, createServer, type Server } from '../../src/index.js'
import { Random, SimulatedNetwork } from '../../src/testing/index.js'
import { type CallTransport, grpcTransport } from '../../src/transport/index.js'
import { CallBook } from './call-book.js'
import { Callers, service } from './callers.js'
import { Handlers } from './handlers.js'
import { IteratorBook } from './iterator-book.js'
import { applyLoad } from './loads.js'
import { type Fault, isHarmless, type Load, makePlan, type RunPlan } from './plan.js'
import { watchRetained } from './retained-watch.js'
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

/**
 * Runs one seed. `trace` hears each frame and event, with its time; `load`
 * instead of the one that the seed draws.
 */
export async function runSeed(
  seed: number,
  trace?: (text: string) => void,
  load?: Load,
): Promise<SeedResult> {
  const plan = applyLoad(makePlan(seed, new Random(seed)), new Random(seed ^ 0x10ad_0001), load)
  const run = new SeedRun(plan, trace)
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
  readonly #iterators = new IteratorBook()
  readonly #handlers: Handlers
  readonly #callers: Callers
  #current: Server | undefined

  constructor(plan: RunPlan, trace?: (text: string) => void) {
    const { seed } = plan
    this.#plan = plan
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
    const { clock } = this.#network
    this.#handlers = new Handlers(this.#book, this.#iterators, clock)
    this.#callers = new Callers(plan, this.#book, this.#iterators, clock, tell)
  }

  async run(): Promise<SeedResult> {
    const { clock } = this.#network
    const { faults } = this.#book
    const { calls, ...rest } = this.#plan
    this.#trace?.(`seed ${JSON.stringify(rest)}, ${calls.length} calls`)
    watchRetained(text => this.#book.fault(text))
    try {
      await clock.run(this.#scenario(), RUN_MS)
    } catch (error) {
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
      faults.push(`${text}\n${this.#book.openText()}`)
    } finally {
      watchRetained(undefined)
    }
    return {
      seed: this.#plan.seed,
      faults: [...faults, ...this.#ledger.faults],
      calls: this.#plan.calls.length,
      succeeded: this.#callers.succeeded,
      frames: this.#ledger.frames,
      elapsedMs: clock.now() - 1_000,
      endings: this.#callers.endings,
    }
  }

  async #scenario(): Promise<void> {
    const network = this.#network
    const { clock } = network
    await this.#startServer()
    const transports = new Map<string, CallTransport>()
    const clients = new Map<string, Client>()
    const { messageSizeMax } = this.#plan
    for (const door of this.#plan.doors) {
      const transport = this.#transport()
      transports.set(door, transport)
      clients.set(
        door,
        createClient({
          address: ADDRESS,
          protocol: door,
          transport,
          runtime: network,
          contentType: door === 'grpc' ? 'application/grpc+json' : 'application/json',
          ...(messageSizeMax === undefined ? {} : { messageSizeMax }),
          ...(door === 'grpc' ? { retries: this.#plan.retries } : {}),
        }),
      )
    }
    const calls = this.#callers.run(clients)
    const trouble = this.#trouble()
    await calls
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

  #transport(): CallTransport {
    const { limits, messageSizeMax } = this.#plan
    const size = messageSizeMax === undefined ? {} : { messageSizeMax }
    return grpcTransport({ runtime: this.#network, limits, ...size })
  }

  async #startServer(): Promise<void> {
    const network = this.#network
    const server = createServer({
      name: 'simulated',
      address: ADDRESS,
      transport: this.#transport(),
      runtime: network,
    })
    server.handle(service, {
      unary: (request, context) => this.#handlers.one([request], context),
      server: (request, context) => this.#handlers.many([request], context),
      client: (requests, context) => this.#handlers.one(requests, context),
      bidi: (requests, context) => this.#handlers.many(requests, context),
    })
    this.#current = server
    this.#servers.push(server)
    await server.start()
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
    for (const text of this.#iterators.faults()) this.#book.fault(text)
    if (clock.pending > 0) this.#book.fault(`${clock.pending} timers are left`)
    if (socketCount > 0) this.#book.fault(`${socketCount} sockets are left`)
    if (listenerCount > 0) this.#book.fault(`${listenerCount} listeners are left`)
    for (const server of this.#servers) {
      if (server.socketCount > 0) this.#book.fault(`${server.socketCount} mucp sockets are left`)
    }
  }
}
