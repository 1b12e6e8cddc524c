import { GrpcError, Status } from '../grpc/index.js'
import type { Runtime } from '../transport/index.js'
import type { Picked } from './picked.js'

/** Calls that may wait for a connection of one channel. */
const WAITING_MAX = 100_000
/** Calls that go on in one turn of the event loop. */
const SERVED_PER_TURN = 1_000

/** A call that waits for an endpoint. */
export interface Waiter {
  /** Also waits while none can be reached. */
  readonly isPatient: boolean
  onPick(picked: Picked): void
  onFailed(error: GrpcError): void
}

/** Calls that wait until a channel has a connection, in the order in which they came. */
export class Waiters {
  readonly #name: string
  readonly #runtime: Pick<Runtime, 'afterTurn'>
  readonly #waiting = new Set<Waiter>()
  #isServing = false

  constructor(name: string, runtime: Pick<Runtime, 'afterTurn'>) {
    this.#name = name
    this.#runtime = runtime
  }

  get count(): number {
    return this.#waiting.size
  }

  /** Returns how to wait no more. A call that would be one too many hears so at once. */
  add(waiter: Waiter): () => void {
    if (this.#waiting.size >= WAITING_MAX) {
      const text = `${this.#name}: ${WAITING_MAX} calls wait for a connection already`
      waiter.onFailed(new GrpcError(Status.ResourceExhausted, text, { unprocessed: true }))
      return () => undefined
    }
    this.#waiting.add(waiter)
    return () => this.#waiting.delete(waiter)
  }

  /** Hands out picks while there are any; a thousand calls must not hold the event loop. */
  serve(pick: () => Picked | undefined): void {
    // A pick may change the channel, which comes here again.
    if (this.#isServing) return
    this.#isServing = true
    const isLeft = this.#serveSome(pick)
    this.#isServing = isLeft
    if (!isLeft) return
    this.#runtime.afterTurn(() => {
      this.#isServing = false
      this.serve(pick)
    })
  }

  #serveSome(pick: () => Picked | undefined): boolean {
    let count = 0
    for (const waiter of this.#waiting) {
      if (count++ >= SERVED_PER_TURN) return true
      const picked = pick()
      if (picked === undefined) return false
      this.#waiting.delete(waiter)
      waiter.onPick(picked)
    }
    return false
  }

  /** Ends the waiting of all, or of those that are not patient. */
  fail(error: () => GrpcError, patientToo: boolean): void {
    for (const waiter of [...this.#waiting]) {
      if (waiter.isPatient && !patientToo) continue
      this.#waiting.delete(waiter)
      waiter.onFailed(error())
    }
  }
}
