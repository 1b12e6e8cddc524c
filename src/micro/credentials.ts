import { GrpcError, Metadata, Status } from '../grpc/index.js'
import type { Runtime } from '../transport/index.js'
import type { CallOptions, MetadataInit } from './call-options.js'
import { metadataOf } from './metadata-init.js'
import { MicroError } from './micro-error.js'
import { CLIENT_ID } from './mucp-codec.js'
import { MucpGuard } from './mucp-guard.js'
import type { Protocol } from './target.js'

/** Which call credentials are for. */
export interface CredentialsTarget {
  /** With its package: `greeter.v1.Greeter`. */
  readonly service: string
  /** In JavaScript: `hello`. */
  readonly method: string
  /** What the server is called: its host and port, or its name in the certificate. */
  readonly authority: string
  /** The audience of a token, as gRPC forms it: `https://<authority>/<service>`. */
  readonly url: string
  /** The caller's signal, for a request that fetches a token. */
  readonly signal: AbortSignal | undefined
}

/**
 * Metadata that shows who calls, asked for before each call: a token of
 * `authorization`, say. It is sent in place of other metadata of the same
 * names; middleware does not see it.
 *
 * A `GrpcError` or `MicroError` it fails with ends the call; any other error
 * ends it as UNAUTHENTICATED (mucp: 401).
 */
export type Credentials = (target: CredentialsTarget) => MetadataInit | Promise<MetadataInit>

/** Statuses that only a server may say of a call: of credentials they become INTERNAL. gRPC A54. */
const NOT_FOR_CREDENTIALS: ReadonlySet<Status> = new Set([
  Status.InvalidArgument,
  Status.NotFound,
  Status.AlreadyExists,
  Status.FailedPrecondition,
  Status.Aborted,
  Status.OutOfRange,
  Status.DataLoss,
])

/** @throws TypeError for what cannot be credentials */
export function checkCredentials(credentials: unknown): void {
  if (typeof credentials === 'function') return
  throw new TypeError(`credentials must be a function, got ${typeof credentials}`)
}

/** A call that is to have credentials. */
export interface CredentialsParts {
  readonly credentials: Credentials
  readonly target: CredentialsTarget
  readonly protocol: Protocol
  readonly runtime: Pick<Runtime, 'now' | 'schedule'>
  readonly options: CallOptions
  /** How long the call may take. Unit: ms. */
  readonly timeoutMs: number
}

/**
 * The call's options with its credentials in the metadata. They are waited for
 * within the call's time and until its signal. Rejects with what the call ends with.
 */
export async function withCredentials(parts: CredentialsParts): Promise<CallOptions> {
  const { credentials, target, runtime, options, protocol, timeoutMs } = parts
  const metadata = new Metadata()
  if (options.metadata !== undefined) metadata.merge(metadataOf(options.metadata))
  options.signal?.throwIfAborted()
  const end = runtime.now() + timeoutMs
  const guard = new MucpGuard(runtime, options.signal, timeoutMs, () => expired(protocol))
  try {
    const given = await guard.race(Promise.resolve(credentials(target)))
    const shown = checked(given, protocol)
    for (const [name] of shown) metadata.delete(name)
    metadata.merge(shown)
  } catch (error) {
    throw guard.stopped ? guard.reason : failureOf(error, protocol)
  } finally {
    guard.finish()
  }
  if (timeoutMs === Number.POSITIVE_INFINITY) return { ...options, metadata }
  return { ...options, metadata, timeoutMs: Math.max(1, end - runtime.now()) }
}

/** The text of what is wrong with metadata quotes the value: here it must not. */
function checked(given: MetadataInit, protocol: Protocol): Metadata {
  try {
    return metadataOf(given)
  } catch {
    const text = 'the credentials function gave metadata that cannot be sent'
    throw protocol === 'grpc'
      ? new GrpcError(Status.Internal, text)
      : MicroError.internal(text, { id: CLIENT_ID })
  }
}

/** What a call ends with whose credentials cannot be had: never the text of an exception, which may quote them. */
function failureOf(error: unknown, protocol: Protocol): unknown {
  if (error instanceof MicroError) return error
  if (!(error instanceof GrpcError)) {
    return unauthenticated('the credentials function failed', protocol, error)
  }
  if (!NOT_FOR_CREDENTIALS.has(error.status)) return error
  const text = `the credentials function failed with ${error.code}, which only a server may say`
  return new GrpcError(Status.Internal, text, { cause: error })
}

/** The error of a call that has no credentials it could send. */
export function unauthenticated(text: string, protocol: Protocol, cause?: unknown): Error {
  return protocol === 'grpc'
    ? new GrpcError(Status.Unauthenticated, text, { cause })
    : MicroError.unauthorized(text, { id: CLIENT_ID, cause })
}

function expired(protocol: Protocol): Error {
  const text = 'deadline exceeded while the credentials function ran'
  return protocol === 'grpc'
    ? new GrpcError(Status.DeadlineExceeded, text)
    : MicroError.timeout(`call timeout: ${text}`, { id: CLIENT_ID })
}
