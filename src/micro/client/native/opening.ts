import {
  type CallLimits,
  ClientCall,
  type ClientCallOptions,
  type ClientCallReceiver,
  type Compressions,
  type HeaderList,
  Metadata,
} from '../../../grpc/index.js'
import type { CallSession, CallTransport, Runtime } from '../../../transport/index.js'
import type { CompressionName } from '../../call/call-options.js'
import { metadataOf } from '../../call/metadata-init.js'
import type { ServiceMethod } from '../../service/service.js'
import type { AuthorizedOptions } from '../calls/authorized-options.js'
import type { ClientRetries } from '../calls/client-retries.js'

/** What the native calls of one client have in common. */
export interface GrpcClientOptions {
  readonly transport: CallTransport
  readonly runtime: Pick<Runtime, 'now' | 'schedule'>
  readonly userAgent: string
  /** What `:authority` says, in place of the session's own. */
  readonly authority: string | undefined
  /** Whole calls. Unit: ms. Infinity: no limit. */
  readonly timeoutMs: number
  /** When calls are made again. */
  readonly retries: ClientRetries
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

/** A call, not started. It runs on the session's clock. `earlierMs`: what attempts before it took; `previous`: how many a server may have seen. @throws RangeError for a compression that does not exist */
export function newCall(
  { method, session, subtype }: Opening,
  client: GrpcClientOptions,
  options: AuthorizedOptions | undefined,
  deadline: number,
  receiver: ClientCallReceiver,
  earlierMs = 0,
  previous = 0,
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
  const begunAt = options?.begunAt
  const spentMs = begunAt === undefined ? earlierMs : session.now() - begunAt
  const timed = spentMs > 0 ? { ...callOptions, earlierMs: spentMs } : callOptions
  const whole = previous === 0 ? timed : { ...timed, metadata: repeated(options, previous) }
  return new ClientCall(method, whole, receiver)
}

/** The server hears that it is not the first attempt. gRPC A6. */
function repeated(options: AuthorizedOptions | undefined, previous: number): Metadata {
  const metadata = new Metadata()
  if (options?.metadata !== undefined) metadata.merge(metadataOf(options.metadata))
  metadata.set('grpc-previous-rpc-attempts', String(previous))
  return metadata
}

const WAIT_FOR_READY = { waitForReady: true }

/** Starts a call, now or once connected. Its failure reaches its receiver. */
export function startCall(
  { session, headers }: Opening,
  call: ClientCall,
  isPatient: boolean,
): void {
  session.start(call, headers, isPatient ? WAIT_FOR_READY : undefined)
}
