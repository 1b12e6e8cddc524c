import { createHook } from 'node:async_hooks'
import { Connection } from '../src/connection/index.js'
import { FrameReader } from '../src/frame/index.js'
import { BYTES_CODEC, CallAcceptor, Router } from '../src/grpc/index.js'
import { bytesCodec, createClient, createServer, defineService } from '../src/micro/index.js'
import { CallPair, nobody } from './call-pair.js'
import { answerRunner, type Reply, type Request } from './child.js'
import { countWrites } from './count-writes.js'
import { Path, PREFIXED_MESSAGE } from './payload.js'
import { callBytes } from './wire/call-bytes.js'
import { frame, settings, Type, WINDOW_MAX, windowUpdate } from './wire/frame-bytes.js'
import { RawConnection } from './wire/raw-connection.js'

// Figures that do not depend on a quiet machine: heap, promises, writes and octets for each call.
// Run it in a process of its own with --expose-gc and a semi-space so large that nothing is
// collected while the heap is watched, and without NODE_V8_COVERAGE, which makes code allocate.

const BATCH = 100
const BATCHES = 50
const WARM_UP_RUNS = 20
const MEASURED_RUNS = 5

function heapSize(): number {
  return process.memoryUsage().heapUsed
}

/**
 * Octets of heap that each unit of work takes. `work` has run often enough before that it is
 * optimised, and that what lives on (memos, tables) is there. The least of several runs counts: in
 * any of them the compiler may put something of its own on the heap.
 */
function heapPerUnit(units: number, work: () => void): number {
  for (let run = 0; run < WARM_UP_RUNS; run++) work()
  let least = Number.POSITIVE_INFINITY
  for (let run = 0; run < MEASURED_RUNS; run++) {
    globalThis.gc?.()
    const before = heapSize()
    work()
    least = Math.min(least, heapSize() - before)
  }
  return least / units
}

function frameHeap(): Reply {
  const count = 20_000
  const bytes = Buffer.concat(Array<Buffer>(count).fill(frame(Type.data, 0, 1, Buffer.alloc(17))))
  const reader = new FrameReader()
  let seen = 0
  const octets = heapPerUnit(count, () => {
    reader.push(bytes)
    while (reader.next()) seen += reader.end - reader.start
  })
  return { octets, frames: seen / 17 }
}

/** A server connection that echoes, without sockets. */
function echoServer(): Connection {
  const codecs = new Map([['proto', BYTES_CODEC]])
  const router = new Router()
  router.add({
    method: { path: Path.unary, kind: 'unary', request: codecs, response: codecs },
    start(call) {
      call.respond(call.request)
      call.settle()
      return undefined
    },
  })
  const handler = new CallAcceptor(router)
  return new Connection({ role: 'server', handler, host: nobody, now: performance.now() })
}

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1')

/** Heap of the server's side for each call whose handler answers at once. */
function serverHeap(): Reply {
  const runs = WARM_UP_RUNS + MEASURED_RUNS
  const { bytes, offsets } = callBytes(Path.unary, BATCH * BATCHES * runs, false)
  const server = echoServer()
  let outputSize = 0
  const receive = (chunk: Buffer, start: number, end: number): void => {
    const now = performance.now()
    for (let offset = start; offset < end; ) offset = server.receive(chunk, offset, end, now)
    for (const output of server.takeOutput(1 << 20)) outputSize += output.length
  }
  // A window for all answers: nobody reads them.
  const hello = Buffer.concat([PREFACE, settings(), windowUpdate(0, WINDOW_MAX - 65_535)])
  receive(hello, 0, hello.length)
  let call = 0
  const octets = heapPerUnit(BATCH * BATCHES, () => {
    for (let batch = 0; batch < BATCHES; batch++, call += BATCH) {
      receive(bytes, offsets[call]!, offsets[call + BATCH]!)
    }
  })
  return { octets, outputPerCall: outputSize / call, messageSize: PREFIXED_MESSAGE.length }
}

/** Octets on the wire for each call of a connection that has been in use. */
function wireSize(): Reply {
  const pair = new CallPair(Buffer.from('hi'))
  pair.call(BATCH)
  const { upSize, downSize } = pair
  pair.call(BATCH)
  return { up: (pair.upSize - upSize) / BATCH, down: (pair.downSize - downSize) / BATCH }
}

/** One batch of calls in one write; resolves when all are answered. */
function sendBatch(port: number, path: string): Promise<void> {
  const { bytes } = callBytes(path, BATCH, false)
  return new Promise((resolve, reject) => {
    let sent = false
    let answered = 0
    const connection = new RawConnection(port, {
      onData() {},
      onTrailers() {
        answered += 1
      },
      onTurn() {
        if (!sent) connection.socket.write(bytes)
        sent = true
        if (answered < BATCH) return
        connection.close()
        resolve()
      },
      onFailure: reject,
    })
  })
}

/** Promises made, and writes of the server's sockets, while a batch of calls is answered. */
async function served(request: Request): Promise<Reply> {
  const octets = { request: bytesCodec(), response: bytesCodec() }
  const service = defineService('bench.Guard', {
    sync: { kind: 'unary', ...octets },
    awaiting: { kind: 'unary', ...octets },
  })
  const server = createServer({ name: 'guard' }).handle(service, {
    sync: message => message,
    awaiting: async message => await message,
  })
  await server.start()
  const port = Number(server.address.slice(server.address.lastIndexOf(':') + 1))
  const path = `/bench.Guard/${request['method']}`
  for (let batch = 0; batch < 3; batch++) await sendBatch(port, path)

  const counts = { promises: 0, writes: 0 }
  const hook = createHook({
    init(_id, type) {
      if (type === 'PROMISE') counts.promises += 1
    },
  })
  const uncount = countWrites(socket => {
    if (socket.localPort === port) counts.writes += 1
  })
  hook.enable()
  await sendBatch(port, path)
  hook.disable()
  uncount()
  await server.stop({ graceMs: 0 })
  return { promises: counts.promises / BATCH, writes: counts.writes }
}

/**
 * Octets outside the heap that are made for each octet of 16 messages of 1 MiB, at both ends of one connection: V8
 * counts them against its heap, so they are what collections come from. One for one is the messages themselves.
 */
async function received(): Promise<Reply> {
  const octets = { request: bytesCodec(), response: bytesCodec() }
  const service = defineService('bench.Guard', { upload: { kind: 'client', ...octets } })
  const server = createServer({ name: 'guard', address: '127.0.0.1:0' }).handle(service, {
    async upload(messages) {
      let size = 0
      for await (const message of messages) size += message.length
      return Buffer.from(String(size))
    },
  })
  await server.start()
  const client = createClient({ address: server.address })
  const message = Buffer.alloc(1 << 20)
  const messages = Array<Buffer>(16).fill(message)
  const size = messages.length * message.length
  const upload = async (): Promise<void> => {
    const answer = await client.bind(service).upload(messages)
    if (Buffer.from(answer).toString() !== String(size)) throw new Error('octets are missing')
  }
  await upload()
  globalThis.gc?.()
  const before = process.memoryUsage().arrayBuffers
  await upload()
  const made = process.memoryUsage().arrayBuffers - before
  await client.close()
  await server.stop({ graceMs: 0 })
  return { made: made / size }
}

answerRunner({ ready: 1 }, { frameHeap, serverHeap, wireSize, served, received })
