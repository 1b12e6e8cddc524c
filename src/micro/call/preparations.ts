import { clientClosed } from '../errors/client-closed.js'
import type { Protocol } from '../protocol.js'

/** A step ahead of a call that can be ended: a `MucpGuard`. */
interface Step {
  readonly protocol: Protocol | undefined
  stop(reason: unknown): void
}

/** What goes ahead of calls, a registry's answer or credentials: it ends when the client is closed. */
export class Preparations {
  readonly #steps = new Set<Step>()
  #isClosed = false

  add(step: Step): void {
    if (this.#isClosed) step.stop(clientClosed(step.protocol, true))
    else this.#steps.add(step)
  }

  delete(step: Step): void {
    this.#steps.delete(step)
  }

  close(): void {
    this.#isClosed = true
    for (const step of [...this.#steps]) step.stop(clientClosed(step.protocol, true))
  }
}
