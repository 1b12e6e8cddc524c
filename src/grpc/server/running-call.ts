import {
  ErrorCode,
  type HeaderBlock,
  type HeaderList,
  type Stream,
  type StreamHandler,
  Timer,
} from '../../connection/index.js'
import { dispatchCall } from '../message/call-batch.js'
import type { MessageInbox } from '../message/message-inbox.js'
import {
  deadlineError,
  refusalCode,
  requestIdleError,
  requestLostError,
  requestResetError,
} from '../wire/call-error.js'
import { isWholeMessage, LENGTH_PREFIX_SIZE } from '../wire/length-prefix.js'
import type { Metadata } from '../wire/metadata.js'
import { type GrpcError, Status, stacklessError } from '../wire/status.js'
import type { CallSettings } from './call-options.js'
import type { RequestHead } from './request-head.js'
import { errorFields, metadataFields, sendResponseHeaders, sendStatus } from './response-writer.js'
import type { ServerCall, ServerCallHandler } from './server-call.js'
import type { ServerCallBatch, WaitingCall } from './server-call-batch.js'
import { ServerCallFlag as Flag, SERVER_CALL_NEWS } from './server-call-flag.js'
import { ServerCallMessages, STREAMING_COST } from './server-call-messages.js'

/** A call on a server as its connection keeps it: `ServerCall` is what routes see. */
export class RunningServerCall
  extends ServerCallMessages
  implements ServerCall, StreamHandler, WaitingCall
{
  /** Unary and server-streaming: the one request, there when `start` runs. */
  request: unknown = undefined
  /** For the deadline; without one, for a request that does not go on. */
  #timer: Timer | undefined
  #flags = 0
  /** Who hears of it: what `start` of its route gives. A route may set it earlier, for its own `onError`. */
  handler: ServerCallHandler | undefined = undefined

  constructor(stream: Stream, head: RequestHead, settings: CallSettings, batch: ServerCallBatch) {
    super(stream, head, settings, batch)
    this.#timer = head.timeoutMs === Number.POSITIVE_INFINITY ? undefined : new Timer(this)
    if (this.#timer !== undefined) stream.connection.timers.schedule(this.#timer, this.deadline)
  }

  get finished(): boolean {
    return (this.#flags & Flag.Finished) !== 0
  }

  get ended(): boolean {
    return (this.#flags & Flag.InputEnded) !== 0 && !this.hasMore
  }

  read(): unknown {
    const inbox = this.inbox
    this.isWanting = inbox === undefined
    if (inbox === undefined || this.head.oneRequest) return undefined
    const message = inbox.read()
    if (!this.finished) {
      this.#checkInput()
      // Nobody else will run the batch now.
      if ((this.#flags & Flag.CancelDue) !== 0) this.#runDirectly()
    }
    return message
  }

  sendHeaders(metadata?: Metadata): void {
    if (this.finished) return
    if (this.headersSent) throw new TypeError('headers were sent already')
    this.#sendHeaders(metadataFields(metadata))
  }

  write(message: unknown): boolean {
    if (this.finished) return true
    const payload = this.encode(message)
    if (payload === undefined) return true
    this.#sendHeaders(undefined)
    return this.sendMessage(payload)
  }

  respond(message: unknown, trailers?: Metadata): void {
    if (this.finished) return
    const payload = this.encode(message)
    if (payload === undefined) return
    const fields = metadataFields(trailers)
    if (fields === undefined && this.sendAtOnce(payload)) {
      this.#end()
      this.#stopInput()
      return
    }
    this.#sendHeaders(undefined)
    this.sendMessage(payload)
    if (!this.finished) this.#sendTrailers(Status.Ok, fields)
  }

  finish(trailers?: Metadata): void {
    if (this.finished) return
    if (this.head.oneResponse && !this.messageSent) {
      throw new TypeError(`${this.path} responds with one message; none was sent`)
    }
    this.#sendHeaders(undefined)
    this.#sendTrailers(Status.Ok, metadataFields(trailers))
  }

  fail(error: GrpcError): void {
    if (this.finished) return
    this.#sendTrailers(error.status, errorFields(error, this.settings))
  }

  settle(): void {
    if ((this.#flags & Flag.Settled) !== 0) return
    this.#flags |= Flag.Settled
    this.stream.release()
  }

  /** The request has come. */
  open(endStream: boolean): void {
    if (endStream) this.#endInput()
    if (this.finished) return
    // What will run even if the client resets it now counts from now.
    // Without a place it asks when its request is complete: `admit`.
    if (this.head.route.keepsReceived === true) this.stream.hold(false)
    if (!this.head.oneRequest) this.#due(Flag.StartDue)
    // Most requests are complete at the end of the turn: those that are not are watched from there.
    else if (this.#timer === undefined) this.#due(Flag.WatchDue)
  }

  /** For the connection alone. Request trailers: gRPC has none, HTTP allows them. */
  onHeaders(_headers: HeaderBlock, endStream: boolean): void {
    if (endStream) this.#endInput()
  }

  /** For the connection alone. */
  onData(bytes: Buffer, start: number, end: number, endStream: boolean): void {
    if ((this.#flags & Flag.Finished) !== 0) {
      this.stream.consume(end - start)
      if (endStream) this.#flags |= Flag.InputEnded
      this.#stopInput()
      return
    }
    if (start < end) {
      if (this.head.oneRequest) this.#receiveOne(bytes, start, end)
      else this.#receiveMany(bytes, start, end)
    }
    if (endStream) this.#endInput()
  }

  /** For the connection alone. */
  onDrain(): void {
    if ((this.#flags & Flag.Finished) !== 0) this.#stopInput()
    else if (this.outbox?.drained() !== false) this.#due(Flag.DrainDue)
  }

  /** For its messages alone. */
  onOutboxDrained(): void {
    if (!this.finished) this.#due(Flag.DrainDue)
  }

  /** For its messages alone. */
  onOutboxFailed(error: GrpcError): void {
    // Of an outbox that has the status already, that is lost with the message.
    this.#flags &= ~Flag.Finished
    this.fail(error)
    this.tell(error)
  }

  /** For its messages alone. */
  onInflated(): void {
    if (this.finished) return
    if (!this.head.oneRequest) this.#due(Flag.ReadableDue)
    else if ((this.#flags & Flag.InputEnded) !== 0) return this.#endInput()
    else this.#takeRequest(this.inbox!)
    this.#checkInput()
  }

  /** For the connection alone. */
  onReset(errorCode: number, byPeer: boolean): void {
    if (!this.finished) this.#cancel(requestResetError(errorCode, byPeer))
    this.outbox?.close()
  }

  /** For the connection alone: we hold too much. Whose limit that is, the client is told, and our own side. */
  onShed(fault: string): void {
    this.#refuse(stacklessError(Status.ResourceExhausted, fault))
    this.tell(this.cancelled)
  }

  /** For the connection alone. */
  onLost(cause: Error): void {
    if (!this.finished) this.#cancel(requestLostError(cause))
    this.outbox?.close()
  }

  /** Time is up. Of a thousand calls at once, it may be: handlers hear in turns. */
  onTimer(): void {
    this.#refuse(this.#isWatched ? requestIdleError() : deadlineError())
    if ((this.#flags & Flag.CancelDue) !== 0) this.stream.connection.turns.ask()
  }

  /** For the batch alone. */
  dispatch(): void {
    const starts = (this.#flags & Flag.StartDue) !== 0 && this.#mayStart
    if (starts && this.#isWatched) this.stream.connection.timers.cancel(this.#timer!)
    if (starts && !this.batch.admit(this)) {
      this.#flags &= ~Flag.Batched
      return
    }
    if (starts) this.#start()
    else if ((this.#flags & (Flag.WatchDue | Flag.Finished | Flag.Started)) === Flag.WatchDue)
      this.#watch()
    const flags = this.#flags
    this.#flags = flags & ~(Flag.Batched | SERVER_CALL_NEWS)
    const handler = this.handler
    if (handler === undefined) return
    if ((flags & Flag.ReadableDue) !== 0 && !this.finished) handler.onReadable()
    if ((flags & Flag.DrainDue) !== 0 && !this.finished) handler.onDrain()
    if ((flags & Flag.CancelDue) !== 0) handler.onCancel(this.cancelled!)
  }

  /** For the batch alone: a handler threw. The client learns no more than that. */
  onThrown(error: unknown): void {
    this.handler = undefined
    this.fail(stacklessError(Status.Unknown, 'handler failed'))
    this.settle()
    this.tell(error)
  }

  /** User code may have ended the connection a moment ago, or the client its call. */
  get #mayStart(): boolean {
    return !(this.finished || this.stream.closed) || this.head.route.keepsReceived === true
  }

  get #isWatched(): boolean {
    return this.#timer !== undefined && this.deadline === Number.POSITIVE_INFINITY
  }

  /** A request without deadline that stops half-way would keep its stream for ever. */
  #watch(): void {
    const { now, timers } = this.stream.connection
    this.#timer ??= new Timer(this)
    timers.schedule(this.#timer, now + this.settings.limits.requestIdleTimeoutMs)
  }

  #start(): void {
    this.#flags |= Flag.Started | Flag.Starting
    if (!(this.head.oneRequest && this.head.oneResponse)) this.stream.addCost(STREAMING_COST)
    this.handler = this.head.route.start(this)
    this.#flags &= ~Flag.Starting
  }

  /** Most requests are one plain message that is all of one DATA frame: those need no inbox. */
  #receiveOne(bytes: Buffer, start: number, end: number): void {
    const isFirst = this.inbox === undefined && (this.#flags & Flag.HasRequest) === 0
    if (!isFirst || !isWholeMessage(bytes, start, end, this.settings.limits.messageSizeMax)) {
      this.#receiveMany(bytes, start, end)
      return
    }
    this.stream.consume(end - start)
    this.requestSize = end - start
    try {
      this.request = this.head.requestCodec.decode(bytes, start + LENGTH_PREFIX_SIZE, end)
    } catch (cause) {
      return this.#refuse(stacklessError(Status.Internal, 'message cannot be decoded', { cause }))
    }
    this.#gotRequest()
  }

  #receiveMany(bytes: Buffer, start: number, end: number): void {
    const inbox = this.receive(bytes, start, end)
    if (this.head.oneRequest) {
      if (this.#isWatched) this.#watch()
      this.#takeRequest(inbox)
    } else if (inbox.readable) this.#due(Flag.ReadableDue)
    this.#checkInput()
  }

  /**
   * Takes the one message there may be. A compressed one is inflated when the
   * handler can have it: an unfinished request is to hold no more than what came.
   */
  #takeRequest(inbox: MessageInbox): void {
    const { leavesOpen, oneResponse } = this.head
    const isWanted = (this.#flags & Flag.InputEnded) !== 0 || (leavesOpen && !oneResponse)
    while (inbox.readable && !this.finished) {
      if ((this.#flags & Flag.HasRequest) !== 0) {
        this.#refuse(stacklessError(Status.Unimplemented, 'more than one request message'))
        return
      }
      if (inbox.isPacked && !isWanted) return
      const request = inbox.read()
      if (inbox.inflating || inbox.fault !== undefined) return
      this.request = request
      this.#gotRequest()
    }
  }

  #gotRequest(): void {
    this.#flags |= Flag.HasRequest
    // go-micro's clients do not half-close before they read a stream.
    if (this.head.leavesOpen && !this.head.oneResponse) this.#due(Flag.StartDue)
  }

  #endInput(): void {
    this.#flags |= Flag.InputEnded
    if (this.head.oneRequest && this.inbox !== undefined) this.#takeRequest(this.inbox)
    this.#checkInput()
    if (this.finished) return
    if (!this.head.oneRequest) this.#due(Flag.ReadableDue)
    else if (this.inflating) {
      // The client has done its part.
      if (this.#isWatched) this.stream.connection.timers.cancel(this.#timer!)
    } else if ((this.#flags & Flag.HasRequest) === 0) {
      this.#refuse(stacklessError(Status.Unimplemented, 'no request message'))
    } else if ((this.#flags & Flag.Started) === 0) this.#due(Flag.StartDue)
  }

  /** Ends the call where what came cannot become messages. */
  #checkInput(): void {
    if (this.finished) return
    const fault = this.inputFault((this.#flags & Flag.InputEnded) !== 0)
    if (fault !== undefined) this.#refuse(fault)
  }

  #sendHeaders(extra: HeaderList | undefined): void {
    if (this.headersSent) return
    const refusal = sendResponseHeaders(this.stream, this.responseHeaders, extra)
    if (refusal !== undefined) this.#cancel(refusal)
    this.headersSent = true
  }

  /** `isOurs`: a client that does not take all of it is no handler's mistake. */
  #sendTrailers(status: Status, fields: HeaderList | undefined, isOurs = false): void {
    this.#end()
    if (this.outbox?.isWaiting === true) {
      this.outbox.follow(() => this.#sendStatus(status, fields, isOurs))
    } else this.#sendStatus(status, fields, isOurs)
  }

  #sendStatus(status: Status, fields: HeaderList | undefined, isOurs: boolean): void {
    const error = sendStatus(this.stream, this.dueHeaders, status, fields)
    if (error !== undefined && !isOurs) this.tell(error)
    this.#stopInput()
  }

  /** Nothing more will be sent, or received. */
  #end(): void {
    this.#flags |= Flag.Finished
    if (this.#timer !== undefined) this.stream.connection.timers.cancel(this.#timer)
    this.inbox?.close()
  }

  /** RFC 9113 §8.1: nobody wants what the client still sends. A reset drops what is queued, so that leaves first. */
  #stopInput(): void {
    if ((this.#flags & Flag.InputEnded) !== 0 || this.outbox?.isWaiting === true) return
    if (this.stream.bufferedSize === 0) this.stream.reset(ErrorCode.NoError)
  }

  /** Ends the call with a status, for the client's fault or when time is up, and tells the handler if there is one. */
  #refuse(error: GrpcError): void {
    this.outbox?.close()
    // Where the client does not read, a status would only wait behind what it does not want.
    if (this.stream.bufferedSize > 0) this.stream.reset(refusalCode(error))
    else if (!this.finished)
      this.#sendTrailers(error.status, errorFields(error, this.settings), true)
    this.#cancel(error)
  }

  #cancel(error: GrpcError): void {
    const keeps = this.head.route.keepsReceived === true
    if (keeps) this.inbox?.takeAll()
    this.#end()
    this.cancelled = error
    if (!keeps) this.inbox?.drop()
    const told = Flag.Started | (keeps ? Flag.StartDue : 0)
    if ((this.#flags & told) !== 0) this.#due(Flag.CancelDue)
  }

  #due(flag: number): void {
    const flags = this.#flags
    this.#flags = flags | flag | Flag.Batched
    if ((flags & Flag.Batched) === 0) this.batch.add(this)
  }

  /** Outside `receive` nobody runs the batch. While `start` runs the handler is not known yet: `dispatch` goes on after it. */
  #runDirectly(): void {
    if ((this.#flags & Flag.Starting) === 0) dispatchCall(this)
  }
}
