import {
  addToError,
  GrpcError,
  Metadata,
  type ServerCall,
  type ServerCallHandler,
} from '../../../grpc/index.js'
import { type Peer, peerOf } from '../../../transport/index.js'
import type { MessageSource } from '../../async/message-source.js'
import type { Context } from '../../call/context.js'
import { checkFlag, checkText } from '../../call/option-checks.js'
import { CallCancel } from '../handlers/call-cancel.js'
import type { Endpoint } from '../handlers/endpoint-table.js'
import {
  NOT_CANCELLED,
  type RunningHandler,
  type RunningHandlers,
} from '../handlers/running-handlers.js'
import { RequestStream } from './request-stream.js'

/** What go-micro's clients send for themselves; its servers hide it as well. */
const HIDDEN_NAMES: readonly string[] = ['timeout', 'x-content-type']

/** The context of a native gRPC call; also what the call tells its news. */
export class GrpcContext implements Context, ServerCallHandler, RunningHandler {
  readonly door = 'grpc'
  /** @internal */
  startedAt: number
  /** @internal */
  cancelledAt: number
  /** @internal */
  previous: RunningHandler | undefined
  /** @internal */
  next: RunningHandler | undefined
  readonly #endpoint: Endpoint
  readonly #call: ServerCall
  readonly #running: RunningHandlers
  #metadata: Metadata | undefined
  #headers: Metadata | undefined
  #trailers: Metadata | undefined
  #cancel: CallCancel | undefined
  #requests: RequestStream | undefined
  #responses: MessageSource | undefined
  #onDrain: (() => void) | undefined

  constructor(endpoint: Endpoint, call: ServerCall, running: RunningHandlers) {
    this.startedAt = 0
    this.cancelledAt = NOT_CANCELLED
    this.previous = undefined
    this.next = undefined
    this.#endpoint = endpoint
    this.#call = call
    this.#running = running
    this.#metadata = undefined
    this.#headers = undefined
    this.#trailers = undefined
    this.#cancel = undefined
    this.#requests = undefined
    this.#responses = undefined
    this.#onDrain = undefined
  }

  /** @internal */
  get context(): this {
    return this
  }

  get service(): string {
    return this.#endpoint.service.name
  }

  get method(): string {
    return this.#endpoint.method.name
  }

  get path(): string {
    return this.#endpoint.method.path
  }

  get deadline(): number {
    return this.#call.deadline
  }

  get peer(): Peer {
    return peerOf(this.#call.stream.connection)
  }

  get metadata(): Metadata {
    if (this.#metadata === undefined) {
      this.#metadata = this.#call.metadata
      for (const name of HIDDEN_NAMES) this.#metadata.delete(name)
    }
    return this.#metadata
  }

  get signal(): AbortSignal {
    if (this.#cancel === undefined) {
      this.#cancel = new CallCancel()
      const { cancelled } = this.#call
      if (cancelled !== undefined) this.#cancel.cancel(addToError(cancelled, this.peer.address))
    }
    return this.#cancel.signal
  }

  get headers(): Metadata {
    this.#headers ??= new Metadata()
    return this.#headers
  }

  get trailers(): Metadata {
    this.#trailers ??= new Metadata()
    return this.#trailers
  }

  get compressed(): boolean {
    return this.#call.compressed
  }

  get compression(): string {
    return this.#call.compression
  }

  set compression(name: string) {
    this.#call.compression = checkText('compression', name)
  }

  get compressing(): boolean {
    return this.#call.compressing
  }

  set compressing(compressing: boolean) {
    checkFlag('compressing', compressing)
    this.#call.compressing = compressing
  }

  get requests(): RequestStream {
    this.#requests ??= new RequestStream(this.#call)
    return this.#requests
  }

  /** Sends the response metadata that was set, once, ahead of the first message. */
  sendHeaders(): void {
    const headers = this.#headers
    if (headers === undefined) return
    this.#headers = undefined
    this.#call.sendHeaders(headers)
  }

  /** As `sendHeaders`, ahead of an error. Where nothing was set, the error goes alone: Trailers-Only. */
  sendHeadersOfError(): void {
    if (this.#headers !== undefined && this.#headers.size > 0) this.sendHeaders()
  }

  takeTrailers(): Metadata | undefined {
    return this.#trailers
  }

  /** The error with the trailers that were set. */
  withTrailers(error: GrpcError): GrpcError {
    const trailers = this.#trailers
    if (trailers === undefined || trailers.size === 0) return error
    const metadata = new Metadata()
    if (error.hasMetadata) metadata.merge(error.metadata)
    metadata.merge(trailers)
    return new GrpcError(error.status, error.message, { metadata, cause: error.cause })
  }

  /** The handler goes on after it has returned. */
  begin(): void {
    this.#running.add(this, this.#call.stream.connection.now)
  }

  /** The handler has settled; `isFailed`: with an error. */
  settle(_isFailed = false): void {
    this.#running.delete(this)
    // Who still reads requests in the background reads in vain.
    this.#requests?.wake()
    this.#call.settle()
  }

  /** @internal The handler has not settled long after its call was over. */
  release(): void {
    this.#call.settle()
  }

  /** What the handler gave: closed when the call is over before it is. */
  sendFrom(responses: MessageSource): void {
    this.#responses = responses
    if (this.#call.finished) responses.close()
  }

  /** Settles when there is room for messages again, or the call is over. */
  drained(): Promise<void> {
    return new Promise(resolve => {
      this.#onDrain = resolve
    })
  }

  onReadable(): void {
    this.#requests?.wake()
  }

  onDrain(): void {
    const resolve = this.#onDrain
    this.#onDrain = undefined
    resolve?.()
  }

  onCancel(error: GrpcError): void {
    this.#cancel?.cancel(addToError(error, this.peer.address))
    this.#requests?.wake()
    this.onDrain()
    this.#responses?.close()
    this.#running.cancelled(this)
  }
}
