import type { HealthCheckResponse, ServingStatus } from './health-messages.js'

type Result = IteratorResult<HealthCheckResponse, undefined>

interface Reader {
  resolve(result: Result): void
  reject(error: unknown): void
}

const DONE: Result = Object.freeze({ done: true, value: undefined })

/**
 * The statuses of one `watch` call. Only the newest is kept: who reads slowly
 * misses what has changed back since.
 */
export class HealthWatch implements AsyncIterableIterator<HealthCheckResponse, undefined> {
  readonly service: string
  #status: ServingStatus
  #told: ServingStatus | undefined
  #reader: Reader | undefined
  #end: { error: unknown } | undefined
  #onIdle: (() => void) | undefined

  constructor(service: string, status: ServingStatus) {
    this.service = service
    this.#status = status
  }

  /** The status is this now. */
  update(status: ServingStatus): void {
    this.#status = status
    this.#wake()
  }

  /**
   * The call ends with `error`, after the newest status. Settles when that has
   * been handed on; at once when the call is not waiting for one, for its
   * client may never read again.
   */
  finish(error: unknown): Promise<void> {
    this.#end = { error }
    if (this.#reader === undefined) return Promise.resolve()
    return new Promise(resolve => {
      this.#onIdle = resolve
      this.#wake()
    })
  }

  next(): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#reader = { resolve, reject }
      this.#wake()
    })
  }

  /** The client has gone, or the call is over. */
  return(): Promise<Result> {
    this.#told = this.#status
    this.#end = { error: undefined }
    this.#wake()
    this.#onIdle?.()
    return Promise.resolve(DONE)
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  #wake(): void {
    const reader = this.#reader
    if (reader === undefined) return
    if (this.#told !== this.#status) {
      this.#told = this.#status
      this.#reader = undefined
      reader.resolve({ done: false, value: { status: this.#status } })
    } else if (this.#end !== undefined) {
      this.#reader = undefined
      if (this.#end.error === undefined) reader.resolve(DONE)
      else reader.reject(this.#end.error)
      this.#onIdle?.()
    }
  }
}
