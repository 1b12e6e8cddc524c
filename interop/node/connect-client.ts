/**
 * The client of the connect conformance suite: reads calls from standard input, makes them, and
 * tells on standard output how they went, in any order.
 */
import { setTimeout as delay } from 'node:timers/promises'
import {
  type BoundClient,
  type CallOptions,
  createClient,
  type GrpcError,
  Metadata,
} from '../../src/index.js'
import {
  type Any,
  addHeaders,
  type ConformanceService,
  errorTo,
  type Header,
  headersOf,
  loadConformanceService,
  loadMessages,
  type Request,
  type Response,
  readMessages,
  writeMessage,
} from './connect-protocol.js'

interface Cancel {
  readonly beforeCloseSend?: object | null
  readonly afterCloseSendMs?: number
  readonly afterNumResponses?: number
}

interface ClientCompatRequest {
  readonly testName: string
  readonly codec: number
  readonly compression: number
  readonly host: string
  readonly port: number
  readonly serverTlsCert: Buffer
  readonly clientTlsCreds: { readonly cert: Buffer; readonly key: Buffer } | null
  readonly messageReceiveLimit: number
  readonly method: string
  readonly streamType: number
  readonly requestHeaders: readonly Header[]
  readonly requestMessages: readonly Any[]
  readonly timeoutMs?: number
  readonly requestDelayMs: number
  readonly cancel: Cancel | null
}

const CODEC_JSON = 2
const COMPRESSION_GZIP = 2
const FULL_DUPLEX = 5

const typeOf = await loadMessages()
const service = await loadConformanceService()
const requestType = typeOf('ClientCompatRequest')
const responseType = typeOf('ClientCompatResponse')
const statusType = typeOf('Status')

/** What is collected while a call runs. */
class Outcome {
  headers: Metadata | undefined
  trailers: Metadata | undefined
  readonly payloads: object[] = []
  error: object | undefined

  fail(error: unknown): void {
    this.error ??= errorTo(error, statusType)
    // A call that failed brought its trailers along with the error.
    if (this.trailers === undefined) this.trailers = (error as Partial<GrpcError>).metadata
  }

  get result(): object {
    return {
      responseHeaders: headersOf(this.headers),
      responseTrailers: headersOf(this.trailers),
      payloads: this.payloads,
      ...(this.error === undefined ? {} : { error: this.error }),
    }
  }
}

async function call(request: ClientCompatRequest): Promise<object> {
  const { host, port, serverTlsCert, clientTlsCreds, messageReceiveLimit: limit } = request
  const identity = clientTlsCreds ? { cert: clientTlsCreds.cert, key: clientTlsCreds.key } : {}
  const client = createClient({
    address: `${host}:${port}`,
    compression: request.compression === COMPRESSION_GZIP ? 'gzip' : 'identity',
    ...(serverTlsCert.length > 0 ? { tls: { ca: serverTlsCert, ...identity } } : {}),
    ...(limit > 0 ? { messageSizeMax: limit } : {}),
  })
  const outcome = new Outcome()
  const abort = new AbortController()
  const metadata = new Metadata()
  addHeaders(metadata, request.requestHeaders)
  const options: CallOptions = {
    metadata,
    signal: abort.signal,
    timeoutMs: request.timeoutMs ?? Number.POSITIVE_INFINITY,
    ...(request.codec === CODEC_JSON ? { contentType: 'application/grpc+json' } : {}),
    onHeaders: headers => {
      outcome.headers = headers
    },
    onTrailers: trailers => {
      outcome.trailers = trailers
    },
  }
  const cancel = () => abort.abort()
  try {
    await run(client.bind(service), request, options, outcome, cancel)
  } catch (error) {
    outcome.fail(error)
  } finally {
    await client.close()
  }
  return outcome.result
}

type ConformanceCalls = BoundClient<ConformanceService>

