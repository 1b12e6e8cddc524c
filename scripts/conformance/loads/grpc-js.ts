import { type EventEmitter, once } from 'node:events'
import { readFileSync } from 'node:fs'
import {
  Client,
  type ClientDuplexStream,
  type ClientReadableStream,
  type ClientWritableStream,
  credentials,
  Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceError,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js'
import type { LoadContext, LoadHandlers } from './handlers.js'
import type { LoadCallOptions, LoadClient } from './load.js'
import type { Cell } from './plan.js'
import type { Source } from './source.js'
import { SourceError } from './source.js'

const same = (bytes: Buffer): Buffer => bytes
const SETTINGS = {
  'grpc.enable_channelz': 0,
  'grpc.max_receive_message_length': -1,
  'grpc.max_send_message_length': -1,
}
/** gzip in grpc-js's numbers. */
const GZIP = { 'grpc.default_compression_algorithm': 2 }

type AnyServerCall =
  | ServerUnaryCall<Buffer, Buffer>
  | ServerReadableStream<Buffer, Buffer>
  | ServerWritableStream<Buffer, Buffer>
  | ServerDuplexStream<Buffer, Buffer>

function load(call: AnyServerCall): LoadContext {
  const abort = new AbortController()
  ;(call as EventEmitter).once('cancelled', () => abort.abort())
  return { header: name => String(call.metadata.get(name)[0] ?? ''), signal: abort.signal }
}

function method(name: string, requestStream: boolean, responseStream: boolean) {
  return {
    path: `/loads.Load/${name}`,
    requestStream,
    responseStream,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  }
}

/** Requests of a call; that it was cancelled is an error, as it is at ours. */
async function* requestsOf(
  call: ServerReadableStream<Buffer, Buffer> | ServerDuplexStream<Buffer, Buffer>,
): AsyncGenerator<Buffer> {
  // Else the end of the requests would destroy the half that answers.
  for await (const message of call.iterator({ destroyOnReturn: false })) yield message as Buffer
  if (call.cancelled) throw new Error('cancelled')
}

/** grpc-js's server over the handlers that ours has. */
export async function startGrpcJs(
  handlers: LoadHandlers,
  { cert, key }: { cert: string; key: string },
): Promise<number> {
  const server = new Server(SETTINGS)
  const definition = {
    unary: method('Unary', false, false),
    upload: method('Upload', true, false),
    download: method('Download', false, true),
    bidi: method('Bidi', true, true),
  }
  server.addService(definition, {
    unary: (call: ServerUnaryCall<Buffer, Buffer>, respond: sendUnaryData<Buffer>) =>
      answer(handlers.unary(call.request, load(call)), respond),
    upload: (call: ServerReadableStream<Buffer, Buffer>, respond: sendUnaryData<Buffer>) =>
      answer(handlers.upload(requestsOf(call), load(call)), respond),
    download: (call: ServerWritableStream<Buffer, Buffer>) => {
      const source = handlers.download(load(call))
      call.once('cancelled', () => void source.return())
      void pump(source, call)
    },
    bidi: (call: ServerDuplexStream<Buffer, Buffer>) => {
      void pump(handlers.bidi(requestsOf(call), load(call)), call)
    },
  })
  const security =
    cert === ''
      ? ServerCredentials.createInsecure()
      : ServerCredentials.createSsl(null, [
          { cert_chain: readFileSync(cert), private_key: readFileSync(key) },
        ])
  return await new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', security, (error, port) => {
      if (error === null) resolve(port)
      else reject(error)
    })
  })
}

function answer(reply: Promise<Uint8Array>, respond: sendUnaryData<Buffer>): void {
  reply.then(
    bytes => respond(null, bytes as Buffer),
    error => respond({ code: status.INTERNAL, details: String(error) }),
  )
}

/** Writes what an iterable gives, at the pace of the stream. */
async function pump(
  responses: AsyncIterable<Uint8Array>,
  call: ServerWritableStream<Buffer, Buffer> | ServerDuplexStream<Buffer, Buffer>,
): Promise<void> {
  try {
    for await (const response of responses) {
      if (call.cancelled) break
      if (!call.write(response as Buffer))
        await Promise.race([once(call, 'drain'), once(call, 'cancelled')])
    }
    call.end()
  } catch {
    call.end()
  }
}

