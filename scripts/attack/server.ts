/**
 * The server under attack, in a process of its own: `node server.js <peer>`, forked. Answers
 * with figures when told `peek`, `measure` (which collects garbage before), `reset` (which begins
 * to count anew) and `restart` (both); with `pool` it keeps the delays for later. Every peer serves the same methods:
 *
 * - `/attack.Target/Echo`: one message there and back
 * - `/attack.Target/Hold`: many messages in, none out, until the caller is gone
 * - `/attack.Target/Zombie`: as Hold, but goes on for two seconds whatever the caller does
 * - `/attack.Target/Download`: one message in, 64 messages of 16 KiB out
 */
import http2 from 'node:http2'
import {
  Server as GrpcJsServer,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceDefinition,
  type sendUnaryData,
} from '@grpc/grpc-js'
import { bytesCodec, createServer, defineService } from '../../src/index.js'
import { type Delays, LoopDelay, type Phase } from './loop-delay.js'

/** What the server is asked. */
export interface Order {
  readonly do: 'peek' | 'measure' | 'reset' | 'restart'
  /** The delays since `reset` are kept as what the loop is like beside this. */
  readonly pool?: Phase
}

/** What the server tells of itself. */
export interface Measure {
  /** User and system, so far. Unit: us. */
  readonly cpuUs: number
  /** Heap and external memory after a collection. Unit: octets. */
  readonly retained: number
  readonly rss: number
  /** Largest since `reset`. Unit: octets. */
  readonly rssPeak: number
  /** Handlers started since `reset`. */
  readonly handlers: number
  /** Handlers that run now, and at most at once since `reset`. */
  readonly running: number
  readonly runningPeak: number
  /** Sockets that are open. */
  readonly sockets: number
  readonly timers: number
  /** All that keeps the process awake, sockets and timers among it. */
  readonly handles: number
  /** Event-loop delay since `reset`, and in all that was told to `pool`. */
  readonly delays: Delays
  readonly pooled: Readonly<Record<Phase, Delays>>
}

const ZOMBIE_MS = 2_000
const MESSAGE: Buffer = Buffer.alloc(16_384, 'm')
const DOWNLOAD_COUNT = 64

const counts = { handlers: 0, running: 0, runningPeak: 0 }
let rssPeak = 0
const loopDelay = new LoopDelay()

function begin(): () => void {
  counts.handlers++
  counts.running++
  counts.runningPeak = Math.max(counts.runningPeak, counts.running)
  let over = false
  return () => {
    if (over) return
    over = true
    counts.running--
  }
}

/** The ordinary client's calls are not the attacker's handlers. */
function isOrdinary(message: Uint8Array): boolean {
  return message.length === 8
}

function later(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

/** A handler that runs until `over`, and answers nothing. */
async function* nothingAfter(over: Promise<void>): AsyncGenerator<Uint8Array> {
  const end = begin()
  await over
  end()
  yield* []
}

async function startMicrowire(): Promise<number> {
  const bytes = bytesCodec()
  const service = defineService('attack.Target', {
    echo: { kind: 'unary', request: bytes, response: bytes },
    hold: { kind: 'bidi', request: bytes, response: bytes },
    zombie: { kind: 'bidi', request: bytes, response: bytes },
    download: { kind: 'server', request: bytes, response: bytes },
  })
  const server = createServer({ name: 'attack', address: '127.0.0.1:0' })
  server.handle(service, {
    echo(request) {
      if (!isOrdinary(request)) begin()()
      return request
    },
    hold: (_requests, context) => nothingAfter(aborted(context.signal)),
    zombie: () => nothingAfter(later(ZOMBIE_MS)),
    async *download() {
      const end = begin()
      try {
        for (let i = 0; i < DOWNLOAD_COUNT; i++) yield MESSAGE
      } finally {
        end()
      }
    },
  })
  await server.start()
  return Number(server.address.slice(server.address.lastIndexOf(':') + 1))
}

async function startGrpcJs(): Promise<number> {
  const same = (bytes: Buffer): Buffer => bytes
  const method = (path: string, requestStream: boolean, responseStream: boolean) => ({
    path,
    requestStream,
    responseStream,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  })
  const service: ServiceDefinition = {
    echo: method('/attack.Target/Echo', false, false),
    hold: method('/attack.Target/Hold', true, true),
    zombie: method('/attack.Target/Zombie', true, true),
    download: method('/attack.Target/Download', false, true),
  }
  const server = new GrpcJsServer()
  server.addService(service, {
    echo(call: ServerUnaryCall<Buffer, Buffer>, respond: sendUnaryData<Buffer>) {
      if (!isOrdinary(call.request)) begin()()
      respond(null, call.request)
    },
    hold(call: ServerDuplexStream<Buffer, Buffer>) {
      const end = begin()
      call.on('cancelled', end).on('error', end).on('close', end).resume()
    },
    zombie(call: ServerDuplexStream<Buffer, Buffer>) {
      const end = begin()
      call.on('error', () => {}).resume()
      void later(ZOMBIE_MS).then(end)
    },
    download(call: ServerWritableStream<Buffer, Buffer>) {
      const end = begin()
      call.on('cancelled', end).on('error', end).on('close', end)
      for (let i = 0; i < DOWNLOAD_COUNT; i++) call.write(MESSAGE)
      call.end()
    },
  })
  return new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
      if (error === null) resolve(port)
      else reject(error)
    })
  })
}

