import { ConnectionError, ErrorCode, WINDOW_SIZE_MAX } from '../frame/index.js'
import type { Connection } from './connection.js'
import type { Stream } from './stream.js'
import { Timer } from './timer-wheel.js'

/** A step of the connection window that is worth a frame when little is left. Unit: octets. */
const WINDOW_STEP = 16_384
/** How long a connection full of unfinished messages may make no progress. Unit: ms. */
const STUCK_TIMEOUT_MS = 10_000

/**
 * DATA on its way in: what the peer may send, on each stream and in all.
 * RFC 9113 §5.2, §6.9.
 *
 * Connection credit goes back on receipt as long as less than `receiveBufferMax`
 * waits unconsumed, because a message larger than the window could never be
 * completed otherwise; stream credit goes back when its owner consumes. So one
 * slow reader stops its own stream only, and memory is bounded all the same.
 */
export class Receiver {
  readonly #connection: Connection
  /** What we let a stream send before its own credit counts. Follows our SETTINGS once acknowledged. */
  initialWindow: number
  /** What our last SETTINGS said. */
  #announcedWindow: number
  /** What the peer may still send on the connection. */
  #window = 65_535
  #windowMax: number
  /** Received on all streams and not yet consumed. */
  retained = 0
  #stuckTimer: Timer | undefined = undefined
  #consumedTotal = 0
  #consumedAtArming = 0

