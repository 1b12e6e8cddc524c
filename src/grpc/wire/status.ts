import { errorCodeName, shareInstances } from '../../connection/index.js'
import type { CallTiming } from './call-timing.js'
import { Metadata } from './metadata.js'
import {
  decodeStatusDetails,
  type ErrorDetail,
  encodeStatusDetails,
  STATUS_DETAILS_NAME,
} from './status-details.js'

/** Status codes: the number in `grpc-status`. gRPC statuscodes.md. */
export const Status = {
  Ok: 0,
  Cancelled: 1,
  Unknown: 2,
  InvalidArgument: 3,
  DeadlineExceeded: 4,
  NotFound: 5,
  AlreadyExists: 6,
  PermissionDenied: 7,
  ResourceExhausted: 8,
  FailedPrecondition: 9,
  Aborted: 10,
  OutOfRange: 11,
  Unimplemented: 12,
  Internal: 13,
  Unavailable: 14,
  DataLoss: 15,
  Unauthenticated: 16,
} as const
export type Status = (typeof Status)[keyof typeof Status]

const NAMES: readonly string[] = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
]

/** Largest status number there is. */
export const STATUS_MAX = 16

/** The name of a status, such as `NOT_FOUND`; `STATUS(99)` for a number without a name. */
export function statusName(status: number): string {
  return NAMES[status] ?? `STATUS(${status})`
}

/** Optional properties of a new `GrpcError`. */
export interface GrpcErrorOptions {
  /** Sent as trailers by a server; the trailers a client received. Default: none. */
  readonly metadata?: Metadata | undefined
  /** Sent within the trailers, as `google.rpc.Status` in `grpc-status-details-bin`. Default: none. */
  readonly details?: readonly ErrorDetail[]
  /** Who ended the call. Default: `local`. */
  readonly origin?: GrpcErrorOrigin
  /** No handler can have run. Default: false. */
  readonly unprocessed?: boolean
  /** The code of the RST_STREAM or GOAWAY that ended the call. Default: none. */
  readonly http2Code?: number | undefined
  /** The peer: a server as it was dialled, a client as `host:port`. Default: none. */
  readonly address?: string | undefined
  /** Where the time went of a call that ran out of it. Default: none. */
  readonly timing?: CallTiming | undefined
  /** What lies below, for logs; never sent. */
  readonly cause?: unknown
}

/**
 * Who ended a call: `local` is this side, `peer` the other side by a status or reset, `network` a
 * lost connection.
 */
export type GrpcErrorOrigin = 'local' | 'peer' | 'network'

/** A call that ended with a status other than OK. `message` is the text of `grpc-message`. */
export class GrpcError extends Error {
  /** The name of the class: `GrpcError`. */
  override readonly name: string = 'GrpcError'
  /** The status number, such as 5; compare it with `Status`. */
  readonly status: Status
  /** The status by name, such as `NOT_FOUND`. Never changes its meaning: see docs/errors.md. */
  readonly code: string
  /** Who ended the call, see `GrpcErrorOrigin`. */
  readonly origin: GrpcErrorOrigin
  /**
   * True: no handler has run, because the request was not sent or the server said that it did not
   * process it. Retrying is safe. False: a handler may have run, or may still run.
   */
  readonly unprocessed: boolean
  // Only there when known: an error that is logged shows what it has, and no more.
  /**
   * The HTTP/2 error code of the RST_STREAM or GOAWAY that ended the call, or undefined. RFC 9113
   * §7.
   */
  declare readonly http2Code: number | undefined
  /**
   * The peer: a server as it was dialled, a client as `host:port`; undefined if the error concerns
   * no peer.
   */
  declare readonly address: string | undefined
  /** Where the time went, if the deadline of a client ended the call. */
  declare readonly timing: CallTiming | undefined
  #metadata: Metadata | undefined

  /** @throws RangeError when `status` is not a number from 1 to 16: OK is no error. */
  constructor(status: Status, message: string = '', options: GrpcErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    if (!Number.isInteger(status) || status < 1 || status > STATUS_MAX) {
      throw new RangeError(`status is ${status}; an error has 1 to ${STATUS_MAX}`)
    }
    this.status = status
    this.code = statusName(status)
    this.origin = options.origin ?? 'local'
    this.unprocessed = options.unprocessed ?? false
    const { details } = options
    this.#metadata = options.metadata
    if (details !== undefined && details.length > 0) {
      this.#metadata = withDetails(options.metadata, encodeStatusDetails(status, message, details))
    }
    if (options.http2Code !== undefined) this.http2Code = options.http2Code
    if (options.address !== undefined) this.address = options.address
    if (options.timing !== undefined) this.timing = options.timing
  }

  /** The name of `http2Code`, such as `REFUSED_STREAM`; undefined without one. */
  get http2CodeName(): string | undefined {
    return this.http2Code === undefined ? undefined : errorCodeName(this.http2Code)
  }

  /**
   * Details that were received or passed to the constructor; empty if there are none, or if they
   * are not protobuf.
   */
  get details(): readonly ErrorDetail[] {
    const bytes = this.hasMetadata ? this.metadata.getBinary(STATUS_DETAILS_NAME) : undefined
    return bytes === undefined ? [] : decodeStatusDetails(bytes)
  }

  /** Trailers that come, or came, with the status. */
  get metadata(): Metadata {
    if (this.#metadata === undefined) this.#metadata = new Metadata()
    return this.#metadata
  }

  /** Whether there are trailers, without creating them. */
  get hasMetadata(): boolean {
    return this.#metadata !== undefined && this.#metadata.size > 0
  }
}

/** The metadata is the caller's, and may serve other errors: a copy gets the details. */
function withDetails(metadata: Metadata | undefined, details: Uint8Array): Metadata {
  const copy = new Metadata()
  if (metadata !== undefined) copy.merge(metadata)
  copy.setBinary(STATUS_DETAILS_NAME, details)
  return copy
}

/** Adds what only its call knows, such as the address, to an error. */
export function addToError(
  error: GrpcError,
  address: string | undefined,
  timing?: CallTiming,
): GrpcError {
  const open: { address: string | undefined; timing: CallTiming | undefined } = error
  if (address !== undefined && address !== '') open.address = address
  if (timing !== undefined) open.timing = timing
  return error
}

/** What an earlier attempt of its call may have done counts as well: a handler may have run. */
export function markProcessed<E extends { readonly unprocessed: boolean }>(error: E): E {
  const open: { unprocessed: boolean } = error
  open.unprocessed = false
  return error
}

/**
 * A `GrpcError` without a stack: for what a peer causes. A stack costs ten
 * times the rest, and shows nothing but our own parser.
 */
export function stacklessError(
  status: Status,
  message: string,
  options?: GrpcErrorOptions,
): GrpcError {
  const limit = Error.stackTraceLimit
  // Reflect.set: where the intrinsics are frozen this is no reason to throw.
  Reflect.set(Error, 'stackTraceLimit', 0)
  const error = new GrpcError(status, message, options)
  Reflect.set(Error, 'stackTraceLimit', limit)
  return error
}

shareInstances(GrpcError, 'GrpcError')
