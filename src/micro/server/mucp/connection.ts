import type { GrpcError } from '../../../grpc/index.js'
import type { Message, Peer, Socket } from '../../../transport/index.js'
import { peerAt, thrownText } from '../../../transport/index.js'
import { toMicroError } from '../../errors/error-mapping.js'
import { MicroError } from '../../errors/micro-error.js'
import { asBuffer } from '../../mucp/as-buffer.js'
import { contentCodec } from '../../mucp/content-type.js'
import type { Opened } from '../../mucp/envelope.js'
import {
  END_OF_STREAM,
  errorHeader,
  type MucpFields,
  readMucpFields,
  repeatedHeader,
  replyHeader,
} from '../../mucp/header.js'
import { leavingError } from '../../mucp/unserved.js'
import type { Endpoint } from '../handlers/endpoint-table.js'
import type { Event } from '../handlers/events.js'
import { MucpAdmission } from './admission.js'
import { MucpCall } from './call.js'
import type { MucpCallOwner } from './call-owner.js'
import { MucpContext } from './context.js'
import { EndedStreams } from './ended-streams.js'
import { startWithin } from './gate.js'
import { headerFault, keptSizeOf, nameFault, tooMuchKept } from './limits.js'
import { contentTypeRefusal, findEndpoint, refusal } from './refusal.js'
import { contentTypeOf, type MucpRequest, targetOf } from './request.js'
import type { MucpServerOptions } from './server-options.js'

/** Calls that may run at once on one socket; then it is not read until one has ended. */
const CALLS_MAX = 1_000

/**
 * One socket of a mucp server: reads messages, starts calls, writes their
 * answers. Many calls may be under way, told apart by stream or id.
 *
 * Unlike go-micro it finishes what is under way when the peer ends in good
 * order, and ignores messages for streams that have ended.
 */
export class MucpConnection implements MucpCallOwner<MucpCall> {
  readonly options: MucpServerOptions
  readonly #socket: Socket
  readonly #admission: MucpAdmission
  /** Those that messages may still be for. */
  readonly #calls = new Map<string, MucpCall>()
  /** Those, and those whose last message is on its way. */
  readonly #running = new Set<MucpCall>()
  readonly #endedStreams = new EndedStreams()
  /** No more reading: the calls that run are the last. */
  #closing = false
  /** The server stops: close as soon as nothing runs. */
  #draining = false
  /** Memory is short: see `Socket.charge`. */
  #isShort = false
  #onRelease: (() => void) | undefined
  /** Ends a `receive` that waits. */
  #interrupt: (() => void) | undefined
  #leaving: GrpcError | undefined
  /** The peer has gone. */
  #gone: { readonly reason: unknown } | undefined
  /** The loop waits for a handler to read, or is over: it does not hear in `receive` that the peer has gone. */
  #deaf = false

  constructor(socket: Socket, options: MucpServerOptions) {
    this.#socket = socket
    this.options = options
    this.#admission = new MucpAdmission(socket.handlers, options.runtime)
    const onOver = (reason: unknown): void => this.#onOver(reason)
    socket.over?.then(onOver, onOver)
  }

  get peer(): Peer {
    return this.#socket.peer ?? peerAt(this.#socket.remote)
  }

