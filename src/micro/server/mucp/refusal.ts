import type { Message } from '../../../transport/index.js'
import { errorHeader } from '../../mucp/header.js'
import type { Endpoint, EndpointTable } from '../handlers/endpoint-table.js'
import type { MucpRequest } from './request.js'

const NO_BODY: Uint8Array = new Uint8Array(0)

/** The endpoint, or why there is none in the words of go-micro's router. */
export function findEndpoint(table: EndpointTable, target: string): Endpoint | string {
  const parts = target.split('.')
  const found = parts.length === 2 ? table.get(target) : undefined
  if (found !== undefined) return found
  if (parts.length !== 2) return `rpc: service/endpoint request ill-formed: ${target}`
  if (!table.has(parts[0]!)) return `rpc: can't find service ${parts[0]}`
  return `rpc: can't find method ${parts[1]}`
}

/** What a request hears that starts no call. */
export function refusal(message: Message, text: string, request?: MucpRequest): Message {
  const envelope = request?.content.envelope
  const body =
    envelope?.inBody === true
      ? envelope.wrapReply(NO_BODY, request!.id, request!.target, text)
      : NO_BODY
  return { header: errorHeader(message.header, text), body }
}

/** Without Micro-Error and id, as go-micro answers. */
export function contentTypeRefusal(contentType: string): Message {
  const header = new Map([['Content-Type', 'text/plain']])
  const body = Buffer.from(`unsupported Content-Type: ${contentType}`)
  return { header, body }
}
