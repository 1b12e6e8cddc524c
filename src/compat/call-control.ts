import type { Context } from '../micro/index.js'
import type { Deadline } from './call-types.js'
import { appendTo, fromMicro, type Metadata, type MetadataLike } from './metadata.js'

/** The context of a native gRPC call can send its headers ahead of the first message; over mucp there is nothing to send them in. */
interface EarlyHeaders {
  sendHeaders?(): void
}

/** What the calls of all four kinds do alike. */
export class CallControl {
  readonly context: Context
  readonly path: string
  #metadata: Metadata | undefined
  #metadataSent = false

  constructor(context: Context, path: string) {
    this.context = context
    this.path = path
  }

  get metadata(): Metadata {
    this.#metadata ??= fromMicro(this.context.metadata)
    return this.#metadata
  }

  get deadline(): Deadline {
    const { deadline } = this.context
    // The context's clock is monotonic and starts at timeOrigin. grpc-js gives whole milliseconds.
    return Number.isFinite(deadline) ? Math.round(performance.timeOrigin + deadline) : deadline
  }

  sendMetadata(metadata: MetadataLike): void {
    if (this.#metadataSent) return
    this.#metadataSent = true
    appendTo(this.context.headers, metadata)
    ;(this.context as EarlyHeaders).sendHeaders?.()
  }

  /** A message leaves: metadata goes ahead of it, and what is given later comes too late, as in grpc-js. */
  messageSent(): void {
    this.#metadataSent = true
  }

  sendTrailers(trailers: MetadataLike): void {
    appendTo(this.context.trailers, trailers)
  }

  /** Calls `listener` once when the call is cancelled; at once when it is already. */
  onCancel(listener: (reason: unknown) => void): void {
    const { signal } = this.context
    if (signal.aborted) listener(signal.reason)
    else signal.addEventListener('abort', () => listener(signal.reason), { once: true })
  }
}
