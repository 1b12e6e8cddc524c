import type { HandlerPlaces, Runtime } from '../../../transport/index.js'
import { MicroError } from '../../errors/micro-error.js'

/**
 * Whether one socket may start one handler more: they count for its connection, as native calls do. Who
 * has to wait is not read further, so that one waits at a time.
 */
export class MucpAdmission {
  readonly #places: HandlerPlaces | undefined
  readonly #runtime: Pick<Runtime, 'now' | 'schedule'>
  #end: ((hasPlace: boolean) => void) | undefined
  /** The call's own deadline comes before it has waited as long as it may. */
  #isDeadlineFirst = false

  constructor(places: HandlerPlaces | undefined, runtime: Pick<Runtime, 'now' | 'schedule'>) {
    this.#places = places
    this.#runtime = runtime
  }

  /** False: `wait`. */
  take(): boolean {
    return this.#places === undefined || this.#places.tryTake()
  }

  /** Settles with true when there is a place, which is taken; with false when time is up, or nobody wants it any more. */
  wait(deadline: number): Promise<boolean> {
    const places = this.#places!
    const leftMs = Math.max(0, deadline - this.#runtime.now())
    const waitMs = Math.min(places.waitMaxMs, leftMs)
    this.#isDeadlineFirst = leftMs <= places.waitMaxMs
    return new Promise(resolve => {
      const end = (hasPlace: boolean): void => {
        this.#end = undefined
        leave()
        timeout.cancel()
        resolve(hasPlace)
      }
      const leave = places.wait(() => end(true))
      const timeout = this.#runtime.schedule(waitMs, () => end(false))
      // A caller in this process has nothing else that would keep it alive.
      timeout.ref()
      this.#end = end
    })
  }

  /** Who waits need not: its client has gone. */
  stop(): void {
    this.#end?.(false)
  }

  /** A handler has settled. */
  free(): void {
    this.#places?.free()
  }

  /** What a call hears that waited in vain. Not by the clock: a timer may fire some tenths of a millisecond early. */
  refusal(): MicroError {
    if (this.#isDeadlineFirst) return MicroError.timeout('deadline exceeded')
    const { max, waitMaxMs } = this.#places!
    return new MicroError(
      503,
      `refused after ${waitMaxMs} ms: ${max} handlers of this peer run, as many as may (limits.streamsMax of its connection, handlersPerAddressMax, handlersMax of a memory transport)`,
    )
  }
}