/** The least that answers gRPC on node:http2. */
async function startNodeHttp2(): Promise<number> {
  const server = http2.createServer()
  server.on('session', session => session.on('error', () => {}))
  server.on('sessionError', () => {})
  server.on('stream', (stream, headers) => {
    const end = begin()
    stream.on('error', () => {}).on('close', end)
    const path = String(headers[':path'])
    if (path.endsWith('Hold')) {
      stream.resume()
      return
    }
    if (path.endsWith('Zombie')) {
      stream.resume()
      return
    }
    const chunks: Buffer[] = []
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    stream.on('end', () => {
      if (stream.destroyed) return
      if (isOrdinary(Buffer.concat(chunks).subarray(5))) counts.handlers--
      stream.respond(
        { ':status': 200, 'content-type': 'application/grpc+proto' },
        { waitForTrailers: true },
      )
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
      if (!path.endsWith('Download')) {
        stream.end(Buffer.concat(chunks))
        return
      }
      const framed = Buffer.concat([Buffer.of(0, 0, 0, 0x40, 0), MESSAGE])
      for (let i = 0; i < DOWNLOAD_COUNT; i++) stream.write(framed)
      stream.end()
    })
  })
  return new Promise(resolve => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : 0)
    })
  })
}

function measure(collect: boolean): Measure {
  if (collect) {
    globalThis.gc?.()
    globalThis.gc?.()
  }
  const cpu = process.cpuUsage()
  const memory = process.memoryUsage()
  rssPeak = Math.max(rssPeak, memory.rss)
  const resources = process.getActiveResourcesInfo()
  return {
    cpuUs: cpu.user + cpu.system,
    retained: memory.heapUsed + memory.external,
    rss: memory.rss,
    rssPeak,
    ...counts,
    sockets: resources.filter(name => name === 'TCPSocketWrap').length,
    timers: resources.filter(name => name === 'Timeout').length,
    handles: resources.length,
    delays: loopDelay.delays,
    pooled: loopDelay.pooled,
  }
}

function reset(): void {
  counts.handlers = 0
  counts.runningPeak = counts.running
  rssPeak = process.memoryUsage.rss()
  loopDelay.reset()
}

// A crash is a row of the table; that it happened must be seen.
process.on('uncaughtException', error => {
  process.stderr.write(`server: ${error.stack}\n`)
  process.exit(70)
})

const starts: Readonly<Record<string, () => Promise<number>>> = {
  microwire: startMicrowire,
  'grpc-js': startGrpcJs,
  'node-http2': startNodeHttp2,
}
const start = starts[process.argv[2] ?? 'microwire']
if (start === undefined) throw new TypeError(`peer ${process.argv[2]} is not known`)
const port = await start()
setInterval(() => {
  rssPeak = Math.max(rssPeak, process.memoryUsage.rss())
}, 10).unref()
process.on('message', (order: Order) => {
  const collects = order.do === 'measure' || order.do === 'restart'
  if (order.pool !== undefined) loopDelay.pool(order.pool)
  const figures = measure(collects)
  if (order.do === 'reset' || order.do === 'restart') reset()
  process.send!(figures)
})
process.on('disconnect', () => setImmediate(() => process.exit(0)))
process.send!({ port })
