import { GrpcError, Status } from '../grpc/index.js'
import { InTurns, type Runtime } from '../transport/index.js'
import type { Picked } from './picked.js'

/** Calls that may wait for a connection of one channel. */
const WAITING_MAX = 100_000

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
  readonly #waiting = new Set<Waiter>()
  readonly #turns: InTurns
  /** Those that wait no more, and have not been told why. */
  readonly #failed = new Map<Waiter, () => GrpcError>()
  #pick: () => Picked | undefined

  constructor(name: string, runtime: Pick<Runtime, 'afterTurn' | 'stopwatch'>) {
    this.#name = name
    this.#pick = () => undefined
    this.#turns = new InTurns(runtime, () => this.#failNext() || this.#serveNext())
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
    return () => this.#waiting.delete(waiter) || this.#failed.delete(waiter)
  }

  /** Hands out picks while there are any, in turns: a thousand calls must not hold the event loop. */
  serve(pick: () => Picked | undefined): void {
    this.#pick = pick
    this.#turns.run()
  }

  #failNext(): boolean {
    for (const [waiter, error] of this.#failed) {
      this.#failed.delete(waiter)
      waiter.onFailed(error())
      return true
    }
    return false
  }

  #serveNext(): boolean {
    for (const waiter of this.#waiting) {
      const picked = this.#pick()
      if (picked === undefined) return false
      this.#waiting.delete(waiter)
      waiter.onPick(picked)
      return true
    }
    return false
  }

  /** Ends the waiting in turns of those that are not patient; of all when `patientToo`, at once: nothing may follow. */
  fail(error: () => GrpcError, patientToo: boolean): void {
    for (const waiter of this.#waiting) {
      if (waiter.isPatient && !patientToo) continue
      this.#waiting.delete(waiter)
      this.#failed.set(waiter, error)
    }
    if (patientToo) while (this.#failNext());
    else this.#turns.run()
  }
}
