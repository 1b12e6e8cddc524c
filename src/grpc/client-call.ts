import {
  type Connection,
  ErrorCode,
  type HeaderBlock,
  type HeaderList,
  type Stream,
  type StreamHandler,
  Timer,
  type TimerWheel,
} from '../connection/index.js'
import { dispatchCall } from './call-batch.js'
import type { CallConnector } from './call-connector.js'
import { findCompression } from './call-options.js'
import type { ClientCallOptions, ClientCallReceiver } from './client-call-options.js'
import { type Compression, type Compressions, DEFAULT_COMPRESSIONS } from './compression.js'
import { isWholeMessage, LENGTH_PREFIX_SIZE } from './length-prefix.js'
import { type CallLimits, DEFAULT_CALL_LIMITS } from './limits.js'
import { MessageInbox } from './message-inbox.js'
import { encodeMessage, frameMessage, sendMessage } from './message-writer.js'
import { Metadata } from './metadata.js'
import {
  type Codec,
  DEFAULT_SUBTYPE,
  hasOneRequest,
  hasOneResponse,
  type Method,
} from './method.js'
import { extraHeaders } from './request-headers.js'
import { type ResponseHead, readResponseHead } from './response-head.js'
import { resetError, responseError } from './response-status.js'
import { GrpcError, Status, stacklessError } from './status.js'

/** What has happened to a call. */
const Flag = {
  /** The headers of the final response have come. */
  HeadersReceived: 1,
  /** The response is not gRPC: its body is only looked at for the error's message. */
  Foreign: 2,
  HasResponse: 4,
  RequestSent: 8,
  HalfClosed: 16,
  /** The outcome is known. */
  Settled: 32,
  /** The receiver knows it. */
  Told: 64,
  /** The status is here, but messages before it still wait undecoded. */
  StatusHeld: 128,
  Batched: 256,
  HeadersDue: 512,
  ReadableDue: 1024,
  DrainDue: 2048,
  StatusDue: 4096,
  /** `write` answered false before there was a stream. */
  WantsDrain: 8192,
  Compressing: 16384,
} as const

const NEWS = Flag.HeadersDue | Flag.ReadableDue | Flag.DrainDue
const EMPTY: Buffer = Buffer.alloc(0)

/**
 * One call of a client. It takes messages at once and starts when a
 * connection is there; its deadline runs from the beginning.
 */
export class ClientCall implements StreamHandler {
  readonly method: Method
  readonly #receiver: ClientCallReceiver
  readonly #deadline: number
  readonly #timers: TimerWheel
  readonly #timer: Timer | undefined
  readonly #metadata: Metadata | undefined
  readonly #requestCodec: Codec
  readonly #responseCodec: Codec
  readonly #subtype: string
  readonly #limits: CallLimits
  readonly #compressions: Compressions
  readonly #compression: Compression | undefined
  readonly #oneResponse: boolean
  #flags: number
  #connector: CallConnector | undefined
  #stream: Stream | undefined
  #unsent: Buffer[] | undefined
  #unsentSize: number
  #inbox: MessageInbox | undefined
  #response: unknown
  #head: ResponseHead | undefined
  #errorBody: string
  #error: GrpcError | undefined
  #trailers: HeaderList | undefined

