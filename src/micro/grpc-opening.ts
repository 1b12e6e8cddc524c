import {
  type CallLimits,
  ClientCall,
  type ClientCallOptions,
  type ClientCallReceiver,
  type Compressions,
  type HeaderList,
} from '../grpc/index.js'
import type { CallSession, CallTransport, Runtime } from '../transport/index.js'
import type { CallOptions, CompressionName } from './call-options.js'
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
  /** Of requests, for calls that say nothing else. */
  readonly compression: CompressionName | undefined
  readonly compressions: Compressions
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

/** A call, not started. It runs on the session's clock. `earlierMs`: what attempts before it took. @throws RangeError for a compression that does not exist */
export function newCall(
  { method, session, subtype }: Opening,
  client: GrpcClientOptions,
  options: CallOptions | undefined,
  deadline: number,
  receiver: ClientCallReceiver,
  earlierMs = 0,
): ClientCall {
  const { timers } = session
  const { limits, compressions } = client
  const compression = options?.compression ?? client.compression
  const callOptions: ClientCallOptions =
    options?.metadata === undefined
      ? { timers, subtype, deadline, limits, compression, compressions }
      : {
          timers,
          subtype,
          deadline,
          limits,
          compression,
          compressions,
          metadata: metadataOf(options.metadata),
        }
  // Only another attempt has any: the first one's options keep their shape.
  const whole = earlierMs > 0 ? { ...callOptions, earlierMs } : callOptions
  return new ClientCall(method, whole, receiver)
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
