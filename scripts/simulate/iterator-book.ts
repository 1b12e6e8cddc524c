/** One iterator that user code gave away, and what was done to it. */
interface Given {
  readonly what: string
  /** It has ended or thrown by itself. */
  exhausted: boolean
  returns: number
  /** `return()` came though there was nothing left to close. */
  late: boolean
}

/**
 * Every iterator that a handler returned and every source of requests that a
 * caller gave: one that was not read to its end is closed exactly once.
 */
export class IteratorBook {
  readonly #given: Given[] = []

  /** The same messages, with the books kept. */
  watch<T>(what: string, iterator: AsyncIterator<T>): AsyncIterableIterator<T> {
    const given = this.#add(what)
    return {
      [Symbol.asyncIterator]() {
        return this
      },
      next: async () => {
        try {
          const result = await iterator.next()
          if (result.done === true) given.exhausted = true
          return result
        } catch (error) {
          given.exhausted = true
          throw error
        }
      },
      return: async () => {
        onReturn(given)
        return (await iterator.return?.()) ?? { done: true, value: undefined }
      },
    }
  }

  /** The same for what is at hand at once. */
  watchSync<T>(what: string, items: Iterable<T>): IterableIterator<T> {
    const given = this.#add(what)
    const iterator = items[Symbol.iterator]()
    return {
      [Symbol.iterator]() {
        return this
      },
      next: () => {
        try {
          const result = iterator.next()
          if (result.done === true) given.exhausted = true
          return result
        } catch (error) {
          given.exhausted = true
          throw error
        }
      },
      return: () => {
        onReturn(given)
        return iterator.return?.() ?? { done: true, value: undefined }
      },
    }
  }

  /** The run is over: what nobody closed, and what was closed too often. */
  faults(): string[] {
    const found: string[] = []
    for (const { what, exhausted, returns, late } of this.#given) {
      if (returns > 1) found.push(`${what}: return() was called ${returns} times`)
      if (late) found.push(`${what}: return() was called after its end`)
      if (returns === 0 && !exhausted) found.push(`${what}: nobody called return()`)
    }
    return found
  }

  #add(what: string): Given {
    const given = { what, exhausted: false, returns: 0, late: false }
    this.#given.push(given)
    return given
  }
}

function onReturn(given: Given): void {
  given.returns++
  if (given.exhausted) given.late = true
}
