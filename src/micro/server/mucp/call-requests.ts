import type { Codec } from '../../../grpc/index.js'
import type { Message } from '../../../transport/index.js'
import { MessageQueue } from '../../async/message-queue.js'
import { unreadable } from '../../errors/error-mapping.js'
import { MicroError } from '../../errors/micro-error.js'
import { asBuffer } from '../../mucp/as-buffer.js'
import type { Opened } from '../../mucp/envelope.js'
import { decodeOwn } from '../../service/codec.js'
import type { MucpCallOwner } from './call-owner.js'
import type { MucpRequest } from './request.js'

/** Messages of one stream that wait for its handler; then the socket is not read. As go-micro. */
const QUEUE_COUNT_MAX = 128

const NO_BODY: Uint8Array = new Uint8Array(0)

/** Of a stream's opening: its body does not count. */
export const NOTHING_OPENED: Opened = {
  bytes: Buffer.alloc(0),
  start: 0,
  end: 0,
  endpoint: '',
  id: '',
  error: '',
}

/**
 * What `message`, which came for the call of `request`, brings its handler.
 *
 * @throws MicroError 400: nothing a user wrote runs here
 */
export function openRequest(
  request: MucpRequest,
  codec: Codec,
  message: Message,
  options: { readonly exposeErrors: boolean },
): unknown {
  try {
    const isFirst = message === request.message
    const { bytes, start, end } = isFirst
      ? request.opened
      : request.content.envelope.openRequest(asBuffer(message.body))
    if (isFirst) forgetBody(request)
    return decodeOwn(codec, bytes, start, end)
  } catch (cause) {
    throw MicroError.badRequest(unreadable('the request', cause, options), { cause })
  }
}

/** The handler has it in its own form: what came would be kept as long as the call runs. */
function forgetBody(request: MucpRequest): void {
  request.message.body = NO_BODY
  request.opened = NOTHING_OPENED
}

/** The requests of one stream; they count with the socket that they come on. */
export function newRequestQueue(
  connection: Pick<MucpCallOwner<unknown>, 'queueSizeMax' | 'give'>,
): MessageQueue<unknown> {
  return new MessageQueue(QUEUE_COUNT_MAX, undefined, {
    get sizeMax() {
      return connection.queueSizeMax
    },
    given: size => connection.give(size),
  })
}

/** What waits for a peer that has gone. */
export function goneError(cause: unknown): MicroError {
  return new MicroError(499, 'the caller is gone', { cause })
}

/** What requests meet that come behind the answer. */
export function answeredError(target: string): MicroError {
  const text = `the call of ${target} has been answered: requests that still come are not read`
  return new MicroError(499, text)
}
