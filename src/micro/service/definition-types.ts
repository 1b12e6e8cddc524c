import type { CallKind } from '../../grpc/index.js'
import type { MethodTypes, UntypedMethod } from './service-types.js'

// The types of a service, read from the types of what a code generator wrote. All shapes are
// structural: no generator's package becomes a dependency of ours.

/** One method in the shape of grpc-js: proto-loader, grpc-tools, ts-proto, protobuf-ts. */
export interface GrpcJsMethod {
  readonly path: string
  readonly requestStream: boolean
  readonly responseStream: boolean
  readonly requestSerialize: (value: never) => Uint8Array
  readonly requestDeserialize: (bytes: Buffer) => unknown
  readonly responseSerialize: (value: never) => Uint8Array
  readonly responseDeserialize: (bytes: Buffer) => unknown
}

/** ts-proto's message functions. */
export interface TsProtoMessage {
  encode(message: never): { finish(): Uint8Array }
  decode(bytes: Uint8Array): unknown
}

/** ts-proto with `outputServices=generic-definitions`. */
export interface GenericDefinition {
  readonly fullName: string
  readonly methods: Readonly<Record<string, GenericMethod>>
}

/** One method of a `GenericDefinition`. */
export interface GenericMethod {
  readonly name: string
  readonly requestType: TsProtoMessage
  readonly requestStream: boolean
  readonly responseType: TsProtoMessage
  readonly responseStream: boolean
}

/** protobuf-es v2: a service descriptor, generated or made from a descriptor set. */
export interface EsService {
  readonly kind: 'service'
  readonly typeName: string
  readonly methods: readonly EsMethod[]
  readonly method: Readonly<Record<string, EsMethod>>
}

/** One method of an `EsService`. */
export interface EsMethod {
  readonly kind: 'rpc'
  readonly name: string
  readonly localName: string
  readonly methodKind: EsKind
  readonly input: EsMessage
  readonly output: EsMessage
}

/** How protobuf-es names the kinds. */
export type EsKind = 'unary' | 'server_streaming' | 'client_streaming' | 'bidi_streaming'

/** A message descriptor of protobuf-es. */
export interface EsMessage {
  readonly kind: 'message'
  readonly typeName: string
}

/**
 * The functions of `@bufbuild/protobuf` that codecs are made of. Name them one by one, `{ create, toBinary, fromBinary }`:
 * of a whole module TypeScript does not infer what `fromBinary` gives.
 */
export interface EsLibrary<Desc, Message> {
  readonly create: (schema: never) => unknown
  readonly toBinary: (schema: never, message: never) => Uint8Array
  readonly fromBinary: (schema: Desc, bytes: Uint8Array) => Message
  /** With `fromJson`: JSON as well, which micro prefers. */
  readonly toJson?: (schema: never, message: never) => unknown
  readonly fromJson?: (schema: never, json: never) => unknown
}

/** Every message descriptor that service `D` uses. */
export type EsMessages<D extends EsService> = {
  [K in keyof D['method']]: D['method'][K]['input'] | D['method'][K]['output']
}[keyof D['method']]

/** The name JavaScript has for a method, whatever the generator called it: `get_thing` and `GetThing` are `getThing`. */
export type LowerCamel<K extends string> = Uncapitalize<Joined<K>>

type Joined<K extends string> = K extends `${infer Head}_${infer Tail}`
  ? Tail extends ''
    ? K
    : `${Head}${Capitalize<Joined<Tail>>}`
  : K

/** Properties that are named: without an index signature. */
type Named<D> = keyof {
  [K in keyof D as string extends K ? never : number extends K ? never : K]: D[K]
}

/** `unknown` in the place of `any`. */
type Known<T> = 0 extends 1 & T ? unknown : T

type KindOf<RequestStream, ResponseStream> = [RequestStream] extends [true]
  ? [ResponseStream] extends [true]
    ? 'bidi'
    : 'client'
  : [ResponseStream] extends [true]
    ? 'server'
    : 'unary'

/** The types of a definition in the shape of grpc-js. Methods whose kind the types do not tell are untyped. */
export type GrpcJsTypes<D> = [Named<D>] extends [never]
  ? Record<string, UntypedMethod>
  : { [K in Named<D> & string as LowerCamel<K>]: GrpcJsMethodTypes<D[K & keyof D]> }

type GrpcJsMethodTypes<M> = M extends {
  readonly requestStream: infer RequestStream
  readonly responseStream: infer ResponseStream
  readonly requestSerialize: (value: infer ReqIn) => unknown
  readonly requestDeserialize: (bytes: never) => infer Req
  readonly responseSerialize: (value: infer ResIn) => unknown
  readonly responseDeserialize: (bytes: never) => infer Res
}
  ? BothKnown<RequestStream, ResponseStream> extends true
    ? MethodTypes<
        KindOf<RequestStream, ResponseStream>,
        Known<Req>,
        Known<Res>,
        Known<ReqIn>,
        Known<ResIn>
      >
    : UntypedMethod
  : UntypedMethod

