import type { CallKind, Metadata } from '../grpc/index.js'
import type { Context } from './context.js'

/** A call on its way through middleware, on either side. */
export interface MiddlewareCall {
  readonly side: 'client' | 'server'
  readonly kind: CallKind
  /** With its package: `greeter.v1.Greeter`. */
  readonly service: string
  /** In JavaScript: `hello`. */
  readonly method: string
  /** Server: what came. Client: what will be sent; add to it before `next`. */
  readonly metadata: Metadata
  /** The one request, or the iterable of all of them. */
  readonly request: unknown
  /** Server: the call's context. */
  readonly context: Context | undefined
  /** Client: the caller's signal, if it gave one. Server: the call's. */
  readonly signal: AbortSignal | undefined
}

/**
 * Runs around each call: `next(request)` goes on, with the call's own request
 * or another, and gives the response, a promise of it, or the iterable of all
 * responses, which is what the middleware gives back in its turn. An exception
 * ends the call.
 */
export type Middleware = (call: MiddlewareCall, next: (request: unknown) => unknown) => unknown

/** A handler with its types forgotten. */
export type AnyHandler = (request: unknown, context: Context) => unknown

/**
 * `handler` within `chain`, the first outermost. Composed once; without
 * middleware the handler itself.
 */
export function composeHandler(
  chain: readonly Middleware[],
  kind: CallKind,
  handler: AnyHandler,
): AnyHandler {
  return chain.reduceRight<AnyHandler>((inner, middleware) => {
    return (request, context) =>
      middleware(new ServerMiddlewareCall(kind, request, context), next => inner(next, context))
  }, handler)
}

class ServerMiddlewareCall implements MiddlewareCall {
  readonly side = 'server'
  readonly kind: CallKind
  readonly request: unknown
  readonly context: Context

  constructor(kind: CallKind, request: unknown, context: Context) {
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

  get signal(): AbortSignal {
    return this.context.signal
  }
}

/** What starts a client call once middleware has let it pass. */
export type AnyStart = (request: unknown) => unknown

/** Starts a client call within `chain`, the first outermost. */
export function runClientChain(
  chain: readonly Middleware[],
  call: Omit<MiddlewareCall, 'request'>,
  request: unknown,
  start: AnyStart,
): unknown {
  const run = chain.reduceRight<AnyStart>(
    (inner, middleware) => next => middleware({ ...call, request: next }, inner),
    start,
  )
  return run(request)
}
