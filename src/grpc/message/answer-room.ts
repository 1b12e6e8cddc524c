import { type StreamConnection, Timer } from '../../connection/index.js'

/**
 * A message that waits for answers to be read is inflated all the same after so long: those answers may be of a
 * call whose reader waits for this one. Unit: ms.
 */
const PATIENCE_MS = 10_000

/**
 * Whether a server may inflate what may become an answer. Where its client leaves half of `inflatedSizeMax` of
 * answers unread it may not: a message of 4 kB would be another 4 MB of them. A client always may: what it sends is its own decision.
 */
export class AnswerRoom {
  readonly #connection: StreamConnection
  readonly #onRoom: () => void
  #timer: Timer | undefined
  /** One has waited for too long. */
  #isOverdue: boolean

  /** `onRoom`: time is up for who waits. That answers have left it hears at the end of a turn. */
  constructor(connection: StreamConnection, onRoom: () => void) {
    this.#connection = connection
    this.#onRoom = onRoom
    this.#timer = undefined
    this.#isOverdue = false
  }

  /** Answers that the client has not read. Unit: octets. */
  get unreadSize(): number {
    const { memory, role } = this.#connection
    return role === 'server' ? memory.queuedSize : 0
  }

  /** Whether a message may be inflated, of which `budget` octets may be at once. */
  allows(budget: number): boolean {
    return this.#isOverdue || this.unreadSize <= budget / 2
  }

  /** A message waits for room: a turn follows when there is. */
  wait(budget: number): void {
    const { now, timers, turns } = this.#connection
    turns.awaitRoom(budget / 2)
    this.#timer ??= new Timer(this)
    if (!this.#timer.scheduled) timers.schedule(this.#timer, now + PATIENCE_MS)
  }

  /** None waits any more, or one is being inflated. */
  settle(): void {
    this.#isOverdue = false
    if (this.#timer?.scheduled === true) this.#connection.timers.cancel(this.#timer)
  }

  /** @internal */
  onTimer(): void {
    this.#isOverdue = true
    this.#onRoom()
  }
}
