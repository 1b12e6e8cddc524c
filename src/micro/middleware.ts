import type { CallKind, Metadata } from '../grpc/index.js'
import type { Context } from './context.js'
import { guardMessages } from './guarded-messages.js'

/** The kind of a call; `event`: what is published for a topic, on its way to one of the server's subscribers. */
export type MiddlewareKind = CallKind | 'event'

/**
 * A call on its way through middleware, on either side and behind either door.
 * What is the same on both sides has the same name, that of `Context`.
 */
export interface MiddlewareCall {
  readonly side: 'client' | 'server'
  readonly kind: MiddlewareKind
  /** With its package: `greeter.v1.Greeter`. Empty for an event. */
  readonly service: string
  /** In JavaScript: `hello`. Of an event: its topic. */
  readonly method: string
  /** Server: what came. Client: what will be sent; add to it before `next`. */
  readonly metadata: Metadata
  /** The one request, or the iterable of all of them. Of an event: its message. */
  readonly request: unknown
  /** When the caller gives up, on the monotonic clock of `performance.now()`. Unit: ms. Infinity: never. */
  readonly deadline: number
  /** Client: the caller's signal, if it gave one. Server: the call's. */
  readonly signal: AbortSignal | undefined
  /** Server: the caller's address. Client: the server's; empty until a registry has named it. */
  readonly peer: string
  /**
   * Metadata ahead of the responses. Server: goes out with the first one, fill it before. Client: what
   * came with the last `next`; empty until then.
   */
  readonly headers: Metadata
  /** Metadata after the responses, of errors as well. Server: fill it. Client: as `headers`. */
  readonly trailers: Metadata
  /** Server: the call's context. */
  readonly context: Context | undefined
}

/**
 * Runs around each call: `next(request)` goes on, with the call's own request
 * or another, and gives the response, a promise of it, or the iterable of all
 * responses, which is what the middleware gives back in its turn; or a promise
 * of that. Not to call `next` answers in its place; to call it again tries
 * again, within the same deadline. An exception ends the call.
 */
export type Middleware = (call: MiddlewareCall, next: (request: unknown) => unknown) => unknown

/** A handler with its types forgotten. */
export type AnyHandler = (request: unknown, context: Context) => unknown

/** @throws TypeError for what cannot be middleware */
export function checkMiddleware(middleware: readonly unknown[]): void {
  for (const each of middleware) {
    if (typeof each === 'function') continue
    throw new TypeError(`middleware must be a function, got ${typeof each}`)
  }
}

/**
 * `handler` within `chain`, the first outermost. Composed once; without
 * middleware the handler itself.
 */
export function composeHandler(
  chain: readonly Middleware[],
  kind: MiddlewareKind,
  handler: AnyHandler,
): AnyHandler {
  if (chain.length === 0) return handler
  const hasStream = kind === 'server' || kind === 'bidi'
  return chain.reduceRight<AnyHandler>(
    (inner, middleware) => {
      return (request, context) =>
        middleware(new ServerMiddlewareCall(kind, request, context), next => inner(next, context))
    },
    hasStream ? (request, context) => guarded(handler(request, context), context) : handler,
  )
}

/** What a handler gives for a stream: when the call is over it is closed, whatever middleware wrapped around it. */
function guarded(result: unknown, context: Context): unknown {
  if (result instanceof Promise) return result.then(messages => guarded(messages, context))
  const messages = guardMessages(result)
  if (messages === undefined) return result
  const { signal } = context
  const close = (): void => messages.close(signal.reason)
  if (signal.aborted) close()
  else signal.addEventListener('abort', close, { once: true })
  return messages
}

class ServerMiddlewareCall implements MiddlewareCall {
  readonly side = 'server'
  readonly kind: MiddlewareKind
  readonly request: unknown
  readonly context: Context

  constructor(kind: MiddlewareKind, request: unknown, context: Context) {
    this.kind = kind
    this.request = request
    this.context = context
  }

  get service(): string {
    return this.context.service
  }

  get method(): string {
    return this.context.method
  }

  get metadata(): Metadata {
    return this.context.metadata
  }

  get deadline(): number {
    return this.context.deadline
  }

  get signal(): AbortSignal {
    return this.context.signal
  }

  get peer(): string {
    return this.context.peer
  }

  get headers(): Metadata {
    return this.context.headers
  }

  get trailers(): Metadata {
    return this.context.trailers
  }
}
