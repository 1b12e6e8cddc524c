import type { HeaderList } from '../../connection/index.js'
import type { ClientCall, GrpcError } from '../../grpc/index.js'
import type { Runtime } from '../runtime/runtime.js'
import { TurnQueue } from '../runtime/turn-queue.js'

interface WaitingCall {
  readonly call: ClientCall
  readonly headers: HeaderList
  readonly waitForReady: boolean
}

/**
 * Calls that wait for a connection, or for room on it, in the order in which
 * they came. Calls that settle meanwhile (deadline, cancel) are passed over.
 */
export class WaitingCalls {
  #calls: WaitingCall[] = []
  /** The calls before it are gone: taking one is O(1). */
  #head = 0
  readonly #countMax: number
  /** Calls beyond this many entries are swept before more memory is used. */
  #sweepAt = 64
  readonly #failed: TurnQueue

  constructor(runtime: Pick<Runtime, 'afterTurn' | 'stopwatch'>, countMax: number) {
    this.#failed = new TurnQueue(runtime)
    this.#countMax = countMax
  }

  /** Those that have settled count until they are swept. */
  get count(): number {
    return this.#calls.length - this.#head
  }

  /** False when there is no room. */
  add(call: ClientCall, headers: HeaderList, waitForReady: boolean): boolean {
    if (this.#calls.length >= this.#sweepAt) this.#sweep()
    if (this.count >= this.#countMax) {
      // Each refusal brings the next sweep nearer: cheap, and settled calls do not block for ever.
      this.#sweepAt -= Math.ceil(this.#calls.length / 8)
      if (this.#calls.length < this.#sweepAt) return false
      this.#sweep()
      if (this.count >= this.#countMax) return false
    }
    this.#calls.push({ call, headers, waitForReady })
    return true
  }

  /** Starts calls in turn while `canStart` says that there is room; true when `isOver` says that the next ones wait for another turn. */
  start(
    canStart: () => boolean,
    start: (call: ClientCall, headers: HeaderList) => void,
    isOver: (count: number) => boolean,
  ): boolean {
    let count = 0
    let isSpent = false
    while (this.#head < this.#calls.length && canStart()) {
      if (count > 0 && isOver(count)) {
        isSpent = true
        break
      }
      const { call, headers } = this.#calls[this.#head++]!
      if (call.settled) continue
      start(call, headers)
      count++
    }
    if (this.#head === this.#calls.length) this.#clear()
    return isSpent
  }

  /** Fails all calls, in turns; those that are patient only when `patientToo`, and then at once: nothing may follow. */
  fail(error: () => GrpcError, patientToo: boolean): void {
    const calls = this.#calls.slice(this.#head)
    this.#clear()
    if (!patientToo) this.#calls = calls.filter(({ waitForReady }) => waitForReady)
    const failed = calls.filter(({ waitForReady }) => patientToo || !waitForReady)
    const tell = (call: ClientCall) => (): void => call.cancel(error())
    this.#failed.add(failed.map(({ call }) => tell(call)))
    if (patientToo) this.#failed.flush()
  }

  #sweep(): void {
    this.#calls = this.#calls.slice(this.#head).filter(({ call }) => !call.settled)
    this.#head = 0
    this.#sweepAt = Math.max(64, this.#calls.length * 2)
  }

  #clear(): void {
    this.#calls = []
    this.#head = 0
  }
}