async function run(
  calls: ConformanceCalls,
  request: ClientCompatRequest,
  options: CallOptions,
  outcome: Outcome,
  cancel: () => void,
): Promise<void> {
  const name = `${request.method.charAt(0).toLowerCase()}${request.method.slice(1)}`
  const method = service.methods.find(candidate => candidate.name === name)!
  const messages = request.requestMessages.map(({ value }) => {
    const bytes = Buffer.from(value)
    return method.request.get('proto')!.decode(bytes, 0, bytes.length) as Request
  })
  const keep = (response: Response) => void outcome.payloads.push(response.payload ?? {})
  switch (request.method) {
    case 'ServerStream': {
      const responses = calls.serverStream(messages[0]!, options)
      cancelLater(request, cancel)
      return await collect(responses, request, outcome, cancel)
    }
    case 'ClientStream':
      return keep(await calls.clientStream(paced(messages, request, cancel), options))
    case 'BidiStream':
      return await bidi(calls, messages, request, options, outcome, cancel)
    case 'Unary':
    case 'IdempotentUnary':
    case 'Unimplemented': {
      const unary = name as 'unary' | 'idempotentUnary' | 'unimplemented'
      const reply = calls[unary](messages[0]!, options)
      cancelLater(request, cancel)
      return keep(await reply)
    }
    default:
      throw new Error(`no method ${request.method}`)
  }
}

/**
 * The messages with the pauses between them; `sent` is waited for after each. A cancellation comes
 * where the sending ends.
 */
async function* paced(
  messages: readonly Request[],
  request: ClientCompatRequest,
  cancel: () => void,
  sent: () => Promise<void> | undefined = () => undefined,
): AsyncGenerator<Request> {
  for (const message of messages) {
    if (request.requestDelayMs > 0) await delay(request.requestDelayMs)
    yield message
    await sent()
  }
  if (request.cancel?.beforeCloseSend) cancel()
  else cancelLater(request, cancel)
}

function cancelLater({ cancel }: ClientCompatRequest, run: () => void): void {
  if (cancel?.afterCloseSendMs !== undefined) setTimeout(run, cancel.afterCloseSendMs)
}

async function collect(
  responses: AsyncIterable<Response>,
  request: ClientCompatRequest,
  outcome: Outcome,
  cancel: () => void,
  onResponse: () => void = () => {},
): Promise<void> {
  for await (const { payload } of responses) {
    outcome.payloads.push(payload ?? {})
    if (outcome.payloads.length === request.cancel?.afterNumResponses) cancel()
    onResponse()
  }
}

/** Full duplex: the next request goes when the response to the last one is there. */
async function bidi(
  calls: ConformanceCalls,
  messages: readonly Request[],
  request: ClientCompatRequest,
  options: CallOptions,
  outcome: Outcome,
  cancel: () => void,
): Promise<void> {
  let turn: PromiseWithResolve | undefined
  const duplex = request.streamType === FULL_DUPLEX
  const sent = () => {
    if (!duplex) return undefined
    turn ??= withResolve()
    return turn.promise.then(() => {
      turn = undefined
    })
  }
  const responses = calls.bidiStream(paced(messages, request, cancel, sent), options)
  await collect(responses, request, outcome, cancel, () => {
    turn ??= withResolve()
    turn.resolve()
  })
}

interface PromiseWithResolve {
  readonly promise: Promise<void>
  resolve(): void
}

function withResolve(): PromiseWithResolve {
  let resolve = () => {}
  const promise = new Promise<void>(done => {
    resolve = done
  })
  return { promise, resolve }
}

/** Calls at once. With all of them at once, two cores would miss the suite's deadlines. */
const PARALLEL_MAX = 4

const running = new Set<Promise<void>>()
for await (const bytes of readMessages()) {
  const request = requestType.toObject(requestType.decode(bytes), {
    defaults: true,
    oneofs: true,
  }) as ClientCompatRequest
  const call = answer(request).finally(() => running.delete(call))
  running.add(call)
  if (running.size >= PARALLEL_MAX) await Promise.race(running)
}
await Promise.all(running)
process.exit(0)

async function answer(request: ClientCompatRequest): Promise<void> {
  const { testName } = request
  let outcome: object
  try {
    outcome = { response: await call(request) }
  } catch (error) {
    outcome = { error: { message: error instanceof Error ? (error.stack ?? '') : String(error) } }
  }
  const message = responseType.fromObject({ testName, ...outcome })
  writeMessage(responseType.encode(message).finish())
}
