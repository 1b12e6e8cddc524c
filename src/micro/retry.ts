import { GrpcError, Metadata, Status } from '../grpc/index.js'

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

/** Attempts after which go-micro's back-off grows no more. */
const ATTEMPTS_GROWING = 13
const DELAY_MAX_MS = 120_000
const DELAY_UNIT_MS = 100

/**
 * How long go-micro waits before attempt number `attempt` (the first is 0):
 * 0, 100 ms, 600 ms, 1.9 s, 4.3 s ... at most two minutes. Unit: ms.
 */
export function backoffMs(attempt: number): number {
  if (attempt > ATTEMPTS_GROWING) return DELAY_MAX_MS
  return Math.floor(attempt ** Math.E) * DELAY_UNIT_MS
}
