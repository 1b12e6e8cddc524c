import type { Connection } from './connection.js'
import type { Stream } from './stream.js'
import { Timer } from './timer-wheel.js'

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
  readonly #connection: Connection
  readonly #makeReady: (stream: Stream) => void
  #streams: Stream[] = []
  #timer: Timer | undefined = undefined
  /** That of the connection is one. */
  isConnections = false

  /** @param makeReady the moment has passed: the stream sends what its window lets it */
  constructor(connection: Connection, makeReady: (stream: Stream) => void) {
    this.#connection = connection
    this.#makeReady = makeReady
  }

  add(stream: Stream): void {
    this.#streams.push(stream)
    this.#arm()
  }

  connectionGrew(isSmall: boolean): void {
    this.isConnections = isSmall
    if (isSmall) this.#arm()
  }

  onTimer(_timer: Timer, now: number): void {
    this.#connection.onTime(now, () => {
      this.isConnections = false
      const streams = this.#streams
      this.#streams = []
      for (const stream of streams) if (stream.queuedSize > 0) this.#makeReady(stream)
    })
  }

  /** The connection is over. */
  stop(): void {
    if (this.#timer !== undefined) this.#connection.timers.cancel(this.#timer)
    this.#streams = []
  }

  #arm(): void {
    this.#timer ??= new Timer(this)
    if (!this.#timer.scheduled) this.#connection.schedule(this.#timer, WINDOW_WAIT_MS)
  }
}
