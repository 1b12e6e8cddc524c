/** What is known of each call at both of its ends, and what was found wrong. */
import { type CallPlan, textOfPlan } from './plan.js'

export type Fault = 'lost' | 'doubled' | 'truncated' | 'failed' | 'unsettled' | 'slow' | 'left'

export interface Entry {
  readonly plan: CallPlan
  /** Those who stand still go on when it resolves. */
  readonly gate: Promise<void>
  /** The server is stopped under it: it may fail. */
  readonly mayFail: boolean
  starts: number
}

const PRINTED_MAX = 30

export class Ledger {
  readonly totals = {
    calls: 0,
    messages: 0,
    mebibytes: 0,
    cancelled: 0,
    lost: 0,
    doubled: 0,
    truncated: 0,
    failed: 0,
    unsettled: 0,
    slow: 0,
    left: 0,
  }
  /** Of messages. Unit: octets. */
  largest = 0
  /** Of calls beside those that are tried. Unit: ms. */
  slowestMs = 0
  /** Handlers that run. */
  handlers = 0
  /** Iterables of requests, and of responses, that were begun and have not ended. */
  sources = 0
  /** Where we are: printed with what is found. */
  place = ''
  readonly #entries = new Map<number, Entry>()
  #printed = 0

  add(plan: CallPlan, gate: Promise<void>, mayFail: boolean): Entry {
    const entry: Entry = { plan, gate, mayFail, starts: 0 }
    this.#entries.set(plan.call, entry)
    this.totals.calls++
    return entry
  }

  get(call: number): Entry | undefined {
    return this.#entries.get(call)
  }

  forget(): void {
    this.#entries.clear()
  }

  count(size: number): void {
    this.totals.messages++
    this.totals.mebibytes += size / 1_048_576
    if (size > this.largest) this.largest = size
  }

  found(fault: Fault, what: string, plan?: CallPlan): void {
    this.totals[fault]++
    if (this.#printed++ >= PRINTED_MAX) return
    const of = plan === undefined ? '' : `; ${textOfPlan(plan)}`
    console.log(`FOUND ${fault}: ${this.place}: ${what}${of}`)
  }

  get faults(): number {
    const { lost, doubled, truncated, failed, unsettled, slow, left } = this.totals
    return lost + doubled + truncated + failed + unsettled + slow + left
  }
}

/** Octets that may be under way at once, so that the process keeps within its memory; first come, first served. */
export class Budget {
  #left: number
  readonly #waiting: { readonly size: number; readonly go: () => void }[] = []

  constructor(size: number) {
    this.#left = size
  }

  async take(size: number): Promise<void> {
    if (this.#waiting.length > 0 || size > this.#left) {
      await new Promise<void>(go => this.#waiting.push({ size, go }))
    } else this.#left -= size
  }

  give(size: number): void {
    this.#left += size
    while (this.#waiting.length > 0 && this.#waiting[0]!.size <= this.#left) {
      const { size: taken, go } = this.#waiting.shift()!
      this.#left -= taken
      go()
    }
  }
}
