import { errorCodeName } from '../../connection/index.js'
import { shareInstances } from '../../grpc/index.js'
import { thrownText } from '../runtime/thrown.js'
import { isVerifyError, tlsMistake } from '../tls/tls-mistake.js'

/** Stable codes of transport errors. Match on them, not on the message. */
export const TransportErrorCode = {
  /** Nobody listens at the address. */
  Refused: 'TRANSPORT_REFUSED',
  /** The host name has no address. */
  Dns: 'TRANSPORT_DNS',
  /** Connecting or the handshake took too long. */
  Timeout: 'TRANSPORT_TIMEOUT',
  /** The host or network cannot be reached. */
  Unreachable: 'TRANSPORT_UNREACHABLE',
  /** Certificates, protocol versions or ALPN do not fit. */
  Tls: 'TRANSPORT_TLS',
  /** The HTTP proxy did not connect, or its answer cannot be understood. */
  Proxy: 'TRANSPORT_PROXY',
  /** What answered does not speak HTTP/2. */
  NotHttp2: 'TRANSPORT_NOT_HTTP2',
  /** Calls wait for room on a connection that has none. */
  Full: 'TRANSPORT_FULL',
  /** The connection broke or was closed by the peer. */
  Lost: 'TRANSPORT_LOST',
  /** We closed it, or the peer ended in good order. */
  Closed: 'TRANSPORT_CLOSED',
  /** `listen`: the port is taken. */
  InUse: 'TRANSPORT_IN_USE',
  /** `listen` or `connect`: not permitted. */
  Access: 'TRANSPORT_ACCESS',
  /** `listen`: the address is not one of this machine. */
  NotAvailable: 'TRANSPORT_NOT_AVAILABLE',
  /** No file descriptor is left, in this process or on this machine. */
  Descriptors: 'TRANSPORT_DESCRIPTORS',
  /** Anything else the system reports; see `cause`. */
  System: 'TRANSPORT_SYSTEM',
} as const
export type TransportErrorCode = (typeof TransportErrorCode)[keyof typeof TransportErrorCode]

/** An error of a connection or a listening socket. */
export class TransportError extends Error {
  override readonly name: string = 'TransportError'
  readonly code: TransportErrorCode
  /** The address as it was given. */
  readonly address: string
  // Only there when known: an error that is logged shows what it has, and no more.
  /** The HTTP/2 error code of the GOAWAY with which the peer left; undefined when it sent none. RFC 9113 §7. */
  declare readonly http2Code: number | undefined

  constructor(
    code: TransportErrorCode,
    address: string,
    message: string,
    cause?: unknown,
    http2Code?: number,
  ) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
    this.address = address
    if (http2Code !== undefined) this.http2Code = http2Code
  }

  /** The name of `http2Code`, such as `ENHANCE_YOUR_CALM`; undefined without one. */
  get http2CodeName(): string | undefined {
    return this.http2Code === undefined ? undefined : errorCodeName(this.http2Code)
  }
}

const NO_DESCRIPTOR = {
  EMFILE: 'this process has no file descriptor left; raise its limit (ulimit -n)',
  ENFILE: 'this machine has no file descriptor left',
} as const

const connectErrors: Readonly<Record<string, readonly [TransportErrorCode, string]>> = {
  ECONNREFUSED: [TransportErrorCode.Refused, 'connection refused; is a server listening there?'],
  ENOENT: [TransportErrorCode.Refused, 'no such socket file; is a server listening there?'],
  ENOTFOUND: [TransportErrorCode.Dns, 'host name not found'],
  EAI_AGAIN: [TransportErrorCode.Dns, 'the name server did not answer'],
  ETIMEDOUT: [TransportErrorCode.Timeout, 'the host did not answer'],
  EHOSTUNREACH: [TransportErrorCode.Unreachable, 'host unreachable'],
  ENETUNREACH: [TransportErrorCode.Unreachable, 'network unreachable'],
  ECONNRESET: [TransportErrorCode.Lost, 'the peer reset the connection'],
  EPIPE: [TransportErrorCode.Lost, 'the peer closed the connection'],
  EACCES: [TransportErrorCode.Access, 'permission denied'],
  EMFILE: [TransportErrorCode.Descriptors, NO_DESCRIPTOR.EMFILE],
  ENFILE: [TransportErrorCode.Descriptors, NO_DESCRIPTOR.ENFILE],
  EPROTO: [TransportErrorCode.Tls, 'TLS handshake failed; does the server speak TLS?'],
}

/** A failed or broken connection in one sentence with the address; `cause` is kept. */
export function connectError(
  address: string,
  cause: unknown,
  role: 'client' | 'server' = 'client',
): TransportError {
  if (cause instanceof TransportError) return cause
  const code = systemCode(cause)
  const known = connectErrors[code]
  if (known !== undefined) {
    return new TransportError(
      known[0],
      address,
      `${address}: ${known[1]} (${detailOf(cause)})`,
      cause,
    )
  }
  if (isTlsCode(code)) return tlsError(role, address, cause)
  return new TransportError(
    TransportErrorCode.System,
    address,
    `${address}: ${thrownText(cause)}`,
    cause,
  )
}

