import type { ConnectionError, FrameType } from '../../frame/index.js'
import type { FrameObserver } from './host.js'
import type { ConnectionLimits } from './limits.js'
import { OutputBuffer } from './output-buffer.js'
import { defaultPeerSettings, type PeerSettings } from './peer-settings.js'
import { type Timer, TimerWheel } from './timer-wheel.js'

/** What a core says upwards: to whoever assembled the connection. */
export interface CoreOwner {
  /** Output appeared, and nobody is about to look. */
  onOutputAppeared(): void
  /** A timer fired: `run` is a turn of its own, from which nothing escapes. */
  onTime(now: number, run: () => void): void
  /** The peer broke a rule: GOAWAY says so, and that was the last word. RFC 9113 §5.4.1. */
  fail(error: ConnectionError): void
}

/** What a core is made of. */
export interface CoreOptions {
  readonly role: 'client' | 'server'
  readonly limits: ConnectionLimits
  readonly now: number
  readonly timers?: TimerWheel | undefined
  readonly observer?: FrameObserver | undefined
  readonly clock?: (() => number) | undefined
}

/**
 * What all parts of a connection share: who we are, the time, the limits, what waits to be
 * written, what the peer has set. It knows none of them.
 */
export class ConnectionCore {
  readonly role: 'client' | 'server'
  readonly limits: ConnectionLimits
  readonly timers: TimerWheel
  readonly output: OutputBuffer = new OutputBuffer()
  readonly peer: PeerSettings = defaultPeerSettings()
  /** The peer's first SETTINGS have come. */
  peerKnown = false
  /** The time of this turn. Unit: ms. */
  now: number
  /** Nothing more will be read or said, but for what waits to be taken. */
  over = false
  /** A turn is under way: its end lets the handler go on. */
  inTurn = false
  /** The host will look for output anyway. */
  hostKnows = false
  /** Octets handed out by `takeOutput` since the beginning. */
  octetsTaken = 0
  readonly #owner: CoreOwner
  readonly #observer: FrameObserver | undefined
  readonly #clock: (() => number) | undefined

  constructor(options: CoreOptions, owner: CoreOwner) {
    this.role = options.role
    this.limits = options.limits
    this.now = options.now
    this.timers = options.timers ?? new TimerWheel(options.now)
    this.#observer = options.observer
    this.#clock = options.clock
    this.#owner = owner
  }

  /** Tells the observer, if there is one, of a frame. */
  observe(
    sent: boolean,
    type: FrameType | number,
    flags: number,
    streamId: number,
    size: number,
  ): void {
    if (this.#observer !== undefined) this.#observer.onFrame(sent, type, flags, streamId, size)
  }

  /** Something was written: tells the host, unless it will look anyway. */
  outputAppeared(): void {
    if (!this.inTurn && !this.hostKnows) this.#owner.onOutputAppeared()
  }

  /** Schedules a timer of this connection `delayMs` from now. */
  schedule(timer: Timer, delayMs: number): void {
    if (!this.inTurn && this.#clock !== undefined) this.now = this.#clock()
    this.timers.schedule(timer, this.now + delayMs)
  }

  /** A timer fired: a turn of its own, from which nothing escapes. */
  onTime(now: number, run: () => void): void {
    this.#owner.onTime(now, run)
  }

  /** The peer broke a rule, and the connection ends. RFC 9113 §5.4.1. */
  fail(error: ConnectionError): void {
    this.#owner.fail(error)
  }
}
