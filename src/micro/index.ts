export {
  type Balancer,
  type BalancerOutside,
  type Balancing,
  type Candidate,
  type Ended,
  type Endpoint,
  leastRequest,
  type Outcome,
  type PeakEwmaOptions,
  peakEwma,
  pickFirst,
  type Resolver,
  type ResolverListener,
  type RetryBudgetOptions,
  roundRobin,
} from '../channel/index.js'
export {
  type CallTiming,
  type ErrorDetail,
  GrpcError,
  type GrpcErrorOptions,
  Metadata,
  Status,
} from '../grpc/index.js'
export type { Int64Form, JsonObject, JsonValue } from '../protobuf/index.js'
export { FieldError } from '../protobuf/index.js'
export type { Certificate, Peer } from '../transport/index.js'
export { MemoryBudget } from '../transport/index.js'
export type { CallOptions, MessageStream, ResponseStream } from './call-options.js'
export { Client, createClient } from './client.js'
export type { ConnectOptions } from './client-connect.js'
export type { ClientOptions } from './client-options.js'
export { bytesCodec, type CodecChoice, jsonCodec, type TypedCodec } from './codec.js'
export type { Context, Door } from './context.js'
export type { Credentials, CredentialsTarget } from './credentials.js'
export { type FromDefinitionOptions, fromDefinition } from './definition-service.js'
export type { ClientTypes, HandlerTypes, PartialMessage } from './definition-types.js'
export type { Event, EventHandler } from './events.js'
export { type GenerateTypesOptions, generateTypes } from './generate-types.js'
export type { InheritOptions } from './inheritance.js'
export { type LoadServiceOptions, loadService } from './load-service.js'
export type { MetadataInit } from './metadata-init.js'
export { MicroError, type MicroErrorOptions } from './micro-error.js'
export type { Middleware, MiddlewareCall, MiddlewareKind } from './middleware.js'
export { ownFunction } from './own-function.js'
export type { Protocol } from './protocol.js'
export {
  memoryRegistry,
  type RegisterOptions,
  type Registry,
  type RegistryEndpoint,
  type RegistryNode,
  type RegistryService,
  staticRegistry,
} from './registry.js'
export { type AbandonedHandler, HandlerAbandonedError } from './running-handlers.js'
export { randomSelector, roundRobinSelector, type Selector } from './selector.js'
export {
  createServer,
  type HandleOptions,
  Server,
  type StopOptions,
  type StopResult,
} from './server.js'
export type { ServerOptions } from './server-options.js'
export {
  type DescriptorSource,
  defineService,
  type MethodDefinition,
  type Service,
  type ServiceMethod,
} from './service.js'
export type {
  AnyMethod,
  BoundClient,
  ClientFunction,
  Handler,
  Handlers,
  Messages,
  MethodTypes,
  ServiceTypes,
  UntypedMethod,
} from './service-types.js'
export type { PoolOptions } from './socket-pool.js'
