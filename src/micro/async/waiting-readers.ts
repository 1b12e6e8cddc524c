interface Reader {
  resolve(result: IteratorResult<unknown, undefined>): void
  reject(error: unknown): void
}

/** What `next` gives now; undefined while there is nothing. @throws what `next` rejects with */
export type TakeNext = () => IteratorResult<unknown, undefined> | undefined

/** Those who called `next` of a stream, in order, until there is something for them. */
export class WaitingReaders {
  readonly #waiting: Reader[] = []
  readonly #take: TakeNext

  constructor(take: TakeNext) {
    this.#take = take
  }

  next(): Promise<IteratorResult<unknown, undefined>> {
    if (this.#waiting.length === 0) {
      try {
        const result = this.#take()
        if (result !== undefined) return Promise.resolve(result)
      } catch (error) {
        return Promise.reject(error)
      }
    }
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }))
  }

  /** There may be something new: a message, the end, or a failure. */
  wake(): void {
    while (this.#waiting.length > 0) {
      // Off the list first: a read may end the call, which wakes those that wait behind this one.
      const reader = this.#waiting.shift()!
      try {
        const result = this.#take()
        if (result === undefined) {
          this.#waiting.unshift(reader)
          return
        }
        reader.resolve(result)
      } catch (error) {
        reader.reject(error)
      }
    }
  }
}
