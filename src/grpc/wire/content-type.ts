import type { HeaderList } from '../../connection/index.js'
import { DEFAULT_SUBTYPE } from './method.js'

const GRPC = 'application/grpc'

/**
 * The subtype of a gRPC content type: '' for plain `application/grpc`,
 * `json` for `application/grpc+json`. Undefined when it is not gRPC, which
 * `application/grpc-web` and `application/grpcfoo` are not. Parameters after
 * `;` do not matter. Content types ignore case (RFC 9110 §8.3.1).
 */
export function grpcSubtype(contentType: string): string | undefined {
  // What all but a few send, first.
  if (contentType === GRPC) return ''
  if (contentType === 'application/grpc+proto') return 'proto'
  const text = contentType.toLowerCase()
  if (!text.startsWith(GRPC)) return undefined
  const semicolon = text.indexOf(';')
  const type = (semicolon < 0 ? text : text.slice(0, semicolon)).trimEnd()
  if (type.length === GRPC.length) return ''
  return type[GRPC.length] === '+' ? type.slice(GRPC.length + 1) : undefined
}

/** Subtypes that go-micro's `x-content-type` can name; all else it encodes as protobuf. */
const MICRO_SUBTYPE = /^application\/(?:grpc\+)?(json|bytes)$/

/**
 * What plain `application/grpc` carries: protobuf, unless go-micro's
 * `x-content-type` says otherwise. Streams of go-micro v1 come so, for
 * grpc-go 1.25 names no subtype for a codec that is forced.
 */
export function plainSubtype(microContentType: string): string {
  if (microContentType === '') return DEFAULT_SUBTYPE
  return MICRO_SUBTYPE.exec(microContentType)?.[1] ?? DEFAULT_SUBTYPE
}

/** The content type with `subtype`; plain where that is ''. */
export function grpcContentType(subtype: string): string {
  return subtype === '' ? GRPC : `${GRPC}+${subtype}`
}

/** Header lists that are built once: the connection caches the encoded form of each. */
const responses = new Map<string, HeaderList>()

/** Lists kept at most: a peer names subtypes, and ours are few. */
const RESPONSES_MAX = 64

/** Response headers with HTTP status 200 that echo `subtype`, and the encoding of messages if there is one. */
export function responseHeaders(subtype: string, encoding: string): HeaderList {
  const key = `${subtype} ${encoding}`
  const known = responses.get(key)
  if (known !== undefined) return known
  const list = [':status', '200', 'content-type', grpcContentType(subtype)]
  if (encoding !== '') list.push('grpc-encoding', encoding)
  if (responses.size < RESPONSES_MAX) responses.set(key, list)
  return list
}
