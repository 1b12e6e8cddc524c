import { GrpcError, type ServerCall, Status } from '../grpc/index.js'

interface Reader {
  resolve(result: IteratorResult<unknown, undefined>): void
  reject(error: unknown): void
}

const DONE: IteratorResult<never, undefined> = Object.freeze({ done: true, value: undefined })

/**
 * The requests of a client-streaming or bidi call on the gRPC door. Nothing is
 * kept here: a message is taken from the call, and the client given credit,
 * when the handler asks for it.
 */
export class RequestStream implements AsyncIterableIterator<unknown, undefined> {
  readonly #call: ServerCall
  readonly #readers: Reader[] = []
  #done = false

  constructor(call: ServerCall) {
    this.#call = call
  }

  next(): Promise<IteratorResult<unknown, undefined>> {
    if (this.#readers.length === 0) {
      try {
        const result = this.#take()
        if (result !== undefined) return Promise.resolve(result)
      } catch (error) {
        return Promise.reject(error)
      }
    }
    return new Promise((resolve, reject) => this.#readers.push({ resolve, reject }))
  }

  /** The handler wants no more: the client gets no more credit. */
  return(): Promise<IteratorResult<unknown, undefined>> {
    this.#done = true
    this.wake()
    return Promise.resolve(DONE)
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  /** The call has something new: a message, the end, or its failure. */
  wake(): void {
    while (this.#readers.length > 0) {
      // Off the list first: a read may end the call, which wakes those that wait behind this one.
      const reader = this.#readers.shift()!
      try {
        const result = this.#take()
        if (result === undefined) {
          this.#readers.unshift(reader)
          return
        }
        reader.resolve(result)
      } catch (error) {
        reader.reject(error)
      }
    }
  }

  /** What `next` gives now; undefined while there is nothing. @throws what it rejects with */
  #take(): IteratorResult<unknown, undefined> | undefined {
    const call = this.#call
    if (this.#done) return DONE
    if (call.readable) {
      const value = call.read()
      // One that is still being inflated comes with the next wake.
      const isMissing = value === undefined && call.inflating
      if (!isMissing && call.cancelled === undefined) return { done: false, value }
    }
    // Each time it is asked: the end of a call that was cancelled must not look like the end of the requests.
    if (call.cancelled !== undefined) throw call.cancelled
    if (call.ended) return DONE
    if (call.finished) throw answeredError(call)
    // It hears that a message is wanted.
    call.read()
    return undefined
  }
}

function answeredError({ path }: ServerCall): GrpcError {
  return new GrpcError(
    Status.Cancelled,
    `the call of ${path} has been answered: requests that still come are not read`,
  )
}
