import { readFileSync } from 'node:fs'
import {
  bytesCodec,
  type CallOptions,
  type Context,
  createClient,
  createServer,
  defineService,
  GrpcError,
  MicroError,
  type Server,
  Status,
} from '../../../src/index.js'
import type { LoadContext, LoadHandlers } from './handlers.js'
import type { LoadCallOptions, LoadClient } from './load.js'
import type { Cell } from './plan.js'
import { CALL_TIME_MAX_MS, MESSAGE_SIZE_MAX, SMALL_WINDOW } from './protocol.js'

const octets = { request: bytesCodec(), response: bytesCodec() }

const LOAD = defineService('loads.Load', {
  unary: { kind: 'unary', ...octets },
  upload: { kind: 'client', ...octets },
  download: { kind: 'server', ...octets },
  bidi: { kind: 'bidi', ...octets },
})

/** What a small window is in our limits. */
function limits(windows: Cell['windows']) {
  if (windows === 'default') return {}
  const window = { streamWindowSize: SMALL_WINDOW, streamWindowSizeMax: SMALL_WINDOW }
  const shared = { connectionWindowSize: SMALL_WINDOW, connectionWindowSizeMax: SMALL_WINDOW }
  return { limits: { ...window, ...shared } }
}

/** A server of ours with defaults, but for what the cells ask. */
export async function startOurs(
  handlers: LoadHandlers,
  { windows, cert, key }: { windows: Cell['windows']; cert: string; key: string },
): Promise<{ server: Server; port: number }> {
  const server = createServer({
    name: 'loads',
    address: '127.0.0.1:0',
    messageSizeMax: MESSAGE_SIZE_MAX,
    ...(cert === '' ? {} : { tls: { cert: readFileSync(cert), key: readFileSync(key) } }),
    ...limits(windows),
  })
  server.handle(LOAD, {
    unary: (request, context) => handlers.unary(request, load(context)),
    upload: (requests, context) => handlers.upload(requests, load(context)),
    download: (_request, context) => handlers.download(load(context)),
    bidi: (requests, context) => handlers.bidi(requests, load(context)),
  })
  await server.start()
  return { server, port: Number(server.address.split(':').at(-1)) }
}

function load({ metadata, signal }: Context): LoadContext {
  return { header: name => metadata.get(name) ?? '', signal }
}

/** A client of ours. */
export function oursClient(cell: Cell, port: number, caFile: string): LoadClient {
  const client = createClient({
    address: `127.0.0.1:${port}`,
    service: 'loads',
    protocol: cell.door,
    messageSizeMax: MESSAGE_SIZE_MAX,
    // What is measured is one attempt, however long: over mucp the next would carry everything again.
    connectionTimeoutMs: CALL_TIME_MAX_MS,
    ...(cell.security === 'tls'
      ? { tls: { ca: readFileSync(caFile), servername: 'localhost' } }
      : {}),
    ...(cell.security === 'gzip' ? { compression: 'gzip' as const } : {}),
    ...limits(cell.windows),
  })
  const calls = client.bind(LOAD)
  const contentType = cell.door === 'mucp' ? { contentType: 'application/octet-stream' } : {}
  const given = ({ headers, timeoutMs, signal }: LoadCallOptions): CallOptions => ({
    ...contentType,
    metadata: headers,
    timeoutMs,
    ...(signal === undefined ? {} : { signal }),
  })
  return {
    unary: async (request, options) => await calls.unary(request, given(options)),
    upload: async (requests, options) => await calls.upload(requests, given(options)),
    download: (request, options) => calls.download(request, given(options)),
    bidi: (requests, options) => calls.bidi(requests, given(options)),
    outcome,
    close: async () => await client.close(),
  }
}

/** Codes of micro's errors that have a name in gRPC. */
const MICRO_NAMES: Readonly<Record<number, string>> = {
  408: 'DEADLINE_EXCEEDED',
  499: 'CANCELLED',
  503: 'UNAVAILABLE',
}

function outcome(error: unknown): string {
  if (error instanceof GrpcError) {
    const name = Object.entries(Status).find(([, value]) => value === error.status)?.[0] ?? '?'
    const upper = name.replace(/(?<=[a-z])(?=[A-Z])/g, '_').toUpperCase()
    return ['CANCELLED', 'DEADLINE_EXCEEDED', 'UNAVAILABLE'].includes(upper)
      ? upper
      : `${upper} (${error.message.slice(0, 160)})`
  }
  if (error instanceof MicroError) {
    return MICRO_NAMES[error.code] ?? `MICRO ${error.code} (${error.message.slice(0, 160)})`
  }
  return String(error).slice(0, 160)
}
