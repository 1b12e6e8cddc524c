// Compiled, never run: the types that `fromDefinition` reads off each generator's own. `Equal` is exact, and no `any`
// passes it.

import * as protobuf from '@bufbuild/protobuf'
import * as grpc from '@grpc/grpc-js'
import { loadSync, type ServiceDefinition } from '@grpc/proto-loader'
import protobufjs from 'protobufjs'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { type BoundClient, type ClientTypes, createClient, createServer, fromDefinition, type Handlers, type HandlerTypes, type ResponseStream, type Service } from '../../src/micro/index.js'
import { EchoService as EsEchoService } from './.cache/out/protobuf-es/echo_pb.js'
import type { SayRequest as EsRequest, SayResponse as EsResponse } from './.cache/out/protobuf-es/echo_pb.js'
import type { EchoServiceHandlers } from './.cache/out/proto-loader/demo/echo/v1/EchoService.js'
import type { SayRequest__Output as LoadedRequest } from './.cache/out/proto-loader/demo/echo/v1/SayRequest.js'
import type { SayResponse as LoadedResponse } from './.cache/out/proto-loader/demo/echo/v1/SayResponse.js'
import type { IEchoServiceClient } from './.cache/out/protobuf-ts/echo.client.js'
import type { IEchoService } from './.cache/out/protobuf-ts/echo.grpc-server.js'
import { echoServiceDefinition } from './.cache/out/protobuf-ts/echo.grpc-server.js'
import type { SayRequest as PtRequest, SayResponse as PtResponse } from './.cache/out/protobuf-ts/echo.js'
import { EchoService as PtEchoService } from './.cache/out/protobuf-ts/echo.js'
import type { SayRequest as GenericRequest, SayResponse as GenericResponse } from './.cache/out/ts-proto-generic/echo.js'
import { EchoServiceDefinition } from './.cache/out/ts-proto-generic/echo.js'
import type { EchoServiceServer, SayRequest as TsRequest, SayResponse as TsResponse } from './.cache/out/ts-proto-grpc-js/echo.js'
import { EchoServiceDefinition as NiceDefinition } from './.cache/out/ts-proto-nice-grpc/echo.js'
import type { SayRequest as NiceRequest, SayResponse as NiceResponse } from './.cache/out/ts-proto-nice-grpc/echo.js'
import { EchoServiceService } from './.cache/out/ts-proto-grpc-js/echo.js'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false

/** Fails to compile unless `Truth` is true. */
export type Check<Truth extends true> = Truth

type ClientOf<V> = V extends Service<infer S> ? BoundClient<S> : never
type Result<F> = F extends (...args: never) => infer R ? R : never
type HandlerRequest<V, K extends string> = V extends Service<infer S> ? (K extends keyof Handlers<S> ? First<Handlers<S>[K]> : never) : never
type First<F> = F extends (first: infer A, ...rest: never) => unknown ? A : never

// ts-proto, grpc-js: kinds are literals in the types.
const tsProto = fromDefinition(EchoServiceService)
type TsClient = ClientOf<typeof tsProto>
export type TsChecks = [
  Check<Equal<keyof TsClient, 'say' | 'down' | 'up' | 'chat' | 'getThing'>>,
  Check<Equal<Result<TsClient['say']>, Promise<TsResponse>>>,
  Check<Equal<First<TsClient['say']>, TsRequest>>,
  Check<Equal<Result<TsClient['down']>, ResponseStream<TsResponse>>>,
  Check<Equal<Result<TsClient['up']>, Promise<TsResponse>>>,
  Check<Equal<Result<TsClient['chat']>, ResponseStream<TsResponse>>>,
]

// ts-proto, generic definitions.
const generic = fromDefinition(EchoServiceDefinition)
type GenericClient = ClientOf<typeof generic>
export type GenericChecks = [
  Check<Equal<keyof GenericClient, 'say' | 'down' | 'up' | 'chat' | 'getThing'>>,
  Check<Equal<Result<GenericClient['say']>, Promise<GenericResponse>>>,
  Check<Equal<Result<GenericClient['down']>, ResponseStream<GenericResponse>>>,
  Check<Equal<Result<GenericClient['up']>, Promise<GenericResponse>>>,
  Check<Equal<Result<GenericClient['chat']>, ResponseStream<GenericResponse>>>,
]

// ts-proto, nice-grpc: what nice-grpc's own clients and servers are made of.
const nice = fromDefinition(NiceDefinition)
type NiceClient = ClientOf<typeof nice>
export type NiceChecks = [
  Check<Equal<keyof NiceClient, 'say' | 'down' | 'up' | 'chat' | 'getThing'>>,
  Check<Equal<HandlerRequest<typeof nice, 'say'>, NiceRequest>>,
  Check<Equal<Result<NiceClient['say']>, Promise<NiceResponse>>>,
  Check<Equal<Result<NiceClient['down']>, ResponseStream<NiceResponse>>>,
  Check<Equal<Result<NiceClient['up']>, Promise<NiceResponse>>>,
  Check<Equal<Result<NiceClient['chat']>, ResponseStream<NiceResponse>>>,
]

