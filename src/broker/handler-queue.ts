import type { Delivery, DeliveryHandler } from '../micro/index.js'
import type { BrokerLimits } from './broker-limits.js'

/** Told once how the handling of a message ended. `failure` is what the handler threw. */
export type Settle = (failure?: { readonly error: unknown }) => void

interface Waiting {
  readonly delivery: Delivery
  readonly size: number
  readonly settle: Settle | undefined
}

/**
 * The messages of one subscription on their way through its handler: so many run at once, in the order in which they
 * came, so many wait, and more are not taken.
 */
export class HandlerQueue {
  readonly #limits: Pick<BrokerLimits, 'handlersMax' | 'queueMax' | 'queueSizeMax'>
  readonly #handler: DeliveryHandler
  readonly #onFailure: (error: unknown, delivery: Delivery) => void
  /** From `#first` on; what is before has begun. */
  #waiting: (Waiting | undefined)[] = []
  #first = 0
  #waitingSize = 0
  #running = 0
  #onIdle: (() => void)[] = []

  constructor(
    limits: Pick<BrokerLimits, 'handlersMax' | 'queueMax' | 'queueSizeMax'>,
    handler: DeliveryHandler,
    onFailure: (error: unknown, delivery: Delivery) => void,
  ) {
    this.#limits = limits
    this.#handler = handler
    this.#onFailure = onFailure
  }

  get runningCount(): number {
    return this.#running
  }

  get waitingCount(): number {
    return this.#waiting.length - this.#first
  }

  /** Unit: octets. */
  get waitingSize(): number {
    return this.#waitingSize
  }

  /** False: more wait than may, and nobody will hear of this one. @param size as it travelled. Unit: octets */
  push(delivery: Delivery, size: number, settle?: Settle): boolean {
    const { handlersMax, queueMax, queueSizeMax } = this.#limits
    if (this.#running < handlersMax && this.waitingCount === 0) {
      this.#run(delivery, settle)
      return true
    }
    if (this.waitingCount >= queueMax || this.#waitingSize + size > queueSizeMax) return false
    this.#waiting.push({ delivery, size, settle })
    this.#waitingSize += size
    return true
  }

  /** Settles when nothing runs and nothing waits. */
  idle(): Promise<void> {
    if (this.#running === 0 && this.waitingCount === 0) return Promise.resolve()
    return new Promise(resolve => this.#onIdle.push(resolve))
  }

  /** What waits is not handled any more. */
  abandon(): void {
    for (const waiting of this.#waiting.splice(0)) waiting?.settle?.({ error: ABANDONED })
    this.#first = 0
    this.#waitingSize = 0
    this.#tellIdle()
  }

  #run(delivery: Delivery, settle: Settle | undefined): void {
    let result: unknown
    try {
      result = this.#handler(delivery)
    } catch (error) {
      this.#fail(error, delivery, settle)
      return
    }
    if (typeof (result as Partial<Promise<void>> | null | undefined)?.then !== 'function') {
      settle?.()
      return
    }
    this.#running++
    ;(result as PromiseLike<void>).then(
      () => {
        settle?.()
        this.#next()
      },
      error => {
        this.#fail(error, delivery, settle)
        this.#next()
      },
    )
  }

  #fail(error: unknown, delivery: Delivery, settle: Settle | undefined): void {
    settle?.({ error })
    try {
      this.#onFailure(error, delivery)
    } catch {
      // A listener that throws harms no other message.
    }
  }

  #next(): void {
    this.#running--
    while (this.#running < this.#limits.handlersMax && this.#first < this.#waiting.length) {
      const { delivery, size, settle } = this.#waiting[this.#first]!
      this.#waiting[this.#first++] = undefined
      this.#waitingSize -= size
      if (this.#first > 1_024 && this.#first * 2 > this.#waiting.length) this.#shrink()
      this.#run(delivery, settle)
    }
    this.#tellIdle()
  }

  #shrink(): void {
    this.#waiting = this.#waiting.slice(this.#first)
    this.#first = 0
  }

  #tellIdle(): void {
    if (this.#running > 0 || this.waitingCount > 0) return
    this.#waiting = []
    this.#first = 0
    for (const told of this.#onIdle.splice(0)) told()
  }
}

const ABANDONED = new Error('the broker was closed before the message was handled')
