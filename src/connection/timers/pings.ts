import type { AbuseBudget } from '../budgets/abuse-budget.js'
import type { ControlWriter } from '../core/control-writer.js'
import type { ConnectionCore } from '../core/core.js'
import { Timer } from '../core/timer-wheel.js'

/** What PINGs look at, and who hears what they tell. */
export interface PingOwner {
  /** Streams that are open. */
  readonly streamCount: number
  /** The peer answers no PING: the socket is as good as gone. */
  destroy(cause: Error): void
  /** The caller's `onAck` threw. */
  onAckError(error: unknown): void
}

/** PINGs of ours that may wait for an answer; an endless row of them is our caller's mistake. */
const UNANSWERED_MAX = 64
/** What a PING of ours carries, while it is written. */
const OPAQUE: Buffer = Buffer.alloc(8)

/**
 * PING both ways: ours with their answers, keepalive, and how often a client
 * may send them. RFC 9113 §6.7; gRPC A8 (client keepalive), A9 (server).
 */
export class Pings {
  readonly #core: ConnectionCore
  readonly #control: ControlWriter
  readonly #budget: AbuseBudget
  readonly #owner: PingOwner
  #sequence = 0
  /** Ours under way. Most connections never ask. */
  #unanswered: Map<number, (now: number) => void> | undefined = undefined

  // Keepalive: after a silence a PING, after another silence the end.
  #keepaliveTimer: Timer | undefined = undefined
  #keepaliveSentAt = -1
  #heardAt: number

  constructor(core: ConnectionCore, control: ControlWriter, budget: AbuseBudget, owner: PingOwner) {
    this.#core = core
    this.#control = control
    this.#budget = budget
    this.#owner = owner
    this.#heardAt = core.now
  }

  /** A caller's PING. @throws RangeError when too many wait for an answer. */
  sendFor(onAck: (now: number) => void): void {
    const waiting = this.#unanswered?.size ?? 0
    if (waiting >= UNANSWERED_MAX) {
      throw new RangeError(`${waiting} PINGs wait for an answer; at most ${UNANSWERED_MAX} may`)
    }
    this.send(now => {
      try {
        onAck(now)
      } catch (error) {
        this.#owner.onAckError(error)
      }
    })
  }

  /** Sends PING and calls `onAck` with the time of its answer; never when the connection ends first. */
  send(onAck: (now: number) => void): void {
    const sequence = ++this.#sequence
    this.#unanswered ??= new Map()
    this.#unanswered.set(sequence, onAck)
    this.#write(sequence)
  }

  #write(sequence: number): void {
    OPAQUE.writeUInt32BE(0x6d776972, 0) // 'mwir'
    OPAQUE.writeUInt32BE(sequence, 4)
    this.#control.ping(OPAQUE, 0, false)
  }

  /** Answered at once, octets unchanged. RFC 9113 §6.7. */
  receive(bytes: Buffer, start: number): void {
    const { now, role } = this.#core
    if (role === 'server') this.#budget.ping(this.#owner.streamCount, now)
    this.#control.ping(bytes, start, true)
  }

  /** An answer; one that we never asked for is ignored. */
  receiveAck(bytes: Buffer, start: number): void {
    if (bytes.readUInt32BE(start) !== 0x6d776972) return
    const sequence = bytes.readUInt32BE(start + 4)
    const onAck = this.#unanswered?.get(sequence)
    if (onAck === undefined) return
    this.#unanswered?.delete(sequence)
    onAck(this.#core.now)
  }

  /** Octets came: the peer lives. */
  heard(now: number): void {
    this.#heardAt = now
    this.#keepaliveSentAt = -1
  }

  /** Arms keepalive, if it is on and useful now: a client keeps alive only what it uses. */
  arm(): void {
    const intervalMs = this.#keepaliveIntervalMs
    if (intervalMs === Number.POSITIVE_INFINITY) return
    this.#keepaliveTimer ??= new Timer(this)
    if (this.#keepaliveTimer.scheduled) return
    const { now, timers } = this.#core
    timers.schedule(this.#keepaliveTimer, Math.max(this.#heardAt + intervalMs, now))
  }

  stop(): void {
    if (this.#keepaliveTimer !== undefined) this.#core.timers.cancel(this.#keepaliveTimer)
    this.#unanswered = undefined
  }

  onTimer(timer: Timer, now: number): void {
    this.#core.onTime(now, () => this.#keepAlive(timer, now))
  }

  #keepAlive(timer: Timer, now: number): void {
    const core = this.#core
    const { keepaliveTimeoutMs } = core.limits
    const intervalMs = this.#keepaliveIntervalMs
    if (intervalMs === Number.POSITIVE_INFINITY) return
    if (this.#keepaliveSentAt >= 0) {
      const silence = Math.round(now - this.#heardAt)
      this.#owner.destroy(
        new Error(
          `the peer has not answered a keepalive PING in ${keepaliveTimeoutMs} ms and was silent for ${silence} ms`,
        ),
      )
      return
    }
    if (now - this.#heardAt < intervalMs) {
      core.timers.schedule(timer, this.#heardAt + intervalMs)
      return
    }
    this.#keepaliveSentAt = now
    // Any octet answers it, so its own answer is not waited for.
    this.#write(0)
    if (core.over) return
    core.timers.schedule(timer, now + keepaliveTimeoutMs)
  }

  /** A client keeps alive only what it uses, unless it was told otherwise. */
  get #keepaliveIntervalMs(): number {
    const { limits, role } = this.#core
    return role === 'client' && this.#owner.streamCount === 0
      ? limits.keepaliveIdleIntervalMs
      : limits.keepaliveIntervalMs
  }
}
