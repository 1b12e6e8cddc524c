import {
  type CallLimits,
  ClientCall,
  type ClientCallReceiver,
  type GrpcError,
  type HeaderList,
  type Method,
  Status,
} from '../../grpc/index.js'
import type { Session } from '../client/session.js'
import type { Cancellable, Runtime } from '../runtime/runtime.js'
import { encodeMessage } from './message.js'
import { SocketFlow } from './socket-flow.js'
import type { Message, Socket } from './transport.js'

/** Time that what was sent before `close` has to leave. Unit: ms. */
const CLOSE_FLUSH_MS = 1_000

/** One way to open a socket: a path of `Transport/Stream` and its request headers, which live long. */
export interface SocketRoute {
  readonly method: Method
  readonly headers: HeaderList
}

export interface GrpcClientSocketOptions {
  readonly session: Session
  readonly runtime: Pick<Runtime, 'schedule'>
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
  #closing: Promise<void> | undefined
  /** Closed, but what was sent is still leaving: the end of the call ends that. */
  #onLingered: (() => void) | undefined
  #released: Promise<void> | undefined
  #isResting = false

  constructor(options: GrpcClientSocketOptions) {
    this.remote = options.session.address
    this.#options = options
    this.#call = this.#start()
    this.#flow = new SocketFlow(this.remote, this.#call)
    // The call may have failed at once, before there was anybody to tell.
    if (this.#call.settled) this.#flow.end(this.#early)
  }

  #early: GrpcError | undefined

  send(message: Message): Promise<void> {
    let bytes: Buffer
    try {
      bytes = encodeMessage(message, this.#options.messageSizeMax)
    } catch (error) {
      return Promise.reject(error)
    }
    this.#keep(bytes)
    return this.#flow.send(bytes)
  }

  receive(): Promise<Message | undefined> {
    return this.#flow.receive()
  }

  get over(): Promise<Error | undefined> {
    return this.#flow.over
  }

  unref(): void {
    this.#rest(true)
  }

  ref(): void {
    this.#rest(false)
  }

  /**
   * Ends the call with RST_STREAM(CANCEL). Where something that was sent still
   * waits for the server's window, END_STREAM follows it instead, and
   * RST_STREAM only if that has not led to the end within a second.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  onHeaders(): void {
    this.#committed()
  }

  onReadable(): void {
    if (this.#closed) {
      // Nobody wants it, but its end comes behind it.
      while (this.#call.readable) this.#call.read()
      return
    }
    this.#committed()
    this.#flow.onReadable()
  }

  onDrain(): void {
    this.#flow.onDrain()
  }

  onStatus(error: GrpcError | undefined): void {
    if (this.#closed || this.#flow === undefined) {
      this.#early = error
      this.#onLingered?.()
      return
    }
    if (error !== undefined && this.#kept !== undefined && this.#canRepeat(error)) this.#repeat()
    else this.#end(error)
  }

  #rest(isResting: boolean): void {
    if (isResting === this.#isResting || (isResting && this.#flow.ended)) return
    this.#isResting = isResting
    this.#options.session.rest(this, isResting)
  }

  async #close(): Promise<void> {
    const call = this.#call
    this.#closed = true
    this.#flow.flush()
    // Our own receive, which may wait, has its answer: we have closed.
    this.#flow.end(undefined)
    if (call.started && !call.settled && call.bufferedSize > 0) await this.#linger(call)
    call.cancel()
    this.#end(undefined)
    await this.#released
  }

  /** END_STREAM behind what still waits; settles when the server has ended the call, or time is up. */
  async #linger(call: ClientCall): Promise<void> {
    let timeout: Cancellable | undefined
    const ended = new Promise<void>(resolve => {
      this.#onLingered = resolve
      timeout = this.#options.runtime.schedule(CLOSE_FLUSH_MS, resolve)
    })
    call.halfClose()
    this.onReadable()
    await ended
    timeout?.cancel()
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
    if (!error.unprocessed || error.status !== Status.Unavailable || this.#repeated) return false
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
    this.ref()
    this.#released ??= Promise.resolve(this.#options.onEnd())
  }
}
