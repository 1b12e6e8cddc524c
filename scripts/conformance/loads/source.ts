/** What a source throws where a cell wants that; the caller has to get this very error. */
export class SourceError extends Error {
  override readonly name = 'SourceError'
}

/** What becomes of a source after its last message. */
export type SourceEnd = 'ends' | 'throws' | 'waits'

/** Sources that somebody has begun to read and nobody has closed. */
export const sources: { open: number } = { open: 0 }

/**
 * `count` messages and then an end. Not a generator, because the `return()` of a
 * generator that waits does nothing until it waits no longer: it has to be told
 * in the middle of a wait that nobody reads on.
 */
export class Source implements AsyncIterableIterator<Uint8Array> {
  readonly #messages: (index: number) => Uint8Array
  readonly #count: number
  readonly #end: SourceEnd
  #next = 0
  #isOpen = false
  #isClosed = false
  #wake: () => void = () => {}

  constructor(count: number, end: SourceEnd, messages: (index: number) => Uint8Array) {
    this.#count = count
    this.#end = end
    this.#messages = messages
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    if (this.#isClosed) return { done: true, value: undefined }
    if (!this.#isOpen) {
      this.#isOpen = true
      sources.open++
    }
    if (this.#next < this.#count) return { done: false, value: this.#messages(this.#next++) }
    if (this.#end === 'waits') {
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
    }
    this.#close()
    if (this.#end === 'throws') throw new SourceError('the source has failed')
    return { done: true, value: undefined }
  }

  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.#close()
    this.#wake()
    return { done: true, value: undefined }
  }

  #close(): void {
    if (this.#isOpen && !this.#isClosed) sources.open--
    this.#isClosed = true
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}
