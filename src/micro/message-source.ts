import { iterateMessages, type MessageIterator } from './message-iterator.js'

/** Takes one message. A promise: the next one has to wait for it. */
export type TakeMessage = (message: unknown) => PromiseLike<unknown> | undefined

/**
 * Messages that user code gave to be sent. They are pulled one by one, and
 * their iterator is closed exactly once if nobody wants the rest: not when it
 * has ended or thrown by itself.
 */
export class MessageSource {
  readonly #iterator: MessageIterator
  /** It has ended or thrown: there is nothing to close. */
  #over = false
  /** A `next` is under way. */
  #reading: Promise<unknown> | undefined
  #closing: Promise<void> | undefined
  /** Nobody wants more: it is closed, or about to be. */
  #unwanted = false
  /** Asks `pump` to close: what it calls runs in the asynchronous context of the messages. */
  #requestClose: (() => void) | undefined

  /**
   * @param what the messages are, for the text of the error
   * @throws TypeError when they cannot be iterated
   */
  constructor(messages: unknown, what: string) {
    this.#iterator = iterateMessages(messages, what)
  }

  /**
   * Gives all messages to `take`, one after the other. To be called once.
   *
   * Resolves with true when all were taken; with false after `close`, when the iterator is closed, without
   * waiting for a `next` that is under way. Rejects, with the iterator closed, with what it or `take` throws.
   */
  pump(take: TakeMessage): Promise<boolean> {
    if (this.#closing !== undefined) return this.#closing.then(() => false)
    return new Promise((resolve, reject) => {
      const closeRequested = new Promise<void>(requestClose => {
        this.#requestClose = requestClose
      })
      closeRequested.then(() => this.#close()).then(() => resolve(false), reject)
      this.#run(take).then(() => {
        if (!this.#unwanted) resolve(true)
      }, reject)
    })
  }

  /** Nobody wants the rest. Does nothing when there is none. Never throws. */
  close(): void {
    this.#unwanted = true
    if (this.#requestClose !== undefined) this.#requestClose()
    else this.#close().catch(() => undefined)
  }

  async #run(take: TakeMessage): Promise<void> {
    try {
      while (!this.#unwanted) {
        const result = await this.#next()
        if (result.done === true) return
        if (this.#unwanted) return
        const room = take(result.value)
        if (room !== undefined) await room
      }
    } catch (error) {
      // What it was closed for is what counts.
      await this.#close().catch(() => undefined)
      throw error
    }
  }

  async #next(): Promise<IteratorResult<unknown>> {
    let result: IteratorResult<unknown>
    try {
      const next = this.#iterator.next()
      if (next instanceof Promise) this.#reading = next
      result = await next
    } catch (error) {
      this.#over = true
      throw error
    } finally {
      this.#reading = undefined
    }
    if (result.done === true) this.#over = true
    return result
  }

  #close(): Promise<void> {
    this.#unwanted = true
    this.#closing ??= this.#return()
    return this.#closing
  }

  async #return(): Promise<void> {
    if (this.#over) return
    this.#over = true
    const close = this.#iterator.return
    if (close !== undefined) await close()
    else await this.#reading?.catch(() => undefined)
  }
}

/** Closes messages that nobody will read. What that fails with comes too late for anybody. */
export function discardMessages(messages: unknown): void {
  try {
    new MessageSource(messages, 'messages').close()
  } catch {
    // No iterable, or one that cannot be read: there is nothing to close.
  }
}
