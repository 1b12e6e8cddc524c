import { ConnectionError, ErrorCode, WINDOW_SIZE_MAX } from '../../frame/index.js'
import type { AbuseBudget } from '../budgets/abuse-budget.js'
import type { ControlWriter } from '../core/control-writer.js'
import type { ConnectionCore } from '../core/core.js'
import type { StreamMap } from '../streams/stream-map.js'
import type { StreamRecord } from '../streams/stream-record.js'
import { Bandwidth } from './bandwidth.js'
import { LoanPool } from './loan-pool.js'
import type { RoundTrips } from './round-trips.js'

/** What receiving needs of its connection. */
export interface ReceiverParts {
  readonly core: ConnectionCore
  readonly control: ControlWriter
  readonly budget: AbuseBudget
  readonly map: StreamMap
  /** How to measure round trips. */
  readonly roundTrips: RoundTrips
  /** Whether to be frugal. */
  readonly memory: { readonly isShort: boolean }
}

/** Padding of one frame and its length. RFC 9113 §6.1. Unit: octets. */
const PADDING_MAX = 256

/**
 * DATA on its way in: what the peer may send, on each stream and in all.
 * RFC 9113 §5.2, §6.9.
 *
 * Connection credit goes back on receipt, always: its window bounds what is
 * under way, and nobody's slowness takes it from others. Stream credit goes
 * back when its owner consumes. So a stream holds its own window at most; what goes
 * beyond is lent, from one pool for all (`LoanPool`).
 */
export class Receiver {
  readonly #core: ConnectionCore
  readonly #control: ControlWriter
  readonly #budget: AbuseBudget
  readonly #streams: StreamMap
  readonly #bandwidth: Bandwidth
  /** What streams hold beyond their own windows. */
  readonly loans: LoanPool
  /** What we let a stream send before its own credit counts. Follows our SETTINGS once acknowledged. */
  initialWindow: number
  /** What our SETTINGS say. */
  readonly #announcedWindow: number
  /** What the peer may still send on the connection. */
  #window = 65_535
  #windowMax: number
  /** Received on all streams and not yet consumed. */
  retained = 0

