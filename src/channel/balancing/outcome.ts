import { type GrpcError, Status } from '../../grpc/index.js'

/**
 * How a call ended, as far as its endpoint is concerned: `ok`: it answered, if only to say that something is not found;
 * `failed`: it could not do its work; `late`: time was up; `unreached`: it could not be reached, never looked at the call, or its connection broke; `neutral`: says
 * nothing about it, such as a call that its caller gave up.
 */
export type Outcome = 'ok' | 'failed' | 'late' | 'unreached' | 'neutral'

/** Statuses by which a server says that it is not well. The others are answers to the request. */
const FAILED: ReadonlySet<Status> = new Set([
  Status.Unknown,
  Status.ResourceExhausted,
  Status.Internal,
  Status.Unavailable,
  Status.DataLoss,
])

/** What the end of a native call says about its endpoint. */
export function outcomeOf(error: GrpcError | undefined): Outcome {
  if (error === undefined) return 'ok'
  const { status, origin, unprocessed } = error
  if (status === Status.Cancelled) return origin === 'peer' ? 'ok' : 'neutral'
  // Its time was up before it had a connection: that is nobody's fault who was never asked.
  if (status === Status.DeadlineExceeded) return unprocessed ? 'neutral' : 'late'
  if (unprocessed) return status === Status.Unavailable ? 'unreached' : 'neutral'
  // Our own limits, and requests that could not be sent.
  if (origin === 'local') return 'neutral'
  return FAILED.has(status) ? 'failed' : 'ok'
}
