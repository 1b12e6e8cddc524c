import { ConnectionError, ErrorCode } from '../../frame/index.js'
import type { ConnectionCore } from '../core/core.js'
import { Timer } from '../core/timer-wheel.js'

/** What deadlines look at, and who hears of those whose end is no fault. */
export interface DeadlineOwner {
  /** Streams that are open. */
  readonly streamCount: number
  /** Whether anything waits for the peer, serialised or queued. */
  readonly hasPending: boolean
  /** There has been no stream for `idleTimeoutMs`. */
  onIdle(): void
  /** The PING of a shutdown was not answered in `shutdownPingTimeoutMs`. */
  onBarrierOverdue(): void
}

/**
 * What the peer must do in time: preface, SETTINGS acknowledgement, a complete
 * header block, reading what we send; and the idle time after which we leave.
 * RFC 9113 §6.5.3, §10.5.
 */
export class Deadlines {
  readonly #core: ConnectionCore
  readonly #owner: DeadlineOwner
  #preface: Timer | undefined = undefined
  #settings: Timer | undefined = undefined
  #header: Timer | undefined = undefined
  #stall: Timer | undefined = undefined
  #idle: Timer | undefined = undefined
  #shutdown: Timer | undefined = undefined
  #takenAtArming = 0

  constructor(core: ConnectionCore, owner: DeadlineOwner) {
    this.#core = core
    this.#owner = owner
    this.#preface = this.#arm(undefined, core.limits.prefaceTimeoutMs)
    this.#settings = this.#arm(undefined, core.limits.settingsTimeoutMs)
  }

  prefaceCame(): void {
    this.#cancel(this.#preface)
    this.#preface = undefined
    // A peer that never opens a stream is idle from the start.
    if (this.#owner.streamCount === 0) this.armIdle()
  }

  settingsAcknowledged(): void {
    this.#cancel(this.#settings)
  }

  /** We sent SETTINGS again. */
  armSettings(): void {
    if (this.#settings?.scheduled !== true) {
      this.#settings = this.#arm(this.#settings, this.#core.limits.settingsTimeoutMs)
    }
  }

  armHeader(): void {
    this.#header = this.#arm(this.#header, this.#core.limits.headerTimeoutMs)
  }

  cancelHeader(): void {
    this.#cancel(this.#header)
  }

  /** Something waits to be written; `taken` counts the octets that have been. */
  armStall(taken: number): void {
    if (this.#stall?.scheduled === true) return
    this.#takenAtArming = taken
    this.#stall = this.#arm(this.#stall, this.#core.limits.writeStallTimeoutMs)
  }

  armIdle(): void {
    this.#idle = this.#arm(this.#idle, this.#core.limits.idleTimeoutMs)
  }

  cancelIdle(): void {
    this.#cancel(this.#idle)
  }

  armShutdown(): void {
    this.#shutdown = this.#arm(this.#shutdown, this.#core.limits.shutdownPingTimeoutMs)
  }

  cancelShutdown(): void {
    this.#cancel(this.#shutdown)
  }

  stop(): void {
    this.#cancel(this.#preface)
    this.#cancel(this.#settings)
    this.#cancel(this.#header)
    this.#cancel(this.#stall)
    this.#cancel(this.#idle)
    this.#cancel(this.#shutdown)
  }

  onTimer(timer: Timer, now: number): void {
    this.#core.onTime(now, () => this.#expire(timer))
  }

  #expire(timer: Timer): void {
    const { limits } = this.#core
    switch (timer) {
      case this.#preface:
        return this.#fail(
          ErrorCode.ProtocolError,
          'RFC 9113 §3.4',
          `no preface in ${limits.prefaceTimeoutMs} ms`,
        )
      case this.#settings:
        return this.#fail(
          ErrorCode.SettingsTimeout,
          'RFC 9113 §6.5.3',
          `SETTINGS not acknowledged in ${limits.settingsTimeoutMs} ms`,
        )
      case this.#header:
        return this.#fail(
          ErrorCode.EnhanceYourCalm,
          'RFC 9113 §10.5',
          `a header block was not complete in ${limits.headerTimeoutMs} ms`,
        )
      case this.#stall:
        return this.#onStall()
      case this.#idle:
        if (this.#owner.streamCount === 0) this.#owner.onIdle()
        return
      case this.#shutdown:
        this.#owner.onBarrierOverdue()
    }
  }

  #onStall(): void {
    const { limits, octetsTaken } = this.#core
    if (!this.#owner.hasPending) return
    if (octetsTaken !== this.#takenAtArming) return this.armStall(octetsTaken)
    const { writeStallTimeoutMs } = limits
    this.#fail(
      ErrorCode.EnhanceYourCalm,
      'RFC 9113 §10.5',
      `the peer took nothing of what waits for it in ${writeStallTimeoutMs} ms`,
    )
  }

  #fail(code: ErrorCode, rule: string, message: string): void {
    this.#core.fail(new ConnectionError(code, rule, message))
  }

  #arm(timer: Timer | undefined, delayMs: number): Timer | undefined {
    if (delayMs === Number.POSITIVE_INFINITY) return timer
    const armed = timer ?? new Timer(this)
    this.#core.schedule(armed, delayMs)
    return armed
  }

  #cancel(timer: Timer | undefined): void {
    if (timer !== undefined) this.#core.timers.cancel(timer)
  }
}
