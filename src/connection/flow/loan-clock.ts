import type { ConnectionCore } from '../core/core.js'
import { Timer } from '../core/timer-wheel.js'
import { type Loan, Standing } from '../streams/loan.js'
import type { RoundTrips } from './round-trips.js'

/** The pool, as far as the clock goes. */
export interface JudgedPool<T extends Loan = Loan> {
  /** DATA frames so far. */
  readonly frames: number
  /** Streams that wait for a loan. */
  readonly waiting: number
  /** Octets promised to those that left the pool and may yet come. */
  readonly doubtful: number
  /** Whether the first in line, or one that could be faster, would get nothing now. */
  readonly isShort: boolean
  readonly borrowers: Iterable<T>
  readonly stalled: Iterable<T>
  canDoubt(loan: T): boolean
  writeOff(loan: T, isProven: boolean): void
  confirm(loan: T): void
  roundEnded(): void
}

/** A round trip that brings less did not fill the path: who got nothing has nothing to send, most likely. Unit: octets. */
const POOR_ROUND_SIZE = 65_536
/** A sender that is fair serves a stream once in so many rounds of all, whatever their sizes. Unit: rounds. */
const FAIR_ROUNDS = 8
/**
 * Round trips that follow one in which somebody left on probation, if nobody waits: a silent one of them ends that
 * before the next one comes who has to wait. Unit: rounds.
 */
const PROBATION_ROUNDS = 3
/** So long a trickle may hold up others for want of room: then those that make it count as stalled. Unit: rounds. */
const PATIENCE_ROUNDS = 64
/** Mistakes that are remembered: after so many, silence must last 2^10 ms. */
const LEVEL_MAX = 10

/**
 * Who holds a loan and does not move, while others wait: a round trip is the
 * clock. A borrower is judged only by round trips that began when the peer had
 * seen its window, which the answer to an earlier signal proves.
 *
 * In one that brought nothing at all, all of them had nothing to send. In one
 * that brought little, one of them leaves, on probation. A borrower that got nothing
 * while others got what would have been its turn eight times is not
 * behind in a row. Whoever moves again shows that we erred: after that
 * silence must last longer, first 2 ms, and 1 s at most.
 */
export class LoanClock<T extends Loan = Loan> {
  readonly #core: ConnectionCore
  readonly #pool: JudgedPool<T>
  readonly #roundTrips: RoundTrips
  readonly #streams: { readonly size: number }
  #timer: Timer | undefined = undefined
  /** Signals sent. */
  round = 0
  /** The last one that was answered. */
  #answered = 0
  /** The last one that was answered when this round began. */
  #seen = 0
  #isRunning = false
  /** Another round trip was asked for while this one runs. */
  #isAsked = false
  /** Round trips yet to be counted for those on probation. */
  #probationRounds = 0
  /** Rounds that brought little while somebody waited and there was no room for a mistake, and their octets. */
  #patientRounds = 0
  #patientSize = 0
  /** Octets and frames of the round that runs. */
  #size = 0
  #framesBefore = 0
  /** When it began that nothing came at all. Unit: ms. */
  #silentSince = -1
  /** How often we erred. */
  #level = 0

  /** @param streams those that are open */
  constructor(
    core: ConnectionCore,
    pool: JudgedPool<T>,
    roundTrips: RoundTrips,
    streams: { readonly size: number },
  ) {
    this.#core = core
    this.#pool = pool
    this.#roundTrips = roundTrips
    this.#streams = streams
  }

  received(size: number): void {
    this.#size += size
  }