/** A TLS handshake that failed, in one sentence for the side that we are; `cause` is kept. */
export function tlsError(
  role: 'client' | 'server',
  address: string,
  cause: unknown,
): TransportError {
  const code = systemCode(cause)
  const text = tlsMistake(role, code) ?? `TLS failed: ${reasonOf(cause)}`
  const suffix = code === '' ? '' : ` (${detailOf(cause)})`
  return new TransportError(TransportErrorCode.Tls, address, `${address}: ${text}${suffix}`, cause)
}

const listenErrors: Readonly<Record<string, readonly [TransportErrorCode, string]>> = {
  EADDRINUSE: [TransportErrorCode.InUse, 'address already in use'],
  EACCES: [TransportErrorCode.Access, 'permission denied'],
  EADDRNOTAVAIL: [TransportErrorCode.NotAvailable, 'not an address of this machine'],
  EMFILE: [TransportErrorCode.Descriptors, NO_DESCRIPTOR.EMFILE],
  ENFILE: [TransportErrorCode.Descriptors, NO_DESCRIPTOR.ENFILE],
  ENOTFOUND: [TransportErrorCode.Dns, 'host name not found'],
  EAI_AGAIN: [TransportErrorCode.Dns, 'the name server did not answer'],
}

const NO_FOLDER = [
  TransportErrorCode.Access,
  'the folder does not exist, or may not be written to; create it, or look at its owner',
] as const

/** libuv says EACCES where the system, Bun and Deno say that there is no such folder. */
const unixListenErrors: typeof listenErrors = {
  ...listenErrors,
  EADDRINUSE: [
    TransportErrorCode.InUse,
    'a socket file is there already: another server has it, or one that crashed left it; if nobody answers there, remove the file',
  ],
  EACCES: NO_FOLDER,
  ENOENT: NO_FOLDER,
}

/** Why listening failed, in one sentence with the address; `cause` is kept. */
export function listenError(address: string, cause: unknown): TransportError {
  if (cause instanceof TransportError) return cause
  const code = systemCode(cause)
  const errors = address.startsWith('unix:') ? unixListenErrors : listenErrors
  const known = errors[code] ?? [TransportErrorCode.System, thrownText(cause)]
  const suffix = code === '' ? '' : ` (${code})`
  return new TransportError(
    known[0],
    address,
    `cannot listen on ${address}: ${known[1]}${suffix}`,
    cause,
  )
}

/** Sockets that came to a server and could not be accepted, in one sentence with its address; `cause` is kept. */
export function acceptError(address: string, cause: unknown): TransportError {
  const code = systemCode(cause)
  const known = Object.hasOwn(NO_DESCRIPTOR, code)
    ? NO_DESCRIPTOR[code as keyof typeof NO_DESCRIPTOR]
    : undefined
  const text =
    known === undefined
      ? `a connection could not be accepted: ${thrownText(cause)}`
      : `new connections are closed before they are served: ${known}, or lower connectionsMax (${code})`
  const name = known === undefined ? TransportErrorCode.System : TransportErrorCode.Descriptors
  return new TransportError(name, address, `${address}: ${text}`, cause)
}

/** Says of an address only that this machine has no way to it: what another address said tells more. */
const NO_WAY: ReadonlySet<string> = new Set([
  'ENETUNREACH',
  'EHOSTUNREACH',
  'EADDRNOTAVAIL',
  'EAFNOSUPPORT',
])

/** The system's name for what went wrong; of several addresses (`AggregateError`), that of the most telling one. Empty without one. */
export function systemCode(cause: unknown): string {
  if (cause instanceof AggregateError) {
    const codes = cause.errors.map(systemCode).filter(code => code !== '')
    return codes.find(code => !NO_WAY.has(code)) ?? codes[0] ?? ''
  }
  if (typeof cause !== 'object' || cause === null || !('code' in cause)) return ''
  return String(cause.code)
}

/** What stands in brackets behind a sentence: the code, or what each address of a name said. */
function detailOf(cause: unknown): string {
  return cause instanceof AggregateError && cause.message !== '' ? cause.message : systemCode(cause)
}

function isTlsCode(code: string): boolean {
  return code.startsWith('ERR_SSL_') || code.startsWith('ERR_TLS_') || isVerifyError(code)
}

/** OpenSSL's message is several lines of its sources; the reason is in a field of its own. */
function reasonOf(cause: unknown): string {
  const reason = (cause as { reason?: unknown } | undefined)?.reason
  return typeof reason === 'string' ? reason : thrownText(cause)
}

shareInstances(TransportError, 'TransportError')