// proto-loader: typed by proto-loader-gen-types.
const definition = loadSync('echo.proto')['demo.echo.v1.EchoService'] as ServiceDefinition
const loaded = fromDefinition<HandlerTypes<EchoServiceHandlers>>(definition)
type LoadedClient = ClientOf<typeof loaded>
export type LoadedChecks = [
  Check<Equal<keyof LoadedClient, 'say' | 'down' | 'up' | 'chat' | 'getThing'>>,
  Check<Equal<HandlerRequest<typeof loaded, 'say'>, LoadedRequest>>,
  Check<Equal<Result<LoadedClient['say']>, Promise<LoadedResponse>>>,
  Check<Equal<Result<LoadedClient['down']>, ResponseStream<LoadedResponse>>>,
  Check<Equal<Result<LoadedClient['up']>, Promise<LoadedResponse>>>,
  Check<Equal<Result<LoadedClient['chat']>, ResponseStream<LoadedResponse>>>,
]

// What tells no types at all gives unknown, never any.
const fromLoader = fromDefinition(definition)
const fromClass = fromDefinition(grpc.makeGenericClientConstructor(definition as grpc.ServiceDefinition, 'Echo'))
const fromReflection = fromDefinition(protobufjs.loadSync('echo.proto').lookupService('EchoService'))
type Unknown = Promise<unknown> & ResponseStream<unknown>
type OfClient<V> = Result<ClientOf<V>[keyof ClientOf<V>]>
export type UnknownChecks = [
  Check<Equal<OfClient<typeof fromLoader>, Unknown>>,
  Check<Equal<OfClient<typeof fromClass>, Unknown>>,
  Check<Equal<OfClient<typeof fromReflection>, Unknown>>,
]

// protobuf-es.
const es = fromDefinition(EsEchoService, { create, toBinary, fromBinary })
/** Of a whole module TypeScript infers no messages: the methods are there, without types. */
export const untyped: Service = fromDefinition(EsEchoService, protobuf)
type EsClient = ClientOf<typeof es>
export type EsChecks = [
  Check<Equal<keyof EsClient, 'say' | 'down' | 'up' | 'chat' | 'getThing'>>,
  Check<Equal<Result<EsClient['say']>, Promise<EsResponse>>>,
  Check<Equal<Result<EsClient['down']>, ResponseStream<EsResponse>>>,
  Check<Equal<Result<EsClient['up']>, Promise<EsResponse>>>,
  Check<Equal<Result<EsClient['chat']>, ResponseStream<EsResponse>>>,
]

// protobuf-ts: its ServiceType tells no types; its generated interfaces do.
const byClient = fromDefinition<ClientTypes<IEchoServiceClient>>(PtEchoService)
const byHandlers = fromDefinition<HandlerTypes<IEchoService>>(echoServiceDefinition)
type PtClient = ClientOf<typeof byClient>
type PtHandlersClient = ClientOf<typeof byHandlers>
export type PtChecks = [
  Check<Equal<keyof PtClient, 'say' | 'down' | 'up' | 'chat' | 'getThing'>>,
  Check<Equal<Result<PtClient['say']>, Promise<PtResponse>>>,
  Check<Equal<Result<PtClient['down']>, ResponseStream<PtResponse>>>,
  Check<Equal<Result<PtClient['up']>, Promise<PtResponse>>>,
  Check<Equal<Result<PtClient['chat']>, ResponseStream<PtResponse>>>,
  Check<Equal<First<PtHandlersClient['say']>, PtRequest>>,
  Check<Equal<Result<PtHandlersClient['say']>, Promise<PtResponse>>>,
  Check<Equal<Result<PtHandlersClient['down']>, ResponseStream<PtResponse>>>,
  Check<Equal<Result<PtHandlersClient['up']>, Promise<PtResponse>>>,
  Check<Equal<Result<PtHandlersClient['chat']>, ResponseStream<PtResponse>>>,
]

// ts-proto's handler interface gives the same types as its definition.
export type ServerChecks = [
  Check<Equal<HandlerTypes<EchoServiceServer>['say']['request'], TsRequest>>,
  Check<Equal<HandlerTypes<EchoServiceServer>['chat']['kind'], 'bidi'>>,
  Check<Equal<HandlerTypes<EchoServiceServer>['up']['response'], TsResponse>>,
]

// In use: partial messages where the generator knows them, and handlers with their types.
export async function use(): Promise<void> {
  const client = createClient({ address: 'localhost:1' })
  const response: EsResponse = await client.bind(es).say({ text: 'x', inner: { depth: 1 } })
  const other: GenericResponse = await client.bind(generic).say({ text: response.text })
  // @ts-expect-error no such field
  await client.bind(es).say({ txet: 'x' })
  // @ts-expect-error no such field
  await client.bind(generic).say({ txet: other.text })
  // @ts-expect-error ts-proto for grpc-js encodes whole messages only
  await client.bind(tsProto).say({ text: 'x' })
  createServer({ name: 'echo' }).handle(es, {
    say: request => ({ text: request.text, count: request.count }),
    async *down(request: EsRequest) {
      yield { words: request.words }
    },
    async up(requests) {
      let count = 0n
      for await (const request of requests) count += request.count
      return { count }
    },
    async *chat(requests: AsyncIterable<EsRequest>) {
      for await (const { text } of requests) yield { text }
    },
    getThing: () => ({}),
  })
  createServer({ name: 'echo' }).handle(generic, {
    say: (request: GenericRequest) => ({ text: request.text }),
    down: request => [{ text: request.text }],
    up: () => ({}),
    chat: () => [],
    // @ts-expect-error text is a string
    getThing: () => ({ text: 1 }),
  })
}
