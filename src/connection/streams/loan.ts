/** How a stream that borrowed moves. */
export const Standing = {
  /** It is in the pool. */
  Good: 0,
  /** Others got more than it in a round trip that brought little: it left the pool, as far as there is room for a mistake. */
  Slow: 1,
  /** It had window and sent nothing while it could have: it left the pool. */
  Stalled: 2,
} as const

/** A stream, as far as its loan goes. */
export interface Borrower {
  readonly id: number
  /** Received and not yet consumed. */
  readonly retained: number
}

/** What one stream may hold beyond its own window, and what it waits for. Most streams never have one. */
export class Loan<T extends Borrower = Borrower> {
  readonly stream: T
  /** Octets lent and not yet returned. */
  size = 0
  /** Octets that its message lacks, beyond what its window lets the peer send. */
  lacking = 0
  /** Lent for a message that somebody waits for, not for speed. */
  wanted = false
  standing: number = Standing.Good
  /** The signal that came before the last grant: the peer has seen the grant once a later one is answered. */
  round = 0
  /** DATA frames of the connection when its last one came. */
  heardAt = 0
  /** The round in which its last DATA came. */
  heardRound = -1

  constructor(stream: T) {
    this.stream = stream
  }
}
