import type { Cancellable, Runtime } from '../transport/index.js'
import { Codel } from './codel.js'
import { GradientLimit } from './gradient-limit.js'
import { LoopPressure, SAMPLE_MS } from './loop-pressure.js'
import { MethodLimit } from './method-limit.js'
import type { OverloadOptions, OverloadQueueOptions } from './overload-options.js'
import { type Priority, placesOf, shedShare } from './priority.js'
import type { Refusal } from './refusal.js'
import type { Ticket, TicketEnd, TicketOwner } from './ticket.js'
import { WaitingCalls } from './waiting-calls.js'

/** Of an adaptive limit. Unit: calls. */
const ADAPTIVE_MAX = 1_000
const PUSHBACK_MS = 200
const QUEUE = { callsMax: 100, waitMaxMs: 100, targetMs: 5, intervalMs: 100 }

/** What a server that limits its calls is doing now: `server.overload`. */
export interface OverloadState {
  /** Unary handlers that run. */
  readonly runningCount: number
  /** Streaming handlers that run. */
  readonly streamCount: number
  /** Unary calls that wait for a place. */
  readonly waitingCount: number
  /** How many unary handlers may run now. */
  readonly callsMax: number
  /** Share of the calls that is refused because the event loop is late. 0 to 1. */
  readonly shedShare: number
  /** Calls refused since the start. */
  readonly refusedCount: number
}

/** All calls of one server that run or wait to, and which of those that come may. */
export class Overload implements OverloadState, TicketOwner {
  readonly priorityName: string | undefined
  readonly #runtime: Pick<Runtime, 'now' | 'stopwatch' | 'schedule' | 'random'>
  readonly #callsMax: number
  readonly #streamsMax: number
  readonly #pushbackMs: number
  readonly #adaptive: GradientLimit | undefined
  readonly #queue: Required<OverloadQueueOptions> | undefined
  readonly #codel: Codel | undefined
  readonly #pressure: LoopPressure | undefined
  readonly #methods: ReadonlyMap<string, MethodLimit>
  readonly #waiting = new WaitingCalls<Ticket>()
  #running = 0
  #streams = 0
  #refused = 0
  #isServing = false
  #expiry: Cancellable | undefined
  #sampler: Cancellable | undefined

  constructor(
    options: OverloadOptions,
    runtime: Pick<Runtime, 'now' | 'stopwatch' | 'schedule' | 'random'>,
  ) {
    const { adaptive = false, queue = false, loopDelayMaxMs = Number.POSITIVE_INFINITY } = options
    this.#runtime = runtime
    this.priorityName = options.priority
    this.#callsMax =
      options.callsMax ?? (adaptive === false ? Number.POSITIVE_INFINITY : ADAPTIVE_MAX)
    this.#streamsMax = options.streamsMax ?? Number.POSITIVE_INFINITY
    this.#pushbackMs = options.pushbackMs ?? PUSHBACK_MS
    if (adaptive !== false) {
      this.#adaptive = new GradientLimit(adaptive === true ? {} : adaptive, this.#callsMax)
    }
    if (queue !== false) {
      this.#queue = { ...QUEUE, ...(queue === true ? {} : queue) }
      this.#codel = new Codel(this.#queue.targetMs, this.#queue.intervalMs)
    }
    if (loopDelayMaxMs !== Number.POSITIVE_INFINITY)
      this.#pressure = new LoopPressure(loopDelayMaxMs)
    const methods = Object.entries(options.methods ?? {})
    this.#methods = new Map(methods.map(([name, max]) => [name, new MethodLimit(name, max)]))
  }

  get runningCount(): number {
    return this.#running
  }

  get streamCount(): number {
    return this.#streams
  }

  get waitingCount(): number {
    return this.#waiting.count
  }

  get callsMax(): number {
    return this.#adaptive?.limit ?? this.#callsMax
  }

  get shedShare(): number {
    return this.#pressure?.share ?? 0
  }

  get refusedCount(): number {
    return this.#refused
  }

