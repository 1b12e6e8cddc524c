import { DELAY_MAX_MS } from '../../../options/index.js'
import type { Cancellable, Runtime } from '../../../transport/index.js'

/**
 * Why a call ended before its handler did, and the AbortSignal of it, made
 * only when someone looks: it costs more than the rest of a call.
 */
export class CallCancel {
  #controller: AbortController | undefined
  #reason: unknown
  #cancelled = false
  #timer: Cancellable | undefined
  #onCancelled: (() => void) | undefined

  /** The call was cancelled. */
  get cancelled(): boolean {
    return this.#cancelled
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.#cancelled) this.#controller.abort(this.#reason)
    }
    return this.#controller.signal
  }

  /** Calls `expire` at `deadline`, unless it is Infinity or `finish` comes before. */
  arm(runtime: Pick<Runtime, 'now' | 'schedule'>, deadline: number, expire: () => void): void {
    if (this.#timer !== undefined || deadline === Number.POSITIVE_INFINITY) return
    const run = (): void => {
      this.#timer = undefined
      if (runtime.now() >= deadline) expire()
      else this.arm(runtime, deadline, expire)
    }
    const delay = Math.max(0, Math.ceil(deadline - runtime.now()))
    this.#timer = runtime.schedule(Math.min(delay, DELAY_MAX_MS), run)
  }

  /** Calls the one listener after the signal was aborted; at once when it was. */
  whenCancelled(listener: () => void): void {
    if (this.#cancelled) listener()
    else this.#onCancelled = listener
  }

  /** Aborts the signal, once. */
  cancel(reason: unknown): void {
    if (this.#cancelled) return
    this.#cancelled = true
    this.#reason = reason
    this.finish()
    this.#controller?.abort(reason)
    this.#onCancelled?.()
  }

  /** The call is over: no timer is left. */
  finish(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }
}
