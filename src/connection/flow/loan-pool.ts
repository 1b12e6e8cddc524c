import type { ConnectionCore } from '../core/core.js'
import { Loan as AnyLoan, Standing } from '../streams/loan.js'
import type { StreamMap } from '../streams/stream-map.js'
import type { StreamRecord } from '../streams/stream-record.js'
import { LoanClock } from './loan-clock.js'
import type { RoundTrips } from './round-trips.js'

type Loan = AnyLoan<StreamRecord>

/** What lending needs of its connection. */
export interface LoanParts {
  readonly core: ConnectionCore
  readonly map: StreamMap
  readonly roundTrips: RoundTrips
  readonly memory: { readonly isShort: boolean }
  /** Who tells the peer of a loan. */
  readonly receiver: { extend(stream: StreamRecord, size: number): void }
}

/** A loan for speed that is smaller is not worth its frame. Unit: octets. */
const SPEED_STEP = 16_384

/**
 * What streams may hold beyond their own windows: loans of one pool, which is
 * half of `receiveBufferMax`. The other half is for what stalls.
 *
 * A loan is for a message whose prefix announced more than the window has left, or for
 * speed. Who wants a message waits in line; what nobody asked for takes at most
 * half of the pool, and nothing while somebody waits. Where nobody holds a loan
 * the first in line gets his, however large. A borrower that does not move while
 * others wait leaves the pool (see `LoanClock`), and only what it holds counts
 * from then on. What all hold together never passes `receiveBufferMax`: the
 * largest of those that stalled goes.
 */
export class LoanPool {
  readonly #core: ConnectionCore
  readonly #memory: LoanParts['memory']
  readonly #receiver: LoanParts['receiver']
  readonly #clock: LoanClock
  /** A window that every stream has; no more than this of it counts as its own. */
  readonly #base: number
  readonly #promisedMax: number
  /** Octets promised to borrowers in the pool. */
  promised = 0
  /** Octets promised to those that left it and may yet come. */
  doubtful = 0
  /** Octets that wait, unconsumed, beyond the windows of their streams. */
  held = 0
  /** DATA frames so far. */
  frames = 0
  /** What a stream may borrow for speed alone: the bandwidth estimate says so. */
  speedMax = 0
  /** Somebody could have used a loan for speed, and there was no room. */
  isCrowded = false
  /** The largest message that somebody waited for. */
  #largest = 0
  readonly #borrowers: Set<Loan> = new Set()
  readonly #stalled: Set<Loan> = new Set()
  readonly #waiters: Set<Loan> = new Set()

  constructor(parts: LoanParts) {
    const { receiveBufferMax, streamWindowSize } = parts.core.limits
    this.#core = parts.core
    this.#memory = parts.memory
    this.#receiver = parts.receiver
    this.#clock = new LoanClock(parts.core, this, parts.roundTrips, parts.map)
    this.#base = Math.max(65_535, streamWindowSize)
    this.#promisedMax = Math.ceil(receiveBufferMax / 2)
  }

  /** Streams that wait for a loan. */
  get waiting(): number {
    return this.#waiters.size
  }

