import {
  BYTES_CODEC,
  ClientCall,
  FieldWriter,
  GrpcError,
  type Method,
  readFields,
  requestHeaders,
  Status,
} from '../../grpc/index.js'
import {
  BackOff,
  type CallSession,
  type Cancellable,
  type Runtime,
  type Session,
} from '../../transport/index.js'

const CODECS = new Map([['proto', BYTES_CODEC]])
const WATCH: Method = {
  path: '/grpc.health.v1.Health/Watch',
  kind: 'server',
  request: CODECS,
  response: CODECS,
}
const SERVING = 1
/** As they are written in `grpc.health.v1.HealthCheckResponse`. */
const NAMES = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN']

/** A session; that of `connect` can be told of streams that only rest. */
type WatchedSession = CallSession & Partial<Pick<Session, 'rest'>>

/** What a watch needs to know. */
export interface HealthWatcherOptions {
  /** Whose health; empty: that of the whole server. */
  readonly service: string
  readonly runtime: Pick<Runtime, 'random' | 'schedule' | 'warn'>
  /** Hears of each change: undefined is healthy. */
  readonly onHealth: (error: Error | undefined) => void
}

/**
 * Asks a server for its health for as long as its connection lasts, by `Watch` of `grpc.health.v1.Health`. One that has no
 * such service is healthy. gRPC A17.
 */
export class HealthWatcher {
  readonly #session: WatchedSession
  readonly #options: HealthWatcherOptions
  #call: ClientCall | undefined
  #retry: Cancellable | undefined
  /** Before a watch that ended is begun anew. gRPC A17. */
  readonly #backOff: BackOff
  #isStopped = false
  /** Its stream, which gives way to no call. */
  readonly #stream = {}

  constructor(session: CallSession, options: HealthWatcherOptions) {
    this.#session = session
    this.#options = options
    this.#backOff = new BackOff({}, () => options.runtime.random())
  }

  start(): void {
    this.#retry = undefined
    if (this.#isStopped) return
    const session = this.#session
    const request = new FieldWriter()
    request.putText(1, this.#options.service)
    const call = new ClientCall(
      WATCH,
      { timers: session.timers },
      {
        onHeaders() {},
        onDrain() {},
        onReadable: () => this.#read(call),
        onStatus: error => this.#ended(call, error),
      },
    )
    this.#call = call
    // It is there whether or not anybody calls: the process may end.
    session.rest?.(this.#stream, true)
    const { authority, scheme } = session
    const headers = requestHeaders(WATCH, { authority, scheme, compressions: new Map() })
    call.request(request.finish())
    session.start(call, headers)
  }

  /** Nobody hears of it any more. */
  stop(): void {
    if (this.#isStopped) return
    this.#isStopped = true
    this.#retry?.cancel()
    this.#call?.cancel(new GrpcError(Status.Cancelled, 'nobody asks for the health any more'))
  }

  #read(call: ClientCall): void {
    let status: number | undefined
    while (call.readable) status = statusOf(call.read() as Uint8Array)
    if (status === undefined || this.#isStopped) return
    this.#backOff.reset()
    const name = NAMES[status] ?? `status ${status}`
    this.#options.onHealth(status === SERVING ? undefined : this.#error(`its health is ${name}`))
  }

  #ended(call: ClientCall, error: GrpcError | undefined): void {
    this.#session.rest?.(this.#stream, false)
    if (this.#isStopped) return
    this.#read(call)
    this.#call = undefined
    const { runtime, onHealth } = this.#options
    if (error?.status === Status.Unimplemented) {
      const text = `${this.#session.address} has no grpc.health.v1.Health: it counts as healthy while it is connected`
      runtime.warn?.(new Error(text))
      onHealth(undefined)
      return
    }
    const reason = error === undefined ? 'the server ended it' : error.message
    onHealth(this.#error(`its health cannot be watched: ${reason}`, error))
    this.#retry = runtime.schedule(this.#backOff.next(), () => this.start())
  }

  #error(text: string, cause?: Error): Error {
    const { service } = this.#options
    const of = service === '' ? '' : ` (${service})`
    const sentence = `${this.#session.address}: ${text}${of}`
    return new Error(sentence, cause === undefined ? undefined : { cause })
  }
}

/** What cannot be read is UNKNOWN. */
function statusOf(bytes: Uint8Array): number {
  try {
    for (const { id, number } of readFields(bytes)) if (id === 1) return number
  } catch {
    // Of some other service.
  }
  return 0
}
