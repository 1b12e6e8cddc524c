import type { ConnectionCore } from './core/core.js'
import { Timer } from './core/timer-wheel.js'

/** How long a peer that refused a stream is asked for no more than it had taken. Unit: ms. */
const REFUSAL_PAUSE_MS = 50

/**
 * Client: what a server takes that refuses streams below the limit it announced. To send the
 * next one at once would meet the same state: no more are opened than it had taken, then twice
 * as many after each pause without a refusal. RFC 9113 §5.1.2, §8.7; gRPC A6.
 */
export class Refusals {
  readonly #core: ConnectionCore
  readonly #onRaised: () => void
  #timer: Timer | undefined = undefined
  /** How many streams may be open; Infinity while nothing is refused. */
  streamsMax: number = Number.POSITIVE_INFINITY

  /** @param onRaised more streams may be open */
  constructor(core: ConnectionCore, onRaised: () => void) {
    this.#core = core
    this.#onRaised = onRaised
  }

  /** RST_STREAM(REFUSED_STREAM) has come; `taken` other streams are open. */
  refused(taken: number): void {
    this.streamsMax = taken
    this.#timer ??= new Timer(this)
    if (!this.#timer.scheduled) this.#core.schedule(this.#timer, REFUSAL_PAUSE_MS)
  }

  stop(): void {
    if (this.#timer !== undefined) this.#core.timers.cancel(this.#timer)
  }

  onTimer(timer: Timer, now: number): void {
    this.#core.onTime(now, () => {
      const { limits, peer } = this.#core
      const most = Math.min(peer.concurrentStreamsMax, limits.openStreamsMax)
      const raised = Math.max(1, this.streamsMax * 2)
      this.streamsMax = raised < most ? raised : Number.POSITIVE_INFINITY
      if (raised < most) this.#core.schedule(timer, REFUSAL_PAUSE_MS)
      this.#onRaised()
    })
  }
}
