import {
  type Connection,
  ErrorCode,
  type HeaderBlock,
  type HeaderList,
  type Stream,
  type StreamHandler,
  Timer,
} from '../../connection/index.js'
import { type BatchedCall, dispatchCall } from '../message/call-batch.js'
import { encodeRequest } from '../message/message-writer.js'
import {
  cancelError,
  explainError,
  lateError,
  responseLostError,
  responseResetError,
  unsendableError,
} from '../wire/call-error.js'
import {
  type CallWait,
  callTimes,
  NOT_YET,
  type WaitingPlace,
  wholeMs,
} from '../wire/call-timing.js'
import { DEFAULT_CALL_LIMITS } from '../wire/limits.js'
import { Metadata } from '../wire/metadata.js'
import { type Codec, codecOf, hasOneResponse, type Method } from '../wire/method.js'
import { addToError, GrpcError, Status, stacklessError } from '../wire/status.js'
import type { ClientCallFace, ConnectorFace } from './client-call-face.js'
import { CLIENT_CALL_NEWS, checkWrite, ClientCallFlag as Flag } from './client-call-flag.js'
import type { ClientCallOptions, ClientCallReceiver } from './client-call-options.js'
import { ClientCallOutput } from './client-call-output.js'
import { extraHeaders } from './request-headers.js'
import { ResponseNews, type ResponseReader, responseReader } from './response-reader.js'

