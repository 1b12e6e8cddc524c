import type { TimerWheel } from '../../connection/index.js'
import type { Compressions } from '../wire/compression.js'
import type { CallLimits } from '../wire/limits.js'
import type { Metadata } from '../wire/metadata.js'
import type { GrpcError } from '../wire/status.js'

/** Options of a `ClientCall`. */
export interface ClientCallOptions {
  /** The wheel that deadlines run on: a call may have to wait for a connection. */
  readonly timers: TimerWheel
  /** When we give up. Unit: ms, monotonic, on the wheel's clock. Default: Infinity, never. */
  readonly deadline?: number
  /** Time that earlier attempts of the same call took, for the error when time is up. Unit: ms. Default: 0. */
  readonly earlierMs?: number
  /** Sent with the request. Default: none. */
  readonly metadata?: Metadata
  /** Chooses the codecs; as in `requestHeaders`. Default: '', which means `proto`. */
  readonly subtype?: string
  /** Compresses requests; one of `compressions`. Default: none. */
  readonly compression?: string | undefined
  /** Compressions we understand, by name; as in `requestHeaders`. Default: gzip and deflate. */
  readonly compressions?: Compressions
  /** See `callLimits`. Default: `DEFAULT_CALL_LIMITS`. */
  readonly limits?: CallLimits
}

/**
 * Receives the events of a client call: at the end of a `receive`, or at once on cancellation and
 * timeout.
 */
export interface ClientCallReceiver {
  /** The response headers. Does not come when the server sent only a status. */
  onHeaders(metadata: Metadata): void
  /**
   * Server-streaming and bidi: `read` has messages. Not called for one
   * response, which is only sure, and readable, in `onStatus`.
   */
  onReadable(): void
  /** `write` had answered false: go on. */
  onDrain(): void
  /**
   * The call is over: undefined is OK. The last call, and there always is one.
   * Messages that came before the status may still wait in `read`.
   */
  onStatus(error: GrpcError | undefined, trailers: Metadata): void
}
