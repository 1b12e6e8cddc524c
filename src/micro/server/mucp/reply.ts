import type { CallKind, Codec } from '../../../grpc/index.js'
import type { Message } from '../../../transport/index.js'
import { endLine, setGrpcReplyHeaders } from '../../mucp/body.js'
import { errorHeader, MucpHeader, replyHeader, streamHeader } from '../../mucp/header.js'
import type { MucpRequest } from './request.js'

const NO_BODY: Uint8Array = new Uint8Array(0)

/** A response as the envelope of its request has it. @throws what the codec throws */
export function responseBody(request: MucpRequest, codec: Codec, value: unknown): Uint8Array {
  const { content, id, target } = request
  const bytes = codec.encode(value)
  const { envelope, subtype } = content
  const plain = subtype === 'json' && !envelope.inBody && !envelope.keepsOpening
  return envelope.wrapReply(plain ? endLine(bytes) : bytes, id, target, '')
}

/** The header of a message with a response. */
export function responseHeader(
  { message, fields, contentType, content }: MucpRequest,
  kind: CallKind,
  body: Uint8Array,
): Map<string, string> {
  const header =
    kind === 'unary' ? replyHeader(message.header) : streamHeader(message.header, fields)
  if (body.length > 0) header.set(MucpHeader.ContentType, fields.contentType || contentType)
  if (content.envelope.keepsOpening) setGrpcReplyHeaders(header, '')
  return header
}

/** The last message of a call that failed. */
export function errorReply({ message, content, id, target }: MucpRequest, text: string): Message {
  const header = errorHeader(message.header, text)
  if (content.envelope.keepsOpening) setGrpcReplyHeaders(header, text)
  const body = content.envelope.inBody
    ? content.envelope.wrapReply(NO_BODY, id, target, text)
    : NO_BODY
  return { header, body }
}
