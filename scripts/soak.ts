/**
 * Mixed load for a long time, with an attacker beside it.
 *
 *     npm run soak -- --minutes 20
 *
 * Native and mucp calls of all kinds, plain and over TLS, cancellations and reconnects run against
 * two servers in this process while attacks of the catalogue come in turn from another one. At the
 * end nothing may be lost, doubled or left, and, over ten minutes and more, memory may not have
 * grown. A line a minute tells how it goes.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { generate } from 'selfsigned'
import {
  type Client,
  createClient,
  createServer,
  defineService,
  GrpcError,
  jsonCodec,
  MicroError,
  type Server,
  Status,
} from '../src/index.js'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
  },
})

interface Item {
  readonly call: number
  readonly seq: number
}

const ATTACK_NAMES = [
  'A1-rapid-reset',
  'A2-data-after-end',
  'B3-http2-bomb',
  'C5-empty-data',
  'D2-settings',
  'E8-garbage',
  'F6-truncated-message',
]
const WIDTH = 8
const STREAM_SIZE = 20
const RECONNECT_CALLS = 300
const SETTLED_KEPT = 2_000
/** Shorter runs say nothing about slopes. Unit: minutes. */
const SLOPE_MINUTES = 10
/** What a collection leaves, and what the system gives: the former is exact, the latter has noise. Unit: KiB each minute. */
const HEAP_SLOPE_MAX = 64
const RSS_SLOPE_MAX = 512

const item = jsonCodec<Item>()
const service = defineService('soak.Soak', {
  unary: { kind: 'unary', request: item, response: item },
  client: { kind: 'client', request: item, response: item },
  server: { kind: 'server', request: item, response: item },
  bidi: { kind: 'bidi', request: item, response: item },
})

const totals = { calls: 0, cancelled: 0, lost: 0, doubled: 0, failed: 0, reconnects: 0, attacks: 0 }
const seen = new Map<number, number>()
const settled: number[] = []

/** A handler for call `id` has started. */
function see(id: number): void {
  seen.set(id, (seen.get(id) ?? 0) + 1)
}

/** The handler of a call that was cancelled may start only now: its number is kept for a while. */
function forgetLater(call: number): void {
  settled.push(call)
  if (settled.length < 2 * SETTLED_KEPT) return
  for (const old of settled.splice(0, SETTLED_KEPT)) seen.delete(old)
}

async function* pass(items: AsyncIterable<Item>): AsyncGenerator<Item> {
  let next = 0
  for await (const each of items) {
    if (each.seq === 0) see(each.call)
    if (each.seq !== next++) totals.lost++
    yield each
  }
}

function makeServer(tls?: { readonly cert: string; readonly key: string }): Server {
  const server = createServer({
    name: 'soak',
    address: '127.0.0.1:0',
    ...(tls === undefined ? {} : { tls }),
  })
  return server.handle(service, {
    unary(request) {
      see(request.call)
      return request
    },
    async client(requests) {
      let last: Item = { call: -1, seq: -1 }
      for await (const request of requests) {
        if (request.seq === 0) see(request.call)
        if (request.seq !== last.seq + 1) totals.lost++
        last = request
      }
      return last
    },
    async *server(request) {
      see(request.call)
      for (let seq = 0; seq < STREAM_SIZE; seq++) yield { call: request.call, seq }
    },
    bidi: requests => pass(requests),
  })
}

let callNext = 0

/** One call of chance's choice; what is wrong with it is counted. */
async function callOnce(client: Client): Promise<void> {
  const bound = client.bind(service)
  const call = callNext++
  const abort = new AbortController()
  const isCancelled = Math.random() < 0.1
  const cancelling = isCancelled ? setTimeout(() => abort.abort(), Math.random() * 3) : undefined
  const options = { signal: abort.signal, timeoutMs: 30_000 }
  const items = Array.from({ length: STREAM_SIZE }, (_, seq) => ({ call, seq }))
  totals.calls++
  try {
    let replies = 0
    const kind = Math.floor(Math.random() * 5)
    if (kind <= 1) {
      const reply = await bound.unary(items[0]!, options)
      if (reply.call !== call) totals.lost++
    } else if (kind === 2) {
      const reply = await bound.client(items, options)
      if (reply.seq !== STREAM_SIZE - 1) totals.lost++
    } else {
      const stream = kind === 3 ? bound.server(items[0]!, options) : bound.bidi(items, options)
      for await (const reply of stream) if (reply.seq !== replies++) totals.lost++
      if (replies !== STREAM_SIZE) totals.lost++
    }
    if ((seen.get(call) ?? 0) !== 1) totals.doubled++
  } catch (error) {
    if (isCancelled && abort.signal.aborted) totals.cancelled++
    else {
      totals.failed++
      if (totals.failed < 5) console.log(`failed: ${textOf(error)}`)
    }
    if ((seen.get(call) ?? 0) > 1) totals.doubled++
  } finally {
    clearTimeout(cancelling)
    forgetLater(call)
  }
}

function textOf(error: unknown): string {
  if (error instanceof GrpcError)
    return `${Status[error.status as never] ?? error.status} ${error.message}`
  if (error instanceof MicroError) return `${error.code} ${error.detail}`
  return String(error)
}

