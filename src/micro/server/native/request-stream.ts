import { GrpcError, type ServerCall, Status } from '../../../grpc/index.js'
import { WaitingReaders } from '../../async/waiting-readers.js'

const DONE: IteratorResult<never, undefined> = Object.freeze({ done: true, value: undefined })

/**
 * The requests of a client-streaming or bidi call on the gRPC door. Nothing is
 * kept here: a message is taken from the call, and the client given credit,
 * when the handler asks for it.
 */
export class RequestStream implements AsyncIterableIterator<unknown, undefined> {
  readonly #call: ServerCall
  readonly #readers = new WaitingReaders(() => this.#take())
  #done = false

  constructor(call: ServerCall) {
    this.#call = call
  }

  next(): Promise<IteratorResult<unknown, undefined>> {
    return this.#readers.next()
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
    this.#readers.wake()
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