  /** The limits that calls of a method count against, its own first. */
  limitsOf(service: string, method: string): readonly MethodLimit[] {
    const names = [`${service}/${method}`, service]
    return names.flatMap(name => this.#methods.get(name) ?? [])
  }

  /** Names of `methods` that `isServed` does not know: mistakes. */
  strangers(isServed: (name: string) => boolean): string[] {
    return [...this.#methods.keys()].filter(name => !isServed(name))
  }

  /** Watches the event loop from now on. */
  start(): void {
    if (this.#pressure === undefined || this.#sampler !== undefined) return
    this.#pressure.arm(this.#runtime.now())
    this.#sampler = this.#runtime.schedule(SAMPLE_MS, () => {
      this.#sampler = undefined
      this.#pressure?.sample(this.#runtime.now())
      this.start()
    })
  }

  /** Watches no more. */
  close(): void {
    this.#sampler?.cancel()
    this.#sampler = undefined
  }

  /** By dice, while the event loop is late. */
  shed(priority: Priority): Refusal | undefined {
    const share = this.shedShare
    if (share === 0 || this.#runtime.random() >= shedShare(share, priority)) return undefined
    const percent = Math.round(share * 100)
    return this.#refuse(
      'busy',
      `the event loop is late: ${percent} % of the calls are refused (overload.loopDelayMaxMs)`,
    )
  }

  /** Why a call cannot even wait; undefined: `admit` it. */
  refusal(
    isStream: boolean,
    limits: readonly MethodLimit[],
    priority: Priority,
  ): Refusal | undefined {
    for (const limit of limits) {
      if (!limit.isFull) continue
      const text = `${limit.max} calls of ${limit.name} run or wait, as many as may (overload.methods)`
      return this.#refuse('quota', text)
    }
    if (isStream) {
      if (this.#streams < this.#streamsMax) return undefined
      return this.#refuse(
        'busy',
        `${this.#streams} streams run, as many as may (overload.streamsMax)`,
      )
    }
    if (this.#mayRun(priority) || this.#mayWait(priority)) return undefined
    return this.#refuse('busy', this.#fullText())
  }

  /** After `refusal`: the call runs, or waits. */
  admit(ticket: Ticket): void {
    for (const limit of ticket.limits) limit.count++
    if (ticket.isStream) this.#streams++
    else if (this.#mayRun(ticket.priority)) this.#run(ticket)
    else this.#wait(ticket)
  }

  leave(ticket: Ticket, end: TicketEnd): void {
    for (const limit of ticket.limits) limit.count--
    if (ticket.isStream) {
      this.#streams--
      return
    }
    if (ticket.isWaiting) {
      this.#waiting.delete(ticket)
      return
    }
    if (this.#adaptive !== undefined && end !== 'failed') {
      const now = this.#clock()
      this.#adaptive.onEnd(now - ticket.startedAt, this.#running, end === 'cut', now)
    }
    this.#running--
    this.#serve()
  }

  /** Without priorities all calls are alike, and may fill every place. */
  #hasPlace(priority: Priority): boolean {
    const { callsMax } = this
    const places = this.priorityName === undefined ? callsMax : placesOf(callsMax, priority)
    return this.#running < places
  }

  #mayRun(priority: Priority): boolean {
    if (!this.#hasPlace(priority)) return false
    // Who came first, and matters as much, is first.
    const next = this.#waiting.count === 0 ? undefined : this.#waiting.next(false)
    return next === undefined || next.priority > priority
  }

  #mayWait(priority: Priority): boolean {
    if (this.#queue === undefined) return false
    const hasRoom = this.#waiting.count < this.#queue.callsMax
    return hasRoom || this.#waiting.lesser(priority) !== undefined
  }

  #run(ticket: Ticket): void {
    this.#running++
    ticket.startedAt = this.#clock()
  }

  #wait(ticket: Ticket): void {
    const now = this.#runtime.now()
    if (this.#waiting.count >= this.#queue!.callsMax) {
      this.#turnAway(this.#waiting.lesser(ticket.priority)!, this.#fullText())
    }
    this.#waiting.add(ticket, now)
    this.#armExpiry(now)
  }

  /** There may be places for those that wait. */
  #serve(): void {
    if (this.#isServing || this.#waiting.count === 0) return
    this.#isServing = true
    try {
      for (;;) {
        const ticket = this.#waiting.next(this.#codel!.isOverloaded)
        if (ticket === undefined || !this.#hasPlace(ticket.priority)) return
        this.#startOne(ticket)
      }
    } finally {
      this.#isServing = false
    }
  }

  #startOne(ticket: Ticket): void {
    const now = this.#runtime.now()
    const waitedMs = now - ticket.waitsSince
    if (this.#codel!.refuses(waitedMs, now)) {
      this.#turnAway(
        ticket,
        `the call waited ${waitedMs} ms for a place, and the queue stands (overload.queue.targetMs)`,
      )
      return
    }
    this.#waiting.delete(ticket)
    this.#run(ticket)
    ticket.applicant.onAdmitted()
  }

  #turnAway(ticket: Ticket, text: string): void {
    ticket.leave('failed')
    ticket.applicant.onRefused(this.#refuse('busy', text))
  }

  #armExpiry(now: number): void {
    const { oldest } = this.#waiting
    if (this.#expiry !== undefined || oldest === undefined) return
    const { waitMaxMs } = this.#queue!
    const dueMs = Math.max(0, oldest.waitsSince + waitMaxMs - now)
    this.#expiry = this.#runtime.schedule(dueMs, () => {
      this.#expiry = undefined
      this.#expire(this.#runtime.now())
    })
    // A caller in this process has nothing else that would keep it alive.
    this.#expiry.ref()
  }

  #expire(now: number): void {
    const { waitMaxMs } = this.#queue!
    for (;;) {
      const { oldest } = this.#waiting
      if (oldest === undefined || oldest.waitsSince + waitMaxMs > now) break
      this.#turnAway(
        oldest,
        `the call waited ${waitMaxMs} ms for a place in vain (overload.queue.waitMaxMs)`,
      )
    }
    this.#armExpiry(now)
  }

  #refuse(kind: Refusal['kind'], text: string): Refusal {
    this.#refused++
    const pushbackMs = Math.round(this.#pushbackMs * (0.5 + this.#runtime.random()))
    return { kind, text, pushbackMs }
  }

  #fullText(): string {
    const { callsMax } = this
    const waiting = this.#queue === undefined ? '' : ` and ${this.#waiting.count} wait`
    const name = this.#adaptive === undefined ? 'callsMax' : 'adaptive'
    return `${this.#running} of ${callsMax} calls run${waiting} (overload.${name})`
  }

  /** Calls may be shorter than a millisecond. */
  #clock(): number {
    return this.#runtime.stopwatch?.() ?? this.#runtime.now()
  }
}