/** A call of a client as its connection keeps it: `ClientCall` is what others see. */
export class RunningClientCall
  extends ClientCallOutput
  implements ClientCallFace, StreamHandler, BatchedCall
{
  readonly method: Method
  /** When we give up. Unit: ms, monotonic, on the wheel's clock; Infinity if never. */
  readonly deadline: number
  readonly #options: ClientCallOptions
  readonly #receiver: ClientCallReceiver
  /** For the deadline, and for the text of a response that is not gRPC. */
  #timer: Timer | undefined
  readonly #requestCodec: Codec
  readonly #responseCodec: Codec
  #flags = 0
  #connector: ConnectorFace | undefined
  #stream: Stream | undefined
  #response: ResponseReader | undefined
  #error: GrpcError | undefined
  /** Where the call had to wait; most need not. */
  #wait: CallWait | undefined
  /** Time left when the request was sent, or NOT_YET. Unit: ms. */
  #leftAtStartMs: number = NOT_YET
  /** Time left when the response began, or NOT_YET. Unit: ms. */
  #leftAtAnswerMs: number = NOT_YET

  /**
   * @throws TypeError when the method has no codec for the subtype.
   * @throws RangeError when the compression is unknown.
   */
  constructor(method: Method, options: ClientCallOptions, receiver: ClientCallReceiver) {
    // Before anything is scheduled: these may throw.
    const requestCodec = codecOf(method, method.request, options.subtype)
    const responseCodec = codecOf(method, method.response, options.subtype)
    super(options)
    this.method = method
    this.deadline = options.deadline ?? Number.POSITIVE_INFINITY
    this.#options = options
    this.#receiver = receiver
    // Most calls of a service among services have a deadline; those without pay for no timer.
    this.#timer = this.deadline === Number.POSITIVE_INFINITY ? undefined : new Timer(this)
    this.#requestCodec = requestCodec
    this.#responseCodec = responseCodec
    if (this.#timer !== undefined) options.timers.schedule(this.#timer, this.deadline)
  }

  get settled(): boolean {
    return (this.#flags & Flag.Settled) !== 0
  }

  get started(): boolean {
    return this.#stream !== undefined
  }

  get startedAt(): number | undefined {
    const { openedAt, wait } = this.#times
    return wait?.since ?? openedAt
  }

  get bufferedSize(): number {
    return this.heldSize + (this.#stream?.bufferedSize ?? 0)
  }

  get readable(): boolean {
    if (!hasOneResponse(this.method.kind)) return this.#response?.readable ?? false
    return this.settled && this.#error === undefined && this.#response!.readable
  }

  waitAt(place: WaitingPlace, now: number): void {
    this.#wait ??= { place, since: now }
  }

  start(connector: ConnectorFace, connection: Connection, headers: HeaderList): void {
    if (this.settled) return
    if (this.#stream !== undefined) throw new TypeError('the call was started already')
    if (!connection.canOpen) throw new TypeError('the connection takes no new calls now')
    const remainingMs = this.deadline - connection.now
    if (remainingMs <= 0) return this.#abandon(this.#lateError(connection.now))
    this.#connector = connector
    const extra = extraHeaders(remainingMs, this.compression, this.#options.metadata)
    let stream: Stream
    try {
      stream = connection.open(headers, false, this, extra)
    } catch (cause) {
      // Nothing was written. Often this is not the turn of whoever waits for the call: its receiver must hear.
      return this.#abandon(unsendableError(cause, this.#address))
    }
    this.#stream = stream
    this.#leftAtStartMs = wholeMs(remainingMs)
    this.#response = responseReader(
      stream,
      this,
      connector.batch,
      this.#responseCodec,
      this.#options,
    )
    if ((this.#flags & Flag.Wanting) !== 0) this.#response.want()
    this.#flush(stream)
  }

  write(message: unknown): boolean {
    if (this.settled) return true
    const payload = this.#encode(message)
    return payload === undefined ? true : this.#send(payload, false)
  }

  halfClose(): void {
    if (this.settled || (this.#flags & Flag.HalfClosed) !== 0) return
    this.#flags |= Flag.HalfClosed
    this.sendEnd(this.#stream)
  }

  request(message: unknown): void {
    if (this.settled) return
    const payload = this.#encode(message)
    if (payload === undefined) return
    this.#flags |= Flag.HalfClosed
    this.#send(payload, true)
  }

  get inflating(): boolean {
    return this.#response?.inflating ?? false
  }

  read(): unknown {
    if (!this.readable) return this.#want()
    const response = this.#response!
    const message = response.read()
    if (!this.settled) {
      this.#take(response.afterRead())
      // Outside `receive` nobody else will tell it.
      if (this.settled) this.dispatch()
    }
    return message
  }

  cancel(error?: GrpcError): void {
    if (this.settled) return
    this.#abandon(error ?? cancelError(this.#address, this.#stream === undefined))
  }

  /** For the connection alone. */
  onHeaders(headers: HeaderBlock, endStream: boolean): void {
    if (!this.settled) this.#take(this.#response!.onHeaders(headers, endStream))
  }

  /** For the connection alone. */
  onData(bytes: Buffer, start: number, end: number, endStream: boolean): void {
    if (this.settled) this.#stream!.consume(end - start)
    else this.#take(this.#response!.onData(bytes, start, end, endStream))
  }

  /** For the connection alone. */
  onDrain(): void {
    if (!this.settled && this.isDrained()) this.#due(Flag.DrainDue)
  }

  /** For its messages alone. */
  onOutboxDrained(): void {
    this.#due(Flag.DrainDue)
  }

  /** For its messages alone. */
  onOutboxFailed(error: GrpcError): void {
    this.#abandon(error)
  }

  /** For its messages alone. */
  onInflated(): void {
    if (!this.settled) this.#take(this.#response!.onInflated())
  }

  /** For the connection alone. */
  onReset(errorCode: number, byPeer: boolean, fault?: string): void {
    if (this.#isOver()) return
    const isLate = byPeer && errorCode === ErrorCode.Cancel && this.#now >= this.deadline
    this.#lose(isLate ? this.#lateError(this.#now) : responseResetError(errorCode, byPeer, fault))
  }

  /** For the connection alone. */
  onLost(cause: Error, unprocessed: boolean): void {
    if (!this.#isOver()) this.#lose(responseLostError(cause, unprocessed))
  }

  /** Time is up. Runs outside `receive`, so the receiver is told here. */
  onTimer(_timer: Timer, now: number): void {
    const foreign = this.#response?.foreignError
    this.#end(foreign === undefined ? this.#lateError(now) : addToError(foreign, this.#address))
    // What the receiver throws must not keep other timers from firing.
    dispatchCall(this)
  }

  /** For the batch alone. */
  dispatch(): void {
    const flags = this.#flags
    this.#flags = flags & ~(CLIENT_CALL_NEWS | Flag.StatusDue | Flag.Batched)
    const receiver = this.#receiver
    if ((flags & Flag.HeadersDue) !== 0) {
      receiver.onHeaders(Metadata.fromHeaders(this.#response!.headers))
    }
    // The receiver may cancel in any of these, and has heard of the end then.
    if ((flags & Flag.ReadableDue) !== 0 && (this.#flags & Flag.Told) === 0) receiver.onReadable()
    if ((flags & Flag.DrainDue) !== 0 && !this.settled) receiver.onDrain()
    if ((flags & Flag.StatusDue) === 0 || (this.#flags & Flag.Told) !== 0) return
    this.#flags |= Flag.Told
    receiver.onStatus(this.#error, this.#trailers())
  }

  /** For the batch alone: the receiver threw. */
  onThrown(error: unknown): void {
    this.#flags |= Flag.Told
    if (!this.settled) this.#end(stacklessError(Status.Cancelled, 'receiver failed'))
    this.#connector?.onThrown(error, this)
  }

  /** Acts on what a piece of the response brought. */
  #take(news: number): void {
    if (news === ResponseNews.None) return
    if ((news & ResponseNews.Headers) !== 0) {
      this.#leftAtAnswerMs = wholeMs(this.deadline - this.#now)
      this.#due(Flag.HeadersDue)
    }
    if ((news & ResponseNews.Foreign) !== 0) this.#awaitText()
    const response = this.#response!
    if (response.readable && (news & ResponseNews.Messages) !== 0) this.#due(Flag.ReadableDue)
    if ((news & (ResponseNews.Ended | ResponseNews.Broken)) === 0) return
    const stream = this.#stream!
    // RFC 9113 §8.1: the server wants nothing more of us, or we nothing of it.
    const isBroken = (news & ResponseNews.Broken) !== 0
    if (!stream.closed) stream.reset(isBroken ? ErrorCode.Cancel : ErrorCode.NoError)
    // The server may have noticed first that our time is up.
    if (response.error?.status === Status.Cancelled && this.#now >= this.deadline) {
      response.error = this.#lateError(this.#now)
      response.trailers = undefined
    }
    if (response.error !== undefined) {
      explainError(response.error, this.#times, this.#now, this.#address)
    }
    this.#settle(response.error)
    this.#due(Flag.StatusDue)
  }

  /** The outcome is decided, and text for its error is waited for a moment only. */
  #awaitText(): void {
    const { errorBodyTimeoutMs } = this.#options.limits ?? DEFAULT_CALL_LIMITS
    const until = this.#now + errorBodyTimeoutMs
    if (until >= this.deadline) return
    this.#timer ??= new Timer(this)
    this.#options.timers.schedule(this.#timer, until)
  }

  /** The stream is gone. What the headers of a response that is not gRPC have decided stays. */
  #lose(error: GrpcError): void {
    this.#settle(addToError(this.#response!.foreignError ?? error, this.#address))
    this.#due(Flag.StatusDue)
  }

  /** The status is known, even if it waits for the application to read: what happens to the stream does not matter any more. */
  #isOver(): boolean {
    return this.settled || this.#response!.isHeld
  }

  #encode(message: unknown): Uint8Array | undefined {
    checkWrite(this.#flags, this.method)
    const { sendMessageSizeMax } = this.#options.limits ?? DEFAULT_CALL_LIMITS
    const unsent = (this.#flags & Flag.RequestSent) === 0
    const payload = encodeRequest(this.#requestCodec, message, sendMessageSizeMax, unsent)
    if (payload instanceof GrpcError) return void this.#abandon(payload)
    return payload
  }

  #send(payload: Uint8Array, endStream: boolean): boolean {
    this.#flags |= Flag.RequestSent
    const isOpen = this.sendMessage(this.#stream, this.#connector?.batch, payload, endStream)
    if (this.#stream !== undefined) return isOpen
    const { unsentSizeMax } = this.#options.limits ?? DEFAULT_CALL_LIMITS
    if (this.heldSize > unsentSizeMax) this.#flags |= Flag.WantsDrain
    return (this.#flags & Flag.WantsDrain) === 0
  }

  /** There is a stream: sends what has waited for it. */
  #flush(stream: Stream): void {
    const isClosed = (this.#flags & Flag.HalfClosed) !== 0
    const isOpen = this.flush(stream, this.#connector!.batch, isClosed)
    if ((this.#flags & Flag.WantsDrain) === 0) return
    this.#flags &= ~Flag.WantsDrain
    // Where the stream is full as well, its own onDrain follows.
    if (this.isDrained() && isOpen && !isClosed) this.#receiver.onDrain()
  }

  get #now(): number {
    return this.#stream!.connection.now
  }

  /** Where the call went, or waits to go. */
  get #address(): string | undefined {
    return this.#connector?.address ?? this.#wait?.place.address
  }

  get #times() {
    const times = [this.#leftAtStartMs, this.#leftAtAnswerMs, this.#options.earlierMs ?? 0] as const
    return callTimes(this.deadline, ...times, this.#wait)
  }

  #want(): undefined {
    this.#flags |= Flag.Wanting
    this.#response?.want()
  }

  #lateError(now: number): GrpcError {
    return lateError(this.#times, now, this.#address)
  }

  #trailers(): Metadata {
    const list = this.#response?.trailers
    if (list === undefined) return new Metadata()
    return this.#error?.hasMetadata === true ? this.#error.metadata : Metadata.fromHeaders(list)
  }

  /** Ends the call for a reason of our own, and tells at once. */
  #abandon(error: GrpcError): void {
    this.#end(error)
    this.dispatch()
  }

  #end(error: GrpcError): void {
    this.#stream?.reset(ErrorCode.Cancel)
    this.#response?.drop()
    this.#flags &= ~CLIENT_CALL_NEWS
    this.#settle(error)
    this.#flags |= Flag.StatusDue
  }

  #settle(error: GrpcError | undefined): void {
    this.#flags |= Flag.Settled
    this.#error = error
    this.closeOutput()
    if (this.#timer !== undefined) this.#options.timers.cancel(this.#timer)
    this.#response?.close()
  }

  #due(flag: number): void {
    const flags = this.#flags
    this.#flags = flags | flag | Flag.Batched
    if ((flags & Flag.Batched) === 0) this.#connector!.batch.add(this)
  }
}
