import { GrpcError, Metadata, Status } from '../../grpc/index.js'
import { type GuardedMessages, guardMessages } from '../async/guarded-messages.js'
import type { CallOptions } from '../call/call-options.js'
import { metadataOf } from '../call/metadata-init.js'
import type { MiddlewareKind } from '../call/middleware.js'
import type { Target } from '../discovery/target.js'
import type { AuthorizedOptions } from './calls/authorized-options.js'
import type { ClientStream } from './calls/client-stream.js'

/** Call options, and who hears which server was chosen. */
export interface ChainOptions extends AuthorizedOptions {
  readonly onTarget?: (target: Target) => void
  /** Requests that are a stream: the call is over, and takes no more of them. */
  readonly onEnded?: () => void
}

/** A bound method: with its middleware, or what that runs around. */
export type AnyFunction = (request: unknown, options?: ChainOptions) => unknown

/** What the calls of one method have in common for its middleware. */
export interface ClientChainParts {
  readonly kind: MiddlewareKind
  readonly service: string
  readonly method: string
  /** On the wire: `/greeter.v1.Greeter/Hello`. */
  readonly path: string
  /** The client's address; empty when a registry names it. */
  readonly address: string
  readonly isEncrypted: boolean
  /** Of calls that say nothing else. Unit: ms. */
  readonly timeoutMs: number
  readonly now: () => number
  /** What a stream ends with that is cancelled without a reason. */
  readonly cancelled: () => Error
  readonly start: AnyFunction
}

/** One call of a client on its way through middleware, over all its attempts. */
export class ClientChainCall {
  readonly parts: ClientChainParts
  readonly metadata: Metadata = new Metadata()
  readonly deadline: number
  readonly signal: AbortSignal | undefined
  peer: string
  headers: Metadata = new Metadata()
  trailers: Metadata = new Metadata()
  /** What the last attempt gave, of a method that answers with a stream. */
  stream: ClientStream | undefined
  /** Hears of each attempt's headers. */
  onHeaders: ((metadata: Metadata) => void) | undefined
  #requests: GuardedMessages | undefined
  readonly #begunAt: number
  #wasMade = false
  readonly #options: CallOptions

  constructor(parts: ClientChainParts, options: CallOptions = {}) {
    this.parts = parts
    this.#options = options
    this.#begunAt = parts.now()
    this.deadline = this.#begunAt + (options.timeoutMs ?? parts.timeoutMs)
    this.signal = options.signal
    this.peer = options.address ?? parts.address
    if (options.metadata !== undefined) this.metadata.merge(metadataOf(options.metadata))
  }

  /** The caller's requests, as middleware gets them. */
  guard(requests: unknown): unknown {
    this.#requests = guardMessages(requests)
    return this.#requests ?? requests
  }

  /** The call is over: nobody wants its requests, whatever middleware wrapped around them. */
  closeRequests(): void {
    this.#requests?.close(callOver())
  }

  /** One attempt, within what is left of the time. */
  start(request: unknown): unknown {
    const { parts } = this
    this.headers = new Metadata()
    this.trailers = new Metadata()
    const options = this.#attemptOptions()
    // Only another attempt says when the first was: what it took is part of the call's time.
    const again = this.#wasMade ? { ...options, begunAt: this.#begunAt } : options
    this.#wasMade = true
    const result = parts.start(request, again)
    if (parts.kind === 'server' || parts.kind === 'bidi') this.stream = result as ClientStream
    return result
  }

  #attemptOptions(): ChainOptions {
    const { metadata, deadline } = this
    const { onHeaders, onTrailers } = this.#options
    const timed =
      deadline === Number.POSITIVE_INFINITY
        ? {}
        : { timeoutMs: Math.max(0, deadline - this.parts.now()) }
    return {
      ...this.#options,
      ...timed,
      metadata,
      onTarget: ({ address }) => {
        this.peer = address
      },
      onEnded: () => this.#requests?.interrupt(callOver()),
      onHeaders: received => {
        this.headers = received
        this.onHeaders?.(received)
        onHeaders?.(received)
      },
      onTrailers: received => {
        this.trailers = received
        onTrailers?.(received)
      },
    }
  }
}

function callOver(): GrpcError {
  return new GrpcError(Status.Cancelled, 'the call is over and takes no more requests')
}
