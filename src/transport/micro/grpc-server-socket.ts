import { GrpcError, type ServerCall, type ServerCallHandler, Status } from '../../grpc/index.js'
import { type ConnectionPeer, peerOf } from '../socket/connection-peer.js'
import { encodeMessage } from './message.js'
import { SlotPlaces } from './slot-places.js'
import { SocketFlow } from './socket-flow.js'
import type { HandlerPlaces, Message, Socket } from './transport.js'

/** The accepting end of a micro socket: one call of `Transport/Stream`. */
export class GrpcServerSocket implements Socket, ServerCallHandler {
  readonly local: string
  readonly remote: string
  readonly peer: ConnectionPeer
  readonly #call: ServerCall
  readonly #flow: SocketFlow
  readonly #messageSizeMax: number
  readonly #startTimeoutMs: number
  #handlers: HandlerPlaces | undefined = undefined

  /** @param startTimeoutMs that of calls. Unit: ms */
  constructor(call: ServerCall, messageSizeMax: number, startTimeoutMs: number) {
    const peer = peerOf(call.stream.connection)
    this.local = peer.local
    this.remote = peer.address
    this.peer = peer
    this.#call = call
    this.#flow = new SocketFlow(peer.address, call, size => call.stream.charge(size))
    this.#messageSizeMax = messageSizeMax
    this.#startTimeoutMs = startTimeoutMs
  }

  send(message: Message): Promise<void> {
    let bytes: Buffer
    try {
      bytes = encodeMessage(message, this.#messageSizeMax)
    } catch (error) {
      return Promise.reject(error)
    }
    return this.#flow.send(bytes)
  }

  receive(): Promise<Message | undefined> {
    return this.#flow.receive()
  }

  get over(): Promise<Error | undefined> {
    return this.#flow.over
  }

  get handlers(): HandlerPlaces {
    if (this.#handlers === undefined) {
      const { stream } = this.#call
      this.#handlers = new SlotPlaces(stream.connection.handlerSlots, this.#startTimeoutMs)
      // An idle socket must not keep others from being served.
      stream.freeSlot()
    }
    return this.#handlers
  }

  charge(size: number): boolean {
    const { stream } = this.#call
    stream.charge(size)
    return !stream.connection.memory.isShort
  }

  /** Ends the stream with status OK. */
  async close(): Promise<void> {
    this.#call.finish()
    this.#flow.end(undefined)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  onReadable(): void {
    this.#flow.onReadable()
  }

  onDrain(): void {
    this.#flow.onDrain()
  }

  onCancel(error: GrpcError): void {
    this.#flow.end(error)
  }

  /** Gives the socket to its handler: what becomes of that becomes the status. Rejects with what the handler threw. */
  async serve(handler: (socket: Socket) => void | Promise<void>): Promise<void> {
    try {
      await handler(this)
      await this.close()
    } catch (error) {
      // That the client has gone is nobody's failure.
      const { cancelled } = this.#call
      if (cancelled !== undefined && error === cancelled) return
      const failure = error instanceof GrpcError ? error : panicError(error)
      this.#call.fail(failure)
      this.#flow.end(failure)
      // A status that the handler chose is its answer; anything else is a fault.
      if (failure !== error) throw error
    } finally {
      this.#call.settle()
    }
  }
}

/** What go-micro's server says when a handler panics. The exception's own text stays here: `onError` hears it. */
function panicError(cause: unknown): GrpcError {
  const text = 'the handler failed'
  const json = JSON.stringify({
    id: 'go.micro.transport',
    code: 500,
    detail: `panic recovered: ${text}`,
    status: 'Internal Server Error',
  })
  return new GrpcError(Status.Unknown, json.replaceAll(/[<>&\u2028\u2029]/g, escapeAsGo), { cause })
}

/** Go's JSON is safe inside HTML. */
function escapeAsGo(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}
