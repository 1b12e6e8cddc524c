import {
  ErrorCode,
  GrpcError,
  type Method,
  type Route,
  type ServerCall,
  type ServerCallHandler,
  Status,
} from '../../../grpc/index.js'
import { MessageSource } from '../../async/message-source.js'
import { isThenable } from '../../async/thenable.js'
import type { Context } from '../../call/context.js'
import { isReported, toGrpcError } from '../../errors/error-mapping.js'
import type { Endpoint } from '../handlers/endpoint-table.js'
import type { RunningHandlers } from '../handlers/running-handlers.js'
import { GrpcContext } from './context.js'

/** What the calls of one server have in common on the gRPC door. */
export interface GrpcDoorOptions {
  /** The server's name: the id of errors that have none. */
  readonly name: string
  readonly exposeErrors: boolean
  readonly onError: (error: unknown, context: Context | undefined) => void
  readonly running: RunningHandlers
}

/** One endpoint on the gRPC door, under one of its paths. */
export class GrpcRoute implements Route {
  readonly method: Method
  readonly #endpoint: Endpoint
  readonly exposesErrors: boolean
  readonly #options: GrpcDoorOptions

  constructor(endpoint: Endpoint, path: string, options: GrpcDoorOptions) {
    const { kind, request, response } = endpoint.method
    this.method = { path, kind, request, response }
    this.exposesErrors = options.exposeErrors
    this.#endpoint = endpoint
    this.#options = options
  }

  start(call: ServerCall): ServerCallHandler | undefined {
    const context = new GrpcContext(this.#endpoint, call, this.#options.running)
    call.handler = context
    return this.run(context, call)
  }

  /** Runs the handler. */
  protected run(context: GrpcContext, call: ServerCall): ServerCallHandler | undefined {
    const { kind } = this.method
    const oneRequest = kind === 'unary' || kind === 'server'
    const oneResponse = kind === 'unary' || kind === 'client'
    let result: unknown
    try {
      result = this.#endpoint.handler(oneRequest ? taken(call) : context.requests, context)
    } catch (error) {
      this.#fail(context, call, error)
      return undefined
    }
    if (!oneResponse) {
      void this.#pump(context, call, result)
      return context
    }
    if (!isThenable(result)) {
      this.#respond(context, call, result)
      return undefined
    }
    context.begin()
    result.then(
      value => this.#respond(context, call, value),
      error => this.#fail(context, call, error),
    )
    return context
  }

  /** What goes wrong with a response is the handler's: as over mucp, `onError` hears the codec's own exception. */
  onError(error: unknown, call: ServerCall): void {
    const { handler } = call
    const context = handler instanceof GrpcContext ? handler : undefined
    const { cause } = error as { readonly cause?: unknown }
    this.#options.onError(cause instanceof TypeError ? cause : error, context)
  }

  #respond(context: GrpcContext, call: ServerCall, value: unknown): void {
    try {
      context.sendHeaders()
      call.respond(value, context.takeTrailers())
    } catch (error) {
      this.#fail(context, call, error)
      return
    }
    context.settle()
  }

  /** Many responses; waits whenever the call has more queued than it likes. */
  async #pump(context: GrpcContext, call: ServerCall, result: unknown): Promise<void> {
    context.begin()
    try {
      const messages = isThenable(result) ? await result : result
      const source = new MessageSource(messages, `what the handler of ${call.path} returns`)
      context.sendFrom(source)
      const isWhole = await source.pump(message => {
        context.sendHeaders()
        const hasRoom = call.write(message)
        // A message that cannot be sent has ended the call.
        if (call.finished) source.close()
        return hasRoom ? undefined : context.drained()
      })
      if (isWhole) {
        context.sendHeaders()
        call.finish(context.takeTrailers())
      }
    } catch (error) {
      this.#fail(context, call, error)
      return
    }
    context.settle()
  }

  #fail(context: GrpcContext, call: ServerCall, error: unknown): void {
    const { name, exposeErrors, onError } = this.#options
    try {
      context.sendHeadersOfError()
    } catch (headersError) {
      // They came too late, or the client takes no more than so many: what it must have is the error.
      onError(headersError, context)
    }
    try {
      call.fail(context.withTrailers(toGrpcError(error, name, exposeErrors)))
    } catch (failure) {
      onError(failure, context)
      abandon(call)
    }
    const isCancelled = call.cancelled !== undefined
    context.settle(true)
    if (isReported(error, isCancelled)) onError(error, context)
  }
}

/** The last resort for an error that cannot be told: the client hears that much, and the process lives. */
function abandon(call: ServerCall): void {
  try {
    if (!call.finished) {
      call.fail(new GrpcError(Status.Unknown, 'the handler failed'))
      return
    }
  } catch {}
  call.stream.reset(ErrorCode.InternalError)
}

/** The request is its handler's: an answer that waits for its client must not keep it. */
function taken(call: ServerCall): unknown {
  const { request } = call
  call.request = undefined
  return request
}
