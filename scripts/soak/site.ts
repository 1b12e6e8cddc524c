/** A server of the soak, which can be stopped and come back at its port. */
import {
  bytesCodec,
  type Context,
  createServer,
  defineService,
  type MethodTypes,
  type Server,
  type Service,
} from '../../src/index.js'
import type { Random } from '../../src/testing/index.js'
import { bodyOf, faultOf } from './bodies.js'
import type { Entry, Ledger } from './ledger.js'
import type { Kind } from './plan.js'

/** 64 MiB, and the header of a message over mucp. */
export const MESSAGE_SIZE_MAX: number = 67_108_864 + 65_536
export const CALL_FIELD = 'soak-call'

type Octets<K extends Kind> = MethodTypes<K, Uint8Array, Uint8Array>
type SoakService = Service<{ [K in Kind]: Octets<K> }>

const octets = bytesCodec()
export const service: SoakService = defineService('soak.Soak', {
  unary: { kind: 'unary', request: octets, response: octets },
  client: { kind: 'client', request: octets, response: octets },
  server: { kind: 'server', request: octets, response: octets },
  bidi: { kind: 'bidi', request: octets, response: octets },
})

export interface Identity {
  readonly cert: string
  readonly key: string
}

/** Limits that one connection of either side may have. */
export function drawLimits(random: Random): Record<string, number> {
  return random.pick([
    {},
    {},
    { streamWindowSize: 65_535, connectionWindowSize: 65_535 },
    { streamsMax: 100 },
  ])
}

export class Site {
  readonly identity: Identity | undefined
  readonly #ledger: Ledger
  #server: Server
  #address = '127.0.0.1:0'
  /** Handlers of this server that run. */
  #running = 0

  constructor(ledger: Ledger, identity?: Identity) {
    this.#ledger = ledger
    this.identity = identity
    this.#server = this.#make({})
  }

  get address(): string {
    return this.#address
  }

  get port(): number {
    return Number(this.#address.slice(this.#address.lastIndexOf(':') + 1))
  }

  async start(): Promise<void> {
    await this.#server.start()
    this.#address = this.#server.address
  }

  /** What runs has `graceMs`; then another server is there. */
  async restart(graceMs: number, limits: Record<string, number>): Promise<void> {
    await this.stop(graceMs)
    this.#server = this.#make(limits)
    await this.start()
  }

  async stop(graceMs: number): Promise<void> {
    await this.#server.stop({ graceMs })
    if (this.#running > 0) {
      this.#ledger.found(
        'left',
        `${this.#running} handlers run after stop({ graceMs: ${graceMs} })`,
      )
    }
  }

