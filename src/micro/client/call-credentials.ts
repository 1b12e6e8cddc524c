import { GrpcError, Metadata, Status } from '../../grpc/index.js'
import type { Runtime, Transport } from '../../transport/index.js'
import type { CallOptions } from '../call/call-options.js'
import { type Credentials, checkCredentials } from '../call/credentials.js'
import type { MetadataInit } from '../call/metadata-init.js'
import { metadataOf } from '../call/metadata-init.js'
import type { Preparations } from '../call/preparations.js'
import { MucpGuard } from '../call/race-limit.js'
import type { Target } from '../discovery/target.js'
import { abortError } from '../errors/abort-error.js'
import { CLIENT_ID } from '../errors/client-ids.js'
import { MicroError } from '../errors/micro-error.js'
import { isCallTransport, type Protocol } from '../protocol.js'
import type { AuthorizedOptions } from './calls/authorized-options.js'
import type { ClientOptions } from './client-options.js'

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

/** Puts credentials into the metadata of a client's calls. */
export class CallCredentials {
  readonly #options: Pick<ClientOptions, 'authority' | 'allowPlaintextCredentials'>
  readonly #transport: Transport
  readonly #preparations: Preparations
  readonly #runtime: Pick<Runtime, 'now' | 'schedule'>

  constructor(
    options: Pick<ClientOptions, 'authority' | 'allowPlaintextCredentials'>,
    transport: Transport,
    runtime: Pick<Runtime, 'now' | 'schedule'>,
    preparations: Preparations,
  ) {
    this.#preparations = preparations
    this.#options = options
    this.#transport = transport
    this.#runtime = runtime
  }

  /**
   * The call's options with its credentials. They are waited for within
   * `timeoutMs` and until the call's signal. Rejects with what the call ends
   * with: UNAUTHENTICATED where others could read them on the way.
   */
  async authorize(
    credentials: Credentials,
    target: Target,
    call: { readonly name: string; readonly method: { readonly name: string } },
    options: CallOptions,
    timeoutMs: number,
  ): Promise<AuthorizedOptions> {
    checkCredentials(credentials)
    const { protocol } = target
    const authority = this.#authority(target)
    const metadata = new Metadata()
    if (options.metadata !== undefined) metadata.merge(metadataOf(options.metadata))
    const { signal } = options
    if (signal?.aborted === true) throw abortError(signal.reason, protocol, true)
    const { name: service, method } = call
    const url = `https://${authority}/${service}`
    const asked = { service, method: method.name, authority, url, signal }
    const runtime = this.#runtime
    const end = runtime.now() + timeoutMs
    const guard = new MucpGuard(
      runtime,
      signal,
      timeoutMs,
      () => expired(protocol),
      undefined,
      protocol,
      this.#preparations,
    )
    try {
      const shown = checked(await guard.race(Promise.resolve(credentials(asked))), protocol)
      for (const [name] of shown) metadata.delete(name)
      metadata.merge(shown)
    } catch (error) {
      throw guard.stopped ? guard.reason : failureOf(error, protocol)
    } finally {
      guard.finish()
    }
    const leftMs = (): number => Math.max(1, end - runtime.now())
    const renew = (): Promise<AuthorizedOptions> =>
      this.authorize(credentials, target, call, options, leftMs())
    if (timeoutMs === Number.POSITIVE_INFINITY) return { ...options, metadata, renew }
    return { ...options, metadata, renew, timeoutMs: leftMs() }
  }

  /** @throws UNAUTHENTICATED without TLS, unless that is allowed */
  #authority({ address, protocol }: Target): string {
    const { authority, allowPlaintextCredentials } = this.#options
    const transport = this.#transport
    const session = isCallTransport(transport) ? transport.session(address) : undefined
    if (session?.scheme !== 'https' && allowPlaintextCredentials !== true) {
      const text = `credentials are not sent to ${address} without TLS: the client needs tls, or allowPlaintextCredentials`
      throw unauthenticated(text, protocol)
    }
    return authority ?? session?.authority ?? address
  }
}

/** The text of what is wrong with metadata quotes the value: here it must not. */
function checked(given: MetadataInit, protocol: Protocol): Metadata {
  try {
    return metadataOf(given)
  } catch {
    throw unauthenticated('the credentials function gave metadata that cannot be sent', protocol)
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
function unauthenticated(text: string, protocol: Protocol, cause?: unknown): Error {
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