/** One worker with a client of its own, which it replaces again and again. */
async function load(
  address: string,
  protocol: 'grpc' | 'mucp',
  until: number,
  ca?: string,
): Promise<void> {
  const contentType = protocol === 'grpc' ? 'application/grpc+json' : 'application/json'
  while (performance.now() < until) {
    const client = createClient({
      address,
      protocol,
      contentType,
      // The attacker and all of this share a machine.
      dialTimeoutMs: 30_000,
      ...(ca === undefined ? {} : { tls: { ca, servername: 'localhost' } }),
    })
    totals.reconnects++
    const worker = async (): Promise<void> => {
      for (let i = 0; i < RECONNECT_CALLS / WIDTH && performance.now() < until; i++) {
        await callOnce(client)
      }
    }
    await Promise.all(Array.from({ length: WIDTH }, worker))
    await client.close()
  }
}

async function attack(port: number, until: number): Promise<void> {
  for (let i = 0; performance.now() < until; i++) {
    const child = fork(join(import.meta.dirname, 'attack', 'attacker.js'), ['child'])
    const name = ATTACK_NAMES[i % ATTACK_NAMES.length]!
    child.send({ name, port, patienceMs: 1_000, scale: 1 })
    await onceMessage(child)
    child.kill('SIGKILL')
    totals.attacks++
    await sleep(1_000)
  }
}

function onceMessage(child: ChildProcess): Promise<void> {
  return new Promise(resolve => {
    child.once('message', () => resolve())
    child.once('exit', () => resolve())
  })
}

function memory(): { readonly rss: number; readonly heap: number } {
  globalThis.gc?.()
  globalThis.gc?.()
  const { rss, heapUsed, external } = process.memoryUsage()
  return { rss, heap: heapUsed + external }
}

/** Least-squares slope of `y` over `x`. */
function slope(points: readonly (readonly [x: number, y: number])[]): number {
  const n = points.length
  const meanX = points.reduce((sum, [x]) => sum + x, 0) / n
  const meanY = points.reduce((sum, [, y]) => sum + y, 0) / n
  const over = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0)
  const under = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0)
  return under === 0 ? 0 : over / under
}

/** Watches memory over time. The first quarter warms up. */
class MemoryWatch {
  readonly #startedAt: number
  readonly #rss: [number, number][] = []
  readonly #heap: [number, number][] = []
  readonly #timers: NodeJS.Timeout[]

  constructor(startedAt: number, minutes: number) {
    this.#startedAt = startedAt
    const sample = (): void => {
      const minute = this.#minute()
      if (minute < minutes / 4) return
      const { rss, heap } = memory()
      this.#rss.push([minute, rss / 1_024])
      this.#heap.push([minute, heap / 1_024])
    }
    const tell = (): void => {
      const { rss, heap } = memory()
      const state = { minute: this.#minute().toFixed(1), rssMib: mib(rss), heapMib: mib(heap) }
      console.log(JSON.stringify({ ...state, ...totals }))
    }
    this.#timers = [
      setInterval(sample, Math.max(250, minutes * 300)),
      setInterval(tell, Math.min(60_000, minutes * 15_000)),
    ]
  }

  stop(): void {
    for (const timer of this.#timers) clearInterval(timer)
  }

  /** Unit: KiB each minute. */
  get slopes(): { readonly rss: number; readonly heap: number } {
    return { rss: Math.round(slope(this.#rss)), heap: Math.round(slope(this.#heap)) }
  }

  #minute(): number {
    return (performance.now() - this.#startedAt) / 60_000
  }
}

function mib(octets: number): number {
  return Math.round(octets / 104_857.6) / 10
}

async function soak(minutes: number): Promise<boolean> {
  if (globalThis.gc === undefined) console.log('without --expose-gc memory tells little')
  const { cert, private: key } = await generate([{ name: 'commonName', value: 'localhost' }], {
    keyType: 'ec',
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }] },
    ],
  })
  const plain = makeServer()
  const secure = makeServer({ cert, key })
  await Promise.all([plain.start(), secure.start()])
  const port = Number(plain.address.slice(plain.address.lastIndexOf(':') + 1))
  const startedAt = performance.now()
  const until = startedAt + minutes * 60_000
  const watch = new MemoryWatch(startedAt, minutes)
  await Promise.all([
    load(plain.address, 'grpc', until),
    load(plain.address, 'mucp', until),
    load(secure.address, 'grpc', until, cert),
    load(secure.address, 'mucp', until, cert),
    attack(port, until),
  ])
  watch.stop()
  await Promise.all([plain.stop({ graceMs: 2_000 }), secure.stop({ graceMs: 2_000 })])
  await sleep(1_500)
  const resources = process.getActiveResourcesInfo()
  const sockets = resources.filter(name => name === 'TCPSocketWrap').length
  const timers = resources.filter(name => name === 'Timeout').length
  const { rss, heap } = watch.slopes
  const slopes = { rssKibPerMinute: rss, heapKibPerMinute: heap }
  console.log(JSON.stringify({ ...totals, minutes, ...slopes, sockets, timers }))
  const grows = minutes >= SLOPE_MINUTES && (rss > RSS_SLOPE_MAX || heap > HEAP_SLOPE_MAX)
  const isClean = totals.lost + totals.doubled + totals.failed + sockets + timers === 0 && !grows
  console.log(isClean ? 'clean' : 'NOT CLEAN')
  return isClean
}

process.exit((await soak(Number(values.minutes))) ? 0 : 1)
