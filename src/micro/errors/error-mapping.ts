import {
  GrpcError,
  HeaderListError,
  Metadata,
  STATUS_DETAILS_NAME,
  Status,
  stacklessError,
} from '../../grpc/index.js'
import { FieldError } from '../../protobuf/index.js'
import { thrownText } from '../../transport/index.js'
import { decodeErrorStatus, encodeErrorStatus } from './error-details.js'
import { MicroError, parseErrorObject } from './micro-error.js'

/** What a caller is told of an exception that names no status: never the exception's own text. */
const HIDDEN_DETAIL = 'the handler failed'

/** What it is told of a call to another service that failed on the way. */
const UPSTREAM_DETAIL = 'a call to another service failed'

/** micro code -> gRPC status, as go-micro's server/grpc does it. Others are UNKNOWN. */
const STATUS_OF_CODE: Readonly<Record<number, Status>> = {
  400: Status.InvalidArgument,
  401: Status.Unauthenticated,
  403: Status.PermissionDenied,
  404: Status.NotFound,
  408: Status.DeadlineExceeded,
  409: Status.AlreadyExists,
  412: Status.FailedPrecondition,
  500: Status.Internal,
  501: Status.Unimplemented,
  503: Status.Unavailable,
}

/** gRPC status -> micro code, as go-micro's client/grpc does it. Others are 500. */
const CODE_OF_STATUS: Readonly<Record<number, number>> = {
  [Status.InvalidArgument]: 400,
  [Status.DeadlineExceeded]: 408,
  [Status.NotFound]: 404,
  [Status.AlreadyExists]: 409,
  [Status.PermissionDenied]: 403,
  [Status.FailedPrecondition]: 412,
  [Status.Unimplemented]: 501,
  [Status.Unavailable]: 503,
  [Status.Unauthenticated]: 401,
}

/** The gRPC status of a micro code. */
export function statusOfCode(code: number): Status {
  return STATUS_OF_CODE[code] ?? Status.Unknown
}

/** The micro code of a gRPC status. */
export function codeOfStatus(status: Status): number {
  return CODE_OF_STATUS[status] ?? 500
}

/** What our own client says of a call that a handler made names the address it called: no business of its caller's. */
function isOfUpstream(error: MicroError | GrpcError): boolean {
  return error.address !== undefined && error.origin !== 'peer'
}

/** Why `what` could not be read: with a codec's own words where they may be told. */
export function unreadable(
  what: string,
  cause: unknown,
  { exposeErrors }: { readonly exposeErrors: boolean },
): string {
  return exposeErrors ? `cannot read ${what}: ${hiddenText(cause, true)}` : `cannot read ${what}`
}

/** Whether an exception says itself what the caller is told. */
export function isCallError(error: unknown): error is MicroError | GrpcError {
  return error instanceof MicroError || error instanceof GrpcError
}

/**
 * Whether `onError` hears of what a handler failed with: not of an error that is for the caller, nor
 * of a call that was cancelled and whose handler only says so, as what watches its signal does, or passes it on within an error of its own.
 */
export function isReported(error: unknown, isCancelled: boolean): boolean {
  if (isCallError(error)) return false
  return !isCancelled || !saysCancelled(error)
}

/** How far the causes of an exception are followed: they may be a circle. */
const CAUSES_MAX = 8

/** An AbortError, the signal's own reason, or whatever was made of one. */
function saysCancelled(error: unknown): boolean {
  try {
    let each = error as Partial<Error> | undefined | null
    for (let depth = 0; depth < CAUSES_MAX && typeof each === 'object' && each !== null; depth++) {
      if (each.name === 'AbortError' || isCallError(each)) return true
      each = each.cause as Partial<Error> | undefined | null
    }
  } catch {}
  return false
}

/**
 * What a mucp caller is told of what a handler threw.
 *
 * @param id the server's name, for errors that have no id
 * @param expose put the text of any other exception in
 */
export function toMicroError(error: unknown, id: string, expose: boolean): MicroError {
  if (isCallError(error) && isOfUpstream(error) && !expose) {
    const code = error instanceof MicroError ? error.code : codeOfStatus(error.status)
    return new MicroError(code, UPSTREAM_DETAIL, { id, cause: error })
  }
  if (error instanceof MicroError) return error.from(id)
  if (error instanceof GrpcError) {
    const carried = carriedError(error)
    if (carried !== undefined) return carried.from(id)
    return new MicroError(codeOfStatus(error.status), error.message, { id, cause: error })
  }
  return new MicroError(500, hiddenText(error, expose), { id, cause: error })
}

/**
 * What a gRPC caller is told of what a handler threw. A `MicroError` goes as
 * go-micro sends it: JSON in the message, and `errors.Error` as the first detail.
 */
export function toGrpcError(error: unknown, id: string, expose: boolean): GrpcError {
  if (isCallError(error) && isOfUpstream(error) && !expose) {
    const status = error instanceof MicroError ? statusOfCode(error.code) : error.status
    return new GrpcError(status, UPSTREAM_DETAIL, { cause: error })
  }
  if (error instanceof GrpcError) return error
  if (error instanceof MicroError) {
    const named = error.from(id)
    const status = statusOfCode(named.code)
    const message = named.encode()
    const metadata = new Metadata()
    metadata.setBinary(STATUS_DETAILS_NAME, encodeErrorStatus(status, message, named))
    return new GrpcError(status, message, { metadata, cause: error })
  }
  if (error instanceof HeaderListError) {
    // Ours, and no secret: the client is who can raise the limit.
    return new GrpcError(Status.ResourceExhausted, `response: ${error.message}`, { cause: error })
  }
  return new GrpcError(Status.Unknown, hiddenText(error, expose), { cause: error })
}

/**
 * What our own user gets for a call that failed: the `MicroError` the peer
 * sent, if it sent one; the `FieldError` of a request that no field can hold;
 * else the `GrpcError` itself.
 */
export function fromGrpcError(error: GrpcError): GrpcError | MicroError | FieldError {
  if (error.origin === 'peer') return carriedError(error) ?? error
  const { cause } = error
  if (!(cause instanceof FieldError)) return error
  const { message, status, unprocessed, address } = error
  // Without its own cause: who walks along causes must come to an end.
  const call = stacklessError(status, message, { unprocessed, address })
  return withCall(cause, call)
}

/** The caller's own mistake, a TypeError, and with it how the call ended: nothing of the request was sent. */
export function withCall(error: FieldError, call: GrpcError | MicroError): FieldError {
  // As the constructor of Error does: not enumerable. And a frozen error is no reason to throw another.
  const form = { value: call, configurable: true, writable: true, enumerable: false }
  Reflect.defineProperty(error, 'cause', form)
  return error
}

/** The micro error within a gRPC error: first detail, else JSON in the message. */
function carriedError(error: GrpcError): MicroError | undefined {
  if (error.hasMetadata) {
    const bytes = error.metadata.getBinary(STATUS_DETAILS_NAME)
    const detail = bytes === undefined ? undefined : decodeErrorStatus(bytes)
    if (detail !== undefined) return withCause(detail, error)
  }
  const parsed = parseErrorObject(error.message)
  return parsed === undefined || parsed.code === 0 ? undefined : withCause(parsed, error)
}

function withCause(error: MicroError, cause: GrpcError): MicroError {
  const { id, code, detail, status, extra } = error
  return new MicroError(code, detail, { id, status, extra, cause })
}

function hiddenText(error: unknown, expose: boolean): string {
  return expose ? thrownText(error) : HIDDEN_DETAIL
}
