import { ErrorCode, errorCodeName } from '../connection/index.js'
import { type GrpcError, Status, stacklessError } from './status.js'

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

/** The error a reset stands for. `byPeer` false: the peer broke a rule of HTTP/2 and our side reset the stream. */
export function responseResetError(errorCode: number, byPeer: boolean): GrpcError {
  const name = errorCodeName(errorCode)
  const text = byPeer
    ? `the server reset the stream: ${name}`
    : `the response broke HTTP/2: ${name}`
  return stacklessError(errorCodeToGrpc(errorCode), text, {
    origin: byPeer ? 'peer' : 'local',
    // RFC 9113 §8.7: a refused stream was not processed.
    unprocessed: byPeer && errorCode === ErrorCode.RefusedStream,
  })
}

/** Client: the connection is gone. `unprocessed`: the server never looked at the call. */
export function responseLostError(cause: Error, unprocessed: boolean): GrpcError {
  const text = `connection lost: ${cause.message}`
  return stacklessError(Status.Unavailable, text, { origin: 'network', unprocessed, cause })
}

/** Server: whatever the code, nobody waits for the response any more. */
export function requestResetError(errorCode: number, byPeer: boolean): GrpcError {
  const name = errorCodeName(errorCode)
  const text = byPeer
    ? `the client cancelled the call: ${name}`
    : `the request broke HTTP/2: ${name}`
  return stacklessError(Status.Cancelled, text, { origin: byPeer ? 'peer' : 'local' })
}

/** Server: the connection is gone, and with it whoever waits. */
export function requestLostError(cause: Error): GrpcError {
  const text = `connection lost: ${cause.message}`
  return stacklessError(Status.Cancelled, text, { origin: 'network', cause })
}

/** The deadline has passed. */
export function deadlineError(): GrpcError {
  return stacklessError(Status.DeadlineExceeded, 'deadline exceeded')
}

/** Server: a request without deadline has stopped half-way. */
export function requestIdleError(): GrpcError {
  return stacklessError(Status.DeadlineExceeded, 'the rest of the request did not come')
}
