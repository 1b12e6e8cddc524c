import { type ClientCall, GrpcError, type Metadata, Status } from '../../../grpc/index.js'
import type { Cancellable } from '../../../transport/index.js'
import { type Abortable, unwatchSignal, watchSignal } from '../../async/abort-watch.js'
import { LazyResult } from '../../async/lazy-result.js'
import { WaitingReaders } from '../../async/waiting-readers.js'
import type { CallOptions } from '../../call/call-options.js'
import type { CallRoute } from '../../discovery/call-route.js'
import { abortError } from '../../errors/abort-error.js'
import { fromGrpcError } from '../../errors/error-mapping.js'
import type { ClientStream } from '../calls/client-stream.js'
import type { StreamRetry } from '../calls/stream-retry.js'

/** Makes the call and starts it. */
export type StartStream = (stream: GrpcStream) => ClientCall

const DONE: IteratorResult<never, undefined> = Object.freeze({ done: true, value: undefined })

/** A native gRPC call with a stream on one side or both. Nothing is queued here: messages stay in the call until they are read. */
export class GrpcStream implements ClientStream, Abortable {
  readonly #options: CallOptions
  /** Undefined: a fixed address. */
  readonly #route: CallRoute | undefined
  /** When the call is made again; undefined: only where no server looked at it. */
  readonly #again: StreamRetry | undefined
  readonly #startCall: StartStream
  readonly #headers = new LazyResult<Metadata>()
  readonly #trailers = new LazyResult<Metadata>()
  readonly #readers = new WaitingReaders(() => this.#take())
  #writers: (() => void)[] = []
  #call: ClientCall | undefined
  #gotHeaders = false
  #wroteAny = false
  #retried = false
  #pause: Cancellable | undefined
  #endSent = false
  /** The one request of a server-streaming call. */
  #request: { readonly message: unknown } | undefined
  /** The outcome is known; messages may still wait in the call. */
  #ended = false
  /** What every read gets after the messages, until the reader says that it wants no more. */
  #failure: { error: unknown } | undefined
  #onEnded: (() => void) | undefined
  /** Why we ended it. */
  #reason: { reason: unknown } | undefined
  /** It was the caller's signal. */
  #isAbort = false

  constructor(
    options: CallOptions,
    route: CallRoute | undefined,
    again: StreamRetry | undefined,
    start: StartStream,
  ) {
    this.#options = options
    this.#route = route
    this.#again = again
    this.#startCall = start
    const { signal } = options
    if (signal?.aborted) {
      this.#finish(abortError(signal.reason, 'grpc', true))
      return
    }
    if (signal !== undefined) watchSignal(signal, this)
    this.#start()
  }

  get headers(): Promise<Metadata> {
    return this.#headers.promise
  }

  get trailers(): Promise<Metadata> {
    return this.#trailers.promise
  }

  get ended(): boolean {
    return this.#ended
  }