  /**
   * @throws TypeError when the method has no codec for the subtype.
   * @throws RangeError when the compression is unknown.
   */
  constructor(method: Method, options: ClientCallOptions, receiver: ClientCallReceiver) {
    this.#subtype =
      options.subtype === undefined || options.subtype === '' ? DEFAULT_SUBTYPE : options.subtype
    const requestCodec = method.request.get(this.#subtype)
    const responseCodec = method.response.get(this.#subtype)
    if (requestCodec === undefined || responseCodec === undefined) {
      throw new TypeError(`${method.path} has no codec for subtype "${this.#subtype}"`)
    }
    this.method = method
    this.#receiver = receiver
    this.#deadline = options.deadline ?? Number.POSITIVE_INFINITY
    this.#timers = options.timers
    this.#timer = this.#deadline === Number.POSITIVE_INFINITY ? undefined : new Timer(this)
    this.#metadata = options.metadata
    this.#requestCodec = requestCodec
    this.#responseCodec = responseCodec
    this.#limits = options.limits ?? DEFAULT_CALL_LIMITS
    this.#compressions = options.compressions ?? DEFAULT_COMPRESSIONS
    this.#compression = findCompression(this.#compressions, options.compression)
    this.#oneResponse = hasOneResponse(method.kind)
    this.#flags = Flag.Compressing
    this.#connector = undefined
    this.#stream = undefined
    this.#unsent = undefined
    this.#unsentSize = 0
    this.#inbox = undefined
    this.#response = undefined
    this.#head = undefined
    this.#errorBody = ''
    this.#error = undefined
    this.#trailers = undefined
    if (this.#timer !== undefined) this.#timers.schedule(this.#timer, this.#deadline)
  }

  /** When we give up. Unit: ms, on the wheel's clock; Infinity if never. */
  get deadline(): number {
    return this.#deadline
  }

  /** Whether the outcome is known. */
  get settled(): boolean {
    return (this.#flags & Flag.Settled) !== 0
  }

  /** Whether a connection has it. */
  get started(): boolean {
    return this.#stream !== undefined
  }

  /** Whether `read` has a message. */
  get readable(): boolean {
    if (this.#oneResponse)
      return this.settled && this.#error === undefined && (this.#flags & Flag.HasResponse) !== 0
    return this.#inbox?.readable ?? false
  }

  /** Whether messages leave compressed, if the call has a compression. Default: true. */
  get compressing(): boolean {
    return (this.#flags & Flag.Compressing) !== 0
  }

  /** For the messages sent from now on. */
  set compressing(on: boolean) {
    if (on) this.#flags |= Flag.Compressing
    else this.#flags &= ~Flag.Compressing
  }

  /**
   * Sends the call on its way. `headers` comes from `requestHeaders` and lives
   * long. Does nothing when the call has settled meanwhile.
   *
   * @throws TypeError when it was started before, or the connection takes no more streams (`canOpen`).
   */
  start(connector: CallConnector, connection: Connection, headers: HeaderList): void {
    if (this.settled) return
    if (this.#stream !== undefined) throw new TypeError('the call was started already')
    if (!connection.canOpen) throw new TypeError('the connection takes no new calls now')
    const remainingMs = this.#deadline - connection.now
    if (remainingMs <= 0) {
      this.#settleNow(this.#deadlineError())
      return
    }
    this.#connector = connector
    try {
      this.#stream = connection.open(
        headers,
        false,
        this,
        extraHeaders(remainingMs, this.#compression, this.#metadata),
      )
    } catch (cause) {
      // The list is larger than the server takes: it would only reset the stream.
      if (!(cause instanceof RangeError)) throw cause
      this.#settleNow(stacklessError(Status.ResourceExhausted, cause.message, { cause }))
      return
    }
    this.#flush(this.#stream)
  }

  /**
   * Sends one message. False when much is queued: wait for `onDrain`.
   *
   * @throws TypeError after `halfClose`, and for a second message of a method that takes one.
   */
  write(message: unknown): boolean {
    if (this.settled) return true
    const payload = this.#encode(message)
    return payload === undefined ? true : this.#send(payload, false)
  }

  /** No more messages follow. Once is enough. */
  halfClose(): void {
    if (this.settled || (this.#flags & Flag.HalfClosed) !== 0) return
    this.#flags |= Flag.HalfClosed
    this.#stream?.sendData(EMPTY, 0, 0, true)
  }

  /** Sends the one request: message and end in one DATA frame. @throws as `write`. */
  request(message: unknown): void {
    if (this.settled) return
    const payload = this.#encode(message)
    if (payload === undefined) return
    this.#flags |= Flag.HalfClosed
    this.#send(payload, true)
  }

  /** The next message, or undefined when none is there. Gives the server credit for it. */
  read(): unknown {
    if (this.#oneResponse) {
      if (!this.readable) return undefined
      this.#flags &= ~Flag.HasResponse
      const response = this.#response
      this.#response = undefined
      return response
    }
    const inbox = this.#inbox
    if (inbox === undefined) return undefined
    const message = inbox.read()
    if (!this.settled && this.#checkInbox(inbox)) this.#tellNow()
    return message
  }

  /** Gives up: RST_STREAM(CANCEL), and `onStatus` at once. Default: CANCELLED. */
  cancel(error?: GrpcError): void {
    if (this.settled) return
    this.#abandon(error ?? new GrpcError(Status.Cancelled, 'the call was cancelled'))
  }

  /** @internal */
  onHeaders(headers: HeaderBlock, endStream: boolean): void {
    if (this.settled) return
    const { metadataSizeMax } = this.#limits
    if (headers.size > metadataSizeMax) {
      const text = `received metadata larger than max (${headers.size} vs. ${metadataSizeMax})`
      this.#fail(Status.ResourceExhausted, text)
      return
    }
    const head = readResponseHead(headers)
    if ((this.#flags & Flag.HeadersReceived) !== 0) {
      this.#onTrailers(head)
      return
    }
    // Interim responses say nothing to gRPC (RFC 9110 §15.2).
    if (head.httpStatus < 200) return
    this.#flags |= Flag.HeadersReceived
    this.#head = head
    if (endStream) this.#onTrailers(head)
    else this.#onResponse(head)
  }

  /** @internal */
  onData(bytes: Buffer, start: number, end: number, endStream: boolean): void {
    if (this.settled) {
      this.#stream!.consume(end - start)
      return
    }
    if (start < end) {
      if ((this.#flags & Flag.Foreign) !== 0) this.#receiveForeign(bytes, start, end)
      else if (this.#oneResponse) this.#receiveOne(bytes, start, end)
      else this.#receiveMany(bytes, start, end)
    }
    // The server ended the stream and owes us the status.
    if (endStream && !this.settled) this.#onTrailers(undefined)
  }

  /** @internal */
  onDrain(): void {
    if (!this.settled) this.#due(Flag.DrainDue)
  }

  /** @internal */
  onReset(errorCode: number, byPeer: boolean): void {
    // A status that waits for the application is a complete one (E2).
    if (this.settled || (this.#flags & Flag.StatusHeld) !== 0) return
    const isLate = byPeer && errorCode === ErrorCode.Cancel && this.#isLate()
    this.#settle(isLate ? this.#deadlineError() : resetError(errorCode, byPeer))
    this.#due(Flag.StatusDue)
  }

  /** @internal */
  onLost(cause: Error, unprocessed: boolean): void {
    if (this.settled || (this.#flags & Flag.StatusHeld) !== 0) return
    const text = `connection lost: ${cause.message}`
    this.#settle(
      stacklessError(Status.Unavailable, text, { origin: 'network', unprocessed, cause }),
    )
    this.#due(Flag.StatusDue)
  }

  /** @internal Time is up. Runs outside `receive`, so the receiver is told here. */
  onTimer(): void {
    this.#abandon(this.#deadlineError())
  }

  /** @internal */
  dispatch(): void {
    const flags = this.#flags
    this.#flags = flags & ~(NEWS | Flag.StatusDue | Flag.Batched)
    const receiver = this.#receiver
    if ((flags & Flag.HeadersDue) !== 0) receiver.onHeaders(Metadata.fromHeaders(this.#head!.list))
    // The receiver may cancel in any of these, and has heard of the end then.
    if ((flags & Flag.ReadableDue) !== 0 && (this.#flags & Flag.Told) === 0) receiver.onReadable()
    if ((flags & Flag.DrainDue) !== 0 && !this.settled) receiver.onDrain()
    if ((flags & Flag.StatusDue) === 0 || (this.#flags & Flag.Told) !== 0) return
    this.#flags |= Flag.Told
    receiver.onStatus(this.#error, this.#trailersMetadata())
  }

  /** @internal The receiver threw. */
  onThrown(error: unknown): void {
    this.#flags |= Flag.Told
    if (!this.settled) this.#abandon(stacklessError(Status.Cancelled, 'receiver failed'))
    this.#connector?.onThrown(error, this)
  }

  /** Headers that a body, or trailers, follow. A status among them does not count. */
  #onResponse(head: ResponseHead): void {
    if (head.httpStatus !== 200 || head.subtype === undefined) {
      this.#flags |= Flag.Foreign
      return
    }
    if (head.subtype !== '' && head.subtype !== this.#subtype) {
      this.#fail(
        Status.Internal,
        `content-type is "${head.contentType}"; expected ${this.#subtype}`,
      )
    } else if (head.badBinary !== '') {
      this.#fail(Status.Internal, `metadata "${head.badBinary}" is not base64`)
    } else {
      this.#due(Flag.HeadersDue)
    }
  }

  /** The end of the response; without `head` when it had no trailers. */
  #onTrailers(head: ResponseHead | undefined): void {
    const stream = this.#stream!
    // RFC 9113 §8.1: the server wants nothing more of us.
    if (!stream.closed) stream.reset(ErrorCode.NoError)
    let error = responseError(head, this.#head!, this.#errorBody, this.#limits)
    if (error?.status === Status.Cancelled && this.#isLate()) error = this.#deadlineError()
    this.#trailers = head?.list
    const inbox = this.#inbox
    const isBroken = inbox !== undefined && !inbox.full && inbox.midMessage
    if (isBroken && (error === undefined || head === undefined)) {
      error = stacklessError(Status.Internal, 'response ended within a message')
    }
    if (error === undefined && this.#oneResponse && (this.#flags & Flag.HasResponse) === 0) {
      error = stacklessError(Status.Unimplemented, 'no response message')
    }
    if (inbox?.full === true) {
      this.#flags |= Flag.StatusHeld
      this.#error = error
      return
    }
    this.#settle(error)
    this.#due(Flag.StatusDue)
  }

  #receiveForeign(bytes: Buffer, start: number, end: number): void {
    const room = this.#limits.errorBodySizeMax - this.#errorBody.length
    if (room > 0) this.#errorBody += bytes.toString('utf8', start, Math.min(end, start + room))
    this.#stream!.consume(end - start)
  }

  /** Most responses are one plain message that is all of one DATA frame: those need no inbox. */
  #receiveOne(bytes: Buffer, start: number, end: number): void {
    const isFirst = this.#inbox === undefined && (this.#flags & Flag.HasResponse) === 0
    if (!isFirst || !isWholeMessage(bytes, start, end, this.#limits.messageSizeMax)) {
      this.#receiveMany(bytes, start, end)
      return
    }
    this.#stream!.consume(end - start)
    try {
      this.#response = this.#responseCodec.decode(bytes, start + LENGTH_PREFIX_SIZE, end)
      this.#flags |= Flag.HasResponse
    } catch (cause) {
      this.#failWith(stacklessError(Status.Internal, 'message cannot be decoded', { cause }))
    }
  }

  #receiveMany(bytes: Buffer, start: number, end: number): void {
    const inbox = this.#inbox ?? this.#newInbox()
    this.#inbox = inbox
    inbox.receive(bytes, start, end)
    if (!this.#oneResponse) {
      if (inbox.readable) this.#due(Flag.ReadableDue)
    } else {
      while (inbox.readable) {
        this.#response = inbox.read()
        if ((this.#flags & Flag.HasResponse) !== 0) {
          this.#fail(Status.Unimplemented, 'more than one response message')
          return
        }
        this.#flags |= Flag.HasResponse
      }
    }
    if (inbox.fault !== undefined) this.#failWith(inbox.fault)
  }

  #newInbox(): MessageInbox {
    const { encoding } = this.#head!
    return new MessageInbox(this.#stream!, {
      codec: this.#responseCodec,
      encoding,
      decompression: this.#compressions.get(encoding),
      limits: this.#limits,
      unknownEncodingStatus: Status.Internal,
    })
  }

  /** After a read: whether that settled the call. */
  #checkInbox(inbox: MessageInbox): boolean {
    if (inbox.fault !== undefined) {
      this.#stream!.reset(ErrorCode.Cancel)
      this.#settle(inbox.fault)
      return true
    }
    if ((this.#flags & Flag.StatusHeld) === 0 || inbox.full) return false
    const isBroken = inbox.midMessage && this.#error === undefined
    this.#settle(
      isBroken ? stacklessError(Status.Internal, 'response ended within a message') : this.#error,
    )
    return true
  }

  #encode(message: unknown): Uint8Array | undefined {
    if ((this.#flags & Flag.HalfClosed) !== 0) throw new TypeError('write after halfClose')
    if ((this.#flags & Flag.RequestSent) !== 0 && hasOneRequest(this.method.kind)) {
      throw new TypeError(`${this.method.path} takes one message; it was sent already`)
    }
    const payload = encodeMessage(this.#requestCodec, message, this.#limits.sendMessageSizeMax)
    if (!(payload instanceof GrpcError)) return payload
    this.#abandon(payload)
    return undefined
  }

  #send(payload: Uint8Array, endStream: boolean): boolean {
    this.#flags |= Flag.RequestSent
    const stream = this.#stream
    const compression = this.compressing ? this.#compression : undefined
    if (stream !== undefined) return sendMessage(stream, payload, compression, endStream)
    // Rare: what waits is already compressed or not, so it waits as it will leave.
    if (this.#unsent === undefined) this.#unsent = []
    this.#unsent.push(frameMessage(payload, compression))
    this.#unsentSize += payload.length
    if (this.#unsentSize <= this.#limits.unsentSizeMax) return true
    this.#flags |= Flag.WantsDrain
    return false
  }

  /** There is a stream: sends what has waited for it. */
  #flush(stream: Stream): void {
    const unsent = this.#unsent
    const isClosed = (this.#flags & Flag.HalfClosed) !== 0
    this.#unsent = undefined
    this.#unsentSize = 0
    let isOpen = true
    const last = unsent === undefined ? -1 : unsent.length - 1
    for (let index = 0; index <= last; index++) {
      const framed = unsent![index]!
      isOpen = stream.sendData(framed, 0, framed.length, isClosed && index === last)
    }
    if (isClosed && last < 0) stream.sendData(EMPTY, 0, 0, true)
    if ((this.#flags & Flag.WantsDrain) === 0) return
    this.#flags &= ~Flag.WantsDrain
    // Where the stream is full as well, its own onDrain follows.
    if (isOpen) this.#receiver.onDrain()
  }

  #isLate(): boolean {
    return this.#stream !== undefined && this.#stream.connection.now >= this.#deadline
  }

  #deadlineError(): GrpcError {
    const text = this.started
      ? 'deadline exceeded'
      : 'deadline exceeded while waiting for a connection'
    return stacklessError(Status.DeadlineExceeded, text)
  }

  #trailersMetadata(): Metadata {
    if (this.#trailers !== undefined) return Metadata.fromHeaders(this.#trailers)
    return new Metadata()
  }

  /** The response broke a rule: ends the call, from inside the parser. */
  #fail(status: Status, message: string): void {
    this.#failWith(stacklessError(status, message))
  }

  #failWith(error: GrpcError): void {
    this.#stream!.reset(ErrorCode.Cancel)
    this.#settle(error)
    this.#due(Flag.StatusDue)
  }

  /** Ends the call for a reason of our own, and tells at once. */
  #abandon(error: GrpcError): void {
    if (this.settled) return
    this.#stream?.reset(ErrorCode.Cancel)
    this.#inbox?.drop()
    this.#flags &= ~NEWS
    this.#settle(error)
    this.#tellNow()
  }

  #settleNow(error: GrpcError): void {
    this.#settle(error)
    this.#tellNow()
  }

  #settle(error: GrpcError | undefined): void {
    this.#flags |= Flag.Settled | Flag.StatusDue
    this.#error = error
    this.#unsent = undefined
    if (this.#timer !== undefined) this.#timers.cancel(this.#timer)
    this.#inbox?.close()
  }

  #due(flag: number): void {
    const flags = this.#flags
    this.#flags = flags | flag | Flag.Batched
    if ((flags & Flag.Batched) === 0) this.#connector!.batch.add(this)
  }

  #tellNow(): void {
    dispatchCall(this)
  }
}
