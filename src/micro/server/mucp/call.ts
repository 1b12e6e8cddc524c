import type { Codec } from '../../../grpc/index.js'
import type { Ticket } from '../../../overload/index.js'
import type { Message } from '../../../transport/index.js'
import type { MessageQueue } from '../../async/message-queue.js'
import { MessageSource } from '../../async/message-source.js'
import { isThenable } from '../../async/thenable.js'
import type { Context } from '../../call/context.js'
import { isReported, toMicroError } from '../../errors/error-mapping.js'
import { MicroError } from '../../errors/micro-error.js'
import { END_OF_STREAM, errorHeader, type MucpFields } from '../../mucp/header.js'
import type { Endpoint } from '../handlers/endpoint-table.js'
import { NOT_CANCELLED, type RunningHandler } from '../handlers/running-handlers.js'
import type { MucpCallOwner } from './call-owner.js'
import {
  answeredError,
  goneError,
  NOTHING_OPENED,
  newRequestQueue,
  openRequest,
} from './call-requests.js'
import { MucpContext } from './context.js'
import { keptSizeOf, tooMuchKept, withoutBody } from './limits.js'
import { errorReply, responseBody, responseHeader } from './reply.js'
import type { MucpRequest } from './request.js'

const NO_BODY: Uint8Array = new Uint8Array(0)

/** One call over a transport, from the request to the last message of the answer. */
export class MucpCall implements RunningHandler {
  /** What later messages of the call carry. */
  readonly key: string
  /** The stream's id; empty for a unary call. */
  readonly streamId: string
  /** What its header takes while it runs. Unit: characters. */
  readonly keptSize: number
  /** It counts among the handlers of its peer. */
  hasPlace = false
  /** Its place among all calls of a server that limits them. */
  ticket: Ticket | undefined = undefined
  readonly #connection: MucpCallOwner<MucpCall>
  readonly #endpoint: Endpoint
  readonly #request: MucpRequest
  readonly #context: MucpContext
  readonly #requestCodec: Codec
  readonly #responseCodec: Codec
  readonly #requests: MessageQueue<unknown> | undefined
  /** Server-streaming: the one request has not come yet. */
  #wantsRequest: boolean
  /** The client has ended the stream, so it gets no EOS from us. */
  #sawEnd = false
  /** The peer has gone: nothing that is sent arrives. */
  #lost = false
  #settled = false
  /** What the handler gave. */
  #responses: MessageSource | undefined
  startedAt = 0
  cancelledAt: number = NOT_CANCELLED
  previous: RunningHandler | undefined
  next: RunningHandler | undefined

