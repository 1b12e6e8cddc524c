import type { Reply, Request } from '../child.js'
import { downloadRequest, Path, prefixed } from '../payload.js'
import { callFields } from '../wire/call-bytes.js'
import { END_HEADERS, FLAG_1, frame, Type } from '../wire/frame-bytes.js'
import { compress, hpackJs, TABLE } from '../wire/hpack-js.js'
import { RawConnection, type RawHandler } from '../wire/raw-connection.js'

/** SETTINGS_MAX_FRAME_SIZE as every peer begins with it (RFC 9113 §6.5.2). */
const FRAME_SIZE = 16_384

/** A window like that of clients which measured a fast link; half of it is given back at a time. */
const RECEIVE_WINDOW = 4 * 1024 * 1024

/** Octets of one write: enough to keep the socket busy, few enough to look at the window often. */
const WRITE_SIZE_MAX = 256 * 1024

interface StreamLoad {
  readonly path: string
  /** Prefixed messages that go up one after another. */
  readonly message: Buffer
  readonly count: number
  /** Octets of DATA expected back. */
  readonly expected: number
  /** Most octets of messages under way; Infinity where answers do not go with requests. */
  readonly inFlight: number
  readonly tls: boolean
}

/** One stream on one connection: sends what flow control allows, until everything expected is back. */
class OneStream implements RawHandler {
  readonly finished: Promise<void>
  readonly #load: StreamLoad
  readonly #connection: RawConnection
  /** DATA frames of as many messages as fill one write. */
  readonly #wire: Buffer
  /** Where each frame of `#wire` begins, and its end; and the octets of payload before each. */
  readonly #offsets: number[] = [0]
  readonly #payloads: number[] = [0]
  #resolve: () => void = () => {}
  #reject: (error: Error) => void = () => {}
  #started = false
  #waiting = false
  #next = 0
  #sent = 0
  #received = 0
  #owed = 0

  constructor(port: number, load: StreamLoad) {
    this.#load = load
    this.finished = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    const frames = framesOf(load.message)
    for (const { length } of frames) {
      this.#offsets.push(this.#offsets.at(-1)! + length)
      this.#payloads.push(this.#payloads.at(-1)! + length - 9)
    }
    this.#wire = Buffer.concat(frames)
    this.#connection = new RawConnection(port, this, {
      receiveWindow: RECEIVE_WINDOW,
      tls: load.tls,
    })
    this.#connection.socket.on('drain', () => {
      this.#waiting = false
      this.#send()
    })
  }

  onData(_streamId: number, _bytes: Buffer, start: number, end: number): void {
    this.#received += end - start
    this.#owed += end - start
    if (this.#owed < RECEIVE_WINDOW / 2) return
    this.#connection.credit(this.#owed)
    this.#owed = 0
  }

  onTrailers(): void {
    this.#connection.close()
    const { expected } = this.#load
    if (this.#received === expected) this.#resolve()
    else this.onFailure(new Error(`${this.#received} octets of data; expected ${expected}`))
  }

  onTurn(): void {
    if (!this.#started) {
      this.#started = true
      const block = compress(
        hpackJs.compressor.create(TABLE),
        callFields(this.#load.path, undefined),
      )
      this.#connection.socket.write(frame(Type.headers, END_HEADERS, 1, block))
    }
    this.#send()
  }

  onFailure(error: Error): void {
    this.#connection.close()
    this.#reject(error)
  }

  /** Writes runs of whole frames while windows, the echo and the socket keep up. */
  #send(): void {
    const total = this.#load.count * this.#load.message.length
    while (!this.#waiting && this.#sent < total) {
      const { connectionWindow, streamWindow } = this.#connection
      const room = this.#load.inFlight - (this.#sent - this.#received)
      const allowed = Math.min(connectionWindow, streamWindow, room, total - this.#sent)
      const first = this.#next
      const before = this.#payloads[first]!
      let last = first
      while (last + 1 < this.#offsets.length && this.#payloads[last + 1]! - before <= allowed)
        last += 1
      if (last === first) return
      this.#advance(last, this.#payloads[last]! - before)
      const run = this.#wire.subarray(this.#offsets[first], this.#offsets[last])
      this.#waiting = !this.#connection.socket.write(run)
      if (this.#sent === total) {
        this.#connection.socket.write(frame(Type.data, FLAG_1, 1, Buffer.alloc(0)))
      }
    }
  }

  #advance(last: number, size: number): void {
    this.#next = last === this.#offsets.length - 1 ? 0 : last
    this.#sent += size
    this.#connection.connectionWindow -= size
    this.#connection.streamWindow -= size
  }
}

/** DATA frames on stream 1 for as many messages as one write may hold, at least one. */
function framesOf(message: Buffer): Buffer[] {
  const frames: Buffer[] = []
  const repeats = Math.max(1, Math.floor(WRITE_SIZE_MAX / message.length))
  for (let repeat = 0; repeat < repeats; repeat++) {
    for (let start = 0; start < message.length; start += FRAME_SIZE) {
      frames.push(frame(Type.data, 0, 1, message.subarray(start, start + FRAME_SIZE)))
    }
  }
  return frames
}

async function timed(port: number, load: StreamLoad): Promise<Reply> {
  const begin = performance.now()
  await new OneStream(port, load).finished
  return { seconds: (performance.now() - begin) / 1_000 }
}

/** Messages up one stream that come back; `inFlight` of them are under way at a time. */
export async function echo(request: Request): Promise<Reply> {
  const count = Number(request['messages'])
  const message = prefixed(Buffer.alloc(Number(request['size'])))
  return await timed(Number(request['port']), {
    path: Path.stream,
    message,
    count,
    expected: count * message.length,
    inFlight: Number(request['inFlight']) * message.length,
    tls: request['tls'] === true,
  })
}

/** Messages up one stream; one answer at the end. */
export async function upload(request: Request): Promise<Reply> {
  const count = Number(request['messages'])
  const message = prefixed(Buffer.alloc(Number(request['size'])))
  const expected = prefixed(Buffer.alloc(8)).length
  return await timed(Number(request['port']), {
    path: Path.upload,
    message,
    count,
    expected,
    inFlight: Number.POSITIVE_INFINITY,
    tls: request['tls'] === true,
  })
}

/** One request; messages down its stream. */
export async function download(request: Request): Promise<Reply> {
  const count = Number(request['messages'])
  const size = Number(request['size'])
  return await timed(Number(request['port']), {
    path: Path.download,
    message: prefixed(downloadRequest(count, size)),
    count: 1,
    expected: count * prefixed(Buffer.alloc(size)).length,
    inFlight: Number.POSITIVE_INFINITY,
    tls: request['tls'] === true,
  })
}
