import type { HeaderBlock, HeaderList, Stream } from '../../connection/index.js'
import type { CallBatch } from '../message/call-batch.js'
import type { InboxOwner } from '../message/inbox-options.js'
import { MessageInbox } from '../message/message-inbox.js'
import { type Compressions, DEFAULT_COMPRESSIONS } from '../wire/compression.js'
import { ForeignBody } from '../wire/foreign-body.js'
import { isWholeMessage, LENGTH_PREFIX_SIZE } from '../wire/length-prefix.js'
import { type CallLimits, DEFAULT_CALL_LIMITS } from '../wire/limits.js'
import { type Codec, DEFAULT_SUBTYPE, hasOneResponse, type Method } from '../wire/method.js'
import { type GrpcError, Status, stacklessError } from '../wire/status.js'
import type { ClientCallOptions } from './client-call-options.js'
import { type ResponseHead, readResponseHead } from './response-head.js'
import { responseError } from './response-status.js'

/** What a piece of a response brought: bits. */
export const ResponseNews = {
  None: 0,
  /** The headers of a response that has a body: `headers`. */
  Headers: 1,
  /** Messages: `read`. */
  Messages: 2,
  /** The server has said how the call ended: `error`, `trailers`. */
  Ended: 4,
  /** Nothing more is read, though more may come: `error`. */
  Broken: 8,
  /** The headers of a response that is not gRPC: `foreignError`. It goes on to its end, or to as much text as is kept. */
  Foreign: 16,
} as const

/** How the response of a call is to be read. */
export interface ResponseReaderOptions {
  readonly codec: Codec
  readonly subtype: string
  readonly compressions: Compressions
  readonly limits: CallLimits
  /** The server sends exactly one message. */
  readonly oneResponse: boolean
  /** The call. */
  readonly owner: InboxOwner
  /** That of the connection. */
  readonly batch: CallBatch
}

/** Reads the response of `call`, a client's. */
export function responseReader(
  stream: Stream,
  call: InboxOwner & { readonly method: Method },
  batch: CallBatch,
  codec: Codec,
  { compressions, limits, subtype }: ClientCallOptions,
): ResponseReader {
  return new ResponseReader(stream, {
    codec,
    subtype: subtype === undefined || subtype === '' ? DEFAULT_SUBTYPE : subtype,
    compressions: compressions ?? DEFAULT_COMPRESSIONS,
    limits: limits ?? DEFAULT_CALL_LIMITS,
    oneResponse: hasOneResponse(call.method.kind),
    owner: call,
    batch,
  })
}

/** One call's response: headers, messages, status. PROTOCOL-HTTP2.md, "Responses". */
export class ResponseReader {
  /** Why the call did not end with OK; undefined when it did. */
  error: GrpcError | undefined
  /** The header list with the status. */
  trailers: HeaderList | undefined
  readonly #options: ResponseReaderOptions
  readonly #stream: Stream
  /** Headers of the final response. */
  #head: ResponseHead | undefined
  /** There where the body is not gRPC: it only goes into the error's message. */
  #foreignBody: ForeignBody | undefined
  #inbox: MessageInbox | undefined
  #response: unknown
  #hasResponse: boolean
  /** The status is here, but messages before it still wait undecoded. */
  #isHeld: boolean
  /** The application waits for the first message. */
  #isWanted: boolean

  constructor(stream: Stream, options: ResponseReaderOptions) {
    this.error = undefined
    this.trailers = undefined
    this.#options = options
    this.#stream = stream
    this.#head = undefined
    this.#foreignBody = undefined
    this.#inbox = undefined
    this.#response = undefined
    this.#hasResponse = false
    this.#isHeld = false
    this.#isWanted = options.oneResponse
  }

  /** The headers of the response. */
  get headers(): HeaderList {
    return this.#head!.list
  }

  /** Whether the status is known, though it waits for messages that come before it. */
  get isHeld(): boolean {
    return this.#isHeld
  }

