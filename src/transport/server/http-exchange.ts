import {
  ErrorCode,
  type HeaderBlock,
  type HeaderList,
  type Stream,
  type StreamHandler,
  Timer,
  type TimerOwner,
} from '../../connection/index.js'
import {
  encodeResponse,
  HTTP_BODY_SIZE_MAX,
  HTTP_REQUEST_TIMEOUT_MS,
  type HttpDoorOptions,
  type HttpRequest,
  type HttpResponse,
} from './http-request.js'

const NOT_FOUND: HttpResponse = Object.freeze({ status: 404, body: 'Not Found\n' })
const FAILED: HttpResponse = Object.freeze({ status: 500, body: 'Internal Server Error\n' })
const TOO_LARGE: HeaderList = [':status', '413', 'content-length', '0']
const TOO_SLOW: HeaderList = [':status', '408', 'content-length', '0']

/** One request that is not gRPC, and its answer. */
export class HttpExchange implements StreamHandler, TimerOwner {
  readonly #stream: Stream
  readonly #list: HeaderList
  readonly #options: HttpDoorOptions
  readonly #gone: AbortController
  readonly #timer: Timer
  readonly #body: Buffer[]
  #size: number
  /** The hook has the request, or nobody wants it any more. */
  #taken: boolean

  constructor(stream: Stream, list: HeaderList, endStream: boolean, options: HttpDoorOptions) {
    this.#stream = stream
    this.#list = list
    this.#options = options
    this.#gone = new AbortController()
    this.#timer = new Timer(this)
    this.#body = []
    this.#size = 0
    this.#taken = false
    if (endStream) this.#take()
    else {
      const { now, timers } = stream.connection
      timers.schedule(this.#timer, now + HTTP_REQUEST_TIMEOUT_MS)
    }
  }

  onHeaders(_trailers: HeaderBlock, endStream: boolean): void {
    if (endStream) this.#take()
  }

  onData(bytes: Buffer, start: number, end: number, endStream: boolean): void {
    this.#stream.consume(end - start)
    if (this.#taken) return
    this.#size += end - start
    if (this.#size > HTTP_BODY_SIZE_MAX) this.#refuse(TOO_LARGE)
    else {
      if (start < end) this.#body.push(Buffer.from(bytes.subarray(start, end)))
      if (endStream) this.#take()
    }
  }

  onDrain(): void {}

  onReset(): void {
    this.#leave(new Error('the client has cancelled the request'))
  }

  onLost(cause: Error): void {
    this.#leave(cause)
  }

  onTimer(): void {
    this.#refuse(TOO_SLOW)
  }

  #leave(cause: Error): void {
    this.#end()
    this.#gone.abort(cause)
  }

  #end(): void {
    this.#taken = true
    this.#stream.connection.timers.cancel(this.#timer)
  }

  /** Answers before the request has ended; what still comes is not wanted. RFC 9113 §8.1. */
  #refuse(fields: HeaderList): void {
    this.#end()
    this.#body.length = 0
    this.#send(fields, Buffer.alloc(0))
    this.#stream.reset(ErrorCode.NoError)
  }

  #take(): void {
    if (this.#taken) return
    this.#end()
    this.#stream.hold()
    void this.#answer()
  }

  /** Never rejects: the last resort is a reset. */
  async #answer(): Promise<void> {
    // User code does not run inside the parser.
    await undefined
    try {
      if (!this.#stream.closed) await this.#ask()
    } catch (error) {
      this.#tryFailed()
      this.#tell(error)
    } finally {
      this.#stream.release()
    }
  }

  async #ask(): Promise<void> {
    const request = this.#request()
    const response = await this.#options.onRequest(request)
    const { fields, body } = encodeResponse(response ?? NOT_FOUND, request.method)
    this.#send(fields, body)
  }

  /** Anything may be thrown, what has no text included. */
  #tell(thrown: unknown): void {
    const text = 'onRequest threw what is no Error'
    const error = thrown instanceof Error ? thrown : new Error(text, { cause: thrown })
    try {
      this.#options.onError(error)
    } catch {
      // A listener that throws must not end the process.
    }
  }

  #tryFailed(): void {
    try {
      const { fields, body } = encodeResponse(FAILED, this.#valueOf(':method'))
      this.#send(fields, body)
    } catch {
      // A client that does not take even this wants no answer.
      this.#stream.reset(ErrorCode.InternalError)
    }
  }

  #send(fields: HeaderList, body: Buffer): void {
    if (body.length === 0) this.#stream.sendHeaders(fields, true)
    else {
      this.#stream.sendHeaders(fields, false)
      this.#stream.sendData(body, 0, body.length, true)
    }
  }

  #request(): HttpRequest {
    // Names come from the peer: `__proto__` is one like any other.
    const headers: Record<string, string> = Object.create(null)
    const list = this.#list
    for (let index = 0; index < list.length; index += 2) {
      const name = list[index]!
      const value = list[index + 1]!
      if (name.startsWith(':')) continue
      headers[name] = headers[name] === undefined ? value : `${headers[name]}, ${value}`
    }
    return {
      method: this.#valueOf(':method'),
      path: this.#valueOf(':path'),
      authority: this.#valueOf(':authority') || (headers['host'] ?? ''),
      headers,
      body: Buffer.concat(this.#body.splice(0)),
      peer: this.#options.peer,
      signal: this.#gone.signal,
    }
  }

  #valueOf(name: string): string {
    const list = this.#list
    for (let index = 0; index < list.length; index += 2)
      if (list[index] === name) return list[index + 1]!
    return ''
  }
}
