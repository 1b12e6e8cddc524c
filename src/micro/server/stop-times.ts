import type { Runtime } from '../../transport/index.js'
import { GRACE_MS, Grace, SETTLE_MS } from '../async/grace.js'
import type { AbandonedHandler, RunningHandlers } from './handlers/running-handlers.js'
import type { StopOptions } from './method-options.js'

/** How long the steps of a server's end may take. */
export class StopTimes {
  /** All of it, up to the cut. */
  readonly grace: Grace
  /** Of that, how long it goes on as before. */
  readonly lameDuck: Grace | undefined
  readonly #runtime: Runtime
  /** How long handlers have after the cut. Unit: ms. */
  #settleMs: number

  constructor(
    runtime: Runtime,
    { lameDuckMs = 0, graceMs = GRACE_MS, settleMs = SETTLE_MS }: StopOptions,
  ) {
    this.#runtime = runtime
    this.grace = new Grace(runtime, lameDuckMs + graceMs)
    this.lameDuck = lameDuckMs > 0 ? new Grace(runtime, lameDuckMs) : undefined
    this.#settleMs = settleMs
  }

  /** Whoever asks twice has waited long enough. */
  shorten({ graceMs = GRACE_MS, settleMs = SETTLE_MS }: StopOptions): void {
    this.lameDuck?.shorten(0)
    if (this.grace.shorten(graceMs)) this.#settleMs = Math.min(this.#settleMs, settleMs)
  }

  /** Waits for what runs, and names it when that is in vain. */
  async abandoned(running: RunningHandlers): Promise<readonly AbandonedHandler[]> {
    await Promise.race([running.idle(), this.grace.over])
    if (running.count === 0) return []
    const settling = new Grace(this.#runtime, this.#settleMs)
    await Promise.race([running.idle(), settling.over])
    settling.close()
    return running.list()
  }

  close(): void {
    this.lameDuck?.close()
    this.grace.close()
  }
}