  /** Somebody waits: round trips are counted until nobody does. At least one. */
  watch(): void {
    this.#isAsked = true
    if (this.#isRunning || this.#timer?.scheduled === true) return
    if (!this.#core.over) this.#signal()
  }

  /** A borrower that had left moves again. */
  erred(): void {
    if (this.#level < LEVEL_MAX) this.#level++
  }

  /** Nobody borrows: what we took its peer for is forgotten. */
  forget(): void {
    this.#level = 0
  }

  stop(): void {
    if (this.#timer !== undefined) this.#core.timers.cancel(this.#timer)
  }

  onTimer(_timer: Timer, now: number): void {
    this.#core.onTime(now, () => this.#signal())
  }

  /**
   * A client whose server sends nothing asks with SETTINGS: a PING that no DATA
   * comes between is a strike there (gRPC A8).
   */
  #signal(): void {
    const isSilent = this.#silentSince >= 0
    this.#isRunning = true
    this.#isAsked = false
    this.round++
    this.#seen = this.#answered
    this.#size = 0
    this.#framesBefore = this.#pool.frames
    if (this.#core.role === 'client' && isSilent) this.#roundTrips.probe(this.#onAnswer)
    else this.#roundTrips.ping(this.#onAnswer)
  }

  readonly #onAnswer = (): void => {
    this.#answered = this.round
    const pool = this.#pool
    const isSilent = pool.frames === this.#framesBefore
    if (!isSilent) this.#silentSince = -1
    else if (this.#silentSince < 0) this.#silentSince = this.#core.now
    this.#judge(isSilent)
    pool.roundEnded()
    this.#isRunning = false
    const isWatched = this.#isAsked || pool.waiting > 0
    if (this.#core.over || !(isWatched || this.#isOnProbation())) return
    if (isSilent && this.#silenceLeft > 0) this.#wait(this.#silenceLeft)
    else this.#signal()
  }

  /** How long silence must last yet before it says something. Unit: ms. */
  get #silenceLeft(): number {
    if (this.#level === 0) return 0
    return this.#silentSince + 2 ** this.#level - this.#core.now
  }

  #isOnProbation(): boolean {
    return this.#pool.doubtful > 0 && this.#probationRounds-- > 0
  }

  #judge(isSilent: boolean): void {
    const pool = this.#pool
    const isProof = isSilent && this.#silenceLeft <= 0
    const framesMax = (FAIR_ROUNDS * (this.#streams.size + 2)) << this.#level
    for (const loan of pool.stalled) {
      const isQuiet = isProof || pool.frames - loan.heardAt > framesMax
      if (isQuiet && loan.standing === Standing.Slow) pool.confirm(loan)
    }
    if (!pool.isShort) return this.#beginPatience()
    let doubtful: T | undefined
    for (const loan of pool.borrowers) {
      if (!pool.isShort) return
      if (loan.round >= this.#seen) {
        // What came before the peer saw its window says nothing.
        loan.heardAt = pool.frames
      } else if (isProof || pool.frames - loan.heardAt > framesMax) pool.writeOff(loan, true)
      else if (loan.heardRound !== this.round || doubtful === undefined) doubtful = loan
    }
    if (!pool.isShort || pool.waiting === 0 || this.#size >= POOR_ROUND_SIZE) return
    if (doubtful !== undefined && pool.canDoubt(doubtful)) {
      pool.writeOff(doubtful, false)
      this.#probationRounds = PROBATION_ROUNDS
    } else if (this.#isTrickle()) this.#giveUp(doubtful)
  }

  /** So many rounds together brought no more than one that fills the path. */
  #isTrickle(): boolean {
    this.#patientSize += this.#size
    if (++this.#patientRounds < PATIENCE_ROUNDS << this.#level) return false
    const isTrickle = this.#patientSize < POOR_ROUND_SIZE
    this.#beginPatience()
    return isTrickle
  }

  #beginPatience(): void {
    this.#patientRounds = 0
    this.#patientSize = 0
  }

  /** Those that move a little, and for which there is no room, hold up others no longer. */
  #giveUp(doubtful: T | undefined): void {
    if (doubtful !== undefined) this.#pool.writeOff(doubtful, true)
    for (const loan of this.#pool.stalled) {
      if (loan.standing === Standing.Slow) this.#pool.confirm(loan)
    }
  }

  #wait(delayMs: number): void {
    this.#timer ??= new Timer(this)
    this.#core.schedule(this.#timer, delayMs)
  }
}
