import type { HeaderList, Stream } from '../../connection/index.js'
import type { InboxOwner } from '../message/inbox-options.js'
import type { MessageInbox } from '../message/message-inbox.js'
import { MessageOutbox, type OutboxOwner } from '../message/message-outbox.js'
import { encodeMessage, sendPayload, sendWhole, withCodecText } from '../message/message-writer.js'
import { acceptsEncoding, type Compression } from '../wire/compression.js'
import { responseHeaders } from '../wire/content-type.js'
import { MessageFlag } from '../wire/length-prefix.js'
import { Metadata } from '../wire/metadata.js'
import { GrpcError, Status, stacklessError } from '../wire/status.js'
import type { CallSettings } from './call-options.js'
import { newRequestInbox, type RequestHead } from './request-head.js'
import { OK_TRAILERS } from './response-writer.js'
import type { Route, ServerCall } from './server-call.js'
import type { ServerCallBatch } from './server-call-batch.js'

/** What a call of many messages takes beside one of two: queues, iterators, generators. Measured. Unit: octets. */
export const STREAMING_COST = 2_560

/** What a call of a server knows of its request, and how its messages come and leave. */
export abstract class ServerCallMessages implements InboxOwner, OutboxOwner {
  readonly stream: Stream
  /** When the client gives up. Unit: ms, monotonic, on the connection's clock. Infinity if never. */
  readonly deadline: number
  /** Whether messages leave compressed from now on, provided there is a `compression`. Default: true. */
  compressing: boolean
  /** Why the call is over, if it was not us who ended it. To be read only. */
  cancelled: GrpcError | undefined
  protected readonly head: RequestHead
  protected readonly settings: CallSettings
  /** That of the connection. */
  protected readonly batch: ServerCallBatch
  /** There once something came that is not one plain message in one frame. */
  protected inbox: MessageInbox | undefined
  /** Octets of the request of a call that has one. */
  protected requestSize: number
  /** Somebody waited for a message before one had begun to come. */
  protected isWanting: boolean
  /** Of a call that compresses. */
  protected outbox: MessageOutbox | undefined
  /** Of responses, as the client accepts it. */
  protected chosen: Compression | undefined
  protected headersSent: boolean
  /** At least one. */
  protected messageSent: boolean
  #metadata: Metadata | undefined

  constructor(stream: Stream, head: RequestHead, settings: CallSettings, batch: ServerCallBatch) {
    this.stream = stream
    this.deadline = stream.connection.now + head.timeoutMs
    this.compressing = true
    this.cancelled = undefined
    this.head = head
    this.settings = settings
    this.batch = batch
    this.inbox = undefined
    this.requestSize = 0
    this.isWanting = false
    this.outbox = undefined
    this.chosen = head.compression
    this.headersSent = false
    this.messageSent = false
    this.#metadata = undefined
  }

  /** What a request holds whose handler has not begun. Streams of messages count as they wait. */
  get heldSize(): number {
    return this.head.oneRequest ? this.requestSize : 0
  }

  get route(): Route {
    return this.head.route
  }

  get path(): string {
    return this.head.path
  }

  /** Chooses the codecs: `proto`, `json` ... What the client sends, and gets. */
  get subtype(): string {
    return this.head.subtype
  }

  /** What the client calls us: `:authority`, else `host`, else ''. */
  get authority(): string {
    return this.head.authority
  }

