import type { Message } from '../../../transport/index.js'
import type { MucpGuard } from '../../call/race-limit.js'
import { CLIENT_CODEC_ID } from '../../errors/client-ids.js'
import { MicroError } from '../../errors/micro-error.js'
import { closeSocket } from '../../mucp/close-socket.js'
import { endOfSocket, transportError } from './codec.js'
import type { PooledSocket } from './socket-pool.js'

/**
 * One message there, one back, on a socket that nobody else uses meanwhile.
 * What ends the attempt closes the socket, and that ends the waiting: a
 * promise for each step would cost more than the rest of the call.
 */
export async function exchange(
  socket: PooledSocket,
  message: Message,
  guard: MucpGuard,
): Promise<Message> {
  try {
    guard.whenStopped(() => void closeSocket(socket.socket))
    socket.socket.send(message).then(
      () => guard.sent(),
      (cause: unknown) => guard.stop(sendError(cause)),
    )
    const answer = await socket.receiving
    if (guard.stopped) throw guard.reason
    if (answer === undefined) throw endOfSocket(socket.socket)
    return answer
  } catch (cause) {
    void closeSocket(socket.socket)
    if (guard.stopped) throw guard.reason
    throw cause instanceof MicroError ? cause : transportError(cause)
  } finally {
    guard.finish()
  }
}

function sendError(cause: unknown): MicroError {
  return cause instanceof RangeError
    ? MicroError.internal(cause.message, { id: CLIENT_CODEC_ID, cause })
    : transportError(cause)
}
