import { connect, type Socket } from 'node:net'
import { connect as connectSecurely } from 'node:tls'
import {
  FLAG_1,
  frame,
  SETTINGS_ACK,
  settings,
  Type,
  WINDOW_MAX,
  windowUpdate,
} from './frame-bytes.js'
import { FrameSplitter } from './frame-splitter.js'

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1')
const ENABLE_PUSH = 2
const INITIAL_WINDOW_SIZE = 4

/** Where every flow-control window begins (RFC 9113 §6.9.2). */
const WINDOW_INITIAL = 65_535

/** How a loader connects. */
export interface RawOptions {
  /** Octets that the server may send on a stream before it hears from us. Default: no bound. */
  readonly receiveWindow?: number
  /** TLS 1.3, any certificate. */
  readonly tls?: boolean
  /** Address to come from. Default: the system's choice. */
  readonly localAddress?: string
}

/** A socket to a port of this machine, plain or TLS. */
export function connectTo(port: number, { tls = false, localAddress }: RawOptions): Socket {
  const to = { port, host: '127.0.0.1', ...(localAddress === undefined ? {} : { localAddress }) }
  if (!tls) return connect(to)
  const trust = { rejectUnauthorized: false, minVersion: 'TLSv1.3' } as const
  return connectSecurely({ ...to, ...trust, ALPNProtocols: ['h2'], servername: 'localhost' })
}

/** What a loader hears of its connection. */
export interface RawHandler {
  /** Payload of DATA, valid until it returns. */
  onData(streamId: number, bytes: Buffer, start: number, end: number): void
  /** HEADERS that end a stream: trailers. */
  onTrailers(streamId: number): void
  /** Everything that one read brought has been handled, and the server's SETTINGS are known. */
  onTurn(): void
  onFailure(error: Error): void
}

/**
 * A client connection for loaders: it sends bytes prepared elsewhere and knows just enough HTTP/2 to
 * stay correct. Only the windows of the connection and of stream 1 are kept; with unary calls no
 * other stream sends more than its initial window.
 */
export class RawConnection {
  readonly socket: Socket
  /** What the server lets us send on the connection. */
  connectionWindow: number = WINDOW_INITIAL
  /** What the server lets us send on stream 1. */
  streamWindow: number = WINDOW_INITIAL
  readonly #handler: RawHandler
  readonly #splitter: FrameSplitter
  #initialWindow = WINDOW_INITIAL
  #usable = false
  #closed = false

  constructor(port: number, handler: RawHandler, options: RawOptions = {}) {
    const { receiveWindow = WINDOW_MAX } = options
    this.#handler = handler
    this.#splitter = new FrameSplitter((type, flags, streamId, bytes, start, end) =>
      this.#onFrame(type, flags, streamId, bytes, start, end),
    )
    this.socket = connectTo(port, options)
    this.socket.setNoDelay(true)
    this.socket.write(PREFACE)
    this.socket.write(settings(ENABLE_PUSH, 0, INITIAL_WINDOW_SIZE, receiveWindow))
    this.socket.write(windowUpdate(0, WINDOW_MAX - WINDOW_INITIAL))
    this.socket.on('data', chunk => {
      this.#splitter.push(chunk)
      if (this.#usable && !this.#closed) handler.onTurn()
    })
    this.socket.on('error', error => handler.onFailure(error))
    this.socket.on('close', () => {
      if (!this.#closed) handler.onFailure(new Error('the server closed the connection'))
    })
  }

  /** Lets the server send `size` octets more on the connection and on stream 1. */
  credit(size: number): void {
    this.socket.write(Buffer.concat([windowUpdate(0, size), windowUpdate(1, size)]))
  }

  close(): void {
    this.#closed = true
    this.socket.destroy()
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
      this.#handler.onData(streamId, bytes, start, end)
      if ((flags & FLAG_1) !== 0) {
        this.#handler.onFailure(new Error(`stream ${streamId} ended without trailers`))
      }
    } else if (type === Type.headers) {
      if ((flags & FLAG_1) !== 0) this.#handler.onTrailers(streamId)
    } else if (type === Type.windowUpdate) {
      const size = bytes.readUInt32BE(start)
      if (streamId === 0) this.connectionWindow += size
      else if (streamId === 1) this.streamWindow += size
    } else if (type === Type.settings) {
      if ((flags & FLAG_1) === 0) this.#onSettings(bytes, start, end)
    } else if (type === Type.ping) {
      if ((flags & FLAG_1) === 0) {
        this.socket.write(frame(Type.ping, FLAG_1, 0, bytes.subarray(start, end)))
      }
    } else if (type === Type.rstStream || type === Type.goaway) {
      const code = bytes.readUInt32BE(type === Type.goaway ? start + 4 : start)
      const what = type === Type.goaway ? 'GOAWAY' : `RST_STREAM of stream ${streamId}`
      const debug = type === Type.goaway ? bytes.toString('latin1', start + 8, end) : ''
      this.#handler.onFailure(new Error(`${what} with error code ${code} ${debug}`.trim()))
    }
  }

  #onSettings(bytes: Buffer, start: number, end: number): void {
    for (let offset = start; offset < end; offset += 6) {
      if (bytes.readUInt16BE(offset) !== INITIAL_WINDOW_SIZE) continue
      const size = bytes.readUInt32BE(offset + 2)
      this.streamWindow += size - this.#initialWindow
      this.#initialWindow = size
    }
    this.#usable = true
    this.socket.write(SETTINGS_ACK)
  }
}
