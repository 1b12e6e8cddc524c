import {
  authorityFault,
  callLimits,
  checkCompressions,
  DEFAULT_COMPRESSIONS,
  GrpcError,
  receiveLimits,
  Status,
} from '../grpc/index.js'
import {
  type CallTransport,
  grpcTransport,
  type Runtime,
  runCompressions,
  type Transport,
} from '../transport/index.js'
import { CLIENT_OPTION_NAMES, type ClientOptions } from './client-options.js'
import { contentCodec, grpcSubtype, MUCP_CONTENT_TYPE } from './content-type.js'
import { checkCredentials } from './credentials.js'
import { GrpcClient } from './grpc-client.js'
import { MicroError } from './micro-error.js'
import { MucpClient } from './mucp-client.js'
import { CLIENT_ID } from './mucp-codec.js'
import {
  checkCount,
  checkFieldText,
  checkFlag,
  checkKnown,
  checkKnownWithin,
  checkMethods,
  checkMs,
  checkText,
} from './options.js'
import type { ServiceMethod } from './service.js'
import type { Protocol } from './target.js'

const USER_AGENT = 'grpc-node-microwire/0.1.0'

/** Options that only make sense for the default transport. */
const TRANSPORT_OPTION_NAMES = [
  'tls',
  'limits',
  'neverIndexed',
  'keepaliveIntervalMs',
  'keepaliveTimeoutMs',
  'backOff',
] as const

/** The transport of a client that was given none. */
export function defaultTransport(options: ClientOptions): CallTransport {
  const { tls, limits, messageSizeMax, neverIndexed, runtime } = options
  const { keepaliveIntervalMs, keepaliveTimeoutMs, backOff } = options
  return grpcTransport({
    session: {
      ...(keepaliveIntervalMs === undefined ? {} : { keepaliveIntervalMs }),
      ...(keepaliveTimeoutMs === undefined ? {} : { keepaliveTimeoutMs }),
      ...(backOff === undefined ? {} : { backOff }),
    },
    ...(tls === undefined ? {} : { clientTls: tls }),
    ...(limits === undefined ? {} : { limits }),
    ...(neverIndexed === undefined ? {} : { neverIndexed }),
    ...(messageSizeMax === undefined ? {} : { messageSizeMax }),
    ...(runtime === undefined ? {} : { runtime }),
  })
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
  return new GrpcClient({
    transport,
    runtime,
    authority: options.authority,
    userAgent: userAgent === undefined ? USER_AGENT : `${userAgent} ${USER_AGENT}`,
    timeoutMs: options.timeoutMs ?? Number.POSITIVE_INFINITY,
    retries: options.retries ?? 0,
    compression: options.compression,
    compressions: runCompressions(runtime, options.compressions),
    limits: callLimits(messageSizeMax === undefined ? undefined : { messageSizeMax }),
  })
}

/** @throws TypeError or RangeError naming the option that cannot be used */
export function checkOptions(options: ClientOptions): void {
  checkKnown('createClient', options, CLIENT_OPTION_NAMES)
  const { address, registry, transport, protocol, contentType, retries, pool } = options
  if ((address === undefined) === (registry === undefined)) {
    const got = address === undefined ? 'neither' : 'both'
    throw new TypeError(`createClient needs either address or registry with service, got ${got}`)
  }
  if (address !== undefined) checkText('address', address)
  if (registry !== undefined) checkMethods('registry', registry, ['getService'])
  if (options.selector !== undefined) checkMethods('selector', options.selector, ['select'])
  if (transport !== undefined) {
    checkMethods('transport', transport, ['dial', 'listen'])
    for (const name of TRANSPORT_OPTION_NAMES) {
      if (options[name] === undefined) continue
      throw new TypeError(`${name} belongs to the transport that was given: set it there`)
    }
  }
  checkOneOf('protocol', protocol, ['grpc', 'mucp'])
  const compressions = options.compressions ?? DEFAULT_COMPRESSIONS
  checkCompressions(compressions)
  checkOneOf('compression', options.compression, [...compressions.keys(), 'identity'])
  if (contentType !== undefined && contentCodec(contentType) === undefined) {
    if (grpcSubtype(checkText('contentType', contentType)) === undefined) {
      throw new TypeError(`contentType '${contentType}' is not known`)
    }
  }
  for (const name of ['timeoutMs', 'connectionTimeoutMs', 'dialTimeoutMs', 'endGraceMs'] as const) {
    if (options[name] !== undefined) checkMs(name, options[name])
  }
  // Sent with every call: a connection is given up that is asked to send anything else.
  for (const name of ['authority', 'userAgent'] as const) {
    if (options[name] !== undefined) checkFieldText(name, options[name])
  }
  const fault = authorityFault('authority', options.authority ?? '')
  if (fault !== undefined) throw new TypeError(fault)
  checkFlag('inherit', options.inherit)
  checkCredentialOptions(options)
  if (retries !== undefined) checkCount('retries', retries)
  if (pool !== undefined) checkKnownWithin('pool', pool, ['sizeMax', 'ttlMs'])
  if (pool?.sizeMax !== undefined) checkCount('pool.sizeMax', pool.sizeMax)
  if (pool?.ttlMs !== undefined) checkMs('pool.ttlMs', pool.ttlMs)
}

function checkCredentialOptions(options: ClientOptions): void {
  const { credentials, allowPlaintextCredentials, transport, tls } = options
  checkFlag('allowPlaintextCredentials', allowPlaintextCredentials)
  if (credentials === undefined) return
  checkCredentials(credentials)
  if (transport !== undefined || tls !== undefined || allowPlaintextCredentials === true) return
  throw new TypeError('credentials need tls, or allowPlaintextCredentials: true')
}

function checkOneOf(name: string, value: unknown, known: readonly string[]): void {
  if (value === undefined || known.includes(value as string)) return
  throw new TypeError(`${name} must be ${known.join(' or ')}, got '${String(value)}'`)
}

/** What a stream ends with that is cancelled without a reason. */
export function cancelled(protocol: Protocol | undefined): Error {
  const text = 'the call was cancelled'
  return protocol === 'grpc'
    ? new GrpcError(Status.Cancelled, text)
    : new MicroError(499, text, { id: CLIENT_ID })
}

/** The client's content type, else the best that the method has codecs for. */
export function contentTypeOf(
  { contentType }: ClientOptions,
  method: ServiceMethod,
  protocol: Protocol,
): string {
  if (contentType !== undefined) return contentType
  if (protocol === 'mucp' && hasCodecs(method, 'json')) return MUCP_CONTENT_TYPE
  const subtype = hasCodecs(method, 'proto')
    ? 'proto'
    : [...method.request.keys()].find(each => hasCodecs(method, each))
  if (protocol === 'grpc') return `application/grpc+${subtype}`
  return subtype === 'proto' ? 'application/protobuf' : 'application/octet-stream'
}

/** Whether a method can be called with the content type's codecs. */
function hasCodecs(method: ServiceMethod, subtype: string): boolean {
  return method.request.has(subtype) && method.response.has(subtype)
}
