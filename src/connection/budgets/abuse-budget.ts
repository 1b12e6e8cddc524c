import { ConnectionError, ErrorCode } from '../../frame/index.js'
import type { ConnectionLimits } from '../core/limits.js'
import { TokenBucket } from './token-bucket.js'

/** A stream, as far as its waiting DATA goes. */
export interface DataHolder {
  /** Octets that wait. */
  readonly retained: number
  /** What its waiting small frames lack to `smallDataSize`. */
  smallData: number
}

/**
 * What the peer may cost us. Every inbound frame that is not useful work is
 * paid from here; RFC 9113 §10.5 lets us end a connection that overdoes it.
 *
 * Honest patterns never spend it: calls cancelled after their handler started
 * are free, PINGs regain with time, window updates pay for themselves with
 * the octets they let us send.
 */
export class AbuseBudget {
  readonly #limits: ConnectionLimits
  readonly #resets: TokenBucket
  readonly #work: TokenBucket
  #refused = 0
  #emptyData = 0
  #goaways = 0
  /** Octets that may have been under way on streams when we gave them up. */
  #underWay = 0
  /** Octets that the waiting small DATA frames of all streams lack to `smallDataSize`. */
  #smallData = 0
  // The gRPC rule for clients: strikes for PINGs that come too soon.
  #strikes = 0
  #pingedAt = Number.NEGATIVE_INFINITY

  constructor(limits: ConnectionLimits, now: number) {
    this.#limits = limits
    this.#resets = new TokenBucket(limits.resetsMax, limits.resetsPerSecond, now)
    this.#work = new TokenBucket(limits.workMax, limits.workPerSecond, now)
  }

  /** A control, unknown or pointless frame. */
  work(cost: number, now: number, what: string): void {
    if (!this.#work.spend(cost, now)) {
      const { workMax, workPerSecond } = this.#limits
      calm(
        `too many frames of no use, the last a ${what}; the budget is ${workMax} and ${workPerSecond} each second`,
      )
    }
  }

  /** We sent HEADERS: PINGs around them are bandwidth probes and welcome. gRPC A8. */
  sentHeaders(): void {
    this.#strikes = 0
    this.#pingedAt = Number.NEGATIVE_INFINITY
  }

  /** We sent DATA: pays for the window updates and PINGs that go with it. */
  sentData(size: number): void {
    this.sentHeaders()
    this.#work.credit(2 + size / 1_024)
  }

  /** RST_STREAM from the peer before user code had started. CVE-2023-44487. */
  reset(now: number): void {
    this.#spendResets(1, now, 'RST_STREAM frames')
  }

  /** The peer made us send RST_STREAM. CVE-2025-8671. */
  provokedReset(now: number): void {
    this.#spendResets(this.#limits.provokedResetCost, now, 'stream errors')
  }

  /** A stream ended well. */
  completed(): void {
    this.#resets.credit(1)
  }

  /** A stream above the limit. */
  refusedStream(): void {
    if (++this.#refused > this.#limits.refusedStreamsMax) {
      calm(
        `${this.#refused} streams above the limit in a row; ${this.#limits.refusedStreamsMax} are tolerated`,
      )
    }
  }

  acceptedStream(): void {
    this.#refused = 0
  }

  /** DATA without octets or END_STREAM. CVE-2019-9518. */
  emptyData(): void {
    if (++this.#emptyData > this.#limits.emptyDataMax) {
      calm(`${this.#emptyData} empty DATA frames; ${this.#limits.emptyDataMax} are tolerated`)
    }
  }

  /** DATA with octets: small ones cost what they lack until they are consumed. RUSTSEC-2026-0258. */
  data(holder: DataHolder, size: number, endStream: boolean): void {
    this.#emptyData = 0
    if (size >= this.#limits.smallDataSize || endStream) return
    const lacking = this.#limits.smallDataSize - size
    holder.smallData += lacking
    this.#smallData += lacking
    if (this.#smallData > this.#limits.smallDataMax) {
      calm(
        `small DATA frames wait that lack ${this.#smallData} octets; ${this.#limits.smallDataMax} are tolerated`,
      )
    }
  }

  /** `size` of the octets that wait with `holder` are consumed: its small frames are paid for in proportion, and useful work was done. */
  consumed(holder: DataHolder, size: number): void {
    const { retained, smallData } = holder
    const paid = size >= retained ? smallData : (smallData * size) / retained
    holder.smallData -= paid
    this.#smallData -= paid
    this.#work.credit(size / 1_024)
  }

  /** We want no more of a stream on which the peer may still have had `window` octets under way. RFC 9113 §5.1. */
  gaveUp(window: number): void {
    this.#underWay = Math.min(this.#underWay + Math.max(window, 0), this.#limits.receiveBufferMax)
  }

  /** DATA of `size` octets on a stream that we gave up: whether it can have been under way. */
  lateData(size: number): boolean {
    if (size === 0 || size > this.#underWay) return false
    this.#underWay -= size
    return true
  }

  /** PING from a client with so many streams open: how often it may send them. gRPC A8. */
  ping(streamCount: number, now: number): void {
    const limits = this.#limits
    const intervalMin =
      streamCount === 0
        ? Math.max(limits.pingIntervalMinMs, limits.pingIdleIntervalMinMs)
        : limits.pingIntervalMinMs
    const tooSoon = now - this.#pingedAt < intervalMin
    this.#pingedAt = now
    if (tooSoon && ++this.#strikes > limits.pingStrikesMax) {
      const error = new ConnectionError(ErrorCode.EnhanceYourCalm, 'gRPC A8', 'too_many_pings')
      // gRPC clients look for exactly these words in the debug data.
      error.message = 'too_many_pings'
      throw error
    }
  }

  goaway(): void {
    if (++this.#goaways > this.#limits.goawaysMax) calm(`${this.#goaways} GOAWAY frames`)
  }

  #spendResets(cost: number, now: number, what: string): void {
    if (!this.#resets.spend(cost, now)) {
      const { resetsMax, resetsPerSecond } = this.#limits
      calm(`too many ${what}; the budget is ${resetsMax} resets and ${resetsPerSecond} each second`)
    }
  }
}

function calm(message: string): never {
  throw new ConnectionError(ErrorCode.EnhanceYourCalm, 'RFC 9113 §10.5', message)
}
