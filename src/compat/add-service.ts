import {
  type Context,
  type FromDefinitionOptions,
  fromDefinition,
  ownFunction,
  type Server,
  type Service,
  type ServiceMethod,
} from '../micro/index.js'
import { Answer } from './answer.js'
import { CallControl } from './call-control.js'
import type { sendUnaryData } from './call-types.js'
import { DuplexCall, UnaryCall, WritableCall } from './server-calls.js'
import { status } from './status.js'

/** A handler of grpc-js with its types forgotten. */
type AnyImplementation = (call: object, callback?: sendUnaryData<unknown>) => unknown

/** A handler of micro with its types forgotten. */
type MicroHandler = (request: unknown, context: Context) => unknown

/**
 * Serves an implementation written for grpc-js, unchanged; the counterpart of grpc-js's
 * `server.addService(definition, implementation)`.
 *
 * Methods are found as grpc-js finds them, under the definition's name for them
 * or the original one, and under the name on the wire; a method without
 * implementation answers UNIMPLEMENTED. An exception of a handler ends its call
 * with UNKNOWN and reaches the server's `onError`.
 *
 * @param definition a service, or any definition that `fromDefinition` takes
 * @throws TypeError when one of them cannot be used
 */
export function addService(
  server: Server,
  definition: Service<unknown> | object,
  implementation: object,
  options?: FromDefinitionOptions,
): void {
  if (typeof implementation !== 'object' || implementation === null) {
    throw new TypeError(`implementation must be an object, got ${typeof implementation}`)
  }
  const service = isService(definition) ? definition : fromDefinition(definition, options)
  const names = namesByPath(definition)
  // A method may be called `__proto__`.
  const handlers: Record<string, MicroHandler> = Object.create(null)
  for (const method of service.methods) {
    const known = names.get(method.path) ?? []
    const found = findImplementation(implementation, [...known, method.wireName, method.name])
    const name = known[0] ?? method.wireName
    handlers[method.name] = microHandler(method, found ?? unimplemented(method, name))
  }
  server.handle(service as Service, handlers)
}

function isService(definition: object): definition is Service<unknown> {
  const { shortName, methods } = definition as Partial<Service>
  return typeof shortName === 'string' && Array.isArray(methods)
}

/** What a definition in grpc-js's shape calls each method. */
function namesByPath(definition: object): Map<string, readonly string[]> {
  const { service } = definition as { readonly service?: object }
  const methods = typeof definition === 'function' && service !== undefined ? service : definition
  const names = new Map<string, readonly string[]>()
  for (const [key, method] of Object.entries(methods)) {
    const { path, originalName } = Object(method) as { path?: unknown; originalName?: unknown }
    if (typeof path !== 'string') continue
    names.set(path, typeof originalName === 'string' ? [key, originalName] : [key])
  }
  return names
}

function findImplementation(
  implementation: object,
  names: readonly string[],
): AnyImplementation | undefined {
  const found = names.map(name => ownFunction(implementation, name)).find(Boolean)
  return (found as AnyImplementation | undefined)?.bind(implementation)
}

function unimplemented({ kind }: ServiceMethod, name: string): AnyImplementation {
  const details = `The server does not implement the method ${name}`
  const error = { code: status.UNIMPLEMENTED, details }
  if (kind === 'unary' || kind === 'client') return (_call, callback) => callback?.(error)
  return call => (call as WritableCall | DuplexCall).emit('error', error)
}

function microHandler({ kind, path }: ServiceMethod, run: AnyImplementation): MicroHandler {
  switch (kind) {
    case 'unary':
      return (request, context) => runUnary(run, request, new CallControl(context, path))
    case 'client':
      return (requests, context) => runClient(run, requests, new CallControl(context, path))
    case 'server':
      return (request, context) => {
        const control = new CallControl(context, path)
        return runStream(run, new WritableCall(control, request), control)
      }
    case 'bidi':
      return (requests, context) => {
        const control = new CallControl(context, path)
        const call = new DuplexCall(control, requests as AsyncIterable<unknown>)
        return runStream(run, call, control)
      }
  }
}

function runUnary(run: AnyImplementation, request: unknown, control: CallControl): unknown {
  return answerOf(run, new UnaryCall(control, request), control)
}

function runClient(run: AnyImplementation, requests: unknown, control: CallControl): unknown {
  return answerOf(run, new DuplexCall(control, requests as AsyncIterable<unknown>), control)
}

function answerOf(
  run: AnyImplementation,
  call: UnaryCall | DuplexCall,
  control: CallControl,
): unknown {
  const answer = new Answer(control)
  const returned = run(call, (error, value, trailers) => answer.respond(error, value, trailers))
  if (isThenable(returned)) {
    returned.then(undefined, error => {
      // Nobody is left to tell: unhandled, as under grpc-js.
      if (answer.settled) throw error
      answer.fail(error)
    })
  }
  if (!answer.settled) {
    // A handler that was told of it often does not answer: the call is over all the same.
    control.onCancel(reason => {
      if (answer.settled) return
      call.onCancel(reason)
      answer.fail(reason)
    })
  }
  return answer.result()
}

function runStream(
  run: AnyImplementation,
  call: WritableCall | DuplexCall,
  control: CallControl,
): AsyncIterable<unknown> {
  const returned = run(call)
  if (isThenable(returned)) {
    returned.then(undefined, error => call.responses.end(error))
  }
  control.onCancel(reason => call.onCancel(reason))
  return call.responses
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | undefined | null)?.then === 'function'
}
