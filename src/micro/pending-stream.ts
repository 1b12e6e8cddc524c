import type { Metadata } from '../grpc/index.js'
import type { ClientStream } from './client-stream.js'

/** A stream whose address is still being looked up. */
export class PendingStream implements ClientStream {
  readonly #pending: Promise<ClientStream>
  #stream: ClientStream | undefined
  #failed = false

  constructor(pending: Promise<ClientStream>) {
    this.#pending = pending
    // The failure reaches whoever reads; nobody may be reading yet.
    pending.then(
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
    quiet(this.#pending.then(stream => stream.return?.()))
    return { done: true, value: undefined }
  }

  cancel(reason?: unknown): void {
    quiet(this.#pending.then(stream => stream.cancel(reason)))
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