  /** What the headers of a response that is not gRPC mean for the call, with the text that has come; undefined when it is gRPC. */
  get foreignError(): GrpcError | undefined {
    const body = this.#foreignBody
    return body && responseError(undefined, this.#head!, body.text, this.#options.limits)
  }

  /** Whether `read` has a message. One response counts as soon as it is there: the caller waits for the status. */
  get readable(): boolean {
    return this.#options.oneResponse ? this.#hasResponse : (this.#inbox?.readable ?? false)
  }

  /** Whether a message that is wanted is still being inflated. */
  get inflating(): boolean {
    return this.#inbox?.inflating ?? false
  }

  /** The next message, or undefined if there is none, or it is `inflating`. It may be the one before the status, or before a broken one: see `afterRead`. */
  read(): unknown {
    if (!this.#options.oneResponse) return this.#inbox?.read()
    const response = this.#response
    this.#response = undefined
    this.#hasResponse = false
    return response
  }

  /** A message that was wanted is there, or its fault. */
  onInflated(): number {
    const inbox = this.#inbox!
    if (!this.#options.oneResponse) {
      return (inbox.readable ? ResponseNews.Messages : ResponseNews.None) | this.afterRead()
    }
    const news = this.#takeOne(inbox)
    return news === ResponseNews.None ? this.afterRead() : news
  }

  /** The application waits for the next message: it may come whole, however large. */
  want(): undefined {
    this.#isWanted = true
    if (this.#inbox?.readable === false) this.#inbox.read()
  }

  /** What a read uncovered. */
  afterRead(): number {
    const inbox = this.#inbox
    if (inbox === undefined) return ResponseNews.None
    if (inbox.fault !== undefined) return this.#breakWith(inbox.fault)
    if (!this.#isHeld || inbox.full) return ResponseNews.None
    this.#isHeld = false
    if (inbox.midMessage) this.error ??= stacklessError(Status.Internal, CUT_MESSAGE)
    return ResponseNews.Ended
  }

  /** Gives the server all its credit. Messages that were decoded stay readable. */
  close(): void {
    this.#inbox?.close()
  }

  /** Forgets the messages too. */
  drop(): void {
    this.#inbox?.drop()
    this.#response = undefined
    this.#hasResponse = false
  }

  onHeaders(block: HeaderBlock, endStream: boolean): number {
    const { metadataSizeMax } = this.#options.limits
    if (block.size > metadataSizeMax) {
      const text = `received metadata larger than max (${block.size} vs. ${metadataSizeMax}): limits.metadataSizeMax of calls`
      return this.#break(Status.ResourceExhausted, text)
    }
    const head = readResponseHead(block)
    if (this.#head !== undefined) return this.#end(head)
    // Interim responses say nothing to gRPC (RFC 9110 §15.2).
    if (head.httpStatus < 200) return ResponseNews.None
    this.#head = head
    return endStream ? this.#end(head) : this.#begin(head)
  }

  onData(bytes: Buffer, start: number, end: number, endStream: boolean): number {
    let news: number = ResponseNews.None
    if (start < end) {
      if (this.#foreignBody !== undefined) news = this.#receiveForeign(bytes, start, end)
      else if (this.#options.oneResponse) news = this.#receiveOne(bytes, start, end)
      else news = this.#receiveMany(bytes, start, end)
    }
    // The server ended the stream and owes us the status.
    return endStream && (news & ResponseNews.Broken) === 0 ? news | this.#end(undefined) : news
  }

  /** Headers that a body, or trailers, follow. A status among them does not count. */
  #begin(head: ResponseHead): number {
    if (head.httpStatus !== 200 || head.subtype === undefined) {
      this.#foreignBody = new ForeignBody(this.#options.limits.errorBodySizeMax)
      return ResponseNews.Foreign
    }
    const { subtype } = this.#options
    if (head.subtype !== '' && head.subtype !== subtype) {
      const text = `content-type is "${head.contentType}"; expected subtype ${subtype}`
      return this.#break(Status.Internal, text)
    }
    if (head.badBinary === '') return ResponseNews.Headers
    return this.#break(Status.Internal, `metadata "${head.badBinary}" is not base64`)
  }

  /** The end of the response; without `head` when it had no trailers. */
  #end(head: ResponseHead | undefined): number {
    const { limits, oneResponse } = this.#options
    const inbox = this.#inbox
    this.trailers = head?.list
    this.error = responseError(head, this.#head!, this.#foreignBody?.text ?? '', limits)
    // Nobody sees the message of a call that failed.
    const isWanted = !oneResponse || this.error === undefined
    if (oneResponse && isWanted && inbox !== undefined) {
      this.#isHeld = true
      const news = this.#takeOne(inbox)
      this.#isHeld = false
      if (news !== ResponseNews.None) return news
    }
    if (inbox?.full === true && isWanted) {
      this.#isHeld = true
      return ResponseNews.None
    }
    // A status that the server did send says more than how its messages ended.
    if (inbox?.midMessage === true && (this.error === undefined || head === undefined)) {
      this.error = stacklessError(Status.Internal, CUT_MESSAGE)
    }
    if (this.error === undefined && oneResponse && !this.#hasResponse) {
      this.error = stacklessError(Status.Unimplemented, 'no response message')
    }
    return ResponseNews.Ended
  }

  /** Enough of it is enough: it may never end. */
  #receiveForeign(bytes: Buffer, start: number, end: number): number {
    const body = this.#foreignBody!
    body.add(bytes, start, end)
    this.#stream.consume(end - start)
    return body.full ? this.#breakWith(this.foreignError!) : ResponseNews.None
  }

  /** Most responses are one plain message that is all of one DATA frame: those need no inbox. */
  #receiveOne(bytes: Buffer, start: number, end: number): number {
    const { codec, limits } = this.#options
    const isFirst = this.#inbox === undefined && !this.#hasResponse
    if (!isFirst || !isWholeMessage(bytes, start, end, limits.messageSizeMax)) {
      return this.#receiveMany(bytes, start, end)
    }
    this.#stream.consume(end - start)
    try {
      this.#response = codec.decode(bytes, start + LENGTH_PREFIX_SIZE, end)
      this.#hasResponse = true
      return ResponseNews.None
    } catch (cause) {
      const error = stacklessError(Status.Internal, 'message cannot be decoded', { cause })
      return this.#breakWith(error)
    }
  }

  #receiveMany(bytes: Buffer, start: number, end: number): number {
    const inbox = this.#inbox ?? this.#newInbox()
    this.#inbox = inbox
    inbox.receive(bytes, start, end)
    if (this.#options.oneResponse) {
      const news = this.#takeOne(inbox)
      if (news !== ResponseNews.None) return news
    }
    const messages = inbox.readable ? ResponseNews.Messages : ResponseNews.None
    return inbox.fault === undefined ? messages : messages | this.#breakWith(inbox.fault)
  }

  /**
   * Takes the one message there may be. A compressed one is inflated when the
   * status is there: until then nobody can have it.
   */
  #takeOne(inbox: MessageInbox): number {
    while (inbox.readable) {
      if (this.#hasResponse) {
        return this.#break(Status.Unimplemented, 'more than one response message')
      }
      if (inbox.isPacked && !this.#isHeld) break
      const response = inbox.read()
      if (inbox.inflating || inbox.fault !== undefined) break
      this.#response = response
      this.#hasResponse = true
    }
    return inbox.fault === undefined ? ResponseNews.None : this.#breakWith(inbox.fault)
  }

  #newInbox(): MessageInbox {
    const { codec, compressions, limits, owner, batch } = this.#options
    const { encoding } = this.#head!
    const decompression = compressions.get(encoding)
    const message = { codec, encoding, decompression, limits }
    const inboxOptions = { ...message, owner, batch, keepsRoom: false }
    return new MessageInbox(this.#stream, inboxOptions, this.#isWanted)
  }

  #break(status: Status, message: string): number {
    return this.#breakWith(stacklessError(status, message))
  }

  #breakWith(error: GrpcError): number {
    this.error = error
    this.trailers = undefined
    return ResponseNews.Broken
  }
}

const CUT_MESSAGE = 'response ended within a message'