  whenEnded(listener: () => void): void {
    if (this.#ended) listener()
    else this.#onEnded = listener
  }

  write(request: unknown): Promise<void> | undefined {
    if (this.#endSent) throw new TypeError('send after closeSend')
    if (this.#ended) return undefined
    this.#wroteAny = true
    if (this.#call?.write(request) !== false) return undefined
    return new Promise(resolve => this.#writers.push(resolve))
  }

  async send(request: unknown): Promise<void> {
    await this.write(request)
  }

  async closeSend(): Promise<void> {
    if (this.#endSent || this.#ended) return
    this.#endSent = true
    this.#call?.halfClose()
  }

  /** Sends the one request of a server-streaming call. May be sent again when the server never looked at it. */
  request(message: unknown): void {
    this.#endSent = true
    this.#request = { message }
    this.#resend()
  }

  next(): Promise<IteratorResult<unknown, undefined>> {
    return this.#readers.next()
  }

  async receive(): Promise<unknown> {
    return (await this.next()).value
  }

  return(): Promise<IteratorResult<unknown, undefined>> {
    this.cancel()
    this.#failure = undefined
    return Promise.resolve(DONE)
  }

  cancel(reason?: unknown): void {
    if (this.#ended) return
    const error = reason ?? new GrpcError(Status.Cancelled, 'the call was cancelled')
    this.#reason = { reason: error }
    if (this.#call === undefined) this.#finish(error)
    else this.#call.cancel()
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return()
  }

  onAbort(reason: unknown): void {
    if (this.#ended) return
    this.#isAbort = true
    this.#reason = { reason }
    if (this.#call === undefined) this.#finish(abortError(reason, 'grpc', true))
    else this.#call.cancel()
  }

  onHeaders(metadata: Metadata): void {
    this.#gotHeaders = true
    this.#route?.answered()
    this.#headers.resolve(metadata)
    try {
      this.#options.onHeaders?.(metadata)
    } catch (error) {
      this.cancel(error)
    }
  }

  onReadable(): void {
    this.#readers.wake()
  }

  onDrain(): void {
    const writers = this.#writers
    this.#writers = []
    for (const writer of writers) writer()
  }

  onStatus(error: GrpcError | undefined, trailers: Metadata): void {
    this.#route?.done(error, trailers)
    if (this.#reason === undefined && this.#mayRetry(error)) {
      this.#retried = true
      this.#route?.moveOn()
      this.#call = undefined
      this.#start()
      this.#resend()
      return
    }
    if (this.#again !== undefined && this.#pauses(this.#again, error, trailers)) return
    try {
      this.#options.onTrailers?.(trailers)
    } catch (thrown) {
      this.#finish(thrown)
    }
    if (error === undefined) {
      this.#headers.resolve(trailers)
      this.#trailers.resolve(trailers)
    }
    this.#finish(this.#outcome(error))
  }

  /** The server never looked at the call: once more, if nothing of it is lost. */
  #mayRetry(error: GrpcError | undefined): boolean {
    if (error?.unprocessed !== true || error.status !== Status.Unavailable) return false
    if (this.#gotHeaders || this.#wroteAny) return false
    return !this.#retried || this.#route?.hasOther === true
  }

  /** Whether another attempt follows after a pause. */
  #pauses(again: StreamRetry, error: GrpcError | undefined, trailers: Metadata): boolean {
    if (error === undefined) again.onSuccess()
    if (error === undefined || this.#gotHeaders || this.#reason !== undefined) return false
    const { runtime } = again
    const delayMs = again.next(error, trailers, runtime.now())
    if (delayMs === undefined) return false
    this.#call = undefined
    this.#pause = runtime.schedule(delayMs, () => {
      this.#route?.moveOn()
      this.#start()
      this.#resend()
    })
    // A call that waits keeps the process alive.
    this.#pause.ref()
    return true
  }

  #start(): void {
    this.#route?.begin()
    try {
      const call = this.#startCall(this)
      // A call that failed at once has told so already, and may have been replaced.
      if (!this.#ended) this.#call ??= call
      this.#readers.wake()
    } catch (error) {
      this.#route?.abandon()
      this.#finish(error)
    }
  }

  /** The request, or the half-close: what a call says that has written nothing else. */
  #resend(): void {
    const call = this.#call
    if (this.#request !== undefined) call?.request(this.#request.message)
    else if (this.#endSent) call?.halfClose()
  }

  /** Our own reason to end the call comes before the server's. */
  #outcome(error: GrpcError | undefined): unknown {
    if (this.#reason !== undefined) {
      const { reason } = this.#reason
      return this.#isAbort ? abortError(reason, 'grpc', error?.unprocessed === true) : reason
    }
    return error === undefined ? undefined : fromGrpcError(error)
  }

  #finish(error: unknown): void {
    if (this.#ended) return
    this.#ended = true
    this.#pause?.cancel()
    if (this.#options.signal !== undefined) unwatchSignal(this.#options.signal, this)
    if (error !== undefined) {
      this.#failure = { error }
      this.#headers.reject(error)
      this.#trailers.reject(error)
    }
    this.onDrain()
    this.#readers.wake()
    this.#onEnded?.()
  }

  /** What `next` gives now; undefined while there is nothing. @throws what it rejects with */
  #take(): IteratorResult<unknown, undefined> | undefined {
    const call = this.#call
    if (call?.readable === true && this.#reason === undefined) {
      const wasEnded = this.#ended
      const value = call.read()
      // One that is still being inflated comes with onReadable; one that turned out to be broken has ended the call.
      const isMissing = value === undefined && (call.inflating || this.#ended !== wasEnded)
      if (!isMissing) return { done: false, value }
    }
    if (!this.#ended) {
      // It hears that a message is wanted.
      if (call?.readable === false) call.read()
      return undefined
    }
    // Each time: a second reader must not take a failure for the end.
    if (this.#failure !== undefined) throw this.#failure.error
    return DONE
  }
}
