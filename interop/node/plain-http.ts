import type {
  ConnectionHandler,
  HeaderBlock,
  Stream,
  StreamHandler,
} from '../../src/connection/index.js'

const BODY = Buffer.from('Hello from microwire.\n')
const RESPONSE = [':status', '200', 'content-type', 'text/plain', 'server', 'microwire']

/** What happened on all connections of a `PlainHttp`. */
export interface Observation {
  /** Requests that were answered. */
  answered: number
  /** Streams that are neither answered, reset nor lost. */
  open: number
}

/**
 * HTTP/2 with no gRPC in it: whatever is asked for, once the request is complete, the answer is
 * 200 and a line of text. It shows the connection layer alone.
 */
export class PlainHttp {
  readonly observation: Observation = { answered: 0, open: 0 }

  /** The handler of one connection, for `serve`. */
  handler(): ConnectionHandler {
    const ready: Exchange[] = []
    return {
      onStream: (stream, headers, endStream) => {
        const exchange = new Exchange(stream, this.observation, ready)
        exchange.onHeaders(headers, endStream)
        return exchange
      },
      onReceived: () => {
        for (const exchange of ready.splice(0)) exchange.answer()
      },
    }
  }
}

class Exchange implements StreamHandler {
  readonly #stream: Stream
  readonly #observation: Observation
  readonly #ready: Exchange[]
  #settled = false

  constructor(stream: Stream, observation: Observation, ready: Exchange[]) {
    this.#stream = stream
    this.#observation = observation
    this.#ready = ready
    observation.open++
  }

  answer(): void {
    if (this.#settled) return
    this.#observation.answered++
    this.#settle()
    this.#stream.sendHeaders(RESPONSE, false)
    this.#stream.sendData(BODY, 0, BODY.length, true)
  }

  onHeaders(_headers: HeaderBlock, endStream: boolean): void {
    if (endStream) this.#ready.push(this)
  }

  onData(_bytes: Buffer, start: number, end: number, endStream: boolean): void {
    this.#stream.consume(end - start)
    if (endStream) this.#ready.push(this)
  }

  onDrain(): void {}

  onReset(): void {
    this.#settle()
  }

  onLost(): void {
    this.#settle()
  }

  #settle(): void {
    if (this.#settled) return
    this.#settled = true
    this.#observation.open--
    this.#stream.release()
  }
}
