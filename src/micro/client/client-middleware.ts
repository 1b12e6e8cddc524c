import type { Metadata } from '../../grpc/index.js'
import { type Peer, peerAt } from '../../transport/index.js'
import type { CallOptions } from '../call/call-options.js'
import type { Middleware, MiddlewareCall, MiddlewareKind } from '../call/middleware.js'
import { ClientChainCall, type ClientChainParts } from './chain-call.js'
import { WrappedStream } from './wrapped-stream.js'

type Step = (request: unknown, call: ClientChainCall) => unknown

/** `parts.start` within `chain`, the first outermost. Composed once. */
export function composeClient(
  chain: readonly Middleware[],
  parts: ClientChainParts,
): (request: unknown, options?: CallOptions) => unknown {
  const run = chain.reduceRight<Step>(
    (inner, middleware) => (request, call) =>
      middleware(new ClientMiddlewareCall(request, call), next => inner(next, call)),
    (request, call) => call.start(request),
  )
  const hasStream = parts.kind === 'server' || parts.kind === 'bidi'
  if (!hasStream) {
    return (request, options) => {
      const call = new ClientChainCall(parts, options)
      const guarded = parts.kind === 'client' ? call.guard(request) : request
      const result = attempt(() => run(guarded, call))
      const response = result instanceof Promise ? result : Promise.resolve(result)
      return guarded === request ? response : response.finally(() => call.closeRequests())
    }
  }
  return (request, options) => {
    const call = new ClientChainCall(parts, options)
    const guarded = parts.kind === 'bidi' ? call.guard(request) : request
    const result = attempt(() => run(guarded, call))
    // Middleware that only looks costs the stream nothing.
    return result === call.stream ? result : new WrappedStream(result, call)
  }
}

/** An exception as a promise: whoever called gets it where every other failure comes. */
function attempt(run: () => unknown): unknown {
  try {
    return run()
  } catch (error) {
    return Promise.reject(error)
  }
}

/** What one middleware sees: the call, with the request that the one before went on with. */
class ClientMiddlewareCall implements MiddlewareCall {
  readonly side = 'client'
  readonly context = undefined
  readonly request: unknown
  readonly #call: ClientChainCall

  constructor(request: unknown, call: ClientChainCall) {
    this.request = request
    this.#call = call
  }

  get kind(): MiddlewareKind {
    return this.#call.parts.kind
  }

  get service(): string {
    return this.#call.parts.service
  }

  get method(): string {
    return this.#call.parts.method
  }

  get path(): string {
    return this.#call.parts.path
  }

  get metadata(): Metadata {
    return this.#call.metadata
  }

  get deadline(): number {
    return this.#call.deadline
  }

  get signal(): AbortSignal | undefined {
    return this.#call.signal
  }

  get peer(): Peer {
    const { parts, peer } = this.#call
    return peerAt(peer, parts.isEncrypted)
  }

  get headers(): Metadata {
    return this.#call.headers
  }

  get trailers(): Metadata {
    return this.#call.trailers
  }
}