  constructor(connection: Connection, windowMax: number) {
    this.#connection = connection
    this.#windowMax = windowMax
    // RFC 9113 §6.9.2: until our SETTINGS are acknowledged the peer may count on 65,535.
    this.#announcedWindow = connection.limits.streamWindowSize
    this.initialWindow = Math.max(65_535, this.#announcedWindow)
  }

  /** Room is left for what SETTINGS may still add to every window. RFC 9113 §6.9.2. */
  get #windowLimit(): number {
    return (
      WINDOW_SIZE_MAX -
      Math.max(0, this.#connection.limits.streamWindowSizeMax - this.initialWindow)
    )
  }

  /** What the peer may still send on the connection. */
  get window(): number {
    return this.#window
  }

  /** The peer has acknowledged our SETTINGS: a smaller window binds it from now on. RFC 9113 §6.9.3. */
  settingsAcknowledged(): void {
    const shrinks = this.#announcedWindow < this.initialWindow
    this.initialWindow = this.#announcedWindow
    if (!shrinks) return
    // What is little of the old window may be more than all of the new one: nobody else would say it.
    for (const stream of this.#connection.streams.snapshot()) {
      if (this.#isWorthAnnouncing(stream)) this.#announce(stream)
    }
  }

  /** The connection window starts at 65,535 whatever our SETTINGS say: opens it to its size. RFC 9113 §6.9.2. */
  open(): void {
    const target = Math.min(this.#windowMax, this.#connection.limits.receiveBufferMax)
    if (target === this.#window) return
    this.#connection.control.windowUpdate(0, target - this.#window)
    this.#window = target
  }

  /** Raises both windows: the path is longer than they are wide. */
  widen(streamWindow: number, connectionWindow: number): void {
    this.#windowMax = Math.max(this.#windowMax, connectionWindow)
    this.#announcedWindow = Math.max(this.#announcedWindow, streamWindow)
    this.initialWindow = Math.max(this.initialWindow, streamWindow)
    this.replenish()
  }

  /**
   * A DATA frame of `payloadSize` octets (padding counts) on any stream, known
   * or not: charges the connection window. RFC 9113 §6.9.1.
   */
  receive(payloadSize: number): void {
    if (payloadSize > this.#window) {
      throw new ConnectionError(
        ErrorCode.FlowControlError,
        'RFC 9113 §6.9.1',
        `DATA of ${payloadSize} octets; the connection window has ${this.#window}`,
      )
    }
    this.#window -= payloadSize
  }

  /** The same for its stream. False when its window is overrun. */
  receiveOn(stream: Stream, payloadSize: number, dataSize: number): boolean {
    if (payloadSize > this.initialWindow + stream.receiveCredit) return false
    stream.receiveCredit -= payloadSize
    this.#connection.bandwidth.onData(dataSize)
    stream.retained += dataSize
    this.retained += dataSize
    // Padding is consumed as it comes.
    stream.unannounced += payloadSize - dataSize
    // A peer that has less left than we owe may be in the middle of a message: it must not wait for more.
    if (stream.unannounced > this.initialWindow + stream.receiveCredit) this.#announce(stream)
    return true
  }

  consume(stream: Stream, size: number): void {
    if (size <= 0) return
    const consumed = Math.min(size, stream.retained)
    this.#connection.budget.consumed(stream, consumed)
    stream.retained -= consumed
    this.retained -= consumed
    this.#consumedTotal += consumed
    stream.unannounced += consumed
    if (this.#isWorthAnnouncing(stream)) this.#announce(stream)
    this.replenish()
  }

  expect(stream: Stream, size: number): void {
    if (!stream.readable) return
    const window = this.initialWindow + stream.receiveCredit
    if (size > window) this.#grant(stream, size - window)
  }

  /** Its owner will never consume what is left. */
  forget(stream: Stream): void {
    this.#connection.budget.consumed(stream, stream.retained)
    this.retained -= stream.retained
    this.#consumedTotal += stream.retained
    stream.retained = 0
    this.replenish()
  }

  /** Returns connection credit when half of the window is gone. */
  replenish(): void {
    if (this.#connection.over) return
    const room = this.#connection.limits.receiveBufferMax - this.retained
    const target = Math.min(this.#windowMax, Math.max(room, 0))
    // Half of the window, or twice what is left when the buffer allows no more.
    const worth = Math.min(this.#windowMax / 2, Math.max(this.#window, WINDOW_STEP))
    if (target - this.#window < worth) {
      if (this.#window <= 0) this.#watch()
      return
    }
    this.#connection.control.windowUpdate(0, target - this.#window)
    this.#window = target
  }

  stop(): void {
    if (this.#stuckTimer !== undefined) this.#connection.timers.cancel(this.#stuckTimer)
  }

  /** A connection whose whole buffer holds unfinished messages would wait for ever: the largest one goes. */
  onTimer(_timer: Timer, now: number): void {
    this.#connection.onTime(now, () => this.#unstick())
  }

  #unstick(): void {
    if (this.#window > 0) return
    if (this.#consumedTotal !== this.#consumedAtArming) {
      this.#watch()
      return
    }
    let largest: Stream | undefined
    for (const stream of this.#connection.streams.snapshot()) {
      if (stream.readable && stream.retained > (largest?.retained ?? 0)) largest = stream
    }
    if (largest !== undefined) this.#connection.streams.fail(largest, ErrorCode.EnhanceYourCalm)
  }

  #watch(): void {
    this.#stuckTimer ??= new Timer(this)
    if (this.#stuckTimer.scheduled) return
    this.#consumedAtArming = this.#consumedTotal
    this.#connection.schedule(this.#stuckTimer, STUCK_TIMEOUT_MS)
  }

  #isWorthAnnouncing(stream: Stream): boolean {
    return stream.readable && stream.unannounced > 0 && stream.unannounced >= this.initialWindow / 2
  }

  #announce(stream: Stream): void {
    const increment = stream.unannounced
    stream.unannounced = 0
    this.#grant(stream, increment)
  }

  #grant(stream: Stream, wanted: number): void {
    const increment = Math.min(
      wanted,
      this.#windowLimit - this.initialWindow - stream.receiveCredit,
    )
    if (increment <= 0) return
    stream.receiveCredit += increment
    this.#connection.control.windowUpdate(stream.id, increment)
  }
}
