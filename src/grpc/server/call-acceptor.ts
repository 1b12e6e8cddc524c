import {
  type ConnectionHandler,
  ErrorCode,
  type HeaderBlock,
  type Stream,
  type StreamConnection,
  type StreamHandler,
} from '../../connection/index.js'
import { type CallOptions, CallSettings } from './call-options.js'
import { isRefusal, RequestReader } from './request-head.js'
import { errorFields, sendRefusal, sendStatus } from './response-writer.js'
import type { Router } from './router.js'
import { RunningServerCall } from './running-call.js'
import { ServerCallBatch } from './server-call-batch.js'

/** gRPC on one server connection: creates calls from requests. One for each connection. */
export class CallAcceptor implements ConnectionHandler {
  readonly #settings: CallSettings
  readonly #requests: RequestReader
  readonly #batch: ServerCallBatch
  #connection: StreamConnection | undefined

  /** @throws RangeError when an option is out of range. */
  constructor(router: Router, options: CallOptions | CallSettings = {}) {
    this.#settings = options instanceof CallSettings ? options : new CallSettings(options)
    this.#requests = new RequestReader(router, this.#settings)
    this.#batch = new ServerCallBatch(this.#settings)
    this.#connection = undefined
  }

  /** For the connection alone. */
  onStream(stream: Stream, headers: HeaderBlock, endStream: boolean): StreamHandler {
    const outcome = this.#requests.read(headers)
    if (isRefusal(outcome)) {
      sendRefusal(stream, outcome.headers, outcome.extra)
      // RFC 9113 §8.1: what the client still sends is not wanted.
      if (!endStream) stream.reset(ErrorCode.NoError)
      return REFUSED
    }
    const refused = outcome.route.refusal?.(outcome.list)
    if (refused !== undefined) {
      sendStatus(
        stream,
        outcome.statusHeaders,
        refused.status,
        errorFields(refused, this.#settings),
      )
      if (!endStream) stream.reset(ErrorCode.NoError)
      return REFUSED
    }
    this.#connection = stream.connection
    const call = new RunningServerCall(stream, outcome, this.#settings, this.#batch)
    call.open(endStream)
    return call
  }

  /** For the connection alone. */
  onReceived(): void {
    const turns = this.#connection?.turns
    if (this.#batch.run(turns) || this.#batch.startWaiting(turns)) turns?.request()
  }
}

/** Of a stream that is over: nothing is left to hear. */
const REFUSED: StreamHandler = Object.freeze({
  onHeaders(): void {},
  onData(): void {},
  onDrain(): void {},
  onReset(): void {},
  onLost(): void {},
})
