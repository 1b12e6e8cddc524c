import type { Connection, ConnectionHost } from '../src/connection/index.js'
import { invariant } from './invariant.js'

/** A host that only remembers what went wrong. */
export class BareHost implements ConnectionHost {
  closedCount = 0
  failure: unknown = undefined
  cause: Error | undefined
  /** Only where `takesTurns` was called. */
  onTurn: (() => void) | undefined
  /** Somebody waits for `runTurn`. */
  turnIsDue = false
  readonly #mayThrow: (error: unknown) => boolean

  /** `mayThrow`: handler errors that are no finding. */
  constructor(mayThrow: (error: unknown) => boolean = () => false) {
    this.#mayThrow = mayThrow
  }

  /** From now on what is too much for one turn waits for `runTurn`. */
  takesTurns(): void {
    this.onTurn = () => {
      this.turnIsDue = true
    }
  }

  /** False when nobody wants one. */
  runTurn(connection: Connection): boolean {
    if (!this.turnIsDue) return false
    this.turnIsDue = false
    connection.turn(connection.now)
    return true
  }

  onOutput(): void {}
  onSettings(): void {}
  onGoaway(): void {}
  onCapacity(): void {}

  onHandlerError(error: unknown): void {
    if (!this.#mayThrow(error)) this.failure ??= error
  }

  onClosed(cause: Error | undefined): void {
    this.closedCount++
    this.cause = cause
  }

  /** Throws what a callback of ours found, or an error of the core itself. */
  check(): void {
    if (this.failure !== undefined) throw this.failure
    if (this.cause?.cause instanceof Error) throw this.cause.cause
    invariant(this.closedCount <= 1, 'I-STATE onClosed is called once')
  }
}

/** Gives a connection octets, in as many turns as it wants, and drops what comes out. */
export function pump(connection: Connection, host: BareHost, piece: Buffer, now: number): void {
  for (let start = 0, turns = 0; start < piece.length; ) {
    // What waits since the turn before comes first, a call at a time.
    if (!host.turnIsDue) turns++
    invariant(turns <= 2 * piece.length + 10, 'I-BOUND turns for one piece')
    if (connection.blocked) connection.takeOutput(1 << 20)
    host.turnIsDue = false
    start = connection.receive(piece, start, piece.length, now)
  }
  piece.fill(0xee)
  for (let rounds = 0; connection.hasOutput; rounds++) {
    invariant(rounds < 10_000, 'I-BOUND hasOutput stays true')
    connection.takeOutput(1 << 20)
  }
}
