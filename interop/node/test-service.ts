import { setTimeout as delay } from 'node:timers/promises'
import {
  type Context,
  GrpcError,
  type Handlers,
  loadService,
  type MethodTypes,
  type Service,
  type Status,
} from '../../src/index.js'

export interface Payload {
  readonly type: number
  readonly body: Buffer
}

interface EchoStatus {
  readonly code: number
  readonly message: string
}

export interface SimpleRequest {
  readonly responseSize: number
  readonly payload: Payload | null
  readonly responseStatus: EchoStatus | null
}

export interface OutputRequest {
  readonly responseParameters: readonly { readonly size: number; readonly intervalUs: number }[]
  readonly payload: Payload | null
  readonly responseStatus: EchoStatus | null
}

export interface PayloadMessage {
  readonly payload: Payload | null
}

type Empty = Record<never, never>

/** Messages as given for encoding: fields may be left out. */
export type SimpleRequestIn = Partial<SimpleRequest>
export type OutputRequestIn = { -readonly [K in keyof OutputRequest]?: unknown }

/** grpc.testing.TestService. */
export interface TestService {
  emptyCall: MethodTypes<'unary', Empty, Empty>
  unaryCall: MethodTypes<'unary', SimpleRequest, PayloadMessage, SimpleRequestIn>
  streamingOutputCall: MethodTypes<'server', OutputRequest, PayloadMessage, OutputRequestIn>
  streamingInputCall: MethodTypes<'client', PayloadMessage, { aggregatedPayloadSize: number }>
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
    failAsAsked(request.responseStatus)
    return { payload: zeroes(request.responseSize) }
  },
  streamingOutputCall: (request, context) => outputs(request, context),
  streamingInputCall: async requests => {
    let aggregatedPayloadSize = 0
    for await (const { payload } of requests) aggregatedPayloadSize += payload?.body.length ?? 0
    return { aggregatedPayloadSize }
  },
  fullDuplexCall: async function* (requests, context) {
    echoMetadata(context)
    for await (const request of requests) yield* outputs(request, context)
  },
  halfDuplexCall: async function* (requests, context) {
    const all: OutputRequest[] = []
    for await (const request of requests) all.push(request)
    for (const request of all) yield* outputs(request, context)
  },
}

async function* outputs(request: OutputRequest, context: Context): AsyncGenerator<PayloadMessage> {
  failAsAsked(request.responseStatus)
  for (const { size, intervalUs } of request.responseParameters) {
    if (intervalUs > 0) await delay(intervalUs / 1_000, undefined, { signal: context.signal })
    yield { payload: zeroes(size) }
  }
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
