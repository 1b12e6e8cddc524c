import { connect, type Socket } from 'node:net'
import { answerRunner, type Reply, type Request } from '../child.js'
import { PREFIXED_MESSAGE } from '../payload.js'
import { type CallBytes, callBytes } from '../wire/call-bytes.js'
import {
  FLAG_1,
  frame,
  SETTINGS_ACK,
  settings,
  Type,
  WINDOW_MAX,
  windowUpdate,
} from '../wire/frame-bytes.js'
import { FrameSplitter } from '../wire/frame-splitter.js'

// Our own loader: writes calls that were encoded beforehand, and knows just enough HTTP/2 to count
// the answers and to keep within the server's connection window.

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1')
const ENABLE_PUSH = 2
const INITIAL_WINDOW_SIZE = 4
const INITIAL_CONNECTION_WINDOW = 65_535

interface UnaryLoadOptions {
  readonly port: number
  readonly inFlight: number
  readonly calls: CallBytes
  readonly count: number
}

/** One connection in a closed loop: as many calls in flight as asked for, until all are answered. */
class UnaryLoad {
  readonly finished: Promise<void>
  readonly #options: UnaryLoadOptions
  readonly #socket: Socket
  readonly #splitter: FrameSplitter
  #resolve: () => void = () => {}
  #reject: (error: Error) => void = () => {}
  #window = INITIAL_CONNECTION_WINDOW
  #usable = false
  #sent = 0
  #answered = 0
  #dataSize = 0

  constructor(options: UnaryLoadOptions) {
    this.#options = options
    this.finished = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    this.#splitter = new FrameSplitter((type, flags, streamId, bytes, start, end) =>
      this.#onFrame(type, flags, streamId, bytes, start, end),
    )
    this.#socket = connect(options.port, '127.0.0.1')
    this.#socket.setNoDelay(true)
    this.#socket.write(PREFACE)
    this.#socket.write(settings(ENABLE_PUSH, 0, INITIAL_WINDOW_SIZE, WINDOW_MAX))
    this.#socket.write(windowUpdate(0, WINDOW_MAX - INITIAL_CONNECTION_WINDOW))
    this.#socket.on('data', chunk => this.#onChunk(chunk))
    this.#socket.on('error', error => this.#reject(error))
    this.#socket.on('close', () => this.#reject(new Error('the server closed the connection')))
  }

  #onChunk(chunk: Buffer): void {
    this.#splitter.push(chunk)
    if (this.#answered === this.#options.count) this.#finish()
    else if (this.#usable) this.#send()
  }

  #onFrame(
    type: number,
    flags: number,
    streamId: number,
    bytes: Buffer,
    start: number,
    end: number,
  ): void {
    if (type === Type.data) {
      this.#dataSize += end - start
    } else if (type === Type.headers) {
      if ((flags & FLAG_1) !== 0) this.#answered += 1
    } else if (type === Type.windowUpdate) {
      if (streamId === 0) this.#window += bytes.readUInt32BE(start)
    } else if (type === Type.settings) {
      this.#usable = true
      if ((flags & FLAG_1) === 0) this.#socket.write(SETTINGS_ACK)
    } else if (type === Type.ping) {
      if ((flags & FLAG_1) === 0) {
        this.#socket.write(frame(Type.ping, FLAG_1, 0, Buffer.from(bytes.subarray(start, end))))
      }
    } else if (type === Type.rstStream || type === Type.goaway) {
      const code = bytes.readUInt32BE(type === Type.goaway ? start + 4 : start)
      this.#reject(new Error(`frame of type ${type} on stream ${streamId}, error code ${code}`))
    }
  }

  #send(): void {
    const { calls, count, inFlight } = this.#options
    const free = inFlight - (this.#sent - this.#answered)
    const allowed = Math.floor(this.#window / PREFIXED_MESSAGE.length)
    const batch = Math.min(free, allowed, count - this.#sent)
    if (batch <= 0) return
    const next = this.#sent + batch
    this.#socket.write(calls.bytes.subarray(calls.offsets[this.#sent], calls.offsets[next]))
    this.#sent = next
    this.#window -= batch * PREFIXED_MESSAGE.length
  }

  #finish(): void {
    const expected = this.#options.count * PREFIXED_MESSAGE.length
    if (this.#dataSize === expected) this.#resolve()
    else this.#reject(new Error(`${this.#dataSize} octets of data; expected ${expected}`))
    this.#socket.destroy()
  }
}

const prepared = new Map<string, CallBytes>()

/** The prepared calls of earlier rounds serve again, as long as they are enough. */
function callsFor(path: string, count: number, varying: boolean): CallBytes {
  const key = `${path} ${varying}`
  let calls = prepared.get(key)
  if (calls === undefined || calls.offsets.length <= count) {
    calls = callBytes(path, count, varying)
    prepared.set(key, calls)
  }
  return calls
}

async function unary(request: Request): Promise<Reply> {
  const connections = Number(request['connections'])
  const count = Math.ceil(Number(request['calls']) / connections)
  const calls = callsFor(String(request['path']), count, request['varying'] === true)
  const options = {
    port: Number(request['port']),
    inFlight: Number(request['inFlight']),
    calls,
    count,
  }
  const begin = performance.now()
  const loads = Array.from({ length: connections }, () => new UnaryLoad(options))
  await Promise.all(loads.map(load => load.finished))
  return { calls: count * connections, seconds: (performance.now() - begin) / 1_000 }
}

answerRunner({ ready: 1 }, { unary })
