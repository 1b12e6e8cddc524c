import { DELAY_MAX_MS } from '../../options/index.js'
import type { Cancellable, Runtime } from '../../transport/index.js'
import { unwatchSignal, watchSignal } from '../async/abort-watch.js'
import { abortError } from '../errors/abort-error.js'
import type { Protocol } from '../protocol.js'
import type { Preparations } from './preparations.js'

/**
 * What may end one attempt before its answer: the caller's signal, or time.
 * `race` lets a step go on until then. `finish` leaves nothing behind.
 */
export class MucpGuard {
  readonly #signal: AbortSignal | undefined
  readonly protocol: Protocol | undefined
  readonly #owner: Preparations | undefined
  readonly #runtime: Pick<Runtime, 'now' | 'schedule'>
  readonly #limitMs: number
  readonly #expired: () => Error
  #onStop: ((reason: unknown) => void) | undefined
  #timer: Cancellable | undefined
  #stopped: { reason: unknown } | undefined
  #reject: ((reason: unknown) => void) | undefined
  /** While a request is on its way, and later: the last moment there is. Undefined: the limit is all. Unit: ms. */
  #sendingUntil: number | undefined
  #sentAt: number | undefined
  /** The limit has passed, and the request had not left. */
  #isPostponed: boolean

  /**
   * @param expired what the attempt fails with after `limitMs`
   * @param onStop hears of it as well; not when the signal was aborted before
   * @param protocol whose error an aborted signal becomes
   * @param owner ends it when the client is closed
   */
  constructor(
    runtime: Pick<Runtime, 'now' | 'schedule'>,
    signal: AbortSignal | undefined,
    limitMs: number,
    expired: () => Error,
    onStop?: (reason: unknown) => void,
    protocol: Protocol | undefined = 'mucp',
    owner?: Preparations,
  ) {
    this.protocol = protocol
    this.#owner = owner
    this.#runtime = runtime
    this.#limitMs = limitMs
    this.#expired = expired
    this.#sendingUntil = undefined
    this.#sentAt = undefined
    this.#isPostponed = false
    this.#signal = signal
    this.#onStop = onStop
    if (signal?.aborted) {
      this.#stopped = { reason: abortError(signal.reason, protocol, true) }
      return
    }
    if (signal !== undefined) watchSignal(signal, this)
    if (limitMs !== Number.POSITIVE_INFINITY) this.#schedule(limitMs)
    owner?.add(this)
  }

  /**
   * A request is on its way. The limit counts from when it has left (`sent`): a large one, among many, may take longer than that, and
   * to begin anew would make it worse. @param until not later than this; the clock is that of the runtime. Unit: ms
   */
  sending(until: number): void {
    this.#sendingUntil = until
  }

  /** The request has left. */
  sent(): void {
    this.#sentAt = this.#runtime.now()
    if (!this.#isPostponed || this.#timer === undefined) return
    this.#timer.cancel()
    this.#schedule(this.#leftMs())
  }

  /** What `step` gives, or why it may not go on. A step that is left behind may still fail: nobody minds. */
  race<T>(step: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      step.then(resolve, reject)
      if (this.#stopped !== undefined) reject(this.#stopped.reason)
      else this.#reject = reject
    })
  }

  /** The attempt has ended before its answer. */
  get stopped(): boolean {
    return this.#stopped !== undefined
  }

  /** Why, once `stopped`. */
  get reason(): unknown {
    return this.#stopped?.reason
  }

  /** Calls `onStop` when the attempt ends before its answer; at once if it has. */
  whenStopped(onStop: (reason: unknown) => void): void {
    this.#onStop = onStop
    if (this.#stopped !== undefined) onStop(this.#stopped.reason)
  }

  /** Ends the attempt, once. */
  stop(reason: unknown): void {
    if (this.#stopped !== undefined) return
    this.#stopped = { reason }
    this.finish()
    this.#reject?.(reason)
    this.#onStop?.(reason)
  }

  #schedule(delayMs: number): void {
    const delay = Math.min(Math.max(0, Math.ceil(delayMs)), DELAY_MAX_MS)
    this.#timer = this.#runtime.schedule(delay, () => this.#onTime())
    // A call that waits keeps the process alive, whatever carries it.
    this.#timer.ref()
  }

  #onTime(): void {
    const leftMs = this.#leftMs()
    if (leftMs <= 0) return this.stop(this.#expired())
    this.#isPostponed = this.#sentAt === undefined
    this.#schedule(leftMs)
  }

  #leftMs(): number {
    const until = this.#sendingUntil
    if (until === undefined) return 0
    const sentAt = this.#sentAt ?? Number.POSITIVE_INFINITY
    return Math.min(until, sentAt + this.#limitMs) - this.#runtime.now()
  }

  onAbort(reason: unknown): void {
    this.stop(abortError(reason, this.protocol, false))
  }

  finish(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#owner?.delete(this)
    if (this.#signal !== undefined) unwatchSignal(this.#signal, this)
  }
}