  constructor(
    connection: MucpCallOwner<MucpCall>,
    endpoint: Endpoint,
    request: MucpRequest,
    key: string,
  ) {
    const { runtime } = connection.options
    const { kind } = endpoint.method
    const { subtype } = request.content
    this.key = key
    this.keptSize = keptSizeOf(endpoint.method.kind, request.message.header)
    this.streamId = kind === 'unary' ? '' : request.fields.stream
    this.#connection = connection
    this.#endpoint = endpoint
    const { keepsOpening } = request.content.envelope
    this.#request =
      kind === 'unary' || keepsOpening
        ? request
        : { ...request, message: withoutBody(request.message), opened: NOTHING_OPENED }
    this.#context = new MucpContext(
      endpoint,
      request.message,
      request.fields.timeoutMs,
      connection.peer,
      runtime,
    )
    this.#requestCodec = endpoint.method.request.get(subtype)!
    this.#responseCodec = endpoint.method.response.get(subtype)!
    this.#wantsRequest = kind === 'server'
    this.#requests = kind === 'client' || kind === 'bidi' ? newRequestQueue(connection) : undefined
  }

  /** Whether later messages may be for it: a unary call has one. */
  get takes(): boolean {
    return this.#endpoint.method.kind !== 'unary'
  }

  get context(): Context {
    return this.#context
  }

  /** The handler has not settled long after its call was over. */
  release(): void {
    this.ticket?.leave('cut')
    this.#requests?.fail(goneError(undefined))
    this.#context.finish()
    this.#connection.release(this)
  }

  /** The first message has come. Its body counts for unary calls, and with gRPC framing. */
  start(): Promise<void> | undefined {
    const { message, fields, content } = this.#request
    const { kind } = this.#endpoint.method
    if (kind === 'unary') {
      this.#startWith(message)
      return undefined
    }
    if (this.#requests !== undefined) this.#run(this.#requests)
    const counts = content.envelope.keepsOpening && message.body.length > 0
    return counts ? this.deliver(message, fields) : undefined
  }

  /** It has waited in vain for others, or may not even wait: its handler never starts. */
  refuse(error: MicroError, isTold = true): void {
    if (isTold && !this.#lost) this.#connection.options.onError(error, this.#context)
    void this.#fail(error)
  }

  /** A later message. Returns a promise when the handler has to catch up first. */
  deliver(message: Message, fields: MucpFields): Promise<void> | undefined {
    if (fields.error === END_OF_STREAM) {
      this.#sawEnd = true
      this.endRequests()
      return undefined
    }
    if (fields.error !== '') {
      this.#failRequests(MicroError.parse(fields.error))
      return undefined
    }
    if (this.#wantsRequest) {
      this.#wantsRequest = false
      this.#startWith(message)
      return undefined
    }
    if (this.#requests === undefined) return undefined
    const { length } = message.body
    try {
      const value = this.#open(message)
      if (!this.#connection.keep(length)) throw tooMuchKept(this.#connection.options.kept)
      return this.#requests.push(value, length)
    } catch (error) {
      this.#requests.fail(error)
      return undefined
    }
  }

  /** The client sends no more, and has sent everything. */
  endRequests(): void {
    this.#requests?.end()
    this.#failRequests(MicroError.badRequest('the stream ended without a request'))
  }

  /** The client sends no more on its socket. Without its EOS nobody knows whether that was all. */
  endSocket(): void {
    this.#failRequests(new MicroError(499, 'the socket ended before the stream did: no EOS came'))
  }

  /** The peer is gone. What waits for the handler stays readable, and more of it may come. */
  abort(reason: unknown): void {
    this.#lost = true
    this.#context.cancel(goneError(reason))
    if (this.ticket?.isWaiting === true) this.#settle()
  }

  /** The peer is gone, and all that came from it was delivered. */
  lose(reason: unknown): void {
    this.abort(reason)
    this.#failRequests(goneError(reason))
  }

  /** Unless they have ended: a handler that reads them, or waits for the one there is, fails with `error`. */
  #failRequests(error: unknown): void {
    this.#requests?.fail(error)
    if (!this.#wantsRequest) return
    this.#wantsRequest = false
    void this.#fail(error)
  }

  #startWith(message: Message): void {
    let request: unknown
    try {
      request = this.#open(message)
    } catch (error) {
      this.#fail(error)
      return
    }
    this.#run(request)
  }

  /** @throws MicroError 400: nothing a user wrote runs here */
  #open(message: Message): unknown {
    return openRequest(this.#request, this.#requestCodec, message, this.#connection.options)
  }

  #run(request: unknown): void {
    const { handler, method } = this.#endpoint
    let result: unknown
    const { running, runtime } = this.#connection.options
    running.add(this, runtime.now())
    this.#context.whenCancelled(() => {
      // A generator that waits for requests cannot be closed before they end. Of a peer that has gone, what came is delivered first.
      if (!this.#lost) this.#requests?.fail(this.#context.signal.reason)
      this.#responses?.close()
      running.cancelled(this)
    })
    try {
      result = handler(request, this.#context)
    } catch (error) {
      this.#fail(error)
      return
    }
    const streaming = method.kind === 'server' || method.kind === 'bidi'
    const finish = streaming ? this.#pump : this.#respond
    if (isThenable(result)) result.then(finish, this.#fail)
    else void finish(result)
  }

  /**
   * The one response, and the end. No function that waits holds the response: while a peer does not read, only its
   * encoded form is kept, and counted.
   */
  readonly #respond = (value: unknown): Promise<void> | undefined => {
    if (this.#settled) return undefined
    let sent: Promise<boolean>
    try {
      const body = responseBody(this.#request, this.#responseCodec, value)
      const header = responseHeader(this.#request, this.#endpoint.method.kind, body)
      this.#context.takeHeaders(header)
      if (this.#endpoint.method.kind === 'unary' || this.#sawEnd) {
        // No end follows: this is the last message.
        this.#context.takeTrailers(header)
        this.#connection.retire(this)
      }
      sent = this.#connection.send({ header, body })
    } catch (error) {
      return this.#fail(error)
    }
    return sent.then(this.#responded).catch(this.#fail)
  }

  readonly #responded = (): Promise<void> | undefined => {
    if (this.#endpoint.method.kind !== 'unary') return this.#end()
    this.#settle()
    return undefined
  }

  /** Many responses, each when the one before is on its way. */
  readonly #pump = async (messages: unknown): Promise<void> => {
    try {
      const what = `what the handler of ${this.#request.target} returns`
      const source = new MessageSource(messages, what)
      this.#responses = source
      if (this.#context.cancelled) source.close()
      const isWhole = await source.pump(message => this.#send(source, message))
      // What is cut off is no end: the client hears why, if it is there.
      if (!isWhole && !this.#lost) throw this.#context.signal.reason
      await this.#end()
    } catch (error) {
      await this.#fail(error)
    }
  }

  #send(source: MessageSource, message: unknown): Promise<void> {
    const body = responseBody(this.#request, this.#responseCodec, message)
    const header = responseHeader(this.#request, this.#endpoint.method.kind, body)
    this.#context.takeHeaders(header)
    return this.#connection.send({ header, body }).then(hasArrived => {
      this.#lost ||= !hasArrived
      if (this.#lost) source.close()
    })
  }

  /** A stream's end is a message, unless the client ended it first. */
  async #end(): Promise<void> {
    if (this.#settled) return
    if (this.#endpoint.method.kind !== 'unary' && !this.#sawEnd && !this.#lost) {
      const header = errorHeader(this.#request.message.header, END_OF_STREAM)
      this.#context.takeTrailers(header)
      this.#connection.retire(this)
      await this.#connection.send({ header, body: NO_BODY })
    }
    this.#settle()
  }

  /**
   * Never rejects: whatever a handler threw, the call comes to its end and the process lives. An error, with its stack
   * and causes, is not kept until the peer has read of it.
   */
  readonly #fail = (error: unknown): Promise<void> => {
    if (this.#settled) return Promise.resolve()
    const { name, exposeErrors, onError } = this.#connection.options
    let sent: Promise<void> | undefined
    try {
      if (!this.#lost) sent = this.#sendError(toMicroError(error, name, exposeErrors))
    } catch (failure) {
      sent = Promise.reject(failure)
    }
    const ended = this.#failed(sent)
    if (isReported(error, this.#context.cancelled)) onError(error, this.#context)
    return ended
  }

  /** The error is on its way. */
  async #failed(sent: Promise<void> | undefined): Promise<void> {
    const { name, onError } = this.#connection.options
    try {
      await sent
    } catch (failure) {
      onError(failure, this.#context)
      await this.#sendError(MicroError.internal('the handler failed', { id: name })).catch(ignore)
    }
    this.#settle(true)
  }

  #sendError(error: MicroError): Promise<void> {
    const text = error.encode()
    const reply = errorReply(this.#request, text)
    this.#context.takeTrailers(reply.header)
    this.#connection.retire(this)
    return this.#connection.sendError(this.#request.message, reply)
  }

  #settle(isFailed = false): void {
    if (this.#settled) return
    this.#settled = true
    this.ticket?.leave(isFailed ? 'failed' : this.#context.cancelled ? 'cut' : 'done')
    this.#context.finish()
    // A part of the handler may go on reading: what it has not had must not look like the end.
    const isCut = this.#lost || this.#context.cancelled
    this.#requests?.drop(isCut ? goneError(undefined) : answeredError(this.#request.target))
    this.#connection.options.running.delete(this)
    this.#connection.release(this)
  }
}

const ignore = (): void => undefined
