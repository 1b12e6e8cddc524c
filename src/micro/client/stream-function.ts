import type { CallKind } from '../../grpc/index.js'
import { discardMessages } from '../async/message-source.js'
import { type ClientStream, checkIterable, pumpRequests, sendAll } from './calls/client-stream.js'
import type { AnyFunction, ChainOptions } from './chain-call.js'

type Open = (options: ChainOptions) => ClientStream

/** A method that streams, as a function; `open` starts a call of it. */
export function streamFunction(kind: Exclude<CallKind, 'unary'>, open: Open): AnyFunction {
  switch (kind) {
    case 'server':
      return (request, options) => {
        const stream = open(options ?? {})
        stream.request(request)
        return stream
      }
    case 'client':
      return async (requests, options) => {
        const iterable = checkIterable(requests, 'requests')
        const stream = openFor(iterable, open, options)
        return await sendAll(stream, iterable, options?.onEnded)
      }
    case 'bidi':
      return (requests, options) => {
        const iterable = checkIterable(requests, 'requests')
        const stream = openFor(iterable, open, options)
        void pumpRequests(stream, iterable, options?.onEnded)
        return stream
      }
  }
}

/** Requests of a call that cannot even begin are closed as those of any other that fails. */
function openFor(requests: unknown, open: Open, options: ChainOptions = {}): ClientStream {
  try {
    return open(options)
  } catch (error) {
    discardMessages(requests)
    throw error
  }
}
