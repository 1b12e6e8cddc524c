import { describe } from '../../options/index.js'

/** An iterator of messages that user code made, with one way to close each of its kinds. */
export interface MessageIterator {
  /** As a rule a promise; user code may give anything. */
  next(): Promise<IteratorResult<unknown>>
  /** Nobody wants the rest. Absent when the iterator has no such method. */
  readonly return: (() => unknown) | undefined
}

/** What of a Node stream is needed to close it at once. */
interface NodeStream extends AsyncIterable<unknown> {
  destroy(): void
  pipe(): void
}

/** What of a web stream is needed. */
interface WebStream {
  cancel(): Promise<void>
  getReader(): {
    read(): Promise<IteratorResult<unknown>>
    cancel(): Promise<void>
    releaseLock(): void
  }
}

/**
 * An iterator over the messages that user code gave.
 *
 * Streams are closed by their own means: the iterator of a Node stream, and of a web stream, only hears of the
 * end when the read that is under way has an answer, which may be never.
 *
 * @param what the messages are, for the text of the error
 * @throws TypeError when `messages` cannot be iterated; what its method throws that makes the iterator
 */
export function iterateMessages(messages: unknown, what: string): MessageIterator {
  if (isWebStream(messages)) return ofWebStream(messages)
  const iterable = messages as
    | Partial<AsyncIterable<unknown> & Iterable<unknown>>
    | null
    | undefined
  const newAsync = iterable?.[Symbol.asyncIterator]
  if (typeof newAsync === 'function') {
    const iterator = newAsync.call(iterable)
    return isNodeStream(iterable) ? ofNodeStream(iterable, iterator) : ofAsyncIterator(iterator)
  }
  const newSync = typeof messages === 'string' ? undefined : iterable?.[Symbol.iterator]
  if (typeof newSync === 'function') return ofSyncIterator(newSync.call(iterable))
  throw new TypeError(
    `${what} must be an iterable or async iterable of messages, got ${describe(messages)}; write async function* and yield each, or give an array`,
  )
}

function ofAsyncIterator(iterator: AsyncIterator<unknown>): MessageIterator {
  return { next: () => iterator.next(), return: returnOf(iterator) }
}

function ofSyncIterator(iterator: Iterator<unknown>): MessageIterator {
  return {
    async next() {
      const result = iterator.next()
      if (result.done === true) return result
      try {
        return { done: false, value: await result.value }
      } catch (error) {
        // A promise among its values has failed: that ends the messages, and the iterator does not know.
        iterator.return?.()
        throw error
      }
    },
    return: returnOf(iterator),
  }
}

function returnOf(
  iterator: AsyncIterator<unknown> | Iterator<unknown>,
): (() => unknown) | undefined {
  return typeof iterator.return === 'function' ? () => iterator.return?.() : undefined
}

function ofNodeStream(stream: NodeStream, iterator: AsyncIterator<unknown>): MessageIterator {
  let isClosed = false
  return {
    async next() {
      try {
        return await iterator.next()
      } catch (error) {
        // The stream tells of our own end as if it were a fault of its source.
        if (isClosed) return { done: true, value: undefined }
        throw error
      }
    },
    return() {
      isClosed = true
      const closed = iterator.return?.()
      stream.destroy()
      return closed
    },
  }
}

function ofWebStream(stream: WebStream): MessageIterator {
  const reader = stream.getReader()
  return {
    async next() {
      const result = await reader.read()
      if (result.done === true) reader.releaseLock()
      return result
    },
    async return() {
      await reader.cancel()
      reader.releaseLock()
    },
  }
}

function isNodeStream(value: unknown): value is NodeStream {
  const { destroy, pipe } = value as Partial<NodeStream>
  return typeof destroy === 'function' && typeof pipe === 'function'
}

function isWebStream(value: unknown): value is WebStream {
  const { getReader, cancel } = (value ?? {}) as Partial<WebStream>
  return typeof getReader === 'function' && typeof cancel === 'function'
}