/** grpc-js's client. */
export function grpcJsClient(cell: Cell, port: number, caFile: string): LoadClient {
  const security =
    cell.security === 'tls'
      ? credentials.createSsl(readFileSync(caFile))
      : credentials.createInsecure()
  const client = new Client(`localhost:${port}`, security, {
    ...SETTINGS,
    ...(cell.security === 'gzip' ? GZIP : {}),
  })
  return {
    unary: (request, options) =>
      promised(options, (metadata, more, done) =>
        client.makeUnaryRequest(
          '/loads.Load/Unary',
          same,
          same,
          request as Buffer,
          metadata,
          more,
          done,
        ),
      ),
    upload: (requests, options) => {
      let failure: unknown
      const reply = promised(options, (metadata, more, done) => {
        const path = '/loads.Load/Upload'
        const call = client.makeClientStreamRequest(path, same, same, metadata, more, done)
        feed(requests, call).catch(error => {
          failure = error
        })
        return call
      })
      return reply.catch(error => Promise.reject(failure ?? error)).finally(() => requests.return())
    },
    download: (request, options) => {
      const { metadata, more } = given(options)
      const path = '/loads.Load/Download'
      const call = client.makeServerStreamRequest(
        path,
        same,
        same,
        request as Buffer,
        metadata,
        more,
      )
      return read(call, options)
    },
    bidi: (requests, options) => bidi(client, requests, options),
    outcome: error => {
      const { code, details } = error as ServiceError
      const name = status[code]
      if (name === 'CANCELLED' || name === 'DEADLINE_EXCEEDED' || name === 'UNAVAILABLE')
        return name
      return `${name ?? error} (${details})`
    },
    close: async () => client.close(),
  }
}

function given({ headers, timeoutMs }: LoadCallOptions) {
  const metadata = new Metadata()
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value)
  return { metadata, more: { deadline: Date.now() + timeoutMs } }
}

function promised(
  options: LoadCallOptions,
  make: (
    metadata: Metadata,
    more: { deadline: number },
    done: (error: ServiceError | null, reply?: Buffer) => void,
  ) => { cancel(): void },
): Promise<Buffer> {
  const { metadata, more } = given(options)
  return new Promise((resolve, reject) => {
    const call = make(metadata, more, (error, reply) => {
      if (error === null) resolve(reply!)
      else reject(error)
    })
    options.signal?.addEventListener('abort', () => call.cancel(), { once: true })
  })
}

/** Writes a source into a call; what it throws cancels the call. */
async function feed(
  requests: Source,
  call: ClientWritableStream<Buffer> | ClientDuplexStream<Buffer, Buffer>,
): Promise<void> {
  let over = false
  const closed = new Promise<void>(resolve => {
    const finish = () => {
      over = true
      void requests.return()
      resolve()
    }
    call.once('status', finish)
  })
  try {
    for await (const request of requests) {
      if (over) break
      if (!call.write(request as Buffer)) await Promise.race([once(call, 'drain'), closed])
    }
    // A call that is over must not be told that its requests have come to their end.
    if (!over) call.end()
  } catch (error) {
    call.cancel()
    throw error
  }
}

async function* read(
  call: ClientReadableStream<Buffer>,
  { signal }: LoadCallOptions,
): AsyncGenerator<Buffer> {
  signal?.addEventListener('abort', () => call.cancel(), { once: true })
  let whole = false
  try {
    for await (const message of call) yield message as Buffer
    whole = true
  } finally {
    if (!whole) call.cancel()
  }
}

async function* bidi(
  client: Client,
  requests: Source,
  options: LoadCallOptions,
): AsyncGenerator<Buffer> {
  const { metadata, more } = given(options)
  const call = client.makeBidiStreamRequest('/loads.Load/Bidi', same, same, metadata, more)
  let failure: unknown
  call.on('error', () => {})
  feed(requests, call).catch(error => {
    failure = error
  })
  try {
    yield* read(call, options)
  } catch (error) {
    throw failure instanceof SourceError ? failure : error
  }
}
