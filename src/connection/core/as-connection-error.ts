import { ConnectionError, ErrorCode } from '../../frame/index.js'

/** What is not a peer's fault is ours, and the peer hears so: never an exception out of `receive`. */
export function asConnectionError(error: unknown): ConnectionError {
  if (error instanceof ConnectionError) return error
  const wrapped = new ConnectionError(ErrorCode.InternalError, 'RFC 9113 §5.4.1', 'internal error')
  wrapped.cause = error
  return wrapped
}
