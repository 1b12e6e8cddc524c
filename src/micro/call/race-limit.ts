import type { Cancellable, Runtime } from '../../transport/index.js'
import { unwatchSignal, watchSignal } from '../async/abort-watch.js'
import { abortError } from '../errors/abort-error.js'
import type { Protocol } from '../protocol.js'
import type { Preparations } from './preparations.js'

/** Longest delay a timer takes. Unit: ms. */
const DELAY_MAX_MS = 0x7fff_ffff

/**
 * What may end one attempt before its answer: the caller's signal, or time.
 * `race` lets a step go on until then. `finish` leaves nothing behind.
 */
export class MucpGuard {
  readonly #signal: AbortSignal | undefined
  readonly protocol: Protocol | undefined
  readonly #owner: Preparations | undefined
  #onStop: ((reason: unknown) => void) | undefined
  #timer: Cancellable | undefined
  #stopped: { reason: unknown } | undefined
  #reject: ((reason: unknown) => void) | undefined

  /**
   * @param expired what the attempt fails with after `limitMs`
   * @param onStop hears of it as well; not when the signal was aborted before
   * @param protocol whose error an aborted signal becomes
   * @param owner ends it when the client is closed
   */
  constructor(
    runtime: Pick<Runtime, 'schedule'>,
    signal: AbortSignal | undefined,
    limitMs: number,
    expired: () => Error,
    onStop?: (reason: unknown) => void,
    protocol: Protocol | undefined = 'mucp',
    owner?: Preparations,
  ) {
    this.protocol = protocol
    this.#owner = owner
    this.#signal = signal
    this.#onStop = onStop
    if (signal?.aborted) {
      this.#stopped = { reason: abortError(signal.reason, protocol, true) }
      return
    }
    if (signal !== undefined) watchSignal(signal, this)
    if (limitMs !== Number.POSITIVE_INFINITY) {
      const delay = Math.min(Math.max(0, Math.ceil(limitMs)), DELAY_MAX_MS)
      this.#timer = runtime.schedule(delay, () => this.stop(expired()))
      // A call that waits keeps the process alive, whatever carries it.
      this.#timer.ref()
    }
    owner?.add(this)
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
