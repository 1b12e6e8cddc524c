import { callLimits, GrpcError, headerLimits, receiveLimits, Status } from '../../grpc/index.js'
import {
  type CallTransport,
  grpcTransport,
  type Runtime,
  runCompressions,
  type Transport,
} from '../../transport/index.js'
import type { CallOptions } from '../call/call-options.js'
import { metadataOf } from '../call/metadata-init.js'
import type { Middleware } from '../call/middleware.js'
import type { Preparations } from '../call/preparations.js'
import { CLIENT_ID } from '../errors/client-ids.js'
import { MicroError } from '../errors/micro-error.js'
import { MUCP_CONTENT_TYPE, mucpContentType } from '../mucp/content-type.js'
import type { Protocol } from '../protocol.js'
import type { Service, ServiceMethod } from '../service/service.js'
import { ClientRetries } from './calls/client-retries.js'
import type { ClientOptions } from './client-options.js'
import { Publisher } from './client-publish.js'
import { MucpClient } from './mucp/client.js'
import { GrpcClient, GrpcMethod } from './native/client.js'

/** A method of a service as this client calls it. */
export interface BoundMethod {
  readonly method: ServiceMethod
  /** The service's own name, and what `Micro-Service` says. */
  readonly name: string
  readonly service: string
  readonly grpc: GrpcMethod | undefined
}

export function boundMethod(
  options: ClientOptions,
  client: GrpcClient | undefined,
  { name }: Service<unknown>,
  method: ServiceMethod,
): BoundMethod {
  const grpc = client === undefined ? undefined : new GrpcMethod(client, method)
  return { method, name, service: options.service ?? name, grpc }
}

const USER_AGENT = 'grpc-node-microwire/0.1.0'

/** The transport of a client that was given none. */
export function defaultTransport(options: ClientOptions): CallTransport {
  const { tls, memory, messageSizeMax, neverIndexed, runtime } = options
  const limits = headerLimits(options.limits, options.calls?.limits).connection
  return grpcTransport({
    session: sessionOptions(options),
    ...(tls === undefined ? {} : { clientTls: tls }),
    ...(limits === undefined ? {} : { limits }),
    ...(neverIndexed === undefined ? {} : { neverIndexed }),
    ...(memory === undefined ? {} : { memory }),
    ...(messageSizeMax === undefined ? {} : { messageSizeMax }),
    ...(runtime === undefined ? {} : { runtime }),
  })
}

function sessionOptions(
  options: ClientOptions,
): NonNullable<Parameters<typeof grpcTransport>[0]>['session'] & object {
  const { keepaliveIntervalMs, keepaliveTimeoutMs, backOff } = options
  const { connectTimeoutMs, keepProcessAlive, proxy } = options
  return {
    ...(keepaliveIntervalMs === undefined ? {} : { keepaliveIntervalMs }),
    ...(keepaliveTimeoutMs === undefined ? {} : { keepaliveTimeoutMs }),
    ...(connectTimeoutMs === undefined ? {} : { connectTimeoutMs }),
    ...(keepProcessAlive === undefined ? {} : { keepProcessAlive }),
    ...(proxy === undefined ? {} : { proxy }),
    ...(backOff === undefined ? {} : { backOff }),
  }
}

/** The client's half of the micro RPC protocol. */
export function mucpClient(
  options: ClientOptions,
  transport: Transport,
  runtime: Runtime,
): MucpClient {
  return new MucpClient({
    transport,
    runtime,
    timeoutMs: options.timeoutMs ?? 30_000,
    connectionTimeoutMs: options.connectionTimeoutMs ?? 5_000,
    dialTimeoutMs: options.dialTimeoutMs ?? 5_000,
    retries: options.retries ?? 5,
    endGraceMs: options.endGraceMs ?? 5_000,
    pool: options.pool ?? {},
  })
}

/** How a client that has a broker publishes. */
export function publisherOf(
  { broker, timeoutMs = 30_000 }: ClientOptions,
  runtime: Runtime,
  preparations: Preparations,
  middleware: readonly Middleware[],
): Publisher | undefined {
  if (broker === undefined) return undefined
  return new Publisher({ broker, runtime, preparations, timeoutMs, middleware })
}

/** The client's native half. */
export function grpcClient(
  options: ClientOptions,
  transport: CallTransport,
  runtime: Runtime,
): GrpcClient {
  const { userAgent } = options
  const messageSizeMax = options.messageSizeMax ?? transport.messageSizeMax
  const { receiveBufferMax } = transport
  if (receiveBufferMax !== undefined && messageSizeMax !== undefined) {
    receiveLimits({ receiveBufferMax }, messageSizeMax)
  }
  const { metadataSizeMax } = transport
  return new GrpcClient({
    transport,
    runtime,
    authority: options.authority,
    userAgent: userAgent === undefined ? USER_AGENT : `${userAgent} ${USER_AGENT}`,
    timeoutMs: options.timeoutMs ?? Number.POSITIVE_INFINITY,
    retries: new ClientRetries(options, runtime),
    compression: options.compression,
    compressions: runCompressions(runtime, options.compressions),
    limits: callLimits({
      ...(messageSizeMax === undefined ? {} : { messageSizeMax }),
      ...(metadataSizeMax === undefined ? {} : { metadataSizeMax }),
      ...options.calls?.limits,
    }),
  })
}

/** Whether what a client sends is encrypted, as far as its transport says. */
export function isEncrypted(transport: Transport): boolean {
  return 'encrypted' in transport && transport.encrypted === true
}

/** The options of a call that waits for a connection where its method's config says so. */
export function patient(options: CallOptions, method: GrpcMethod | undefined): CallOptions {
  const waits = options.waitForReady === undefined && method?.rules.waitForReady === true
  return waits ? { ...options, waitForReady: true } : options
}

/** What a stream ends with that is cancelled without a reason. */
export function cancelled(protocol: Protocol | undefined): Error {
  const text = 'the call was cancelled'
  return protocol === 'grpc'
    ? new GrpcError(Status.Cancelled, text)
    : new MicroError(499, text, { id: CLIENT_ID })
}

const GRPC_PROTO = 'application/grpc+proto'

/** The client's content type, else the best that the method has codecs for. */
export function contentTypeOf(
  { contentType }: ClientOptions,
  method: ServiceMethod,
  protocol: Protocol,
): string {
  if (contentType !== undefined) return contentType
  if (protocol === 'mucp' && hasCodecs(method, 'json')) return MUCP_CONTENT_TYPE
  // For each call: nothing is made for what most of them have.
  if (hasCodecs(method, 'proto')) return protocol === 'grpc' ? GRPC_PROTO : mucpContentType('proto')
  // One is there: a service without was refused.
  const subtype = [...method.request.keys()].find(each => hasCodecs(method, each))!
  return protocol === 'grpc' ? `application/grpc+${subtype}` : mucpContentType(subtype)
}

/** Whether a method can be called with the content type's codecs. */
function hasCodecs(method: ServiceMethod, subtype: string): boolean {
  return method.request.has(subtype) && method.response.has(subtype)
}

/** A stream would tell only whoever reads it. @throws TypeError for metadata that cannot be sent */
export function checkMetadata({ metadata }: CallOptions): void {
  if (metadata !== undefined) metadataOf(metadata)
}