  #make(limits: Record<string, number>): Server {
    const { identity } = this
    const server = createServer({
      name: 'soak',
      address: this.#address,
      messageSizeMax: MESSAGE_SIZE_MAX,
      limits,
      ...(identity === undefined ? {} : { tls: identity }),
    })
    return server.handle(service, {
      unary: (request, context) =>
        this.#run(context, entry => this.#unary(entry, request, context)),
      client: (requests, context) =>
        this.#run(context, entry => this.#client(entry, requests, context)),
      server: (request, context) => this.#stream(context, [request]),
      bidi: (requests, context) => this.#stream(context, requests),
    })
  }

  async #run<T>(context: Context, body: (entry: Entry) => Promise<T>): Promise<T> {
    const entry = this.#begin(context)
    try {
      return await body(entry)
    } finally {
      this.#end()
    }
  }

  async #unary(entry: Entry, request: Uint8Array, context: Context): Promise<Uint8Array> {
    this.#check(entry, request, 0)
    if (entry.plan.ending === 'handler-throws') throw new Error('planned')
    if (entry.plan.stall === 'handler-sends') await standStill(entry, context.signal)
    return this.#response(entry, 0)
  }

  async #client(
    entry: Entry,
    requests: AsyncIterable<Uint8Array>,
    context: Context,
  ): Promise<Uint8Array> {
    for await (const _ of this.#requests(entry, requests, context)) {
      // Checked there.
    }
    if (entry.plan.stall === 'handler-sends') await standStill(entry, context.signal)
    return this.#response(entry, 0)
  }

  async *#stream(
    context: Context,
    requests: AsyncIterable<Uint8Array> | readonly Uint8Array[],
  ): AsyncGenerator<Uint8Array> {
    const entry = this.#begin(context)
    this.#ledger.sources++
    const { plan } = entry
    const mayAnswer = plan.kind === 'bidi'
    let seq = 0
    const isStill = (): boolean => plan.stall === 'handler-sends' && seq === plan.stallAt
    try {
      for await (const _ of this.#requests(entry, requests, context)) {
        if (!mayAnswer || seq === plan.responses.length) continue
        if (isStill()) await standStill(entry, context.signal)
        yield this.#response(entry, seq++)
      }
      if (plan.ending === 'handler-leaves') return
      while (seq < plan.responses.length) {
        if (isStill()) await standStill(entry, context.signal)
        yield this.#response(entry, seq++)
      }
    } finally {
      this.#ledger.sources--
      this.#end()
    }
  }

  /** Those that the handler is to read; an orderly end must have brought all. */
  async *#requests(
    entry: Entry,
    requests: AsyncIterable<Uint8Array> | readonly Uint8Array[],
    context: Context,
  ): AsyncGenerator<void> {
    const { plan } = entry
    const endAfter = plan.ending.startsWith('handler-') ? plan.endAfter : Number.POSITIVE_INFINITY
    const leave = (): void => {
      if (plan.ending === 'handler-throws') throw new Error('planned')
    }
    if (plan.kind === 'server') {
      if (endAfter !== Number.POSITIVE_INFINITY) leave()
    } else if (endAfter === 0) return leave()
    let seq = 0
    for await (const request of requests) {
      if (plan.stall === 'handler-reads' && seq === plan.stallAt) {
        await standStill(entry, context.signal)
      }
      this.#check(entry, request, seq++)
      yield
      if (plan.kind !== 'server' && seq >= endAfter) return leave()
    }
    if (seq < plan.requests.length || plan.ending === 'throw') {
      const what = `a handler saw an orderly end after ${seq} of ${plan.requests.length} requests`
      this.#ledger.found('truncated', what, plan)
    }
  }

  #begin(context: Context): Entry {
    const entry = this.#ledger.get(Number(context.metadata.get(CALL_FIELD)))
    if (entry === undefined) {
      this.#ledger.found('left', 'a handler started for a call that nobody waits for')
      throw new Error('nobody waits')
    }
    if (++entry.starts > 1) this.#ledger.found('doubled', 'its handler started twice', entry.plan)
    if (entry.plan.isGzip) context.compression = context.door === 'grpc' ? 'gzip' : 'identity'
    this.#running++
    this.#ledger.handlers++
    return entry
  }

  #end(): void {
    this.#running--
    this.#ledger.handlers--
  }

  #check(entry: Entry, bytes: Uint8Array, seq: number): void {
    const { call, requests } = entry.plan
    const fault = faultOf(bytes, call, seq, true, requests[seq])
    if (fault !== undefined) this.#ledger.found('lost', fault, entry.plan)
    this.#ledger.count(bytes.length)
  }

  #response(entry: Entry, seq: number): Uint8Array {
    return bodyOf(entry.plan.call, seq, false, entry.plan.responses[seq]!)
  }
}

/** Until the phase lets go, or the caller does. A call that is given up must be told: nothing else wakes it. */
function standStill(entry: Entry, signal: AbortSignal): Promise<void> {
  const isGivenUp = entry.plan.ending === 'cancel' || entry.plan.ending === 'deadline'
  return new Promise(resolve => {
    if (signal.aborted) return resolve()
    const wake = (): void => {
      signal.removeEventListener('abort', wake)
      resolve()
    }
    signal.addEventListener('abort', wake, { once: true })
    if (!isGivenUp) void entry.gate.then(wake)
  })
}
