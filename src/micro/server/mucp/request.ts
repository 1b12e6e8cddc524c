import type { Message } from '../../../transport/index.js'
import {
  type ContentCodec,
  legacyContentType,
  MUCP_CONTENT_TYPE_MISSING,
} from '../../mucp/content-type.js'
import type { Opened } from '../../mucp/envelope.js'
import type { MucpFields } from '../../mucp/header.js'

/** A request that is understood so far. */
export interface MucpRequest {
  readonly message: Message
  readonly fields: MucpFields
  readonly contentType: string
  readonly content: ContentCodec
  /** Empty once the handler has its request. */
  opened: Opened
  /** The id the envelope carries, else the header's. */
  readonly id: string
  /** Whom it is for, as it was asked: `Greeter.Hello`. */
  readonly target: string
}

/** The content type, in the words of today: peers from before go-micro 1.9 send neither service nor endpoint. */
export function contentTypeOf(fields: MucpFields): string {
  const contentType = fields.contentType === '' ? MUCP_CONTENT_TYPE_MISSING : fields.contentType
  const nameless = fields.service === '' && fields.method === '' && fields.endpoint === ''
  const legacy = fields.protocol === '' && (nameless || fields.target !== '')
  return legacy ? legacyContentType(contentType) : contentType
}

/** With gRPC framing the endpoint may come as `:path`: `/greeter.Greeter/Hello`. */
export function targetOf(message: Message, fields: MucpFields, content: ContentCodec): string {
  const path = content.envelope.keepsOpening ? message.header.get(':path') : undefined
  const match = /^\/(?:.*\.)?([^./]+)\/([^./]+)$/.exec(path ?? '')
  if (match !== null) return `${match[1]}.${match[2]}`
  return fields.endpoint === '' ? fields.method : fields.endpoint
}
