import type { Metadata } from '../../grpc/index.js'
import { CLIENT_ID } from '../errors/client-ids.js'
import { MicroError } from '../errors/micro-error.js'
import type { ClientStream } from './calls/client-stream.js'
import type { Found } from './calls/find-within.js'

/** A stream whose address is still being looked up. */
export class PendingStream implements ClientStream {
  readonly #pending: Promise<ClientStream>
  /** Ends the waiting: whoever reads gets the reason. */
  #giveUp: (reason: unknown) => void = () => undefined
  #stream: ClientStream | undefined
  #failed = false

  constructor(finding: Promise<Found>, open: (found: Found) => ClientStream) {
    const pending = new Promise<Found>((resolve, reject) => {
      this.#giveUp = reject
      finding.then(resolve, reject)
    })
    this.#pending = pending.then(open)
    // The failure reaches whoever reads; nobody may be reading yet.
    this.#pending.then(
      stream => {
        this.#stream = stream
      },
      () => {
        this.#failed = true
      },
    )
  }

  get headers(): Promise<Metadata> {
    return quiet(this.#pending.then(stream => stream.headers))
  }

  get trailers(): Promise<Metadata> {
    return quiet(this.#pending.then(stream => stream.trailers))
  }

  get ended(): boolean {
    return this.#failed || this.#stream?.ended === true
  }

  whenEnded(listener: () => void): void {
    this.#pending.then(stream => stream.whenEnded(listener), listener)
  }

  write(request: unknown): Promise<void> | undefined {
    if (this.#stream !== undefined) return this.#stream.write(request)
    return this.#pending.then(stream => stream.write(request))
  }

  request(message: unknown): void {
    quiet(this.#pending.then(stream => stream.request(message)))
  }

  async send(request: unknown): Promise<void> {
    await this.write(request)
  }

  async closeSend(): Promise<void> {
    await (await this.#pending).closeSend()
  }

  async next(): Promise<IteratorResult<unknown, undefined>> {
    return await (await this.#pending).next()
  }

  async receive(): Promise<unknown> {
    return (await this.next()).value
  }

  async return(): Promise<IteratorResult<unknown, undefined>> {
    if (this.#stream === undefined) this.cancel()
    else await this.#stream.return?.()
    return { done: true, value: undefined }
  }

  cancel(reason?: unknown): void {
    if (this.#stream !== undefined) return this.#stream.cancel(reason)
    this.#failed = true
    this.#giveUp(reason ?? new MicroError(499, 'the call was cancelled', { id: CLIENT_ID }))
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return()
  }
}

/** A promise that may fail without anyone looking. */
function quiet<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined)
  return promise
}
