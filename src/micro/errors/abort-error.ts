import { GrpcError, Status } from '../../grpc/index.js'
import type { Protocol } from '../protocol.js'
import { CLIENT_ID } from './client-ids.js'
import { MicroError } from './micro-error.js'

/**
 * What a call ends with whose signal was aborted: CANCELLED, or DEADLINE_EXCEEDED where time was up (`AbortSignal.timeout`, the deadline
 * of a call that it inherits from); over mucp 499 and 408. The reason, whatever it is, is the cause.
 *
 * @param unprocessed nothing of the call has left
 */
export function abortError(
  reason: unknown,
  protocol: Protocol | undefined,
  unprocessed: boolean,
): GrpcError | MicroError {
  const isLate = isTimeout(reason)
  const said = reasonText(reason)
  const text = `${isLate ? 'the time of the signal is up' : 'the call was cancelled'}${said}`
  if (protocol === 'mucp') {
    const options = { id: CLIENT_ID, cause: reason, origin: 'local', unprocessed } as const
    return new MicroError(isLate ? 408 : 499, text, options)
  }
  const status = isLate ? Status.DeadlineExceeded : Status.Cancelled
  return new GrpcError(status, text, { cause: reason, unprocessed })
}

function isTimeout(reason: unknown): boolean {
  if (reason instanceof GrpcError) return reason.status === Status.DeadlineExceeded
  if (reason instanceof MicroError) return reason.code === 408
  return fieldOf(reason, 'name') === 'TimeoutError'
}

/** Anything may be a reason, and a getter of it may throw. */
function reasonText(reason: unknown): string {
  const text = typeof reason === 'string' ? reason : fieldOf(reason, 'message')
  return typeof text === 'string' && text !== '' ? `: ${text}` : ''
}

function fieldOf(reason: unknown, name: 'name' | 'message'): unknown {
  try {
    return (reason as Partial<Error> | null | undefined)?.[name]
  } catch {
    return undefined
  }
}
