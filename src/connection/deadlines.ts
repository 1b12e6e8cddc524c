import { ConnectionError, ErrorCode } from '../frame/index.js'
import type { Connection } from './connection.js'
import { Timer } from './timer-wheel.js'

/**
 * What the peer must do in time: preface, SETTINGS acknowledgement, a complete
 * header block, reading what we send; and the idle time after which we leave.
 * RFC 9113 §6.5.3, §10.5.
 */
export class Deadlines {
  readonly #connection: Connection
  #preface: Timer | undefined = undefined
  #settings: Timer | undefined = undefined
  #header: Timer | undefined = undefined
  #stall: Timer | undefined = undefined
  #idle: Timer | undefined = undefined
  #shutdown: Timer | undefined = undefined
  #takenAtArming = 0

  constructor(connection: Connection) {
    this.#connection = connection
    this.#preface = this.#arm(undefined, connection.limits.prefaceTimeoutMs)
    this.#settings = this.#arm(undefined, connection.limits.settingsTimeoutMs)
  }

  prefaceCame(): void {
    this.#cancel(this.#preface)
    this.#preface = undefined
    // A peer that never opens a stream is idle from the start.
    if (this.#connection.streamCount === 0) this.armIdle()
  }

  settingsAcknowledged(): void {
    this.#cancel(this.#settings)
  }

  /** We sent SETTINGS again. */
  armSettings(): void {
    if (this.#settings?.scheduled !== true) {
      this.#settings = this.#arm(this.#settings, this.#connection.limits.settingsTimeoutMs)
    }
  }

  armHeader(): void {
    this.#header = this.#arm(this.#header, this.#connection.limits.headerTimeoutMs)
  }

  cancelHeader(): void {
    this.#cancel(this.#header)
  }

  /** Something waits to be written; `taken` counts the octets that have been. */
  armStall(taken: number): void {
    if (this.#stall?.scheduled === true) return
    this.#takenAtArming = taken
    this.#stall = this.#arm(this.#stall, this.#connection.limits.writeStallTimeoutMs)
  }

  armIdle(): void {
    this.#idle = this.#arm(this.#idle, this.#connection.limits.idleTimeoutMs)
  }

  cancelIdle(): void {
    this.#cancel(this.#idle)
  }

  armShutdown(): void {
    this.#shutdown = this.#arm(this.#shutdown, this.#connection.limits.shutdownPingTimeoutMs)
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
    this.#connection.onTime(now, () => this.#expire(timer))
  }

  #expire(timer: Timer): void {
    const connection = this.#connection
    const { limits } = connection
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
        if (connection.streamCount === 0) connection.shutdown('max_idle')
        return
      case this.#shutdown:
        connection.goaway.barrierPassed()
    }
  }

  #onStall(): void {
    const connection = this.#connection
    if (!connection.hasPending) return
    if (connection.octetsTaken !== this.#takenAtArming) return this.armStall(connection.octetsTaken)
    const { writeStallTimeoutMs } = connection.limits
    this.#fail(
      ErrorCode.EnhanceYourCalm,
      'RFC 9113 §10.5',
      `the peer took nothing of what waits for it in ${writeStallTimeoutMs} ms`,
    )
  }

  #fail(code: ErrorCode, rule: string, message: string): void {
    this.#connection.fail(new ConnectionError(code, rule, message))
  }

  #arm(timer: Timer | undefined, delayMs: number): Timer | undefined {
    if (delayMs === Number.POSITIVE_INFINITY) return timer
    const armed = timer ?? new Timer(this)
    this.#connection.schedule(armed, delayMs)
    return armed
  }

  #cancel(timer: Timer | undefined): void {
    if (timer !== undefined) this.#connection.timers.cancel(timer)
  }
}
