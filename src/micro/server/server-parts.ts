import type { ServerCall } from '../../grpc/index.js'
import {
  type CallListener,
  grpcTransport,
  type Listener,
  type Runtime,
  type Transport,
} from '../../transport/index.js'
import type { Endpoint } from './handlers/endpoint-table.js'
import { errorWarnings } from './handlers/error-warnings.js'
import type { MucpServerOptions } from './mucp/server-options.js'
import { GrpcRoute } from './native/route.js'
import { callsOf, type ServerOptions, TRANSPORT_OPTION_NAMES } from './server-options.js'

/** Services that `Transport/Stream` itself goes by. */
export const TRANSPORT_SERVICES: readonly string[] = [
  'go.micro.transport.grpc.Transport',
  'go.micro.grpc.transport.Transport',
]

/** `onError` as it may be called anywhere: what it throws costs no caller an answer. */
export function safeListener(
  listener: ServerOptions['onError'],
  runtime: Runtime,
): MucpServerOptions['onError'] {
  if (listener === undefined) return errorWarnings(runtime)
  return (error, context) => {
    try {
      const result: unknown = listener(error, context)
      if (result instanceof Promise) result.catch(() => undefined)
    } catch {
      // As its documentation says.
    }
  }
}

/** Options that the transport calls otherwise. */
const RENAMED_NAMES: readonly string[] = ['tls', 'calls', 'compression', 'compressions']

/** The default transport. What native handlers answer and cannot be encoded is told as well. */
export function defaultTransport(options: ServerOptions): Transport {
  const { tls, onError } = options
  const told =
    onError === undefined ? {} : { onError: (error: unknown) => onError(error, undefined) }
  const passed: Record<string, unknown> = {}
  for (const name of ['runtime', ...TRANSPORT_OPTION_NAMES] as const) {
    if (options[name] !== undefined && !RENAMED_NAMES.includes(name)) passed[name] = options[name]
  }
  return grpcTransport({
    ...passed,
    ...told,
    ...(tls === undefined ? {} : { serverTls: tls }),
    calls: { ...toldOfCalls(onError), ...callsOf(options) },
  })
}

/** Native calls of services have told already, with their context: what is left are sockets of mucp. */
function toldOfCalls(onError: ServerOptions['onError']): object {
  if (onError === undefined) return {}
  return {
    onError: (error: unknown, call: ServerCall) => {
      if (!(call.route instanceof GrpcRoute)) onError(error, undefined)
    },
  }
}

export function isCallListener(listener: Listener): listener is CallListener {
  return 'onCall' in listener
}

/** What gRPC clients, go-micro's client/grpc and short-spoken ones call. */
export function pathsOf(name: string, { service, method }: Endpoint): Set<string> {
  const { shortName } = service
  return new Set([
    method.path,
    `/${name}.${shortName}/${method.wireName}`,
    `/${shortName}/${method.wireName}`,
  ])
}

/** A listener that has a certificate. @throws TypeError: before `start`, and with a transport that knows none */
export function tlsListener(listener: Listener | undefined, transport: string): CallListener {
  if (listener === undefined)
    throw new TypeError(
      'the server has no certificate before start: give tls to createServer, or await server.start() first',
    )
  if (!isCallListener(listener)) throw new TypeError(`transport ${transport} has no certificate`)
  return listener
}

/** Runs what is to be done ahead of a server's end, all at once. What fails is told, and holds up nothing. */
export async function runHooks(
  hooks: readonly (() => void | Promise<void>)[],
  onError: MucpServerOptions['onError'],
): Promise<void> {
  const done = hooks.map(async hook => {
    try {
      await hook()
    } catch (error) {
      onError(error, undefined)
    }
  })
  await Promise.all(done)
}
