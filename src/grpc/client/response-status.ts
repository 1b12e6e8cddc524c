import type { CallLimits } from '../wire/limits.js'
import { Metadata } from '../wire/metadata.js'
import { decodeStatusMessage } from '../wire/percent-encoding.js'
import { type GrpcError, Status, stacklessError } from '../wire/status.js'
import { type ResponseHead, StatusField } from './response-head.js'

/**
 * What an HTTP status means where there is no `grpc-status`.
 * http-grpc-status-mapping.md. Its current text has INTERNAL for 431; the
 * conformance suites and all other implementations have UNKNOWN, and so do we.
 */
export function httpStatusToGrpc(httpStatus: number): Status {
  switch (httpStatus) {
    case 400:
      return Status.Internal
    case 401:
      return Status.Unauthenticated
    case 403:
      return Status.PermissionDenied
    case 404:
      return Status.Unimplemented
    case 429:
    case 502:
    case 503:
    case 504:
      return Status.Unavailable
    default:
      return Status.Unknown
  }
}

/**
 * The error that ends the call, or undefined for OK. `head` has the final
 * header list (trailers, or headers with END_STREAM), or is undefined when DATA ended
 * the stream; `httpStatus` is of the response; `body` the start of what came instead of gRPC.
 */
export function responseError(
  head: ResponseHead | undefined,
  response: ResponseHead,
  body: string,
  limits: CallLimits,
): GrpcError | undefined {
  const status = head === undefined ? StatusField.Missing : head.status
  if (head === undefined || status === StatusField.Missing) return httpError(response, body)
  if (status === Status.Ok) {
    if (head.badBinary === '') return undefined
    return stacklessError(Status.Internal, `metadata "${head.badBinary}" is not base64`)
  }
  const metadata = Metadata.fromHeaders(head.list)
  const message = decodeStatusMessage(head.message, limits.statusMessageSizeMax)
  if (status !== StatusField.Malformed) {
    return stacklessError(status as Status, message, { metadata, origin: 'peer' })
  }
  const text = message === '' ? `grpc-status is "${head.statusText}"` : message
  return stacklessError(Status.Unknown, text, { metadata, origin: 'peer' })
}

function httpError(response: ResponseHead, body: string): GrpcError {
  const { httpStatus, contentType, subtype } = response
  let text = `no grpc-status; HTTP status ${httpStatus}`
  if (subtype === undefined) text += `, content-type "${contentType}"`
  if (body !== '') text += `: ${body}`
  return stacklessError(httpStatusToGrpc(httpStatus), text, { origin: 'peer' })
}
