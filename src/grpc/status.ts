import { Metadata } from './metadata.js'

/** How a call ended: the number in `grpc-status`. gRPC statuscodes.md. */
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

/** The name gRPC gives a status, such as `NOT_FOUND`; `STATUS(99)` for a number without one. */
export function statusName(status: number): string {
  return NAMES[status] ?? `STATUS(${status})`
}

/** What a `GrpcError` may say besides status and message. */
export interface GrpcErrorOptions {
  /** Sent as trailers by a server; the trailers a client received. Default: none. */
  readonly metadata?: Metadata
  /** Who ended the call. Default: `local`. */
  readonly origin?: GrpcErrorOrigin
  /** The server certainly never looked at the call: it may be sent again. Default: false. */
  readonly unprocessed?: boolean
  /** What lies below, for logs; never sent. */
  readonly cause?: unknown
}

/** `local`: this side; `peer`: a status or reset the peer sent; `network`: the connection was lost. */
export type GrpcErrorOrigin = 'local' | 'peer' | 'network'

/** A call that did not end with OK. `message` is the text of `grpc-message`. */
export class GrpcError extends Error {
  override readonly name: string = 'GrpcError'
  readonly status: Status
  /** The status by name, such as `NOT_FOUND`. */
  readonly code: string
  readonly origin: GrpcErrorOrigin
  /** The server certainly never looked at the call: it may be sent again. */
  readonly unprocessed: boolean
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
    this.#metadata = options.metadata
  }

  /** Trailers that come, or came, with the status. */
  get metadata(): Metadata {
    if (this.#metadata === undefined) this.#metadata = new Metadata()
    return this.#metadata
  }

  /** Whether there are any trailers: tells without making them. */
  get hasMetadata(): boolean {
    return this.#metadata !== undefined && this.#metadata.size > 0
  }
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