type BothKnown<A, B> = boolean extends A ? false : boolean extends B ? false : true

/** The types of ts-proto's generic definition. */
export type GenericTypes<D extends GenericDefinition> = string extends keyof D['methods']
  ? Record<string, UntypedMethod>
  : {
      [K in keyof D['methods'] & string as LowerCamel<K>]: MethodTypes<
        KindOf<D['methods'][K]['requestStream'], D['methods'][K]['responseStream']>,
        Decoded<D['methods'][K]['requestType']>,
        Decoded<D['methods'][K]['responseType']>,
        Encodable<D['methods'][K]['requestType']>,
        Encodable<D['methods'][K]['responseType']>
      >
    }

type Decoded<T extends TsProtoMessage> = Known<ReturnType<T['decode']>>

/** With `fromPartial` fields may be left out. */
type Encodable<T extends TsProtoMessage> = T extends { fromPartial: (value: never) => unknown }
  ? PartialMessage<Decoded<T>>
  : Decoded<T>

type Whole = string | number | boolean | bigint | symbol | null | undefined | Uint8Array | Date

/** A message of which any field, at any depth, may be left out. */
export type PartialMessage<T> = T extends Whole
  ? T
  : T extends readonly (infer E)[]
    ? readonly PartialMessage<E>[]
    : T extends object
      ? { readonly [K in keyof T]?: PartialMessage<T[K]> | undefined }
      : T

/** The types of a service of protobuf-es, given what its library decodes: the union of all its messages. */
export type EsTypes<D extends EsService, Message> = string extends
  | keyof D['method']
  | TypeName<Message>
  ? Record<string, UntypedMethod>
  : {
      [K in keyof D['method'] & string as LowerCamel<K>]: PartialTypes<
        KindOfEs<D['method'][K]['methodKind']>,
        OfType<Message, D['method'][K]['input']['typeName']>,
        OfType<Message, D['method'][K]['output']['typeName']>
      >
    }

type TypeName<Message> = Message extends { readonly $typeName: infer Name } ? Name : string

type KindOfEs<K extends EsKind> = K extends 'unary'
  ? 'unary'
  : K extends 'server_streaming'
    ? 'server'
    : K extends 'client_streaming'
      ? 'client'
      : 'bidi'

type OfType<Message, Name> = Extract<Message, { readonly $typeName: Name }>

/**
 * The types of a service from its grpc-js handlers, as proto-loader-gen-types (`EchoServiceHandlers`), ts-proto
 * (`EchoServiceServer`) and protobuf-ts (`IEchoService`) write them: `fromDefinition<HandlerTypes<IEchoService>>(definition)`.
 */
export type HandlerTypes<H> = {
  [K in Named<H> & string as LowerCamel<K>]: HandlerMethod<H[K & keyof H]>
}

type HandlerMethod<F> = F extends (call: infer Call, ...rest: infer Rest) => unknown
  ? Rest extends readonly [infer Callback]
    ? Call extends { request: infer Req }
      ? MethodTypes<'unary', Known<Req>, Answer<Callback>>
      : Call extends { read(size?: number): infer Req }
        ? MethodTypes<'client', Known<Req>, Answer<Callback>>
        : UntypedMethod
    : Call extends { request: infer Req; write(chunk: infer Res, ...more: never): unknown }
      ? MethodTypes<'server', Known<Req>, Known<Res>>
      : Call extends {
            read(size?: number): infer Req
            write(chunk: infer Res, ...more: never): unknown
          }
        ? MethodTypes<'bidi', Known<Req>, Known<Res>>
        : UntypedMethod
  : UntypedMethod

type Answer<Callback> = Callback extends (
  error: never,
  value?: infer Res,
  ...rest: never
) => unknown
  ? Known<NonNullable<Res>>
  : unknown

/**
 * The types of a service from the client protobuf-ts generates (`IEchoServiceClient`):
 * `fromDefinition<ClientTypes<IEchoServiceClient>>(EchoService)`.
 */
export type ClientTypes<C> = {
  [K in Named<C> & string as LowerCamel<K>]: C[K & keyof C] extends (...args: never) => infer Call
    ? ClientMethod<Call>
    : UntypedMethod
}

type ClientMethod<Call> = Call extends { requests: { send(message: infer Req): unknown } }
  ? Call extends { responses: AsyncIterable<infer Res> }
    ? PartialTypes<'bidi', Req, Res>
    : Call extends { response: Promise<infer Res> }
      ? PartialTypes<'client', Req, Res>
      : UntypedMethod
  : Call extends { request: infer Req; responses: AsyncIterable<infer Res> }
    ? PartialTypes<'server', Req, Res>
    : Call extends { request: infer Req; response: Promise<infer Res> }
      ? PartialTypes<'unary', Req, Res>
      : UntypedMethod

type PartialTypes<K extends CallKind, Req, Res> = MethodTypes<
  K,
  Req,
  Res,
  PartialMessage<Req>,
  PartialMessage<Res>
>
