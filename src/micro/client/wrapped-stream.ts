import type { Metadata } from '../../grpc/index.js'
import { LazyResult } from '../async/lazy-result.js'
import { iterateMessages, type MessageIterator } from '../async/message-iterator.js'
import type { ResponseStream } from '../call/call-options.js'
import type { ClientChainCall } from './chain-call.js'

type Result = IteratorResult<unknown, undefined>

const DONE: IteratorResult<never, undefined> = Object.freeze({ done: true, value: undefined })

/** What a client's middleware made of a stream of responses, as the stream that the caller expects. */
export class WrappedStream implements ResponseStream<unknown> {
  readonly #call: ClientChainCall
  readonly #iterator: Promise<MessageIterator>
  readonly #headers = new LazyResult<Metadata>()
  readonly #trailers = new LazyResult<Metadata>()
  /** Reads are one after the other, whatever the iterator thinks of several at once. */
  #reading: Promise<unknown> = Promise.resolve()
  /** Read ahead for whoever asked for the headers first. */
  #ahead: Promise<Result> | undefined
  #isReady = false
  /** Ends a read that waits. */
  #interrupt: (() => void) | undefined
  #ended = false
  /** What every read fails with, until the reader says that it wants no more. */
  #failure: { error: unknown } | undefined

  /** @param result an iterable, or a promise of one */
  constructor(result: unknown, call: ClientChainCall) {
    this.#call = call
    this.#iterator = iteratorOf(result)
    // The failure reaches whoever reads; nobody may be reading yet.
    this.#iterator.then(
      () => {
        this.#isReady = true
      },
      () => undefined,
    )
    call.onHeaders = metadata => this.#headers.resolve(metadata)
  }

  get headers(): Promise<Metadata> {
    // Middleware may start the call at the first read only.
    if (this.#ahead === undefined && !this.#ended) {
      this.#ahead = this.#enqueue()
      this.#ahead.catch(() => undefined)
    }
    return this.#headers.promise
  }

  get trailers(): Promise<Metadata> {
    return this.#trailers.promise
  }

  next(): Promise<Result> {
    const ahead = this.#ahead
    this.#ahead = undefined
    return ahead ?? this.#enqueue()
  }

  async return(): Promise<Result> {
    // As with any generator its `finally` has run when the loop is left; unless it hangs somewhere.
    const isIdle = this.#isReady && this.#interrupt === undefined
    const closed = this.#cancel(undefined)
    this.#failure = undefined
    if (isIdle) await closed
    return DONE
  }

  cancel(reason?: unknown): void {
    void this.#cancel(reason)
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return()
  }

  /** Settles when what middleware made is closed. What that fails with comes too late for anybody. */
  async #cancel(reason: unknown): Promise<void> {
    if (this.#ended) return
    this.#finish({ error: reason ?? this.#call.parts.cancelled() })
    try {
      await (await this.#iterator).return?.()
    } catch {}
  }

  #enqueue(): Promise<Result> {
    const result = this.#reading.then(() => this.#read())
    this.#reading = result.catch(() => undefined)
    return result
  }

  async #read(): Promise<Result> {
    try {
      if (!this.#ended) {
        const result = await this.#pull()
        this.#interrupt = undefined
        if (result?.done === true) this.#finish(undefined)
        else if (result !== undefined && !this.#ended) {
          this.#headers.resolve(this.#call.headers)
          return { done: false, value: result.value }
        }
      }
    } catch (error) {
      this.#finish({ error })
    }
    const failure = this.#failure
    // Each time: a second reader must not take a failure for the end.
    if (failure !== undefined) throw failure.error
    return DONE
  }

  /** The iterator's next result; undefined when the call ends before. */
  #pull(): Promise<IteratorResult<unknown> | undefined> {
    return new Promise((resolve, reject) => {
      this.#interrupt = () => resolve(undefined)
      this.#iterator.then(iterator => iterator.next()).then(resolve, reject)
    })
  }

  #finish(failure: { error: unknown } | undefined): void {
    if (this.#ended) return
    this.#ended = true
    this.#failure = failure
    const { headers, trailers, stream } = this.#call
    if (failure === undefined) {
      this.#headers.resolve(headers)
      this.#trailers.resolve(trailers)
    } else {
      this.#headers.reject(failure.error)
      this.#trailers.reject(failure.error)
    }
    this.#interrupt?.()
    // Middleware may have left the call behind without reading it to its end.
    stream?.cancel(failure?.error)
    this.#call.closeRequests()
  }
}

async function iteratorOf(result: unknown): Promise<MessageIterator> {
  return iterateMessages(await result, 'what middleware gives back for a stream')
}