  /** What all may hold beyond their windows: a message that the layer above takes, however large, is taken. Unit: octets. */
  get heldMax(): number {
    return Math.max(this.#core.limits.receiveBufferMax, this.#largest)
  }

  /** Whether more is held than may be. */
  get isOverfull(): boolean {
    return this.held > this.heldMax
  }

  /** Whether the first in line, or one that could be faster, would get nothing now. */
  get isShort(): boolean {
    for (const { lacking } of this.#waiters) return !this.#hasRoom(lacking)
    return this.isCrowded && this.#speedRoom < SPEED_STEP
  }

  /** Those in the pool, in the order in which they borrowed. */
  get borrowers(): Iterable<Loan> {
    return this.#borrowers
  }

  /** Those that left it. */
  get stalled(): Iterable<Loan> {
    return this.#stalled
  }

  /** DATA came. */
  received(stream: StreamRecord, size: number): void {
    this.frames++
    this.#clock.received(size)
    if (stream.retained > this.#base) {
      this.held += Math.min(size, stream.retained - this.#base)
    }
    const { loan } = stream
    if (loan === undefined) return
    loan.heardAt = this.frames
    loan.heardRound = this.#clock.round
    if (loan.standing === Standing.Stalled) this.#comeBack(loan)
  }

  /** A message lacks `size` octets of window; `isWanted`: somebody waits for it. */
  ask(stream: StreamRecord, size: number, isWanted: boolean): void {
    stream.loan ??= new AnyLoan(stream)
    const { loan } = stream
    loan.lacking = size
    if (isWanted) {
      loan.wanted = true
      this.#largest = Math.max(this.#largest, size)
      this.#waiters.add(loan)
      this.#serve()
    } else if (this.#waiters.size === 0 && size <= this.#speedRoom) {
      this.#lend(loan, size)
      this.#clock.watch()
    }
  }

  /** The window has been opened by `size` octets, not by a loan. */
  opened(loan: Loan, size: number): void {
    if (loan.lacking === 0) return
    loan.lacking -= Math.min(size, loan.lacking)
    if (loan.lacking === 0) this.#waiters.delete(loan)
  }

  /** `size` octets of the stream were consumed, of `retained`: how many of them return a loan. */
  repay(stream: StreamRecord, size: number, retained: number): number {
    if (retained > this.#base) this.held -= Math.min(size, retained - this.#base)
    const { loan } = stream
    if (loan === undefined) return 0
    if (size >= retained) loan.wanted = false
    const paid = Math.min(size, loan.size - (stream.readable ? this.#speedShare(loan) : 0))
    if (paid <= 0) return 0
    this.#return(loan, paid)
    return paid
  }

  /** Octets to lend for speed to a stream that is about to be told of its window. */
  forSpeed(stream: StreamRecord): number {
    if (this.speedMax === 0 || this.#waiters.size > 0) return 0
    const wanted = this.#speedShare(stream.loan) - (stream.loan?.size ?? 0)
    if (wanted < SPEED_STEP) return 0
    const size = Math.min(wanted, this.#speedRoom)
    if (size < SPEED_STEP) {
      this.isCrowded = true
      this.#clock.watch()
      return 0
    }
    stream.loan ??= new AnyLoan(stream)
    this.#enter(stream.loan, size)
    return size
  }

  /** The peer sends no more on it: what it will not use is free. */
  ended(stream: StreamRecord): void {
    const { loan } = stream
    if (loan === undefined) return
    loan.lacking = 0
    this.#waiters.delete(loan)
    this.#return(loan, loan.size - this.#beyond(loan))
  }

  /** The stream has gone with all it held. */
  forget(stream: StreamRecord): void {
    if (stream.retained > this.#base) this.held -= stream.retained - this.#base
    const { loan } = stream
    if (loan === undefined) return
    stream.loan = undefined
    loan.lacking = 0
    this.#waiters.delete(loan)
    this.#return(loan, loan.size)
    // It may have been the first in line, which another is now.
    this.#serve()
  }

  /** Whether a borrower can leave on probation: all that such ones may yet send, and the next loan, have room. */
  canDoubt(loan: Loan): boolean {
    const { receiveBufferMax } = this.#core.limits
    if (this.doubtful + loan.size > receiveBufferMax - this.#promisedMax) return false
    for (const { lacking } of this.#waiters) return this.#hasBuffer(lacking)
    return false
  }

  /** A borrower leaves the pool. */
  writeOff(loan: Loan, isProven: boolean): void {
    this.#borrowers.delete(loan)
    this.promised -= loan.size
    this.#stalled.add(loan)
    loan.standing = isProven ? Standing.Stalled : Standing.Slow
    if (!isProven) this.doubtful += loan.size
  }

  /** One that left on probation does not move at all: what it holds is what counts. */
  confirm(loan: Loan): void {
    loan.standing = Standing.Stalled
    this.doubtful -= loan.size
  }

  /** A round trip has passed: who fits now is served. */
  roundEnded(): void {
    this.isCrowded = false
    this.#serve()
  }

  /** The stream to end while more is held than may be: the largest that stalled, or else that left, or else of all. */
  largest(): StreamRecord | undefined {
    let found: Loan | undefined
    for (const loans of [this.#stalled, this.#borrowers]) {
      for (const loan of loans) {
        if (this.#beyond(loan) > 0 && (found === undefined || isSooner(loan, found))) found = loan
      }
      if (found !== undefined) break
    }
    return found?.stream
  }

  stop(): void {
    this.#clock.stop()
  }

  /** Whether the buffer takes `size` octets more than all that may yet come and what those that stalled hold. */
  #hasBuffer(size: number): boolean {
    let whole = this.promised + this.doubtful + size
    for (const loan of this.#stalled) {
      if (loan.standing === Standing.Stalled) whole += this.#beyond(loan)
    }
    return whole <= this.#core.limits.receiveBufferMax
  }

  /** What its stream holds beyond its own window. */
  #beyond({ stream }: Loan): number {
    return Math.max(0, stream.retained - this.#base)
  }

  get #speedRoom(): number {
    return this.#memory.isShort ? 0 : this.#promisedMax / 2 - this.promised
  }

  #hasRoom(size: number): boolean {
    if (this.promised === 0) return this.doubtful === 0 || this.#hasBuffer(size)
    if (this.promised + size > this.#promisedMax || this.#memory.isShort) return false
    return this.#stalled.size === 0 || this.#hasBuffer(size)
  }

  /** What a loan may be for speed alone, now. */
  #speedShare(loan: Loan | undefined): number {
    if (this.#waiters.size > 0) return 0
    const isBorrower = loan !== undefined && this.#borrowers.has(loan)
    const count = this.#borrowers.size + (isBorrower ? 0 : 1)
    return Math.min(this.speedMax, Math.floor(this.#promisedMax / 2 / count))
  }

  /** In order, and all of it: a message of which only a part may come is worth nothing. */
  #serve(): void {
    if (this.#core.over) return
    for (const loan of this.#waiters) {
      if (!this.#hasRoom(loan.lacking)) break
      this.#waiters.delete(loan)
      this.#lend(loan, loan.lacking)
    }
    if (this.#waiters.size > 0) this.#clock.watch()
  }

  #lend(loan: Loan, size: number): void {
    loan.lacking = 0
    this.#enter(loan, size)
    this.#receiver.extend(loan.stream, size)
    // The next may have to wait: it is good to know by then that the peer has seen this, else a stall takes a
    // second round trip to be proven.
    const { promised } = this
    const isHalf = promised > this.#promisedMax / 2
    if (isHalf || promised + this.#largest > this.#promisedMax) this.#clock.watch()
  }

  #enter(loan: Loan, size: number): void {
    if (loan.standing !== Standing.Good) this.#rejoin(loan)
    loan.size += size
    loan.round = this.#clock.round
    loan.heardAt = this.frames
    this.promised += size
    this.#borrowers.add(loan)
  }

  /** It was thought to have stalled, and moves: it counts again, and the next is judged more slowly. */
  #comeBack(loan: Loan): void {
    if (loan.wanted) this.#clock.erred()
    this.#rejoin(loan)
  }

  #rejoin(loan: Loan): void {
    if (loan.standing === Standing.Slow) this.doubtful -= loan.size
    loan.standing = Standing.Good
    this.#stalled.delete(loan)
    if (loan.size === 0) return
    this.promised += loan.size
    this.#borrowers.add(loan)
  }

  #return(loan: Loan, size: number): void {
    if (size <= 0) return
    loan.size -= size
    if (loan.standing === Standing.Good) this.promised -= size
    else if (loan.standing === Standing.Slow) this.doubtful -= size
    if (loan.size === 0) {
      this.#borrowers.delete(loan)
      this.#stalled.delete(loan)
      loan.standing = Standing.Good
      loan.wanted = false
    }
    if (this.promised === 0 && this.#stalled.size === 0) this.#clock.forget()
    if (this.#waiters.size > 0) this.#serve()
  }
}

/** Whether `loan` ends before `other`: who is known to have stalled before who may have, the larger before the smaller. */
function isSooner(loan: Loan, other: Loan): boolean {
  if (loan.standing !== other.standing) return loan.standing > other.standing
  return loan.stream.retained > other.stream.retained
}
