/**
 * The server of the connect conformance suite: reads what it should be from standard input, says
 * where it listens on standard output, and serves until it is told to end.
 */
import { setTimeout as delay } from 'node:timers/promises'
import {
  type Context,
  createServer,
  GrpcError,
  type Handlers,
  type Service,
  Status,
} from '../../src/index.js'
import { grpcTransport } from '../../src/transport/index.js'
import {
  type Any,
  addHeaders,
  type ConformanceService,
  errorFrom,
  headersOf,
  loadConformanceService,
  loadMessages,
  type Request,
  type Response,
  type ResponseDefinition,
  readMessages,
  writeMessage,
} from './connect-protocol.js'

interface ServerCompatRequest {
  readonly useTls: boolean
  readonly clientTlsCert: Buffer
  readonly messageReceiveLimit: number
  readonly serverCreds?: { readonly cert: Buffer; readonly key: Buffer }
}

const TYPE_URL = 'type.googleapis.com/connectrpc.conformance.v1.'

const typeOf = await loadMessages()
const service = await loadConformanceService()
const statusType = typeOf('Status')
const infoType = typeOf('ConformancePayload.RequestInfo')

/** What the caller sent, as the payload tells it back. */
function requestInfo(context: Context, requests: readonly Any[]): object {
  const timeout = context.deadline - performance.now()
  return {
    requestHeaders: headersOf(context.metadata),
    requests,
    ...(Number.isFinite(timeout) ? { timeoutMs: Math.max(0, Math.floor(timeout)) } : {}),
  }
}

/** A request as an Any, encoded anew. */
function anyOf(method: keyof ConformanceService, request: Request): Any {
  const codecs = methodOf(service, method).request
  const name = `${method.charAt(0).toUpperCase()}${method.slice(1)}Request`
  return { type_url: TYPE_URL + name, value: codecs.get('proto')!.encode(request) }
}

function methodOf({ methods }: Service<ConformanceService>, name: string) {
  return methods.find(method => method.name === name)!
}

function failure(definition: ResponseDefinition, info: object | undefined): GrpcError {
  const details = [...(definition.error?.details ?? [])]
  if (info !== undefined) {
    const value = infoType.encode(infoType.fromObject(info)).finish()
    details.push({ type_url: `${TYPE_URL}ConformancePayload.RequestInfo`, value })
  }
  return errorFrom(definition.error!, details, definition.responseTrailers, statusType)
}

function announce(definition: ResponseDefinition, context: Context): void {
  addHeaders(context.headers, definition.responseHeaders)
  if (!definition.error) addHeaders(context.trailers, definition.responseTrailers)
}

/** One response, or the error asked for. */
async function single(
  definition: ResponseDefinition | null | undefined,
  context: Context,
  requests: readonly Any[],
): Promise<Response> {
  const info = requestInfo(context, requests)
  if (!definition) return { payload: { requestInfo: info } }
  announce(definition, context)
  if (definition.responseDelayMs > 0) await delay(definition.responseDelayMs)
  if (definition.error) throw failure(definition, info)
  return { payload: { data: definition.responseData, requestInfo: info } }
}

/** All responses from number `from` on, then the error if there is one. */
async function* remaining(
  definition: ResponseDefinition,
  context: Context,
  requests: readonly Any[],
  from: number,
): AsyncGenerator<Response> {
  const data = (definition.responseData ?? []) as readonly Buffer[]
  for (let index = from; index < data.length; index++) {
    if (definition.responseDelayMs > 0) await delay(definition.responseDelayMs)
    const info = index === 0 ? { requestInfo: requestInfo(context, requests) } : {}
    yield { payload: { data: data[index], ...info } }
  }
  if (definition.error) {
    throw failure(definition, data.length === 0 ? requestInfo(context, requests) : undefined)
  }
}

/** Full duplex: a response for each request, and what is left at the end. Half duplex: all at the end. */
async function* bidi(incoming: AsyncIterable<Request>, context: Context): AsyncGenerator<Response> {
  let opening: Request | undefined
  let requests: Any[] = []
  let sent = 0
  for await (const request of incoming) {
    requests.push(anyOf('bidiStream', request))
    if (opening === undefined && request.responseDefinition) {
      announce(request.responseDefinition, context)
    }
    opening ??= request
    if (opening.fullDuplex !== true) continue
    const definition = opening.responseDefinition
    const data = (definition?.responseData ?? []) as readonly Buffer[]
    if (!definition || sent >= data.length) break
    if (definition.responseDelayMs > 0) await delay(definition.responseDelayMs)
    const info = sent === 0 ? requestInfo(context, requests) : { requests }
    yield { payload: { data: data[sent++], requestInfo: info } }
    requests = []
  }
  const definition = opening?.responseDefinition
  if (definition) yield* remaining(definition, context, requests, sent)
}

const handlers: Handlers<ConformanceService> = {
  unary: (request, context) =>
    single(request.responseDefinition, context, [anyOf('unary', request)]),
  idempotentUnary: (request, context) =>
    single(request.responseDefinition, context, [anyOf('idempotentUnary', request)]),
  unimplemented: () => {
    throw new GrpcError(Status.Unimplemented, 'unimplemented on purpose')
  },
  serverStream: async function* (request, context) {
    const definition = request.responseDefinition
    if (!definition) return
    announce(definition, context)
    yield* remaining(definition, context, [anyOf('serverStream', request)], 0)
  },
  clientStream: async (incoming, context) => {
    let definition: ResponseDefinition | null | undefined
    const requests: Any[] = []
    for await (const request of incoming) {
      if (requests.length === 0) definition = request.responseDefinition
      requests.push(anyOf('clientStream', request))
    }
    return single(definition, context, requests)
  },
  bidiStream: bidi,
}

const compat = typeOf('ServerCompatRequest')
for await (const bytes of readMessages()) {
  const request = compat.toObject(compat.decode(bytes), {
    defaults: true,
  }) as ServerCompatRequest
  await serve(request)
  break
}

async function serve(request: ServerCompatRequest): Promise<void> {
  const { useTls, serverCreds, clientTlsCert, messageReceiveLimit: limit } = request
  const tls = { cert: serverCreds?.cert, key: serverCreds?.key }
  const mutual = { ca: clientTlsCert, requestCert: true, rejectUnauthorized: true }
  const server = createServer({
    name: 'conformance',
    address: '127.0.0.1:0',
    transport: grpcTransport({
      ...(useTls ? { serverTls: clientTlsCert.length > 0 ? { ...tls, ...mutual } : tls } : {}),
      ...(limit > 0 ? { messageSizeMax: limit } : {}),
      calls: { compression: 'gzip' },
    }),
  })
  server.handle(service, handlers)
  await server.start()
  process.once('SIGTERM', () => process.exit(0))
  const [host, port] = server.address.split(':')
  const type = typeOf('ServerCompatResponse')
  const pemCert = serverCreds?.cert ?? Buffer.alloc(0)
  const answer = { host, port: Number(port), ...(useTls ? { pemCert } : {}) }
  writeMessage(type.encode(type.fromObject(answer)).finish())
}
