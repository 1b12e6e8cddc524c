import {
  type Envelope,
  grpcEnvelope,
  jsonRpcEnvelope,
  plainEnvelope,
  protoRpcEnvelope,
} from './envelope.js'

/** How one content type puts a message into the body of a transport's `Message`. */
export interface ContentCodec {
  /** Which codec of a method: `proto`, `json` or `bytes`. */
  readonly subtype: string
  readonly envelope: Envelope
}

/** Content type of a mucp client that names none. go-micro >= 4.6. */
export const MUCP_CONTENT_TYPE = 'application/json'

/** What a mucp server assumes when a request names none. */
export const MUCP_CONTENT_TYPE_MISSING = 'application/protobuf'

const CONTENT_CODECS: ReadonlyMap<string, ContentCodec> = new Map([
  ['application/json', { subtype: 'json', envelope: plainEnvelope }],
  ['application/protobuf', { subtype: 'proto', envelope: plainEnvelope }],
  ['application/proto', { subtype: 'proto', envelope: plainEnvelope }],
  ['application/octet-stream', { subtype: 'bytes', envelope: plainEnvelope }],
  ['application/grpc', { subtype: 'proto', envelope: grpcEnvelope }],
  ['application/grpc+proto', { subtype: 'proto', envelope: grpcEnvelope }],
  ['application/grpc+json', { subtype: 'json', envelope: grpcEnvelope }],
  ['application/grpc+bytes', { subtype: 'bytes', envelope: grpcEnvelope }],
  ['application/json-rpc', { subtype: 'json', envelope: jsonRpcEnvelope }],
  ['application/proto-rpc', { subtype: 'proto', envelope: protoRpcEnvelope }],
])

/** Content types whose meaning changed: what peers from before go-micro 1.9 mean by them. */
const LEGACY_TYPES: ReadonlyMap<string, string> = new Map([
  ['application/json', 'application/json-rpc'],
  ['application/protobuf', 'application/proto-rpc'],
])

const SUBTYPE = /^application\/grpc\+([a-z0-9.-]+)$/

/** How to read and write `contentType`, with a subtype of one's own too; undefined when mucp does not know it. */
export function contentCodec(contentType: string): ContentCodec | undefined {
  const known = CONTENT_CODECS.get(contentType)
  if (known !== undefined) return known
  const subtype = SUBTYPE.exec(contentType)?.[1]
  return subtype === undefined ? undefined : { subtype, envelope: grpcEnvelope }
}

/** How mucp calls a subtype that is no JSON. */
export function mucpContentType(subtype: string): string {
  if (subtype === 'proto') return 'application/protobuf'
  return subtype === 'bytes' ? 'application/octet-stream' : `application/grpc+${subtype}`
}

/** What a peer from before go-micro 1.9 calls `contentType`. */
export function legacyContentType(contentType: string): string {
  return LEGACY_TYPES.get(contentType) ?? contentType
}

/** The gRPC subtype for a micro content type; undefined when there is none. micro-wire: the table of client/grpc. */
export function grpcSubtype(contentType: string): string | undefined {
  if (contentType === 'application/octet-stream') return 'proto'
  const codec = CONTENT_CODECS.get(contentType)
  if (codec !== undefined) return codec.subtype
  return SUBTYPE.exec(contentType)?.[1]
}
