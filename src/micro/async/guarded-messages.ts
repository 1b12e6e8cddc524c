import { iterateMessages, type MessageIterator } from './message-iterator.js'
import { discardMessages } from './message-source.js'

/**
 * Messages on their way through middleware. What wraps them there, a generator as a rule, hears that nobody
 * wants the rest only when the read that it waits for has an answer, which may be never: `close` reaches
 * their iterators directly, and fails that read.
 */
export class GuardedMessages implements AsyncIterable<unknown> {
  readonly #messages: AsyncIterable<unknown>
  readonly #open = new Set<GuardedIterator>()
  #wasRead = false
  #closed: { reason: unknown } | undefined

  constructor(messages: AsyncIterable<unknown>) {
    this.#messages = messages
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<unknown> {
    this.#wasRead = true
    const iterator = new GuardedIterator(iterateMessages(this.#messages, 'messages'), () => {
      this.#open.delete(iterator)
    })
    this.#open.add(iterator)
    if (this.#closed !== undefined) iterator.close(this.#closed.reason)
    return iterator
  }

  /** Whoever reads them now reads no more. They may be read again, if they are of that kind. */
  interrupt(reason: unknown): void {
    for (const iterator of this.#open) iterator.close(reason)
  }

  /** Nobody wants them any more, whether anybody ever did or not. */
  close(reason: unknown): void {
    if (this.#closed !== undefined) return
    this.#closed = { reason }
    this.interrupt(reason)
    if (!this.#wasRead) discardMessages(this.#messages)
  }
}

/** Guards what has to be closed: a list, say, has not. */
export function guardMessages(messages: unknown): GuardedMessages | undefined {
  const isAsync =
    typeof messages === 'object' && messages !== null && Symbol.asyncIterator in messages
  return isAsync ? new GuardedMessages(messages as AsyncIterable<unknown>) : undefined
}

class GuardedIterator implements AsyncIterableIterator<unknown> {
  readonly #iterator: MessageIterator
  readonly #onOver: () => void
  /** Settles when it is closed from outside. What follows runs in the asynchronous context of the reader. */
  readonly #closing: Promise<void>
  #requestClose: () => void = () => undefined
  #reason: unknown
  #isClosed = false
  #isOver = false
  /** Fails the read that is under way. */
  #interrupt: ((reason: unknown) => void) | undefined

  constructor(iterator: MessageIterator, onOver: () => void) {
    this.#iterator = iterator
    this.#onOver = onOver
    this.#closing = new Promise(resolve => {
      this.#requestClose = resolve
    })
    this.#closing
      .then(() => {
        this.#interrupt?.(this.#reason)
        return this.#return()
      })
      // Whoever closed it has nobody to tell.
      .catch(() => undefined)
  }

  next(): Promise<IteratorResult<unknown>> {
    if (this.#isClosed) return Promise.reject(this.#reason)
    return new Promise((resolve, reject) => {
      this.#interrupt = reject
      this.#read().then(resolve, reject)
    })
  }

  async return(): Promise<IteratorResult<unknown>> {
    await this.#return()
    return { done: true, value: undefined }
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  close(reason: unknown): void {
    if (this.#isClosed || this.#isOver) return
    this.#isClosed = true
    this.#reason = reason
    this.#requestClose()
  }

  async #read(): Promise<IteratorResult<unknown>> {
    try {
      const result = await this.#iterator.next()
      if (result.done === true) this.#end()
      return result
    } catch (error) {
      this.#end()
      throw error
    }
  }

  async #return(): Promise<void> {
    if (this.#isOver) return
    this.#end()
    await this.#iterator.return?.()
  }

  #end(): void {
    this.#isOver = true
    this.#onOver()
  }
}
