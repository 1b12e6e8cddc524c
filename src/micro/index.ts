export {
  type Balancer,
  type BalancerOutside,
  type Balancing,
  type Candidate,
  type Ended,
  type Endpoint,
  type FailurePercentageOptions,
  leastRequest,
  type Outcome,
  type OutlierDetectionOptions,
  outlierDetection,
  type PeakEwmaOptions,
  peakEwma,
  pickFirst,
  type RandomSubsetOptions,
  type Resolver,
  type ResolverListener,
  type RetryBudgetOptions,
  randomSubset,
  roundRobin,
  type SlowStartOptions,
  type SuccessRateOptions,
  slowStart,
  type WeightedRoundRobinOptions,
  weightedRoundRobin,
  type ZoneFirstOptions,
  zoneFirst,
} from '../channel/index.js'
export {
  type CallTiming,
  type ErrorDetail,
  GrpcError,
  type GrpcErrorOptions,
  Metadata,
  Status,
} from '../grpc/index.js'
export type {
  AdaptiveOptions,
  OverloadOptions,
  OverloadQueueOptions,
  OverloadState,
} from '../overload/index.js'
export type { Int64Form, JsonObject, JsonValue } from '../protobuf/index.js'
export { FieldError } from '../protobuf/index.js'
export type { Certificate, Peer } from '../transport/index.js'
export { MemoryBudget } from '../transport/index.js'
export type {
  Broker,
  BrokerSubscribeOptions,
  BrokerSubscription,
  Delivery,
  DeliveryHandler,
} from './broker.js'
export type { CallOptions, MessageStream, ResponseStream } from './call/call-options.js'
export type { Context, Door } from './call/context.js'
export type { Credentials, CredentialsTarget } from './call/credentials.js'
export type { InheritOptions } from './call/inheritance.js'
export type { MetadataInit } from './call/metadata-init.js'
export type { Middleware, MiddlewareCall, MiddlewareKind } from './call/middleware.js'
export { ownFunction } from './call/own-function.js'
export { Client, createClient } from './client/client.js'
export type { ConnectOptions } from './client/client-connect.js'
export type { ClientOptions } from './client/client-options.js'
export type { PublishOptions } from './client/client-publish.js'
export type { PoolOptions } from './client/mucp/socket-pool.js'
export {
  checkRecord,
  memoryRegistry,
  type RegisterOptions,
  type Registry,
  type RegistryChange,
  type RegistryEndpoint,
  type RegistryListener,
  type RegistryNode,
  type RegistryService,
  type RegistryValue,
  staticRegistry,
} from './discovery/registry.js'
export { randomSelector, roundRobinSelector, type Selector } from './discovery/selector.js'
export { MicroError, type MicroErrorOptions } from './errors/micro-error.js'
export type { Protocol } from './protocol.js'
export type { Event, EventHandler, SubscribeOptions } from './server/handlers/events.js'
export { type AbandonedHandler, HandlerAbandonedError } from './server/handlers/running-handlers.js'
export { type LoadReportsOptions, loadReports } from './server/load-reports.js'
export type { HandleOptions, StopOptions, StopResult } from './server/method-options.js'
export { createServer, Server } from './server/server.js'
export type { ServerOptions } from './server/server-options.js'
export { bytesCodec, type CodecChoice, jsonCodec, type TypedCodec } from './service/codec.js'
export { type FromDefinitionOptions, fromDefinition } from './service/definition-service.js'
export type { ClientTypes, HandlerTypes, PartialMessage } from './service/definition-types.js'
export { type LoadServiceOptions, loadService } from './service/load-service.js'
export {
  type DescriptorSource,
  defineService,
  type MethodDefinition,
  type Service,
  type ServiceMethod,
} from './service/service.js'
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
} from './service/service-types.js'
export { type GenerateTypesOptions, generateTypes } from './types/generate-types.js'
