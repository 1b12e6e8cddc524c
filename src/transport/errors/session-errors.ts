import { GrpcError, http2CodeOf, Status } from '../../grpc/index.js'

/** A call without a connection. gRPC: the text has the address and what went wrong last. */
export function unavailableError(address: string, cause: Error | undefined): GrpcError {
  const text = cause?.message ?? `${address}: no connection`
  return new GrpcError(Status.Unavailable, text, {
    origin: 'network',
    unprocessed: true,
    address,
    http2Code: http2CodeOf(cause),
    cause,
  })
}

/** A call that would be one too many in the queue. */
export function fullError(address: string, waitingCount: number): GrpcError {
  const text = `${address}: ${waitingCount} calls wait for the server already`
  return new GrpcError(Status.ResourceExhausted, text, { unprocessed: true, address })
}

/** A call of a session that is closed. */
export function closedError(address: string): GrpcError {
  const text = `${address}: the session was closed`
  return new GrpcError(Status.Cancelled, text, { unprocessed: true, address })
}
