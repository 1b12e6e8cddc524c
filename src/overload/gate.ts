import type { MethodLimit } from './method-limit.js'
import type { Overload } from './overload.js'
import type { Priority } from './priority.js'
import type { Refusal } from './refusal.js'
import { type Applicant, Ticket } from './ticket.js'

/** The way in to one method. */
export class Gate {
  readonly #overload: Overload
  readonly #isStream: boolean
  readonly #limits: readonly MethodLimit[]

  constructor(overload: Overload, isStream: boolean, limits: readonly MethodLimit[]) {
    this.#overload = overload
    this.#isStream = isStream
    this.#limits = limits
  }

  /** The name of the metadata that says how much a call matters. */
  get priorityName(): string | undefined {
    return this.#overload.priorityName
  }

  /** Why a call would not get in that came now. Rolls the dice: ask once for each call. */
  refusal(priority: Priority): Refusal | undefined {
    return (
      this.#overload.shed(priority) ??
      this.#overload.refusal(this.#isStream, this.#limits, priority)
    )
  }

  /** A place, taken; `isWaiting` says whether the call may run already. Or why there is none. */
  enter(applicant: Applicant, priority: Priority): Ticket | Refusal {
    const refusal = this.#overload.refusal(this.#isStream, this.#limits, priority)
    if (refusal !== undefined) return refusal
    const ticket = new Ticket(this.#overload, applicant, priority, this.#isStream, this.#limits)
    this.#overload.admit(ticket)
    return ticket
  }
}
