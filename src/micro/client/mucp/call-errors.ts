import { markProcessed } from '../../../grpc/index.js'
import { clientClosed } from '../../errors/client-closed.js'
import { CLIENT_ID } from '../../errors/client-ids.js'
import { MicroError } from '../../errors/micro-error.js'

/** The client was closed meanwhile. */
export function closedError(cause: unknown): unknown {
  return clientClosed('mucp', cause instanceof MicroError && cause.unprocessed, cause)
}

/** A handler may have run for an earlier attempt. */
export function asSeen(error: unknown): unknown {
  return error instanceof MicroError ? markProcessed(error) : error
}

/** No handler can have run: nothing has left. */
export function unsent(error: unknown): unknown {
  if (error instanceof MicroError) {
    const open: { unprocessed: boolean } = error
    open.unprocessed = true
  }
  return error
}

/** One attempt took too long. */
export function attemptExpired(): MicroError {
  return MicroError.timeout('context deadline exceeded', { id: CLIENT_ID })
}

/** The whole call did. */
export function callExpired(): MicroError {
  return MicroError.timeout('call timeout: context deadline exceeded', { id: CLIENT_ID })
}
