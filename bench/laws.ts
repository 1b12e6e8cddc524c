import { Connection } from '../src/connection/index.js'
import {
  BYTES_CODEC,
  CallAcceptor,
  Router,
  type ServerCall,
  TimerWheel,
} from '../src/grpc/index.js'
import { decodeMessage, encodeMessage } from '../src/transport/index.js'
import { CallPair, nobody } from './call-pair.js'
import { answerRunner, type Reply, type Request } from './child.js'
import { Path } from './payload.js'
import { callBytes } from './wire/call-bytes.js'
import { SETTINGS_ACK, settings, WINDOW_MAX, windowUpdate } from './wire/frame-bytes.js'

// Laws of growth that need no socket: what caches and timers keep. Run it with --expose-gc.

const BATCH = 100

/** Octets handed over at a time, as a socket would. */
const CHUNK_SIZE = 65_536

/** As fast as a peer may cause frames of no use, such as DATA of calls that were refused meanwhile. */
const CHUNK_TIME_MS = 1_000

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1')

const hex8 = (value: number): string => value.toString(16).padStart(8, '0')

function liveOctets(): number {
  globalThis.gc?.()
  globalThis.gc?.()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

/** A server whose calls wait in `waiting` until someone answers them. */
class WaitingServer {
  readonly waiting: ServerCall[] = []
  readonly timers: TimerWheel
  readonly #connection: Connection
  #now: number = performance.now()

  constructor() {
    const codecs = new Map([['proto', BYTES_CODEC]])
    const router = new Router()
    router.add({
      method: { path: Path.unary, kind: 'unary', request: codecs, response: codecs },
      start: call => {
        this.waiting.push(call)
        return undefined
      },
    })
    const handler = new CallAcceptor(router)
    this.timers = new TimerWheel(this.#now)
    const { timers } = this
    this.#connection = new Connection({
      role: 'server',
      handler,
      host: nobody,
      now: this.#now,
      timers,
    })
    const window = windowUpdate(0, WINDOW_MAX - 65_535)
    this.receive(Buffer.concat([PREFACE, settings(), SETTINGS_ACK, window]))
  }

  receive(bytes: Buffer): void {
    const connection = this.#connection
    for (let offset = 0; offset < bytes.length; ) {
      const end = Math.min(bytes.length, offset + CHUNK_SIZE)
      this.#now += CHUNK_TIME_MS
      offset = connection.receive(bytes, offset, end, this.#now)
      connection.takeOutput(1 << 20)
    }
  }

  answer(): void {
    for (const call of this.waiting.splice(0)) {
      call.respond(call.request)
      call.settle()
    }
    while (this.#connection.hasOutput) this.#connection.takeOutput(1 << 20)
  }
}

/** Growth of a server while calls come with paths, timeouts and trace ids that no other has. */
function distinctHeaders(request: Request): Reply {
  const count = Number(request['calls'])
  const { bytes, offsets } = callBytes(call => `/bench.Absent/M${hex8(call)}`, count, true)
  const server = new WaitingServer()
  const first = offsets[count / 10]!
  server.receive(bytes.subarray(0, first))
  const before = liveOctets()
  server.receive(bytes.subarray(first))
  return { growth: liveOctets() - before, waiting: server.waiting.length }
}

/** Growth while messages of go-micro's transport come with keys and values that no other has. */
function distinctMessages(request: Request): Reply {
  const count = Number(request['calls'])
  const body = Buffer.alloc(10)
  const work = (from: number, to: number): void => {
    for (let index = from; index < to; index++) {
      const header = new Map([[`Key-${hex8(index)}`, `value ${hex8(index)}`]])
      const bytes = encodeMessage({ header, body })
      decodeMessage(bytes, 0, bytes.length)
    }
  }
  work(0, count / 10)
  const before = liveOctets()
  work(count / 10, count)
  return { growth: liveOctets() - before }
}

/** Timers left on a server's wheel after calls whose deadlines were far when they were answered. */
function serverDeadlines(request: Request): Reply {
  const count = Number(request['calls'])
  const { bytes, offsets } = callBytes(Path.unary, count, true)
  const server = new WaitingServer()
  const before = server.timers.count
  let peak = 0
  for (let call = 0; call < count; call += BATCH) {
    server.receive(bytes.subarray(offsets[call], offsets[call + BATCH]))
    peak = Math.max(peak, server.timers.count - before)
    server.answer()
  }
  return { left: server.timers.count - before, peak }
}

/** The same on a client's wheel. */
function clientDeadlines(request: Request): Reply {
  const pair = new CallPair()
  const before = pair.timerCount
  let peak = 0
  for (let call = 0; call < Number(request['calls']); call += BATCH) {
    pair.call(BATCH, 10_000, () => {
      peak = Math.max(peak, pair.timerCount - before)
    })
  }
  return { left: pair.timerCount - before, peak }
}

answerRunner({ ready: 1 }, { distinctHeaders, distinctMessages, serverDeadlines, clientDeadlines })
