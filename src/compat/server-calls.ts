import { EventEmitter } from 'node:events'
import { Duplex, Writable } from 'node:stream'
import { Status } from '../micro/index.js'
import type { CallControl } from './call-control.js'
import { callError } from './call-error.js'
import type { Deadline, ServerStatus, ServerSurfaceCall } from './call-types.js'
import type { Metadata, MetadataLike } from './metadata.js'
import { ResponseQueue } from './response-queue.js'

/** What a unary handler gets. */
export class UnaryCall extends EventEmitter implements ServerSurfaceCall {
  readonly request: unknown
  readonly #control: CallControl
  cancelled = false

  constructor(control: CallControl, request: unknown) {
    super()
    this.#control = control
    this.request = request
  }

  get metadata(): Metadata {
    return this.#control.metadata
  }

  getPeer(): string {
    return this.#control.context.peer.address
  }

  sendMetadata(responseMetadata: MetadataLike): void {
    this.#control.sendMetadata(responseMetadata)
  }

  getDeadline(): Deadline {
    return this.#control.deadline
  }

  getPath(): string {
    return this.#control.path
  }

  onCancel(): void {
    this.cancelled = true
    this.emit('cancelled', 'cancelled')
  }
}

/** How the writing side of a stream ends: the same for server-streaming and bidi. */
class ResponseEnd {
  readonly queue: ResponseQueue
  readonly #control: CallControl
  #trailers: MetadataLike | undefined
  #failure: ServerStatus | undefined

  constructor(control: CallControl, onReturn: () => void) {
    this.#control = control
    this.queue = new ResponseQueue(onReturn)
  }

  setTrailers(value: unknown): void {
    if (typeof value === 'object' && value !== null) this.#trailers = value as MetadataLike
  }

  setFailure(error: ServerStatus): void {
    this.#failure = error
  }

  /** Everything is written. */
  finish(): void {
    const failure = this.#failure
    const trailers = failure?.metadata ?? this.#trailers
    try {
      // As in grpc-js, an "error" with the status OK is none.
      if (failure !== undefined && failure.code !== Status.Ok) {
        this.queue.end(callError(failure, trailers))
        return
      }
      if (trailers !== undefined) this.#control.sendTrailers(trailers)
      this.queue.end()
    } catch (error) {
      // Trailers that may not be sent.
      this.queue.end(error)
    }
  }

  /** The stream is destroyed; nothing comes of this when it had ended. */
  destroy(error: Error | null): void {
    const fallback = { code: Status.Unknown, details: 'the handler destroyed the call' }
    this.queue.end(callError(error ?? fallback))
  }
}

/** What a server-streaming handler gets. */
export class WritableCall extends Writable implements ServerSurfaceCall {
  readonly request: unknown
  readonly #control: CallControl
  readonly #end: ResponseEnd
  cancelled = false

  constructor(control: CallControl, request: unknown) {
    super({ objectMode: true })
    this.#control = control
    this.request = request
    this.#end = new ResponseEnd(control, () => this.destroy())
    this.on('error', error => {
      this.#end.setFailure(error)
      this.end()
    })
  }

  get responses(): ResponseQueue {
    return this.#end.queue
  }

  get metadata(): Metadata {
    return this.#control.metadata
  }

  getPeer(): string {
    return this.#control.context.peer.address
  }

  sendMetadata(responseMetadata: MetadataLike): void {
    this.#control.sendMetadata(responseMetadata)
  }

  getDeadline(): Deadline {
    return this.#control.deadline
  }

  getPath(): string {
    return this.#control.path
  }

  override end(trailers?: unknown): this {
    this.#end.setTrailers(trailers)
    return super.end()
  }

  override _write(chunk: unknown, _encoding: BufferEncoding, done: () => void): void {
    this.#control.messageSent()
    this.#end.queue.write(chunk, done)
  }

  override _final(done: () => void): void {
    done()
    this.#end.finish()
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#end.destroy(error)
    done(error)
  }

  onCancel(reason: unknown): void {
    this.cancelled = true
    this.#end.queue.end(reason)
    this.emit('cancelled', 'cancelled')
    this.destroy()
  }
}

/** What bidi handlers get; client-streaming ones too, who leave the writing side alone. */
export class DuplexCall extends Duplex implements ServerSurfaceCall {
  readonly #control: CallControl
  readonly #requests: AsyncIterator<unknown>
  readonly #end: ResponseEnd
  cancelled = false

  constructor(control: CallControl, requests: AsyncIterable<unknown>) {
    super({ objectMode: true })
    this.#control = control
    this.#requests = requests[Symbol.asyncIterator]()
    this.#end = new ResponseEnd(control, () => this.destroy())
    this.on('error', error => {
      this.#end.setFailure(error)
      this.end()
    })
  }

  get responses(): ResponseQueue {
    return this.#end.queue
  }

  get metadata(): Metadata {
    return this.#control.metadata
  }

  getPeer(): string {
    return this.#control.context.peer.address
  }

  sendMetadata(responseMetadata: MetadataLike): void {
    this.#control.sendMetadata(responseMetadata)
  }

  getDeadline(): Deadline {
    return this.#control.deadline
  }

  getPath(): string {
    return this.#control.path
  }

  override end(trailers?: unknown): this {
    this.#end.setTrailers(trailers)
    return super.end()
  }

  override _read(): void {
    // Not called again before `push`: never two at a time.
    this.#requests.next().then(
      ({ done, value }) => this.push(done === true ? null : value),
      (reason: unknown) => this.onCancel(reason),
    )
  }

  override _write(chunk: unknown, _encoding: BufferEncoding, done: () => void): void {
    this.#control.messageSent()
    this.#end.queue.write(chunk, done)
  }

  override _final(done: () => void): void {
    done()
    this.#end.finish()
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#end.destroy(error)
    done(error)
  }

  onCancel(reason: unknown): void {
    if (this.cancelled) return
    this.cancelled = true
    this.#end.queue.end(reason)
    this.emit('cancelled', 'cancelled')
    this.destroy()
  }
}
