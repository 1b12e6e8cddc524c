import { Attempts } from '../../../channel/index.js'
import {
  type ClientCall,
  type ClientCallReceiver,
  type GrpcError,
  type Metadata,
  markProcessed,
  Status,
} from '../../../grpc/index.js'
import type { Cancellable } from '../../../transport/index.js'
import { type Abortable, unwatchSignal, watchSignal } from '../../async/abort-watch.js'
import type { CallOptions } from '../../call/call-options.js'
import type { Target } from '../../discovery/target.js'
import { abortError } from '../../errors/abort-error.js'
import { fromGrpcError } from '../../errors/error-mapping.js'
import type { AuthorizedOptions } from '../calls/authorized-options.js'
import type { MethodRules } from '../calls/client-retries.js'
import { type GrpcClientOptions, newCall, type Opening, startCall } from './opening.js'

/** One method as its calls need it. */
export interface UnaryMethod {
  readonly rules: MethodRules
  /** @throws TypeError for a content type that has no gRPC subtype */
  opening(target: Target, contentType: string): Opening
}

/** What the unary calls of one method, with one content type, have in common. */
export interface UnaryCallParts {
  readonly client: GrpcClientOptions
  readonly method: UnaryMethod
  readonly contentType: string
}

/** A unary call, over all its attempts. */
export class UnaryCall implements ClientCallReceiver, Abortable {
  readonly #parts: UnaryCallParts
  readonly #target: Target
  #opening: Opening
  readonly #request: unknown
  #options: AuthorizedOptions | undefined
  readonly #resolve: (response: unknown) => void
  readonly #reject: (error: unknown) => void
  readonly #deadline: number
  #call: ClientCall | undefined
  /** Attempts that failed; undefined before the first that did. */
  #attempts: Attempts | undefined
  /** When the time of the attempt is up. */
  #until: number
  /** An answer has begun: whatever it ends with is its end. */
  #isCommitted: boolean
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
    parts: UnaryCallParts,
    target: Target,
    request: unknown,
    options: CallOptions | undefined,
    resolve: (response: unknown) => void,
    reject: (error: unknown) => void,
  ) {
    const opening = parts.method.opening(target, parts.contentType)
    this.#parts = parts
    this.#target = target
    this.#opening = opening
    this.#request = request
    this.#options = options
    this.#resolve = resolve
    this.#reject = reject
    const { rules } = parts.method
    const timeoutMs = Math.min(options?.timeoutMs ?? parts.client.timeoutMs, rules.timeoutMs)
    this.#deadline =
      timeoutMs === Number.POSITIVE_INFINITY ? timeoutMs : opening.session.now() + timeoutMs
    this.#call = undefined
    this.#attempts = undefined
    this.#until = this.#deadline
    this.#isCommitted = false
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
    const { client, method } = this.#parts
    if (method.rules.retry !== undefined) client.retries.bounds.budget?.onCall()
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
    this.#isCommitted = true
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
    this.#target.route?.done(error, trailers, call?.startedAt ?? 0)
    if (error !== undefined && this.#aborted === undefined) {
      this.#begunAt ??= call?.startedAt
      if (this.#again(error, trailers)) return
    }
    if (error === undefined) this.#parts.client.retries.bounds.throttle?.onSuccess()
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
    const { route } = this.#target
    route?.begin(true)
    try {
      const { session } = this.#opening
      const earlierMs = this.#begunAt === undefined ? 0 : session.now() - this.#begunAt
      const call = newCall(
        this.#opening,
        this.#parts.client,
        this.#options,
        this.#attemptEnd(),
        this,
        earlierMs,
        this.#attempts?.count,
      )
      this.#call = call
      const { waitForReady } = this.#parts.method.rules
      startCall(this.#opening, call, (this.#options?.waitForReady ?? waitForReady) === true)
      call.request(this.#request)
    } catch (error) {
      route?.abandon()
      if (this.#options?.signal !== undefined) unwatchSignal(this.#options.signal, this)
      this.#reject(error)
    }
  }

  /** Whether another attempt is under way: at once where no server looked, else as the method's rule has it. */
  #again(error: GrpcError, trailers: Metadata): boolean {
    // Time that is up, or a call that was given up, is unprocessed as well: that is no reason to go on.
    if (error.status === Status.Unavailable && error.unprocessed && this.#mayRepeat()) {
      this.#retriedUnseen = true
      this.#next()
      return true
    }
    const { client, method } = this.#parts
    const { retry } = method.rules
    if (retry === undefined || this.#isCommitted) return false
    this.#attempts ??= new Attempts(retry, client.retries.bounds)
    const isOwnTime = error.status === Status.DeadlineExceeded && this.#until < this.#deadline
    const leftMs = this.#deadline - this.#opening.session.now()
    const delayMs = this.#attempts.next(error, trailers, leftMs, isOwnTime)
    if (delayMs === undefined) return false
    this.#wasSeen ||= !error.unprocessed
    this.#pause = client.runtime.schedule(delayMs, () => this.#next())
    // A call that waits keeps the process alive.
    this.#pause.ref()
    return true
  }

  #attemptEnd(): number {
    const attemptTimeoutMs = this.#parts.method.rules.retry?.attemptTimeoutMs
    // Nearly no method has any, and the clock costs more than all of this.
    if (attemptTimeoutMs === undefined || attemptTimeoutMs === Number.POSITIVE_INFINITY) {
      return this.#deadline
    }
    this.#until = Math.min(this.#deadline, this.#opening.session.now() + attemptTimeoutMs)
    return this.#until
  }

  /** No server has looked at the call: once more anywhere, and at each that is connected and has not had it. */
  #mayRepeat(): boolean {
    return !this.#retriedUnseen || this.#target.route?.hasOther === true
  }

  #next(): void {
    if (this.#target.route?.moveOn() !== undefined) {
      this.#opening = this.#parts.method.opening(this.#target, this.#parts.contentType)
    }
    const renew = this.#options?.renew
    if (renew === undefined) this.#start()
    else void this.#renewed(renew)
  }

  /** The attempt starts with credentials of its own. Never rejects. */
  async #renewed(renew: () => Promise<AuthorizedOptions>): Promise<void> {
    try {
      this.#options = await renew()
    } catch (error) {
      if (this.#options?.signal !== undefined) unwatchSignal(this.#options.signal, this)
      this.#reject(error)
      return
    }
    // Who has given up meanwhile has heard so.
    if (this.#aborted === undefined) this.#start()
  }
}
