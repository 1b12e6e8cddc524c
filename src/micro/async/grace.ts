import type { Cancellable, Runtime } from '../../transport/index.js'

/** Of running calls when nobody says otherwise. Unit: ms. */
export const GRACE_MS = 5_000

/** A handler that watches its signal needs some turns of the event loop, or to close what it has open. */
export const SETTLE_MS = 1_000

/** Longer than any cleaning up; what hangs then hangs. */
export const HANDLER_GRACE_MS = 30_000

/** The longest that a timer can wait. Unit: ms. */
const TIMER_MS_MAX = 0x7fff_ffff

/** A time to wait that may be shortened while it runs, and is never prolonged. It keeps the process alive. */
export class Grace {
  /** Settles at its end; never when it is closed before. */
  readonly over: Promise<void>
  readonly #runtime: Pick<Runtime, 'now' | 'schedule'>
  readonly #onOver: (() => void)[] = []
  #onShortened: ((restMs: number) => void) | undefined
  #end: number
  #timer: Cancellable | undefined
  #isOver = false

  /** Unit: ms. Infinity: it ends only when it is shortened. */
  constructor(runtime: Pick<Runtime, 'now' | 'schedule'>, graceMs: number) {
    this.#runtime = runtime
    this.#end = runtime.now() + graceMs
    this.over = new Promise(resolve => this.#onOver.push(resolve))
    this.#arm()
  }

  /** Unit: ms. */
  get restMs(): number {
    return Math.max(0, this.#end - this.#runtime.now())
  }

  /** Ends in `graceMs` if that is earlier. Whether it is. */
  shorten(graceMs: number): boolean {
    const end = this.#runtime.now() + graceMs
    if (this.#isOver || end >= this.#end) return false
    this.#end = end
    this.#arm()
    this.#onShortened?.(this.restMs)
    return true
  }

  /** Calls `listener` at the end; at once when it has come. */
  whenOver(listener: () => void): void {
    if (this.#isOver) listener()
    else this.#onOver.push(listener)
  }

  /** Calls the one listener with what is left, each time that it is less than before. Unit: ms. */
  whenShortened(listener: (restMs: number) => void): void {
    this.#onShortened = listener
  }

  /** Nobody waits any more. */
  close(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#onShortened = undefined
    this.#isOver = true
  }

  #arm(): void {
    this.#timer?.cancel()
    // Without an end there is still something to wait for: the timer comes again.
    const delayMs = Math.min(this.restMs, TIMER_MS_MAX)
    this.#timer = this.#runtime.schedule(delayMs, () => {
      if (this.restMs > 0) this.#arm()
      else this.#finish()
    })
    this.#timer.ref()
  }

  #finish(): void {
    this.#isOver = true
    for (const told of this.#onOver.splice(0)) told()
  }
}
