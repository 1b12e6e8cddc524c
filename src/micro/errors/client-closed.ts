import { GrpcError, Status } from '../../grpc/index.js'
import type { Protocol } from '../protocol.js'
import { CLIENT_ID } from './client-ids.js'
import { MicroError } from './micro-error.js'

const TEXT = 'the client was closed'

/** What a call ends with whose client was closed: CANCELLED, 499 over mucp. */
export function clientClosed(
  protocol: Protocol | undefined,
  unprocessed: boolean,
  cause?: unknown,
): GrpcError | MicroError {
  if (protocol !== 'mucp') return new GrpcError(Status.Cancelled, TEXT, { unprocessed, cause })
  return new MicroError(499, TEXT, { id: CLIENT_ID, origin: 'local', unprocessed, cause })
}
