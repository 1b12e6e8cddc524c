import { type HedgeRule, Hedges } from '../../../channel/index.js'
import type { ClientCall, ClientCallReceiver, GrpcError, Metadata } from '../../../grpc/index.js'
import type { Cancellable } from '../../../transport/index.js'
import { type Abortable, unwatchSignal, watchSignal } from '../../async/abort-watch.js'
import type { Target } from '../../discovery/target.js'
import { abortError } from '../../errors/abort-error.js'
import { fromGrpcError } from '../../errors/error-mapping.js'
import type { AuthorizedOptions } from '../calls/authorized-options.js'
import { newCall, startCall } from './opening.js'
import type { UnaryCallParts } from './unary-call.js'

/** A unary call that is made at several servers, one after the other has not answered in time: the first answer counts. gRPC A6. */
export class HedgedCall implements Abortable {
  readonly #parts: UnaryCallParts
  readonly #target: Target
  readonly #request: unknown
  readonly #options: AuthorizedOptions | undefined
  readonly #resolve: (response: unknown) => void
  readonly #reject: (error: unknown) => void
  readonly #rule: HedgeRule
  readonly #hedges: Hedges
  readonly #attempts = new Set<Attempt>()
  readonly #begunAt: number
  readonly #deadline: number
  #timer: Cancellable | undefined
  #isOver = false

  constructor(
    parts: UnaryCallParts,
    target: Target,
    request: unknown,
    options: AuthorizedOptions | undefined,
    resolve: (response: unknown) => void,
    reject: (error: unknown) => void,
  ) {
    const { client, method } = parts
    this.#parts = parts
    this.#target = target
    this.#request = request
    this.#options = options
    this.#resolve = resolve
    this.#reject = reject
    this.#rule = method.rules.hedge!
    this.#hedges = new Hedges(this.#rule, client.retries.bounds)
    const timeoutMs = Math.min(options?.timeoutMs ?? client.timeoutMs, method.rules.timeoutMs)
    this.#begunAt = client.runtime.now()
    this.#deadline = this.#begunAt + timeoutMs
  }

  begin(): void {
    const signal = this.#options?.signal
    if (signal?.aborted === true) {
      this.#reject(abortError(signal.reason, 'grpc', true))
      return
    }
    if (signal !== undefined) watchSignal(signal, this)
    this.#start(this.#target)
    this.#plan(this.#rule.delayMs)
  }

  onAbort(reason: unknown): void {
    this.#end(undefined)
    this.#reject(abortError(reason, 'grpc', false))
  }

  /** An answer has begun: the others are not wanted any more. */
  onCommitted(attempt: Attempt, headers: Metadata): void {
    if (this.#isOver) return
    this.#settleFor(attempt)
    try {
      this.#options?.onHeaders?.(headers)
    } catch (error) {
      this.#end(undefined)
      this.#reject(error)
    }
  }

  onStatus(attempt: Attempt, error: GrpcError | undefined, trailers: Metadata): void {
    // Those that are cancelled have left before.
    if (this.#isOver || !this.#attempts.delete(attempt)) return
    if (error !== undefined && !attempt.isCommitted) {
      const next = this.#hedges.failed(error, trailers)
      if (typeof next === 'number') return this.#plan(next, error, trailers)
      if (next === undefined) return
    }
    this.#finish(attempt, error, trailers)
  }

  #start(target: Target): void {
    const previous = this.#hedges.count
    if (!this.#hedges.start()) return
    const { client, method, contentType } = this.#parts
    const attempt = new Attempt(this, target)
    this.#attempts.add(attempt)
    target.route?.begin()
    try {
      const opening = method.opening(target, contentType)
      const earlierMs = previous === 0 ? 0 : client.runtime.now() - this.#begunAt
      const call = newCall(
        opening,
        client,
        this.#options,
        this.#deadline,
        attempt,
        earlierMs,
        previous,
      )
      attempt.call = call
      const { waitForReady } = method.rules
      startCall(opening, call, (this.#options?.waitForReady ?? waitForReady) === true)
      call.request(this.#request)
    } catch (error) {
      target.route?.abandon()
      this.#end(undefined)
      this.#reject(error)
    }
  }

  /** The next attempt in `delayMs`. `error`: what the last one failed with, should it be the last of all. */
  #plan(delayMs: number, error?: GrpcError, trailers?: Metadata): void {
    this.#timer?.cancel()
    this.#timer = undefined
    if (this.#isOver || !this.#hedges.hasMore) return
    const { runtime } = this.#parts.client
    if (
      error !== undefined &&
      runtime.now() + delayMs >= this.#deadline &&
      this.#hedges.running === 0
    ) {
      this.#finish(undefined, error, trailers)
      return
    }
    const run = (): void => {
      const before = this.#hedges.count
      this.#start(this.#nextTarget())
      if (this.#isOver) return
      // Too many calls are made again.
      const isHeld = this.#hedges.count === before
      if (isHeld && error !== undefined && this.#hedges.running === 0)
        this.#finish(undefined, error, trailers)
      else if (!isHeld) this.#plan(this.#rule.delayMs)
    }
    if (delayMs <= 0) return run()
    this.#timer = runtime.schedule(delayMs, run)
    // A call that waits keeps the process alive.
    this.#timer.ref()
  }

  /** Another server, where there is one. */
  #nextTarget(): Target {
    return this.#target.route?.branch() ?? this.#target
  }

  #settleFor(attempt: Attempt): void {
    attempt.isCommitted = true
    this.#timer?.cancel()
    this.#drop(attempt)
    this.#attempts.add(attempt)
  }

  /** Cancels all but `kept`. What they then end with is nobody's answer. */
  #drop(kept: Attempt | undefined): void {
    const dropped = [...this.#attempts]
    this.#attempts.clear()
    for (const each of dropped) if (each !== kept) each.cancel(kept !== undefined)
  }

  #finish(
    attempt: Attempt | undefined,
    error: GrpcError | undefined,
    trailers: Metadata | undefined,
  ): void {
    this.#end(attempt)
    if (error === undefined) this.#parts.client.retries.bounds.throttle?.onSuccess()
    try {
      if (trailers !== undefined) this.#options?.onTrailers?.(trailers)
    } catch (thrown) {
      this.#reject(thrown)
      return
    }
    if (error === undefined) this.#resolve(attempt?.call?.read())
    else this.#reject(fromGrpcError(error))
  }

  /** Nothing runs any more, but for what `attempt` has ended with. */
  #end(attempt: Attempt | undefined): void {
    this.#isOver = true
    this.#timer?.cancel()
    const signal = this.#options?.signal
    if (signal !== undefined) unwatchSignal(signal, this)
    this.#drop(attempt)
  }
}

/** One of the calls that stand for one. */
class Attempt implements ClientCallReceiver {
  readonly #owner: HedgedCall
  readonly #target: Target
  call: ClientCall | undefined
  isCommitted = false

  constructor(owner: HedgedCall, target: Target) {
    this.#owner = owner
    this.#target = target
  }

  cancel(isOvertaken: boolean): void {
    if (isOvertaken) this.#target.route?.overtaken()
    this.call?.cancel()
  }

  onHeaders(metadata: Metadata): void {
    this.#owner.onCommitted(this, metadata)
  }

  onReadable(): void {}

  onDrain(): void {}

  onStatus(error: GrpcError | undefined, trailers: Metadata): void {
    this.#target.route?.done(error, trailers)
    this.#owner.onStatus(this, error, trailers)
  }
}
