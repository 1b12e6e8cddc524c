import { setTimeout as delay } from 'node:timers/promises'
import {
  type Context,
  GrpcError,
  type Handlers,
  loadService,
  type MethodTypes,
  type Service,
  Status,
} from '../../src/index.js'

export interface Payload {
  readonly type: number
  readonly body: Buffer
}

interface BoolValue {
  readonly value: boolean
}

interface EchoStatus {
  readonly code: number
  readonly message: string
}

export interface SimpleRequest {
  readonly responseSize: number
  readonly payload: Payload | null
  readonly responseStatus: EchoStatus | null
  /** Whether the response is to leave compressed; null: as the server likes. */
  readonly responseCompressed: BoolValue | null
  /** Whether this request came compressed; null: that does not matter. */
  readonly expectCompressed: BoolValue | null
}

interface ResponseParameters {
  readonly size: number
  readonly intervalUs: number
  readonly compressed: BoolValue | null
}

export interface OutputRequest {
  readonly responseParameters: readonly ResponseParameters[]
  readonly payload: Payload | null
  readonly responseStatus: EchoStatus | null
}

export interface PayloadMessage {
  readonly payload: Payload | null
}

export interface InputRequest extends PayloadMessage {
  readonly expectCompressed: BoolValue | null
}

type Empty = Record<never, never>

/** Messages as given for encoding: fields may be left out. */
export type SimpleRequestIn = Partial<SimpleRequest>
export type OutputRequestIn = { -readonly [K in keyof OutputRequest]?: unknown }

/** grpc.testing.TestService. */
export interface TestService {
  emptyCall: MethodTypes<'unary', Empty, Empty>
  unaryCall: MethodTypes<'unary', SimpleRequest, PayloadMessage, SimpleRequestIn>
  cacheableUnaryCall: MethodTypes<'unary', SimpleRequest, PayloadMessage, SimpleRequestIn>
  streamingOutputCall: MethodTypes<'server', OutputRequest, PayloadMessage, OutputRequestIn>
  streamingInputCall: MethodTypes<
    'client',
    InputRequest,
    { aggregatedPayloadSize: number },
    Partial<InputRequest>
  >
  fullDuplexCall: MethodTypes<'bidi', OutputRequest, PayloadMessage, OutputRequestIn>
  halfDuplexCall: MethodTypes<'bidi', OutputRequest, PayloadMessage, OutputRequestIn>
}

export const TESTING_PROTO = 'interop/testing.proto'

export function loadTestService(): Promise<Service<TestService>> {
  return loadService<TestService>(TESTING_PROTO, 'grpc.testing.TestService')
}

/** A payload of zeroes, as the cases want it. */
export function zeroes(size: number): Payload {
  return { type: 0, body: Buffer.alloc(size) }
}

/** The server's side of the interop cases. */
export const testHandlers: Handlers<TestService> = {
  emptyCall: (_request, context) => {
    echoMetadata(context)
    return {}
  },
  unaryCall: (request, context) => {
    echoMetadata(context)
    return unary(request, context)
  },
  cacheableUnaryCall: (request, context) => {
    context.headers.set('cache-control', 'public, max-age=60')
    return unary(request, context)
  },
  streamingOutputCall: (request, context) => {
    // Which compression stands in the headers; whether it is used, in each message.
    context.compression = 'gzip'
    return outputs(request, context)
  },
  streamingInputCall: async (requests, context) => {
    let aggregatedPayloadSize = 0
    for await (const { payload, expectCompressed } of requests) {
      checkCompressed(expectCompressed, context)
      aggregatedPayloadSize += payload?.body.length ?? 0
    }
    return { aggregatedPayloadSize }
  },
  fullDuplexCall: async function* (requests, context) {
    echoMetadata(context)
    context.compression = 'gzip'
    for await (const request of requests) yield* outputs(request, context)
  },
  halfDuplexCall: async function* (requests, context) {
    context.compression = 'gzip'
    const all: OutputRequest[] = []
    for await (const request of requests) all.push(request)
    for (const request of all) yield* outputs(request, context)
  },
}

function unary(request: SimpleRequest, context: Context): PayloadMessage {
  checkCompressed(request.expectCompressed, context)
  failAsAsked(request.responseStatus)
  if (request.responseCompressed?.value === true) context.compression = 'gzip'
  return { payload: zeroes(request.responseSize) }
}

async function* outputs(request: OutputRequest, context: Context): AsyncGenerator<PayloadMessage> {
  failAsAsked(request.responseStatus)
  for (const { size, intervalUs, compressed } of request.responseParameters) {
    context.compressing = compressed?.value === true
    if (intervalUs > 0) await delay(intervalUs / 1_000, undefined, { signal: context.signal })
    yield { payload: zeroes(size) }
  }
}

/** The interop description: a request that is not what it says it is ends with INVALID_ARGUMENT. */
function checkCompressed(expected: BoolValue | null | undefined, { compressed }: Context): void {
  if (expected === null || expected === undefined || expected.value === compressed) return
  const [want, got] = compressed ? ['plain', 'compressed'] : ['compressed', 'plain']
  throw new GrpcError(Status.InvalidArgument, `the request is ${got}; it says that it is ${want}`)
}

function failAsAsked(status: EchoStatus | null): void {
  if (status !== null && status.code !== 0) {
    throw new GrpcError(status.code as Status, status.message)
  }
}

const ECHO_INITIAL = 'x-grpc-test-echo-initial'
const ECHO_TRAILING = 'x-grpc-test-echo-trailing-bin'

function echoMetadata({ metadata, headers, trailers }: Context): void {
  const initial = metadata.get(ECHO_INITIAL)
  if (initial !== undefined) headers.set(ECHO_INITIAL, initial)
  const trailing = metadata.getBinary(ECHO_TRAILING)
  if (trailing !== undefined) trailers.setBinary(ECHO_TRAILING, trailing)
}
