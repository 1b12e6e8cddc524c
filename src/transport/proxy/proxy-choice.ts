import type { Runtime } from '../runtime/runtime.js'
import { isException, isLoopback } from './exceptions.js'
import { type HttpProxy, parseProxy } from './proxy-url.js'

/** In the order in which they are looked at, as grpc-js does. `HTTP_PROXY` is not: a CGI's client may set it. */
const NAMES = ['grpc_proxy', 'https_proxy', 'HTTPS_PROXY', 'http_proxy'] as const
const EXCEPTIONS = ['no_grpc_proxy', 'no_proxy', 'NO_PROXY'] as const

/** Runtimes that were warned of a variable that cannot be used. */
const WARNED = new WeakSet<object>()

/** The option `proxy`. @throws TypeError without the value, in which there may be a password */
export function checkProxy(name: string, value: unknown): void {
  if (value !== false) parseProxy(name, value)
}

/** Where a connection goes. */
export interface Destination {
  readonly host?: string | undefined
  readonly port?: number | undefined
  readonly path?: string | undefined
}

/**
 * The proxy of connections to a destination: that of the option, else that of the environment but for its exceptions and
 * for this machine. Undefined: none. gRPC A1.
 */
export function proxyFor(
  option: string | false | undefined,
  { host, port, path }: Destination,
  runtime: Pick<Runtime, 'environment' | 'warn'>,
): HttpProxy | undefined {
  if (option === false || path !== undefined || host === undefined) return undefined
  if (option !== undefined) return parseProxy('proxy', option)
  const environment = runtime.environment?.() ?? {}
  const name = NAMES.find(each => (environment[each] ?? '') !== '')
  if (name === undefined || isLoopback(host)) return undefined
  const exceptions = EXCEPTIONS.map(each => environment[each]).find(each => (each ?? '') !== '')
  if (exceptions !== undefined && isException(exceptions, host, port)) return undefined
  try {
    return parseProxy(`the environment variable ${name}`, environment[name])
  } catch (error) {
    // It may be meant for other programs.
    if (!WARNED.has(runtime)) runtime.warn?.(error as Error)
    WARNED.add(runtime)
    return undefined
  }
}
