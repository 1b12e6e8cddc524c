import type { Codec } from '../../../grpc/index.js'
import { FieldError } from '../../../protobuf/index.js'
import type { Message, Socket } from '../../../transport/index.js'
import { thrownText } from '../../../transport/index.js'
import { CLIENT_CODEC_ID, CLIENT_ID, CLIENT_TRANSPORT_ID } from '../../errors/client-ids.js'
import { withCall } from '../../errors/error-mapping.js'
import { MicroError } from '../../errors/micro-error.js'
import { asBuffer } from '../../mucp/as-buffer.js'
import { endLine, setGrpcRequestHeaders } from '../../mucp/body.js'
import { type ContentCodec, contentCodec, legacyContentType } from '../../mucp/content-type.js'
import { END_OF_STREAM, MucpHeader, readMucpFields, requestHeader } from '../../mucp/header.js'
import { isUnserved } from '../../mucp/unserved.js'
import { decodeOwn } from '../../service/codec.js'
import type { ServiceMethod } from '../../service/service.js'

/** What a message from the server turned out to be. */
export type Reply =
  | { readonly kind: 'message'; readonly value: unknown }
  | { readonly kind: 'end' }
  | { readonly kind: 'error'; readonly error: MicroError }

/** How the messages of one call are written and read. */
export class MucpCodec {
  readonly contentType: string
  readonly #method: ServiceMethod
  readonly #service: string
  readonly #content: ContentCodec
  readonly #request: Codec
  readonly #response: Codec

  /**
   * @param service what `Micro-Service` says
   * @param legacy the peer only knows the codecs from before go-micro 1.9
   * @throws TypeError when the content type is unknown, or the method has no codec for it
   */
  constructor(method: ServiceMethod, service: string, contentType: string, legacy: boolean) {
    this.contentType = legacy ? legacyContentType(contentType) : contentType
    const content = contentCodec(this.contentType)
    if (content === undefined)
      throw new TypeError(`contentType ${contentType} is not known to mucp`)
    const request = method.request.get(content.subtype)
    const response = method.response.get(content.subtype)
    if (request === undefined || response === undefined) {
      throw new TypeError(`${method.endpoint} has no codec for contentType ${contentType}`)
    }
    this.#method = method
    this.#service = service
    this.#content = content
    this.#request = request
    this.#response = response
  }

  /** The header that every message of the call carries. */
  header(id: string, stream: boolean): Map<string, string> {
    const { endpoint } = this.#method
    const target = { service: this.#service, endpoint }
    const header = requestHeader(target, id, stream, this.contentType)
    if (this.#content.envelope.keepsOpening) {
      setGrpcRequestHeaders(header, this.#service, endpoint, this.contentType)
    }
    return header
  }

  /**
   * `unsent`: no handler can have run before this message.
   *
   * @throws FieldError for a value that its field cannot hold; MicroError 500 from `go.micro.client.codec` when the value cannot be encoded otherwise
   */
  encode(value: unknown, id: string, unsent: boolean): Uint8Array {
    const { envelope, subtype } = this.#content
    try {
      const bytes = this.#request.encode(value)
      const plain = subtype === 'json' && !envelope.inBody && !envelope.keepsOpening
      return envelope.wrapRequest(plain ? endLine(bytes) : bytes, id, this.#method.endpoint)
    } catch (cause) {
      throw requestError(cause, unsent)
    }
  }

  /** The body of the message that opens a stream: an empty request. */
  encodeOpening(id: string): Uint8Array {
    const { envelope, subtype } = this.#content
    // With gRPC framing the opening message counts: there must be none in it.
    if (envelope.keepsOpening) return new Uint8Array(0)
    const bytes = subtype === 'json' ? endLine(new Uint8Array(0)) : new Uint8Array(0)
    return envelope.wrapRequest(bytes, id, this.#method.endpoint)
  }

  /** What came. The id and the content type are not checked: a socket has one call at a time. */
  read(message: Message): Reply {
    const fields = readMucpFields(message.header)
    if (fields.error === END_OF_STREAM) return { kind: 'end' }
    if (fields.error !== '') return { kind: 'error', error: MicroError.parse(fields.error) }
    const body = asBuffer(message.body)
    if (fields.contentType === 'text/plain') {
      const error = new MicroError(415, body.toString(), { id: CLIENT_CODEC_ID, origin: 'peer' })
      return { kind: 'error', error }
    }
    try {
      const { bytes, start, end, error } = this.#content.envelope.openReply(body)
      if (error !== '') return { kind: 'error', error: MicroError.parse(error) }
      return { kind: 'message', value: decodeOwn(this.#response, bytes, start, end) }
    } catch (cause) {
      return { kind: 'error', error: codecError(cause, false) }
    }
  }
}

/** The header of the message that ends a stream on our side. */
export function endHeader(header: ReadonlyMap<string, string>): Map<string, string> {
  return new Map(header).set(MucpHeader.Error, END_OF_STREAM)
}

/**
 * The header of the message that gives a stream up: its reader gets an error, where EOS would tell it that all
 * messages have come. What our own user threw stays here.
 */
export function cancelHeader(
  header: ReadonlyMap<string, string>,
  reason: unknown,
): Map<string, string> {
  const isTimeout = reason instanceof MicroError && reason.id === CLIENT_ID && reason.code === 408
  const error = isTimeout
    ? reason
    : new MicroError(499, 'the caller cancelled the stream', { id: CLIENT_ID })
  return new Map(header).set(MucpHeader.Error, error.encode())
}

/** The socket broke: 500 from `go.micro.client.transport`. */
export function transportError(cause: unknown): MicroError {
  const detail = thrownText(cause)
  const unprocessed = isUnserved(cause)
  return MicroError.internal(detail, { id: CLIENT_TRANSPORT_ID, cause, unprocessed })
}

/** There is no socket: nothing was sent. */
export function dialError(cause: unknown): MicroError {
  const text = thrownText(cause)
  const options = { id: CLIENT_ID, cause, unprocessed: true }
  return MicroError.internal(`connection error: ${text}`, options)
}

/** The server ended the socket under a call. The words are those of Go's client. */
export function endOfSocket({ remote }: Socket): MicroError {
  return MicroError.internal('EOF', {
    id: CLIENT_TRANSPORT_ID,
    origin: 'network',
    address: remote,
  })
}

/** A value that its field cannot hold is the caller's mistake: it gets that error. */
function requestError(cause: unknown, unsent: boolean): MicroError | FieldError {
  if (!(cause instanceof FieldError)) return codecError(cause, unsent)
  return withCall(
    cause,
    MicroError.internal(cause.message, { id: CLIENT_CODEC_ID, unprocessed: unsent }),
  )
}

function codecError(cause: unknown, unprocessed: boolean): MicroError {
  const detail = thrownText(cause)
  return MicroError.internal(detail, { id: CLIENT_CODEC_ID, cause, unprocessed })
}
