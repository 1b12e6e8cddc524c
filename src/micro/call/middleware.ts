import type { CallKind, Metadata } from '../../grpc/index.js'
import { describe } from '../../options/index.js'
import type { Peer } from '../../transport/index.js'
import { guardMessages } from '../async/guarded-messages.js'
import type { Context } from './context.js'

/** The kind of a call; `event` is a published event on its way to a subscriber of the server. */
export type MiddlewareKind = CallKind | 'event'

/**
 * A call as middleware sees it, on the client or the server, over gRPC or mucp. Where it means the
 * same, a property has the same name as in `Context`.
 */
export interface MiddlewareCall {
  /** Whether the middleware runs on the client or the server. */
  readonly side: 'client' | 'server'
  /** The kind of the call, such as `unary`. */
  readonly kind: MiddlewareKind
  /** With its package: `greeter.v1.Greeter`. Empty for an event. */
  readonly service: string
  /** In JavaScript: `hello`. Of an event: its topic. */
  readonly method: string
  /** On the wire, as other gRPC libraries name it: `/greeter.v1.Greeter/Hello`. For metrics and logs. Empty for an event. */
  readonly path: string
  /** Server: what came. Client: what will be sent; add to it before `next`. */
  readonly metadata: Metadata
  /** The one request, or the iterable of all of them. Of an event: its message. */
  readonly request: unknown
  /** When the caller gives up, on the monotonic clock of `performance.now()`. Unit: ms. Infinity: never. */
  readonly deadline: number
  /** Client: the caller's signal, if it gave one. Server: the call's. */
  readonly signal: AbortSignal | undefined
  /**
   * Server: who calls, as in `Context`. Client: whom the call goes to: `address` and `encrypted` only, and an empty
   * address until a registry has named one.
   */
  readonly peer: Peer
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
 * A function that runs around each call. `next(request)` continues, with the same or another
 * request, and returns the response, a promise of it, or the iterable of all responses; the
 * middleware returns one of these too. Return without calling `next` to answer the call, call
 * `next` again to retry, or throw to refuse.
 */
export type Middleware = (call: MiddlewareCall, next: (request: unknown) => unknown) => unknown

/** A handler with its types forgotten. */
export type AnyHandler = (request: unknown, context: Context) => unknown

/** @throws TypeError for what cannot be middleware */
export function checkMiddleware(middleware: unknown): void {
  if (!Array.isArray(middleware)) {
    throw new TypeError(`middleware must be a list of functions, got ${describe(middleware)}`)
  }
  for (const each of middleware) {
    if (typeof each === 'function') continue
    throw new TypeError(`middleware must be a function, got ${typeof each}`)
  }
}

/** What `use` throws when `name` has been bound or handled without the middleware: with authentication, a hole. */
export function lateMiddleware(step: 'bind' | 'handle' | 'subscribe', name: string): TypeError {
  const own =
    step === 'handle'
      ? `, or give that service its own: handle(service, handlers, { middleware })`
      : ''
  return new TypeError(
    `middleware must be added before ${step}: ${name} would run without it. Call use first${own}`,
  )
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

  get path(): string {
    return this.context.path
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

  get peer(): Peer {
    return this.context.peer
  }

  get headers(): Metadata {
    return this.context.headers
  }

  get trailers(): Metadata {
    return this.context.trailers
  }
}
