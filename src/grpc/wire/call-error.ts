import { ConnectionError, ErrorCode, errorCodeName, GoawayError } from '../../connection/index.js'
import { type CallTimes, callTiming, timingText } from './call-timing.js'
import { addToError, GrpcError, type GrpcErrorOptions, Status, stacklessError } from './status.js'

/** What RST_STREAM means for a call that has no status yet. PROTOCOL-HTTP2.md, "Errors". */
export function errorCodeToGrpc(errorCode: number): Status {
  switch (errorCode) {
    case ErrorCode.RefusedStream:
      return Status.Unavailable
    case ErrorCode.Cancel:
      return Status.Cancelled
    case ErrorCode.EnhanceYourCalm:
      return Status.ResourceExhausted
    case ErrorCode.InadequateSecurity:
      return Status.PermissionDenied
    default:
      return Status.Internal
  }
}

/** The error a reset stands for. `byPeer` false: the peer broke a rule of HTTP/2 or a limit, which `fault` may tell, and our side reset the stream. */
export function responseResetError(errorCode: number, byPeer: boolean, fault?: string): GrpcError {
  const name = errorCodeName(errorCode)
  const text = byPeer
    ? `the server reset the stream: ${name}`
    : (fault ?? `the response broke HTTP/2: ${name}`)
  return stacklessError(errorCodeToGrpc(errorCode), text, {
    origin: byPeer ? 'peer' : 'local',
    // RFC 9113 §8.7: a refused stream was not processed.
    unprocessed: byPeer && errorCode === ErrorCode.RefusedStream,
    http2Code: errorCode,
  })
}

/** Client: the connection is gone. `unprocessed`: the server never looked at the call. */
export function responseLostError(cause: Error, unprocessed: boolean): GrpcError {
  // We closed it ourselves: whoever did says how its calls end.
  if (cause instanceof GrpcError) {
    return stacklessError(cause.status, cause.message, { origin: 'local', unprocessed, cause })
  }
  const text = `connection lost: ${cause.message}`
  const http2Code = http2CodeOf(cause)
  const options: GrpcErrorOptions = { origin: 'network', unprocessed, http2Code, cause }
  return stacklessError(Status.Unavailable, text, options)
}

/**
 * The HTTP/2 code that ended a connection, or a stream by GOAWAY, if any. Errors of the transport
 * have it as `http2Code`.
 */
export function http2CodeOf(cause: unknown): number | undefined {
  if (cause instanceof ConnectionError || cause instanceof GoawayError) return cause.errorCode
  if (!(cause instanceof Error) || !('http2Code' in cause)) return undefined
  return typeof cause.http2Code === 'number' ? cause.http2Code : undefined
}

/** Server: whatever the code, nobody waits for the response any more. */
export function requestResetError(errorCode: number, byPeer: boolean): GrpcError {
  const name = errorCodeName(errorCode)
  const text = byPeer
    ? `the client cancelled the call: ${name}`
    : `the request broke HTTP/2: ${name}`
  const options: GrpcErrorOptions = { origin: byPeer ? 'peer' : 'local', http2Code: errorCode }
  return stacklessError(Status.Cancelled, text, options)
}

/** Server: the connection is gone, and with it whoever waits. */
export function requestLostError(cause: Error): GrpcError {
  const text = `connection lost: ${cause.message}`
  const options: GrpcErrorOptions = { origin: 'network', http2Code: http2CodeOf(cause), cause }
  return stacklessError(Status.Cancelled, text, options)
}

/** Client: we gave up. */
export function cancelError(address: string | undefined, unprocessed: boolean): GrpcError {
  return new GrpcError(Status.Cancelled, 'the call was cancelled', { address, unprocessed })
}

/** Client: the request could not be sent. RangeError: its header list is larger than the server takes. */
export function unsendableError(cause: unknown, address: string | undefined): GrpcError {
  const status = cause instanceof RangeError ? Status.ResourceExhausted : Status.Internal
  const options: GrpcErrorOptions = { unprocessed: true, address, cause }
  return stacklessError(status, (cause as Error).message, options)
}

/** Client: adds what the reader of a response cannot know. The server may have noticed first that time was up. */
export function explainError(
  error: GrpcError,
  times: CallTimes,
  now: number,
  address: string | undefined,
): void {
  const hasTiming =
    error.status === Status.DeadlineExceeded && times.deadline !== Number.POSITIVE_INFINITY
  addToError(error, address, hasTiming ? callTiming(times, now) : undefined)
}

/** Client: the deadline has passed at `now`. Says where the time went. */
export function lateError(times: CallTimes, now: number, address: string | undefined): GrpcError {
  const timing = callTiming(times, now)
  const isWaiting = times.openedAt === undefined
  const cause = isWaiting ? times.wait?.place.lastError : undefined
  const options: GrpcErrorOptions = { unprocessed: isWaiting, address, timing, cause }
  return stacklessError(Status.DeadlineExceeded, timingText(timing, times, address), options)
}

/** Server: the deadline has passed. */
export function deadlineError(): GrpcError {
  return stacklessError(Status.DeadlineExceeded, 'deadline exceeded')
}

/** Server: a request without deadline has stopped half-way. */
export function requestIdleError(): GrpcError {
  return stacklessError(Status.DeadlineExceeded, 'the rest of the request did not come')
}

/** Server: how a stream is reset where a status would only wait behind what the client does not read. */
export function refusalCode(error: GrpcError): ErrorCode {
  return error.status === Status.ResourceExhausted ? ErrorCode.EnhanceYourCalm : ErrorCode.Cancel
}