  constructor(parts: ReceiverParts) {
    const { core } = parts
    const { limits } = core
    this.#core = core
    this.#control = parts.control
    this.#budget = parts.budget
    this.#streams = parts.map
    this.#windowMax = limits.connectionWindowSize
    this.#bandwidth = new Bandwidth(limits, parts.roundTrips, this)
    this.loans = new LoanPool({
      core,
      map: parts.map,
      roundTrips: parts.roundTrips,
      memory: parts.memory,
      receiver: this,
    })
    // RFC 9113 §6.9.2: until our SETTINGS are acknowledged the peer may count on 65,535.
    this.#announcedWindow = limits.streamWindowSize
    this.initialWindow = Math.max(65_535, this.#announcedWindow)
  }

  /** What the peer may still send on the connection. */
  get window(): number {
    return this.#window
  }

  /** The most that may be retained now: docs/limits.md has the formula. Unit: octets. */
  get retainedMax(): number {
    const { limits } = this.#core
    return (
      this.#streams.size * (Math.max(65_535, limits.streamWindowSize) + PADDING_MAX) +
      this.loans.heldMax
    )
  }

  /** The peer has acknowledged our SETTINGS: a smaller window binds it from now on. RFC 9113 §6.9.3. */
  settingsAcknowledged(): void {
    const shrinks = this.#announcedWindow < this.initialWindow
    this.initialWindow = this.#announcedWindow
    if (!shrinks) return
    // What is little of the old window may be more than all of the new one: nobody else would say it.
    for (const stream of this.#streams.snapshot()) {
      if (this.#isWorthAnnouncing(stream)) this.#announce(stream)
    }
  }

  /** The connection window starts at 65,535 whatever our SETTINGS say: opens it to its size. RFC 9113 §6.9.2. */
  open(): void {
    if (this.#windowMax === this.#window) return
    this.#control.windowUpdate(0, this.#windowMax - this.#window)
    this.#window = this.#windowMax
  }

  /** The path is longer than the windows are wide: opens that of the connection, and lets streams borrow as much. */
  widen(streamWindow: number, connectionWindow: number): void {
    this.#windowMax = Math.max(this.#windowMax, connectionWindow)
    this.loans.speedMax = Math.max(this.loans.speedMax, streamWindow - this.#announcedWindow)
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
  receiveOn(stream: StreamRecord, payloadSize: number, dataSize: number): boolean {
    if (payloadSize > this.initialWindow + stream.receiveCredit) return false
    stream.receiveCredit -= payloadSize
    this.#bandwidth.onData(dataSize)
    stream.retained += dataSize
    this.retained += dataSize
    this.loans.received(stream, dataSize)
    if (payloadSize > dataSize) this.#padding(stream, payloadSize, dataSize)
    // A peer that has less left than we owe may be in the middle of a message: it must not wait for more.
    if (stream.unannounced > this.#windowOf(stream)) this.#announce(stream)
    return true
  }

  /**
   * Padding is consumed as it comes. Who always pads needs room for the padding
   * of the last frame too, and no less than a frame's at any time.
   */
  #padding(stream: StreamRecord, payloadSize: number, dataSize: number): void {
    stream.unannounced += payloadSize - dataSize
    if (!stream.isPadded) {
      stream.isPadded = true
      stream.unannounced += PADDING_MAX
    }
    if (this.#windowOf(stream) < payloadSize) this.#announce(stream)
  }

  consume(stream: StreamRecord, size: number): void {
    if (size <= 0) return
    const { retained } = stream
    const consumed = Math.min(size, retained)
    this.#budget.consumed(stream, consumed)
    stream.retained -= consumed
    this.retained -= consumed
    stream.unannounced += consumed - this.loans.repay(stream, consumed, retained)
    if (this.#isWorthAnnouncing(stream)) this.#announce(stream)
  }

  /** A message of which `size` octets are still to come. */
  expect(stream: StreamRecord, size: number, isWanted: boolean): void {
    const needed = stream.isPadded ? size + PADDING_MAX : size
    if (!stream.readable || needed <= this.#windowOf(stream)) return
    if (stream.unannounced > 0) this.#announce(stream)
    const lacking = needed - this.#windowOf(stream) - stream.unannounced
    if (lacking > 0) this.loans.ask(stream, lacking, isWanted)
  }

  /** A loan: the peer may send `size` octets more. */
  extend(stream: StreamRecord, size: number): void {
    this.#open(stream, stream.unannounced + size)
  }

  /** Its owner will never consume what is left. */
  forget(stream: StreamRecord): void {
    this.#budget.consumed(stream, stream.retained)
    this.retained -= stream.retained
    this.loans.forget(stream)
    stream.retained = 0
  }

  /** Returns connection credit when half of the window is gone. */
  replenish(): void {
    const spent = this.#windowMax - this.#window
    if (spent < this.#windowMax / 2 || this.#core.over) return
    this.#control.windowUpdate(0, spent)
    this.#window += spent
  }

  /** More is held than may be: ends the largest of those that stalled, until it is less. */
  shed(): void {
    const { role } = this.#core
    while (this.loans.isOverfull) {
      const stream = this.loans.largest()
      if (stream === undefined) return
      const { held, heldMax } = this.loans
      const what = `the ${role} holds ${held} octets of messages that are not complete or not read`
      const limit = `its limits.receiveBufferMax is ${heldMax}`
      stream.shed(`${what}; ${limit}: this call, with ${stream.retained} of them, ends`)
    }
  }

  stop(): void {
    this.loans.stop()
  }

  #windowOf(stream: StreamRecord): number {
    return this.initialWindow + stream.receiveCredit
  }

  /** Half of its window, loan included; or as much as is left of it, where that is half of what every stream has. */
  #isWorthAnnouncing(stream: StreamRecord): boolean {
    const { unannounced } = stream
    if (unannounced === 0 || unannounced < this.initialWindow / 2 || !stream.readable) return false
    const lent = stream.loan?.size ?? 0
    return unannounced >= (this.initialWindow + lent) / 2 || unannounced >= this.#windowOf(stream)
  }

  #announce(stream: StreamRecord): void {
    this.#open(stream, stream.unannounced + this.loans.forSpeed(stream))
  }

  /** What would take the window past its largest size waits, as what was consumed does. RFC 9113 §6.9.1. */
  #open(stream: StreamRecord, size: number): void {
    const increment = Math.min(size, WINDOW_SIZE_MAX - this.#windowOf(stream))
    stream.unannounced = size - increment
    if (increment <= 0) return
    stream.receiveCredit += increment
    if (stream.loan !== undefined) this.loans.opened(stream.loan, increment)
    this.#control.windowUpdate(stream.id, increment)
  }
}
