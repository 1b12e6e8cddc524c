import type { CallControl } from './call-control.js'
import { callError } from './call-error.js'
import type { ServerStatus } from './call-types.js'
import type { MetadataLike } from './metadata.js'
import { status } from './status.js'

/** The one response of a call, from a handler's callback to what micro waits for. The first answer counts. */
export class Answer {
  readonly #control: CallControl
  #outcome: { readonly value: unknown } | { readonly error: unknown } | undefined
  #resolve: ((value: unknown) => void) | undefined
  #reject: ((error: unknown) => void) | undefined

  constructor(control: CallControl) {
    this.#control = control
  }

  get settled(): boolean {
    return this.#outcome !== undefined
  }

  /** What the handler calls. */
  respond(error: ServerStatus | null, value: unknown, trailers?: MetadataLike | null): void {
    if (this.settled) return
    try {
      if (error) {
        if (error.code === status.OK) {
          // grpc-js sends OK without a message, which every client takes for INTERNAL.
          const details = 'the handler called back with an error whose code is OK, and no value'
          this.fail(
            callError({ ...error, code: status.INTERNAL, details }, trailers ?? error.metadata),
          )
          return
        }
        this.fail(callError(error, trailers))
        return
      }
      if (value === undefined || value === null) {
        // grpc-js cannot encode nothing either.
        const details = `Error serializing response: the handler of ${this.#control.path} called back without a value`
        this.fail(callError({ code: status.INTERNAL, details }, trailers))
        return
      }
      if (trailers !== undefined && trailers !== null) this.#control.sendTrailers(trailers)
      this.#outcome = { value }
      this.#resolve?.(value)
    } catch (cause) {
      // Trailers that may not be sent.
      this.fail(cause)
    }
  }

  /** Ends the call with an error that is ready. */
  fail(error: unknown): void {
    if (this.settled) return
    this.#outcome = { error }
    this.#reject?.(error)
  }

  /** The value, at once when it is there, or a promise of it. @throws what the call failed with */
  result(): unknown {
    const outcome = this.#outcome
    if (outcome === undefined) {
      return new Promise((resolve, reject) => {
        this.#resolve = resolve
        this.#reject = reject
      })
    }
    if ('error' in outcome) throw outcome.error
    return outcome.value
  }
}
