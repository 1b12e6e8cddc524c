interface Reader {
  resolve(result: IteratorResult<unknown, undefined>): void
  reject(error: unknown): void
}

/** One response and who wants to know that it is on its way. */
interface Written {
  readonly value: unknown
  readonly done: () => void
}

const DONE: IteratorResult<never, undefined> = Object.freeze({ done: true, value: undefined })

/**
 * Between a stream that a handler writes and the iterable that micro sends
 * from. It holds one message: a write is done when micro asks for the next,
 * which it does once the call has room.
 */
export class ResponseQueue implements AsyncIterableIterator<unknown, undefined> {
  readonly #onReturn: () => void
  #reader: Reader | undefined
  #written: Written | undefined
  #taken: (() => void) | undefined
  #end: { readonly error: unknown } | undefined

  /** @param onReturn micro wants no more: what is written cannot be sent */
  constructor(onReturn: () => void) {
    this.#onReturn = onReturn
  }

  write(value: unknown, done: () => void): void {
    this.#written = { value, done }
    this.#wake()
  }

  /** Ends the call after what is written: with `error`, or with OK when there is none. The first end counts. */
  end(error?: unknown): void {
    this.#end ??= { error }
    this.#wake()
  }

  next(): Promise<IteratorResult<unknown, undefined>> {
    const taken = this.#taken
    this.#taken = undefined
    taken?.()
    return new Promise((resolve, reject) => {
      this.#reader = { resolve, reject }
      this.#wake()
    })
  }

  return(): Promise<IteratorResult<unknown, undefined>> {
    this.end()
    this.#onReturn()
    return Promise.resolve(DONE)
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  #wake(): void {
    const reader = this.#reader
    if (reader === undefined) return
    const written = this.#written
    if (written !== undefined) {
      this.#written = undefined
      this.#reader = undefined
      this.#taken = written.done
      reader.resolve({ done: false, value: written.value })
    } else if (this.#end !== undefined) {
      this.#reader = undefined
      const { error } = this.#end
      if (error === undefined) reader.resolve(DONE)
      else reader.reject(error)
    }
  }
}
