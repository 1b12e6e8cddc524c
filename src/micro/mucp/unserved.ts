import { GrpcError, Metadata, Status } from '../../grpc/index.js'

/** A trailer of our servers: the socket ended while nothing ran, so what has no answer was seen by no handler. */
const UNSERVED_NAME = 'micro-unserved'

/** What a server says that leaves a socket. `isIdle`: nothing runs on it. */
export function leavingError(isIdle: boolean): GrpcError {
  const metadata = new Metadata()
  if (isIdle) metadata.set(UNSERVED_NAME, '1')
  return new GrpcError(Status.Unavailable, 'the server is leaving', { metadata })
}

/** Whether `error`, or what it was made of, proves that no handler saw the request: it may be sent again, whatever it does. */
export function isUnserved(error: unknown): boolean {
  for (let each = error; each instanceof Error; each = each.cause) {
    if (!(each instanceof GrpcError)) continue
    return each.unprocessed || (each.hasMetadata && each.metadata.get(UNSERVED_NAME) !== undefined)
  }
  return false
}
