import {
  type CallLimits,
  ClientCall,
  type ClientCallOptions,
  type ClientCallReceiver,
  type HeaderList,
} from '../grpc/index.js'
import type { CallSession, CallTransport, Runtime } from '../transport/index.js'
import type { CallOptions } from './call-options.js'
import { metadataOf } from './metadata-init.js'
import type { ServiceMethod } from './service.js'

/** What the native calls of one client have in common. */
export interface GrpcClientOptions {
  readonly transport: CallTransport
  readonly runtime: Pick<Runtime, 'schedule'>
  readonly userAgent: string
  /** What `:authority` says, in place of the session's own. */
  readonly authority: string | undefined
  /** Whole calls. Unit: ms. Infinity: no limit. */
  readonly timeoutMs: number
  /** Attempts after the first for unary calls that end with UNAVAILABLE. */
  readonly retries: number
  readonly limits: CallLimits
}

/** What calls of one method, to one address, with one content type begin with. */
export interface Opening {
  readonly method: ServiceMethod
  readonly session: CallSession
  readonly contentType: string
  readonly subtype: string
  readonly headers: HeaderList
}

/** A call, not started. It runs on the session's clock. */
export function newCall(
  { method, session, subtype }: Opening,
  limits: CallLimits,
  options: CallOptions | undefined,
  deadline: number,
  receiver: ClientCallReceiver,
): ClientCall {
  const { timers } = session
  const callOptions: ClientCallOptions =
    options?.metadata === undefined
      ? { timers, subtype, deadline, limits }
      : { timers, subtype, deadline, limits, metadata: metadataOf(options.metadata) }
  return new ClientCall(method, callOptions, receiver)
}

const WAIT_FOR_READY = { waitForReady: true }

/** Starts a call, now or once connected. Its failure reaches its receiver. */
export function startCall(
  { session, headers }: Opening,
  call: ClientCall,
  options: CallOptions | undefined,
): void {
  session.start(call, headers, options?.waitForReady === true ? WAIT_FOR_READY : undefined)
}
