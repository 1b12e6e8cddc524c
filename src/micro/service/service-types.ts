import type { CallKind } from '../../grpc/index.js'
import type { CallOptions, MessageStream, ResponseStream } from '../call/call-options.js'
import type { Context } from '../call/context.js'

/**
 * The types of one method. `In` types are what you may pass for encoding, the others what decoding
 * returns: fields of a protobuf message may be left out when encoding, and are all present when
 * decoded.
 */
export interface MethodTypes<K extends CallKind, Req, Res, ReqIn = Req, ResIn = Res> {
  readonly kind: K
  readonly request: Req
  readonly response: Res
  readonly requestIn: ReqIn
  readonly responseIn: ResIn
}

/** The types of any method. */
export type AnyMethod = MethodTypes<CallKind, unknown, unknown, unknown, unknown>

/** A method without known types: `loadService` without a type argument. */
export interface UntypedMethod extends AnyMethod {
  readonly untyped: true
}

/** The types of a service, one member for each method. `microwire-types` generates them. */
export type ServiceTypes<S> = { [M in keyof S]: AnyMethod }

/** What the handler of a stream may return. */
export type Messages<T> = AsyncIterable<T> | Iterable<T>

/** The handler of one method. */
export type Handler<M> = M extends UntypedMethod
  ? (request: never, context: Context) => unknown
  : TypedHandler<M>

/** One response, now or later. A message without fields, such as `Empty`, need not be returned. */
type Answer<T> = MaybeNothing<T> | Promise<MaybeNothing<T>>

/** `object` has no keys either, but may have fields. */
// biome-ignore lint/suspicious/noConfusingVoidType: a function that returns nothing is meant
type MaybeNothing<T> = [keyof T] extends [never] ? (string extends T ? T | void : T) : T

type TypedHandler<M> =
  M extends MethodTypes<infer K, infer Req, unknown, unknown, infer ResIn>
    ? K extends 'unary'
      ? (request: Req, context: Context) => Answer<ResIn>
      : K extends 'server'
        ? (request: Req, context: Context) => Messages<ResIn>
        : K extends 'client'
          ? (requests: AsyncIterable<Req>, context: Context) => Answer<ResIn>
          : (requests: AsyncIterable<Req>, context: Context) => Messages<ResIn>
    : never

/** The handlers of a service: what `server.handle` takes. */
export type Handlers<S> = { [M in keyof S]: Handler<S[M]> }

/** One method as `client.stream` calls it. */
export type MessageStreamOf<M> =
  M extends MethodTypes<infer _K, unknown, infer Res, infer ReqIn, unknown>
    ? MessageStream<ReqIn, Res>
    : never

/** One method as a client calls it. */
export type ClientFunction<M> = M extends UntypedMethod
  ? (request: unknown, options?: CallOptions) => Promise<unknown> & ResponseStream<unknown>
  : TypedFunction<M>

type TypedFunction<M> =
  M extends MethodTypes<infer K, unknown, infer Res, infer ReqIn, unknown>
    ? K extends 'unary'
      ? (request: ReqIn, options?: CallOptions) => Promise<Res>
      : K extends 'server'
        ? (request: ReqIn, options?: CallOptions) => ResponseStream<Res>
        : K extends 'client'
          ? (requests: Messages<ReqIn>, options?: CallOptions) => Promise<Res>
          : (requests: Messages<ReqIn>, options?: CallOptions) => ResponseStream<Res>
    : never

/** The functions of a service, one for each method: what `client.bind` returns. */
export type BoundClient<S> = { readonly [M in keyof S]: ClientFunction<S[M]> }
