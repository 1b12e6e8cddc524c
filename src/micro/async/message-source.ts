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
  #reading: unknown
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

  /** One function: another for `next` would cost each message two promises more. */
  async #run(take: TakeMessage): Promise<void> {
    const iterator = this.#iterator
    let isAsked = false
    try {
      while (!this.#unwanted) {
        isAsked = true
        const next = iterator.next()
        this.#reading = next
        const result = await next
        isAsked = false
        this.#reading = undefined
        if (result.done === true) {
          this.#over = true
          return
        }
        if (this.#unwanted) return
        const room = take(result.value)
        if (room !== undefined) await room
      }
    } catch (error) {
      this.#reading = undefined
      // It threw by itself.
      if (isAsked) this.#over = true
      // What it was closed for is what counts.
      await this.#close().catch(() => undefined)
      throw error
    }
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
    else await Promise.resolve(this.#reading).catch(() => undefined)
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
