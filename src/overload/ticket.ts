import type { MethodLimit } from './method-limit.js'
import type { Priority } from './priority.js'
import type { Refusal } from './refusal.js'
import type { Waiting } from './waiting-calls.js'

/** Who wants to run. */
export interface Applicant {
  /** It had to wait, and runs now. */
  onAdmitted(): void
  /** It had to wait, in vain. */
  onRefused(refusal: Refusal): void
}

/** How a call ended: `done` says how long calls take, `cut` that it would have taken longer, `failed` nothing. */
export type TicketEnd = 'done' | 'cut' | 'failed'

/** Whom a ticket tells that its call is over. */
export interface TicketOwner {
  leave(ticket: Ticket, end: TicketEnd): void
}

/** The place of one call among those that run, or wait to. */
export class Ticket implements Waiting {
  readonly priority: Priority
  readonly isStream: boolean
  readonly limits: readonly MethodLimit[]
  readonly applicant: Applicant
  /** Since when it runs. Unit: ms, in fractions. */
  startedAt = 0
  waitsSince = 0
  isWaiting = false
  before: Waiting | undefined = undefined
  after: Waiting | undefined = undefined
  readonly #owner: TicketOwner
  #isOver = false

  constructor(
    owner: TicketOwner,
    applicant: Applicant,
    priority: Priority,
    isStream: boolean,
    limits: readonly MethodLimit[],
  ) {
    this.#owner = owner
    this.applicant = applicant
    this.priority = priority
    this.isStream = isStream
    this.limits = limits
  }

  /** The call is over, or waits no more. Once, however often it is called. */
  leave(end: TicketEnd): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#owner.leave(this, end)
  }
}