  /** Serves until the peer or `drain` ends the socket and all calls have settled. */
  async run(): Promise<void> {
    try {
      while (!this.#closing && this.#leaving === undefined) {
        // In a function of its own: this one, which waits, would hold the last message.
        const wait = await this.#receive()
        if (wait === false) break
        if (wait !== undefined) await this.#waitFor(wait.room)
      }
      for (const call of this.#calls.values()) call.endSocket()
      // Nothing more is read after the client's own end, but that it is gone has to be heard.
      this.#deafen()
      if (this.#closing && this.#socket.over === undefined) {
        this.#socket.receive().catch(error => this.#lose(error))
      }
    } catch (error) {
      this.#lose(error)
    }
    while (this.#running.size > 0) await this.#released()
    // No orderly end: what was on its way to us must not be taken for answered.
    if (this.#leaving !== undefined) throw this.#leaving
  }

  /** Ends the socket, with UNAVAILABLE, as soon as no call runs. */
  drain(): void {
    this.#draining = true
    if (this.#running.size === 0) this.#leave()
  }

  /** Ends the socket now; calls that run are cancelled. */
  destroy(reason: unknown): void {
    this.#lose(reason)
    this.#leave()
  }

  /** Counts what is kept for the peer; false when it is too much. */
  keep(size: number): boolean {
    if (!this.options.kept.take(this.#socket.remote, size)) return false
    this.#isShort = this.#socket.charge?.(size) === false
    return true
  }

  /** The same is kept no more. */
  give(size: number): void {
    this.options.kept.give(this.#socket.remote, size)
    this.#isShort = this.#socket.charge?.(-size) === false
  }

  /** Octets that may wait for one handler before the socket is not read. */
  get queueSizeMax(): number {
    return this.#isShort ? 1 : this.options.kept.queueSizeMax(this.#socket.remote)
  }

  /** Sends an answer. False when the peer is gone. @throws MicroError 500 when the message is too large */
  send(message: Message): Promise<boolean> {
    return this.#socket.send(message).then(isSent, isUnsent)
  }

  /** Sends an error. One that is too large itself is replaced by a short one. Never rejects. */
  async sendError(request: Message, message: Message): Promise<void> {
    try {
      await this.send(message)
    } catch (error) {
      const text = toMicroError(error, this.options.name, false).encode()
      const header = errorHeader(replyHeader(request.header), text)
      try {
        await this.send({ header, body: NO_BODY })
      } catch {}
    }
  }

  /** The last message of a call is about to leave: the client may use the id again when it has it. */
  retire(call: MucpCall): void {
    const { key, streamId } = call
    if (this.#calls.get(key) !== call) return
    this.#calls.delete(key)
    if (streamId !== '') this.#endedStreams.add(streamId)
  }

  /** A call has settled. */
  release(call: MucpCall): void {
    this.retire(call)
    if (this.#running.delete(call)) {
      this.give(call.keptSize)
      if (call.hasPlace) this.#admission.free()
    }
    const onRelease = this.#onRelease
    this.#onRelease = undefined
    onRelease?.()
    if (this.#draining && this.#running.size === 0) this.#leave()
  }

  /** Takes the next message; false when none comes, or the server leaves; else what the one after it has to wait for. */
  #receive(): Promise<{ readonly room: Promise<unknown> } | false | undefined> {
    return new Promise((resolve, reject) => {
      let isInterrupted = false
      this.#interrupt = () => {
        isInterrupted = true
        resolve(false)
      }
      const take = (message: Message | undefined): void => {
        if (message === undefined || isInterrupted) return resolve(false)
        try {
          const room = this.#onMessage(message)
          resolve(room === undefined ? undefined : { room })
        } catch (error) {
          reject(error)
        }
      }
      this.#socket.receive().then(take, reject)
    })
  }

  /** Back-pressure: but whoever is waited for hears when the peer has gone. */
  async #waitFor(room: Promise<unknown>): Promise<void> {
    this.#deafen()
    await room
    this.#deaf = false
  }

  #deafen(): void {
    this.#deaf = true
    if (this.#gone !== undefined) this.#abortAll(this.#gone.reason)
  }

  /** Where the loop receives, it hears of this behind the messages that came before. */
  #onOver(reason: unknown): void {
    this.#gone = { reason }
    if (this.#deaf) this.#abortAll(reason)
  }

  #abortAll(reason: unknown): void {
    for (const call of this.#running) call.abort(reason)
    this.#admission.stop()
  }

  #lose(reason: unknown): void {
    for (const call of this.#running) call.lose(reason)
    this.#admission.stop()
  }

  #leave(): void {
    // A client that asked for the end gets an orderly one.
    if (this.#closing) return
    this.#leaving ??= leavingError(this.#running.size === 0)
    this.#interrupt?.()
  }

  #released(): Promise<void> {
    return new Promise(resolve => {
      this.#onRelease = resolve
    })
  }

  /** Returns a promise when the next message has to wait: for room, or until an answer has left. */
  #onMessage(message: Message): Promise<unknown> | undefined {
    const large = headerFault(message.header)
    if (large !== undefined) return this.#refuseHeader(new Map(), large)
    const fields = readMucpFields(message.header)
    const long = nameFault(message.header, fields)
    if (long !== undefined) return this.#refuseHeader(new Map(), long)
    if (fields.close) this.#closing = true
    if (fields.topic !== '') return this.#onEvent(message, fields)
    const key = fields.stream === '' ? fields.id : fields.stream
    const running = this.#calls.get(key)
    if (running?.takes === false) {
      return this.#refuse(message, `a call with the id '${key}' is running: use another id`)
    }
    if (running !== undefined) return running.deliver(message, fields)
    if (fields.stream !== '') {
      if (fields.error === END_OF_STREAM) this.#closing = true
      // Whoever says why a stream ends does not open one.
      if (fields.error !== '' || this.#endedStreams.has(fields.stream)) return undefined
    }
    const refused = this.#begin(message, fields, key)
    if (refused !== undefined) return refused
    // Memory is short: one more unary call when this one has been answered. A stream may need what comes next.
    const isLast = this.#isShort && this.#calls.get(key)?.takes === false
    return isLast || this.#running.size >= CALLS_MAX ? this.#released() : undefined
  }

  #refuseHeader(header: ReadonlyMap<string, string>, text: string): Promise<void> {
    return this.#refuse({ header: new Map(header), body: NO_BODY }, text)
  }

  async #onEvent(message: Message, fields: MucpFields): Promise<void> {
    const { name, subscriptions, exposeErrors, onError, runtime } = this.options
    const about = { service: { name: '' }, method: { name: fields.topic } }
    const context = new MucpContext(about, message, fields.timeoutMs, this.peer, runtime)
    const event: Event = {
      topic: fields.topic,
      contentType: fields.contentType,
      header: message.header,
      body: message.body,
    }
    let header = repeatedHeader(message.header)
    const hasPlace = this.#admission.take() || (await this.#admission.wait(context.deadline))
    try {
      if (!hasPlace) throw this.#admission.refusal()
      await subscriptions.deliver(event, context)
    } catch (error) {
      onError(error, undefined)
      header = errorHeader(header, toMicroError(error, name, exposeErrors).encode())
    }
    if (hasPlace) this.#admission.free()
    context.finish()
    await this.sendError(message, { header, body: NO_BODY })
  }

  /** Starts a call; or an answer is under way that says why not. */
  #begin(message: Message, fields: MucpFields, key: string): Promise<void> | undefined {
    const contentType = contentTypeOf(fields)
    const content = contentCodec(contentType)
    if (content === undefined) {
      return this.sendError(message, contentTypeRefusal(contentType))
    }
    let opened: Opened
    try {
      opened = content.envelope.openRequest(asBuffer(message.body))
    } catch (error) {
      return this.#refuse(message, thrownText(error))
    }
    const id = opened.id === '' ? fields.id : opened.id
    const target = opened.endpoint || targetOf(message, fields, content)
    const request = { message, fields, contentType, content, opened, id, target }
    const endpoint = findEndpoint(this.options.table, target)
    if (typeof endpoint === 'string') return this.#refuse(message, endpoint, request)
    const { subtype } = content
    const { method } = endpoint
    if (!method.request.has(subtype) || !method.response.has(subtype)) {
      return this.sendError(message, contentTypeRefusal(contentType))
    }
    if (!this.keep(keptSizeOf(method.kind, message.header))) {
      return this.#refuse(message, tooMuchKept(this.options.kept).encode(), request)
    }
    const call = new MucpCall(this, endpoint, request, key)
    this.#calls.set(key, call)
    this.#running.add(call)
    if (!this.#admission.take()) return this.#startLater(call, endpoint)
    call.hasPlace = true
    return this.#start(call, endpoint)
  }

  #start(call: MucpCall, endpoint: Endpoint): Promise<void> | undefined {
    const gate = this.options.gates?.of(endpoint)
    return gate === undefined
      ? call.start()
      : startWithin(gate, call, () => this.options.runtime.now())
  }

  /** As many handlers of the peer run as may: the call waits, and this socket with it. */
  async #startLater(call: MucpCall, endpoint: Endpoint): Promise<void> {
    const { deadline } = call.context
    call.hasPlace = await this.#admission.wait(deadline)
    if (call.hasPlace) await this.#start(call, endpoint)
    else call.refuse(this.#admission.refusal())
  }

  /** Settles when the answer has left: a peer that reads none is read no more. */
  #refuse(message: Message, text: string, request?: MucpRequest): Promise<void> {
    return this.sendError(message, refusal(message, text, request))
  }
}

const NO_BODY: Uint8Array = new Uint8Array(0)

const isSent = (): boolean => true

/** False when the peer has gone. What cannot be sent is a failure, and no reason to call the answer complete. */
function isUnsent(cause: unknown): boolean {
  if (!(cause instanceof RangeError || cause instanceof TypeError)) return false
  throw MicroError.internal(`the answer cannot be sent: ${cause.message}`, { cause })
}