  /** What the client sent besides the protocol's own fields. Made when first asked for. */
  get metadata(): Metadata {
    if (this.#metadata === undefined) this.#metadata = Metadata.fromHeaders(this.head.list)
    return this.#metadata
  }

  /** Client-streaming and bidi: whether `read` has a message, or one to inflate. */
  get readable(): boolean {
    return this.inbox?.readable ?? false
  }

  /** Client-streaming and bidi: whether `read` has asked for a message that is still being inflated: `onReadable` follows. */
  get inflating(): boolean {
    return this.inbox?.inflating ?? false
  }

  /** Whether the request, or the last one that `read` gave, came compressed. */
  get compressed(): boolean {
    return this.inbox?.compressed ?? false
  }

  /** How responses are compressed: `identity` where they are not, or the client does not accept it. Default: the server's. */
  get compression(): string {
    return this.chosen?.name ?? 'identity'
  }

  /**
   * Chooses the compression of this call's responses; none where the client does not accept it.
   * For a single message there is `compressing`.
   *
   * @throws RangeError for a compression that the server does not have; TypeError once the response headers, which name it, were sent
   */
  set compression(name: string) {
    const compression = this.settings.findCompression(name)
    if (this.headersSent && compression !== this.chosen) {
      throw new TypeError(
        `compression is ${this.compression} by the headers that were sent already`,
      )
    }
    const isAccepted = compression !== undefined && acceptsEncoding(this.head.accepts, name)
    this.chosen = isAccepted ? compression : undefined
  }

  /** For its messages alone. */
  abstract onInflated(): void
  /** For its messages alone. */
  abstract onOutboxDrained(): void
  /** For its messages alone. */
  abstract onOutboxFailed(error: GrpcError): void

  abstract fail(error: GrpcError): void

  /** A response that has no octets ends the call; what the codec says is for our side. */
  protected failToEncode(fault: GrpcError): undefined {
    const error = withCodecText(fault, false)
    this.fail(this.route.exposesErrors === true ? error : fault)
    this.tell(error)
    return undefined
  }

  /** Who hears of errors that the handler does not. */
  protected tell(error: unknown): void {
    const call = this as unknown as ServerCall
    this.route.onError?.(error, call)
    this.settings.onError?.(error, call)
  }

  /** Headers of the response. Long-lived. */
  protected get responseHeaders(): HeaderList {
    const { chosen, head } = this
    if (chosen === head.compression) return head.responseHeaders
    return responseHeaders(head.contentSubtype, chosen?.name ?? '')
  }

  /** Takes octets of messages. */
  protected receive(bytes: Buffer, start: number, end: number): MessageInbox {
    this.inbox ??= this.#newInbox()
    this.inbox.receive(bytes, start, end)
    this.requestSize += end - start
    return this.inbox
  }

  /**
   * The octets of a message to send; undefined when they cannot be made, which has ended the call.
   *
   * @throws TypeError for a second message where one is due
   */
  protected encode(message: unknown): Uint8Array | undefined {
    if (this.messageSent && this.head.oneResponse) {
      throw new TypeError(`${this.path} responds with one message, and it was sent already`)
    }
    const { sendMessageSizeMax } = this.settings.limits
    const payload = encodeMessage(this.head.responseCodec, message, sendMessageSizeMax)
    if (payload instanceof GrpcError) return this.failToEncode(payload)
    this.messageSent = true
    return payload
  }

  /** Sends a message. False when much waits. */
  protected sendMessage(payload: Uint8Array): boolean {
    const compression = this.compressing ? this.chosen : undefined
    if (compression === undefined && this.outbox === undefined) {
      return sendPayload(this.stream, payload, MessageFlag.Plain, false)
    }
    this.outbox ??= this.#newOutbox()
    return this.outbox.add(payload, compression, false)
  }

  /** Sends headers, one message and OK at once. False when that cannot be: nothing is sent then. */
  protected sendAtOnce(payload: Uint8Array): boolean {
    if (this.headersSent || this.outbox !== undefined) return false
    if (this.chosen !== undefined && this.compressing) return false
    this.headersSent = sendWhole(this.stream, this.responseHeaders, payload, OK_TRAILERS)
    return this.headersSent
  }

  #newOutbox(): MessageOutbox {
    const outbox = new MessageOutbox(this, this.settings.limits)
    outbox.open(this.stream, this.batch.coder(this.stream.connection))
    return outbox
  }

  /** Response headers that go with a status, unless they have been sent. */
  protected get dueHeaders(): HeaderList | undefined {
    return this.headersSent ? undefined : this.head.statusHeaders
  }

  /** Whether messages wait that came whole. */
  protected get hasMore(): boolean {
    return this.inbox !== undefined && (this.inbox.readable || this.inbox.full)
  }

  /** Why what came cannot become messages; `isEnded`: there will be no more of it. */
  protected inputFault(isEnded: boolean): GrpcError | undefined {
    const { inbox } = this
    if (inbox === undefined || inbox.fault !== undefined) return inbox?.fault
    if (!isEnded || inbox.full || !inbox.midMessage) return undefined
    return stacklessError(Status.Internal, 'request ended within a message')
  }

  #newInbox(): MessageInbox {
    const isWanted = this.head.oneRequest || this.isWanting
    return newRequestInbox(this.stream, this.head, this.settings, this, this.batch, isWanted)
  }
}
