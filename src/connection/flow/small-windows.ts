import type { ConnectionCore } from '../core/core.js'
import { Timer } from '../core/timer-wheel.js'
import type { StreamRecord } from '../streams/stream-record.js'

/** A window that the peer opens by less is not worth a frame while more is to be sent (silly window; RFC 1122 §4.2.3.4). Unit: octets. */
export const WINDOW_WORTH_SENDING = 1_024
/** How long we wait for a better window. Unit: ms. */
const WINDOW_WAIT_MS = 50

/** Whether a window is too small a part of what is to be sent. */
export function isSliver(window: number, queuedSize: number): boolean {
  return window > 0 && window < WINDOW_WORTH_SENDING && window < queuedSize
}

/** Windows that the peer opened by so little that they wait for more, a moment. */
export class SmallWindows {
  readonly #core: ConnectionCore
  readonly #makeReady: (stream: StreamRecord) => void
  #streams: StreamRecord[] = []
  #timer: Timer | undefined = undefined
  /** That of the connection is one. */
  isConnections = false

  /** @param makeReady the moment has passed: the stream sends what its window lets it */
  constructor(core: ConnectionCore, makeReady: (stream: StreamRecord) => void) {
    this.#core = core
    this.#makeReady = makeReady
  }

  add(stream: StreamRecord): void {
    this.#streams.push(stream)
    this.#arm()
  }

  connectionGrew(isSmall: boolean): void {
    this.isConnections = isSmall
    if (isSmall) this.#arm()
  }

  onTimer(_timer: Timer, now: number): void {
    this.#core.onTime(now, () => {
      this.isConnections = false
      const streams = this.#streams
      this.#streams = []
      for (const stream of streams) if (stream.queuedSize > 0) this.#makeReady(stream)
    })
  }

  /** The connection is over. */
  stop(): void {
    if (this.#timer !== undefined) this.#core.timers.cancel(this.#timer)
    this.#streams = []
  }

  #arm(): void {
    this.#timer ??= new Timer(this)
    if (!this.#timer.scheduled) this.#core.schedule(this.#timer, WINDOW_WAIT_MS)
  }
}
