/**
 * Mixed load for a long time, with an attacker beside it.
 *
 *     npm run soak -- --minutes 20
 *
 * Native and mucp calls of all kinds, cancellations and reconnects run against a server in this
 * process while attacks of the catalogue come in turn from another one. At the end nothing may be
 * lost, doubled or left, and memory may not have grown.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
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

const item = jsonCodec<Item>()
const service = defineService('soak.Soak', {
  unary: { kind: 'unary', request: item, response: item },
  client: { kind: 'client', request: item, response: item },
  server: { kind: 'server', request: item, response: item },
  bidi: { kind: 'bidi', request: item, response: item },
})

const totals = { calls: 0, cancelled: 0, lost: 0, doubled: 0, failed: 0, reconnects: 0, attacks: 0 }
const seen = new Map<number, number>()

/** A handler for call `id` has started. */
function see(id: number): void {
  seen.set(id, (seen.get(id) ?? 0) + 1)
}

async function* pass(items: AsyncIterable<Item>): AsyncGenerator<Item> {
  let next = 0
  for await (const each of items) {
    if (each.seq === 0) see(each.call)
    if (each.seq !== next++) totals.lost++
    yield each
  }
}

function makeServer(): Server {
  const server = createServer({ name: 'soak', address: '127.0.0.1:0' })
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
    seen.delete(call)
  }
}

function textOf(error: unknown): string {
  if (error instanceof GrpcError)
    return `${Status[error.status as never] ?? error.status} ${error.message}`
  if (error instanceof MicroError) return `${error.code} ${error.detail}`
  return String(error)
}

async function load(address: string, protocol: 'grpc' | 'mucp', until: number): Promise<void> {
  const contentType = protocol === 'grpc' ? 'application/grpc+json' : 'application/json'
  while (performance.now() < until) {
    const client = createClient({ address, protocol, contentType })
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

async function soak(minutes: number): Promise<boolean> {
  const server = makeServer()
  await server.start()
  const { address } = server
  const port = Number(address.slice(address.lastIndexOf(':') + 1))
  const startedAt = performance.now()
  const until = startedAt + minutes * 60_000
  const points: [number, number][] = []
  const sampler = setInterval(
    () => {
      const minute = (performance.now() - startedAt) / 60_000
      // The first quarter warms up.
      if (minute > minutes / 4) points.push([minute, memory().rss / 1_024])
    },
    Math.max(250, (minutes * 60_000) / 200),
  )
  await Promise.all([
    load(address, 'grpc', until),
    load(address, 'mucp', until),
    attack(port, until),
  ])
  clearInterval(sampler)
  await server.stop({ graceMs: 2_000 })
  await sleep(1_500)
  const sockets = process.getActiveResourcesInfo().filter(name => name === 'TCPSocketWrap').length
  const timers = process.getActiveResourcesInfo().filter(name => name === 'Timeout').length
  const perMinute = slope(points)
  console.log(
    JSON.stringify({ ...totals, minutes, rssKibPerMinute: Math.round(perMinute), sockets, timers }),
  )
  const clean = totals.lost + totals.doubled + totals.failed === 0 && sockets === 0
  console.log(clean ? 'clean' : 'NOT CLEAN')
  return clean
}

process.exit((await soak(Number(values.minutes))) ? 0 : 1)
