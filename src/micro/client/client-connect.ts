import { GrpcError, http2CodeOf, Status } from '../../grpc/index.js'
import { checkOptions, type OptionKinds } from '../../options/index.js'
import { type Runtime, type Transport, thrownText } from '../../transport/index.js'
import { checkDuration, checkFlag, checkSignal } from '../call/option-checks.js'
import type { Preparations } from '../call/preparations.js'
import { MucpGuard } from '../call/race-limit.js'
import type { Target } from '../discovery/target.js'
import { clientClosed } from '../errors/client-closed.js'
import { CLIENT_ID } from '../errors/client-ids.js'
import { MicroError } from '../errors/micro-error.js'
import { isCallTransport, type Protocol } from '../protocol.js'
import { findPatiently } from './calls/find-within.js'

/** Options of `client.connect`. */
export interface ConnectOptions {
  /** How long to wait. Unit: ms. Default: Infinity; one attempt is limited by `connectTimeoutMs`. */
  readonly timeoutMs?: number
  /** Stops waiting when aborted. Default: none. */
  readonly signal?: AbortSignal
  /** gRPC: try again after attempts that fail, and wait until a registry has a node. Default: false. */
  readonly waitForReady?: boolean
}

const KINDS: OptionKinds<ConnectOptions> = {
  timeoutMs: checkDuration,
  signal: checkSignal,
  waitForReady: checkFlag,
}

/** What a client connects with. */
export interface ConnectParts {
  readonly transport: Transport
  readonly runtime: Runtime
  readonly preparations: Preparations
  /** That of errors, until a target says which it is. */
  readonly protocol: Protocol
  find(): Target | Promise<Target>
  /** As `find`, when something may have changed. */
  findLater(): Promise<Target>
  isClosed(): boolean
  /** Dials one socket for the calls to come. @throws MicroError */
  dial(target: Target): Promise<void>
}

/** Connects to one target, as its calls would. @throws what a call would fail with */
export async function connectTo(parts: ConnectParts, options: ConnectOptions): Promise<void> {
  checkOptions('connect', options, KINDS)
  const { runtime, protocol, preparations } = parts
  const { timeoutMs = Number.POSITIVE_INFINITY, signal } = options
  const expired = (): GrpcError | MicroError => expiredError(protocol, timeoutMs)
  const ended = new AbortController()
  const onStop = (): void => ended.abort()
  const guard = new MucpGuard(runtime, signal, timeoutMs, expired, onStop, protocol, preparations)
  try {
    if (timeoutMs === 0) throw expired()
    await guard.race(connectOnce(parts, options, ended.signal))
  } finally {
    guard.finish()
  }
}

async function connectOnce(
  parts: ConnectParts,
  { waitForReady }: ConnectOptions,
  ended: AbortSignal,
): Promise<void> {
  const target = await findTarget(parts, waitForReady === true, ended)
  const { transport } = parts
  if (parts.isClosed()) throw clientClosed(target.protocol, true)
  if (target.protocol === 'mucp' || !isCallTransport(transport)) return await parts.dial(target)
  const { address } = target
  try {
    await (target.route?.session ?? transport.session(address)).connect({
      waitForReady: waitForReady === true,
      signal: ended,
    })
  } catch (cause) {
    if (cause instanceof GrpcError) throw cause
    const http2Code = http2CodeOf(cause)
    const more = { origin: 'network', unprocessed: true, address, http2Code, cause } as const
    throw new GrpcError(Status.Unavailable, thrownText(cause), more)
  }
}

async function findTarget(
  parts: ConnectParts,
  isPatient: boolean,
  ended: AbortSignal,
): Promise<Target> {
  try {
    return await parts.find()
  } catch (error) {
    if (!isPatient || ended.aborted) throw error
    return await findPatiently(
      () => parts.findLater(),
      () => ended.aborted,
    )
  }
}

function expiredError(protocol: Protocol, timeoutMs: number): GrpcError | MicroError {
  const text = `no connection within ${timeoutMs} ms`
  return protocol === 'grpc'
    ? new GrpcError(Status.DeadlineExceeded, `deadline exceeded: ${text}`, { unprocessed: true })
    : MicroError.timeout(`call timeout: ${text}`, { id: CLIENT_ID })
}
