import {
  type CallLimits,
  ClientCall,
  type ClientCallReceiver,
  type GrpcError,
  type HeaderList,
  type Method,
  Status,
} from '../grpc/index.js'
import { encodeMessage } from './message.js'
import type { Session } from './session.js'
import { SocketFlow } from './socket-flow.js'
import type { Message, Socket } from './transport.js'

/** One way to open a socket: a path of `Transport/Stream` and its request headers, which live long. */
export interface SocketRoute {
  readonly method: Method
  readonly headers: HeaderList
}

export interface GrpcClientSocketOptions {
  readonly session: Session
  /** Tried in turn while the server answers UNIMPLEMENTED before its first message. */
  readonly routes: readonly SocketRoute[]
  readonly limits: CallLimits
  /** Encoded message we send. Unit: octets. */
  readonly messageSizeMax: number
  /** The server knows this route. */
  readonly onRoute: (route: SocketRoute) => void
  /** The socket has ended. */
  readonly onEnd: () => void | Promise<void>
}

/**
 * The dialling end of a micro socket: one call of `Transport/Stream`.
 *
 * Until the server has answered anything, what was sent is kept, so that the
 * call can be made again: on the other path, or when the server says that it
 * never looked at it (GOAWAY, REFUSED_STREAM).
 */
export class GrpcClientSocket implements Socket, ClientCallReceiver {
  readonly local: string = 'localhost'
  readonly remote: string
  readonly #options: GrpcClientSocketOptions
  readonly #flow: SocketFlow
  #call: ClientCall
  #routeIndex = 0
  /** What was sent so far; undefined once the server has answered, or it is too much to keep. */
  #kept: Buffer[] | undefined = []
  #keptSize = 0
  #repeated = false
  #closed = false
  #released: Promise<void> | undefined

  constructor(options: GrpcClientSocketOptions) {
    this.remote = options.session.address
    this.#options = options
    this.#call = this.#start()
    this.#flow = new SocketFlow(this.remote, this.#call)
    // The call may have failed at once, before there was anybody to tell.
    if (this.#call.settled) this.#flow.end(this.#early)
  }

  #early: GrpcError | undefined

  async send(message: Message): Promise<void> {
    const bytes = encodeMessage(message, this.#options.messageSizeMax)
    this.#keep(bytes)
    await this.#flow.send(bytes)
  }

  receive(): Promise<Message | undefined> {
    return this.#flow.receive()
  }

  /** Ends the call with RST_STREAM(CANCEL); what was sent before leaves before it. */
  async close(): Promise<void> {
    this.#closed = true
    this.#call.cancel()
    this.#end(undefined)
    await this.#released
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  onHeaders(): void {
    this.#committed()
  }

  onReadable(): void {
    this.#committed()
    this.#flow.onReadable()
  }

  onDrain(): void {
    this.#flow.onDrain()
  }

  onStatus(error: GrpcError | undefined): void {
    if (this.#closed || this.#flow === undefined) {
      this.#early = error
      return
    }
    if (error !== undefined && this.#kept !== undefined && this.#canRepeat(error)) this.#repeat()
    else this.#end(error)
  }

  #start(): ClientCall {
    const { session, routes, limits } = this.#options
    const { method, headers } = routes[this.#routeIndex]!
    const call = new ClientCall(method, { timers: session.timers, limits }, this)
    this.#call = call
    session.start(call, headers)
    return call
  }

  #keep(bytes: Buffer): void {
    if (this.#kept === undefined || this.#flow.ended) return
    this.#keptSize += bytes.length
    if (this.#keptSize > this.#options.messageSizeMax) this.#kept = undefined
    else this.#kept.push(bytes)
  }

  /** The server serves this call: there is no going back. */
  #committed(): void {
    if (this.#kept === undefined) return
    this.#kept = undefined
    this.#options.onRoute(this.#options.routes[this.#routeIndex]!)
  }

  /** The other path, or once more the same one when the server never looked at the call. */
  #canRepeat(error: GrpcError): boolean {
    const { routes } = this.#options
    if (error.status === Status.Unimplemented && this.#routeIndex + 1 < routes.length) {
      this.#routeIndex++
      return true
    }
    if (!error.unprocessed || this.#repeated) return false
    this.#repeated = true
    return true
  }

  #repeat(): void {
    const call = this.#start()
    let isOpen = true
    for (const bytes of this.#kept ?? []) isOpen = call.write(bytes)
    this.#flow.continueWith(call, !isOpen)
  }

  #end(error: GrpcError | undefined): void {
    this.#kept = undefined
    this.#flow.end(error)
    this.#released ??= Promise.resolve(this.#options.onEnd())
  }
}
