/** Who bounds the octets that wait in a queue, and counts them. */
export interface QueueAccount {
  /** Octets from which on there is no room. */
  readonly sizeMax: number
  /** So many octets wait no more. */
  given(size: number): void
}

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
  readonly #account: QueueAccount | undefined
  readonly #messages: T[] = []
  /** Octets that each of them took. */
  readonly #sizes: number[] = []
  #heldSize = 0
  readonly #readers: Reader<T>[] = []
  readonly #writers: (() => void)[] = []
  #ended = false
  #failure: { error: unknown } | undefined

  /**
   * @param onReturn the reader has left its loop early; called at most once
   * @param account of the octets that `push` is told
   */
  constructor(countMax: number, onReturn?: () => void, account?: QueueAccount) {
    this.#countMax = countMax
    this.#onReturn = onReturn
    this.#account = account
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
  push(message: T, size = 0): Promise<void> | undefined {
    if (this.#ended) {
      this.#account?.given(size)
      return undefined
    }
    const reader = this.#readers.shift()
    if (reader !== undefined) {
      this.#account?.given(size)
      reader.resolve({ done: false, value: message })
      return undefined
    }
    this.#messages.push(message)
    this.#sizes.push(size)
    this.#heldSize += size
    if (this.#hasRoom) return undefined
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
      this.#give(this.#sizes.shift()!)
      if (this.#hasRoom) this.#release()
      return Promise.resolve({ done: false, value })
    }
    if (this.#failure !== undefined) return Promise.reject(this.#failure.error)
    if (this.#ended) return Promise.resolve(DONE)
    return new Promise((resolve, reject) => this.#readers.push({ resolve, reject }))
  }

  /** The reader wants no more: what waits is dropped. */
  return(): Promise<IteratorResult<T, undefined>> {
    const leftEarly = !this.#ended || this.#messages.length > 0
    this.#clear()
    this.end()
    if (leftEarly) this.#onReturn?.()
    return Promise.resolve(DONE)
  }

  /** The call is over: what waits is forgotten. Who still reads gets `error`, if there is one and the end had not been read. */
  drop(error: unknown): void {
    const isCut = !this.#ended || this.#messages.length > 0
    const failure = this.#failure
    this.#clear()
    if (error !== undefined && isCut) this.#failure = failure ?? { error }
    else this.#failure = failure
    this.#ended = true
    for (const reader of this.#readers.splice(0)) {
      if (this.#failure === undefined) reader.resolve(DONE)
      else reader.reject(this.#failure.error)
    }
    this.#release()
  }

  #clear(): void {
    this.#messages.length = 0
    this.#sizes.length = 0
    this.#give(this.#heldSize)
    this.#failure = undefined
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  get #hasRoom(): boolean {
    const sizeMax = this.#account?.sizeMax ?? Number.POSITIVE_INFINITY
    return this.#messages.length < this.#countMax && this.#heldSize < sizeMax
  }

  #give(size: number): void {
    this.#heldSize -= size
    if (size > 0) this.#account?.given(size)
  }

  #release(): void {
    for (const writer of this.#writers.splice(0)) writer()
  }
}
