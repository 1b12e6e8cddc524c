import { MessageSource } from '../../async/message-source.js'
import type { MessageStream } from '../../call/call-options.js'
import { CLIENT_TRANSPORT_ID } from '../../errors/client-ids.js'
import { MicroError } from '../../errors/micro-error.js'

/** A client's stream, whatever carries it. */
export interface ClientStream extends MessageStream<unknown, unknown> {
  /** As `send`, without a promise when there is room. Does nothing once the call has ended. */
  write(request: unknown): Promise<void> | undefined
  /** Sends the one request of a server-streaming call. */
  request(message: unknown): void
  /** The outcome is known: nothing that is written arrives any more. */
  readonly ended: boolean
  /** Calls `listener` when the outcome is known; at once if it is. There is one listener. */
  whenEnded(listener: () => void): void
}

type AnyIterable = AsyncIterable<unknown> | Iterable<unknown>

/**
 * Sends what `requests` gives, at the pace of the stream, then half-closes.
 * An exception of the iterable cancels the call with it. A call that ends
 * before closes the iterable. Never rejects.
 *
 * @param onEnded hears of the end of the call as well
 */
export async function pumpRequests(
  stream: ClientStream,
  requests: AnyIterable,
  onEnded?: () => void,
): Promise<void> {
  try {
    const source = new MessageSource(requests, 'requests')
    stream.whenEnded(() => {
      source.close()
      onEnded?.()
    })
    const isWhole = await source.pump(request => stream.write(request))
    if (isWhole && !stream.ended) await stream.closeSend()
  } catch (error) {
    stream.cancel(error)
  }
}

/** Many requests, one response. The response may come before the last request is sent. */
export async function sendAll(
  stream: ClientStream,
  requests: AnyIterable,
  onEnded?: () => void,
): Promise<unknown> {
  void pumpRequests(stream, requests, onEnded)
  try {
    const response = await stream.next()
    if (response.done === true) {
      throw MicroError.internal('the server ended the stream without a response', {
        id: CLIENT_TRANSPORT_ID,
      })
    }
    return response.value
  } finally {
    stream.cancel()
  }
}

/** Whether `value` can be a stream of requests. @throws TypeError when it cannot */
export function checkIterable(value: unknown, name: string): AnyIterable {
  if (typeof value === 'object' && value !== null) {
    if (Symbol.asyncIterator in value || Symbol.iterator in value) return value as AnyIterable
  }
  throw new TypeError(`${name} must be an iterable or async iterable, got ${typeof value}`)
}
