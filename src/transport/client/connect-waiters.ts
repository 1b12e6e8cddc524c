import { checkOptions, type OptionKinds } from '../../options/index.js'
import type { Runtime } from '../runtime/runtime.js'
import { TurnQueue } from '../runtime/turn-queue.js'

/** Options of `session.connect`. */
export interface SessionConnectOptions {
  /** Try again after attempts that fail, with the back-off of the session. Default: false: the first failure rejects. */
  readonly waitForReady?: boolean
  /** Waits no longer when aborted; the promise rejects with its reason. Default: none. */
  readonly signal?: AbortSignal
}

const KINDS: OptionKinds<SessionConnectOptions> = { waitForReady: 'boolean', signal: 'object' }

interface Waiter {
  readonly isPatient: boolean
  readonly settle: (error: unknown) => void
}

/** Whoever waits for a session's connection without a call. They are told in turns: each may begin a call. */
export class ConnectWaiters {
  readonly #waiters = new Set<Waiter>()
  readonly #told: TurnQueue

  constructor(runtime: Pick<Runtime, 'afterTurn' | 'stopwatch'>) {
    this.#told = new TurnQueue(runtime)
  }

  /** Somebody waits, however many attempts fail. */
  get arePatient(): boolean {
    for (const { isPatient } of this.#waiters) if (isPatient) return true
    return false
  }

  /** @throws TypeError naming the option that cannot be used */
  check(options: SessionConnectOptions): void {
    checkOptions('connect', options, KINDS)
  }

  wait({ waitForReady, signal }: SessionConnectOptions): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = (): void => waiter.settle(signal!.reason)
      const waiter: Waiter = {
        isPatient: waitForReady === true,
        settle: error => {
          this.#waiters.delete(waiter)
          signal?.removeEventListener('abort', onAbort)
          if (error === undefined) resolve()
          else reject(error)
        },
      }
      this.#waiters.add(waiter)
      if (signal?.aborted === true) onAbort()
      else signal?.addEventListener('abort', onAbort)
    })
  }

  /** Connected, or without hope when there is an error: for the patient only when `patientToo`, and then nothing may follow. */
  settle(error: Error | undefined, patientToo: boolean): void {
    const told = [...this.#waiters].filter(({ isPatient }) => patientToo || !isPatient)
    for (const waiter of told) this.#waiters.delete(waiter)
    this.#told.add(told.map(waiter => () => waiter.settle(error)))
    if (error !== undefined && patientToo) this.#told.flush()
  }
}
