/** Someone who waits for the next message. */
interface Reader<T> {
  resolve(result: IteratorResult<T, undefined>): void
  reject(error: unknown): void
}

const DONE: IteratorResult<never, undefined> = Object.freeze({ done: true, value: undefined })

/**
 * Messages between one who pushes and one who reads, in order. When
 * `countMax` wait, `push` returns a promise of room: the back-pressure of a
 * stream over a transport.
 */
export class MessageQueue<T> implements AsyncIterableIterator<T, undefined> {
  readonly #countMax: number
  readonly #onReturn: (() => void) | undefined
  readonly #messages: T[] = []
  readonly #readers: Reader<T>[] = []
  readonly #writers: (() => void)[] = []
  #ended = false
  #failure: { error: unknown } | undefined

  /** @param onReturn the reader has left its loop early; called at most once */
  constructor(countMax: number, onReturn?: () => void) {
    this.#countMax = countMax
    this.#onReturn = onReturn
  }

  /** Messages that wait. */
  get size(): number {
    return this.#messages.length
  }

  /** No message will follow, or nobody wants one. */
  get ended(): boolean {
    return this.#ended
  }

  /** Hands a message over. Returns a promise when the queue is full now. After the end it is dropped. */
  push(message: T): Promise<void> | undefined {
    if (this.#ended) return undefined
    const reader = this.#readers.shift()
    if (reader !== undefined) {
      reader.resolve({ done: false, value: message })
      return undefined
    }
    this.#messages.push(message)
    if (this.#messages.length < this.#countMax) return undefined
    return new Promise(resolve => this.#writers.push(resolve))
  }

  /** The reader gets what waits, then the end. */
  end(): void {
    if (this.#ended) return
    this.#ended = true
    for (const reader of this.#readers.splice(0)) reader.resolve(DONE)
    this.#release()
  }

  /** The reader gets what waits, then `error`: each time it asks, for a failure must never pass for the end. */
  fail(error: unknown): void {
    if (this.#ended) return
    this.#ended = true
    this.#failure = { error }
    for (const reader of this.#readers.splice(0)) reader.reject(error)
    this.#release()
  }

  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#messages.length > 0) {
      const value = this.#messages.shift() as T
      if (this.#messages.length < this.#countMax) this.#release()
      return Promise.resolve({ done: false, value })
    }
    if (this.#failure !== undefined) return Promise.reject(this.#failure.error)
    if (this.#ended) return Promise.resolve(DONE)
    return new Promise((resolve, reject) => this.#readers.push({ resolve, reject }))
  }

  /** The reader wants no more: what waits is dropped. */
  return(): Promise<IteratorResult<T, undefined>> {
    const leftEarly = !this.#ended || this.#messages.length > 0
    this.#messages.length = 0
    this.#failure = undefined
    this.end()
    if (leftEarly) this.#onReturn?.()
    return Promise.resolve(DONE)
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  #release(): void {
    for (const writer of this.#writers.splice(0)) writer()
  }
}
