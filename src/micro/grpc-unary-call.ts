import {
  type ClientCall,
  type ClientCallReceiver,
  type GrpcError,
  type Metadata,
  markProcessed,
  Status,
} from '../grpc/index.js'
import type { Cancellable } from '../transport/index.js'
import { abortError } from './abort-error.js'
import { type Abortable, unwatchSignal, watchSignal } from './abort-watch.js'
import type { CallOptions } from './call-options.js'
import { fromGrpcError } from './error-mapping.js'
import { type GrpcClientOptions, newCall, type Opening, startCall } from './grpc-opening.js'
import { backoffMs } from './retry.js'

/** A unary call, over all its attempts. */
export class UnaryCall implements ClientCallReceiver, Abortable {
  readonly #client: GrpcClientOptions
  readonly #opening: Opening
  readonly #request: unknown
  readonly #options: CallOptions | undefined
  readonly #resolve: (response: unknown) => void
  readonly #reject: (error: unknown) => void
  readonly #deadline: number
  #call: ClientCall | undefined
  #attempt: number
  /** The repetition of a call that no server had looked at has been. */
  #retriedUnseen: boolean
  /** When the first attempt began, if there has been another. Unit: ms, on the session's clock. */
  #begunAt: number | undefined
  /** A handler may have run an earlier attempt. */
  #wasSeen: boolean
  #pause: Cancellable | undefined
  #aborted: { reason: unknown } | undefined
  /** By the caller's signal. */
  #isAbort: boolean

  constructor(
    client: GrpcClientOptions,
    opening: Opening,
    request: unknown,
    options: CallOptions | undefined,
    resolve: (response: unknown) => void,
    reject: (error: unknown) => void,
  ) {
    this.#client = client
    this.#opening = opening
    this.#request = request
    this.#options = options
    this.#resolve = resolve
    this.#reject = reject
    const timeoutMs = options?.timeoutMs ?? client.timeoutMs
    this.#deadline =
      timeoutMs === Number.POSITIVE_INFINITY ? timeoutMs : opening.session.now() + timeoutMs
    this.#call = undefined
    this.#attempt = 0
    this.#retriedUnseen = false
    this.#begunAt = undefined
    this.#wasSeen = false
    this.#pause = undefined
    this.#aborted = undefined
    this.#isAbort = false
  }

  begin(): void {
    const signal = this.#options?.signal
    if (signal !== undefined) {
      if (signal.aborted) {
        this.#reject(abortError(signal.reason, 'grpc', true))
        return
      }
      watchSignal(signal, this)
    }
    this.#start()
  }

  onAbort(reason: unknown): void {
    this.#isAbort = true
    this.#giveUp(reason)
  }

  /** `reason` is what the caller gets; of a signal, what it is made of. */
  #giveUp(reason: unknown): void {
    this.#aborted = { reason }
    if (this.#call !== undefined) {
      this.#call.cancel()
      return
    }
    // Between two attempts there is no call to cancel.
    this.#pause?.cancel()
    this.#reject(this.#reasonOf(reason, false))
  }

  #reasonOf(reason: unknown, unprocessed: boolean): unknown {
    return this.#isAbort ? abortError(reason, 'grpc', unprocessed && !this.#wasSeen) : reason
  }

  onHeaders(metadata: Metadata): void {
    try {
      this.#options?.onHeaders?.(metadata)
    } catch (error) {
      this.#giveUp(error)
    }
  }

  onReadable(): void {}

  onDrain(): void {}

  onStatus(error: GrpcError | undefined, trailers: Metadata): void {
    const call = this.#call
    this.#call = undefined
    if (error !== undefined && this.#aborted === undefined) {
      this.#begunAt ??= call?.startedAt
      if (this.#again(error)) return
    }
    const signal = this.#options?.signal
    if (signal !== undefined) unwatchSignal(signal, this)
    try {
      this.#options?.onTrailers?.(trailers)
    } catch (thrown) {
      this.#aborted ??= { reason: thrown }
    }
    if (this.#aborted !== undefined) {
      this.#reject(this.#reasonOf(this.#aborted.reason, error?.unprocessed === true))
    } else if (error === undefined) this.#resolve(call?.read())
    else this.#reject(fromGrpcError(this.#wasSeen ? markProcessed(error) : error))
  }

  #start(): void {
    try {
      const { session } = this.#opening
      const earlierMs = this.#begunAt === undefined ? 0 : session.now() - this.#begunAt
      const call = newCall(
        this.#opening,
        this.#client,
        this.#options,
        this.#deadline,
        this,
        earlierMs,
      )
      this.#call = call
      startCall(this.#opening, call, this.#options)
      call.request(this.#request)
    } catch (error) {
      if (this.#options?.signal !== undefined) unwatchSignal(this.#options.signal, this)
      this.#reject(error)
    }
  }

  /** Whether another attempt is under way. UNAVAILABLE: once more at once when the server never looked, and when the client has retries. */
  #again(error: GrpcError): boolean {
    // Time that is up, or a call that was given up, is unprocessed as well: that is no reason to go on.
    if (error.status !== Status.Unavailable) return false
    if (error.unprocessed && !this.#retriedUnseen) {
      this.#retriedUnseen = true
      this.#start()
      return true
    }
    const { retries, runtime } = this.#client
    if (this.#attempt >= retries) return false
    const delayMs = backoffMs(++this.#attempt)
    if (this.#opening.session.now() + delayMs >= this.#deadline) return false
    this.#wasSeen ||= !error.unprocessed
    this.#pause = runtime.schedule(delayMs, () => this.#start())
    // A call that waits keeps the process alive.
    this.#pause.ref()
    return true
  }
}
