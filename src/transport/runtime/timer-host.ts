import { TimerWheel } from '../../connection/index.js'
import { DELAY_MAX_MS } from '../../options/index.js'
import type { Cancellable, Runtime } from './runtime.js'

/**
 * One timer wheel for one server or client, and the one timeout that drives it:
 * armed for the wheel's next deadline, so a deadline for each call costs no
 * timer of its own.
 */
export class TimerHost {
  readonly wheel: TimerWheel
  readonly #runtime: Runtime
  #timeout: Cancellable | undefined
  /** When the timeout fires. Firing too early is harmless: it is armed again. */
  #armedAt = Number.POSITIVE_INFINITY

  constructor(runtime: Runtime) {
    this.#runtime = runtime
    this.wheel = new TimerWheel(runtime.now())
  }

  /** Whether a timeout is armed. */
  get armed(): boolean {
    return this.#timeout !== undefined
  }

  /** To be called whenever something may have been scheduled on the wheel. */
  arm(): void {
    const { next } = this.wheel
    if (next >= this.#armedAt) return
    this.#timeout?.cancel()
    this.#armedAt = next
    this.#timeout = this.#runtime.schedule(
      Math.min(Math.max(0, Math.ceil(next - this.#runtime.now())), DELAY_MAX_MS),
      this.#onTimeout,
    )
  }

  /** To be called when many timers may have been cancelled: without any, no timeout stays armed. */
  rest(): void {
    if (this.wheel.count === 0) this.close()
    else this.arm()
  }

  /** Disarms. Timers on the wheel stay; `arm` goes on with them. */
  close(): void {
    this.#timeout?.cancel()
    this.#timeout = undefined
    this.#armedAt = Number.POSITIVE_INFINITY
  }

  readonly #onTimeout = (): void => {
    this.#timeout = undefined
    this.#armedAt = Number.POSITIVE_INFINITY
    this.wheel.advance(this.#runtime.now())
    this.arm()
  }
}
