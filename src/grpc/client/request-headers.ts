import type { HeaderList } from '../../connection/index.js'
import {
  acceptEncoding,
  type Compression,
  type Compressions,
  DEFAULT_COMPRESSIONS,
} from '../wire/compression.js'
import { grpcContentType } from '../wire/content-type.js'
import type { Metadata } from '../wire/metadata.js'
import type { Method } from '../wire/method.js'
import { encodeTimeout } from '../wire/timeout.js'

/** What all calls of one method to one server have in common. */
export interface RequestHeadersOptions {
  /** Host and port, or the name the server goes by. */
  readonly authority: string
  readonly scheme: 'http' | 'https'
  /** Chooses the codecs; the calls must have the same. Default: '', plain `application/grpc`, which means `proto`. */
  readonly subtype?: string
  /** `grpc-<language>-<variant>/<version>`. Default: none. */
  readonly userAgent?: string
  /** What we offer in `grpc-accept-encoding`; the calls must have the same. Default: gzip and deflate. */
  readonly compressions?: Compressions
}

/**
 * Creates the first headers of requests of `method`. Create the list once and reuse it: the
 * connection caches its encoded form. PROTOCOL-HTTP2.md, "Requests".
 */
export function requestHeaders(method: Method, options: RequestHeadersOptions): HeaderList {
  const headers = [
    ':method',
    'POST',
    ':scheme',
    options.scheme,
    ':path',
    method.path,
    ':authority',
    options.authority,
    'te',
    'trailers',
    'content-type',
    grpcContentType(options.subtype ?? ''),
    'grpc-accept-encoding',
    acceptEncoding(options.compressions ?? DEFAULT_COMPRESSIONS),
  ]
  if (options.userAgent !== undefined) headers.push('user-agent', options.userAgent)
  return headers
}

/**
 * What differs from call to call, in the order gRPC asks for: `grpc-timeout`
 * first, metadata last. Undefined when nothing does.
 */
export function extraHeaders(
  timeoutMs: number,
  compression: Compression | undefined,
  metadata: Metadata | undefined,
): HeaderList | undefined {
  const hasMetadata = metadata !== undefined && metadata.size > 0
  if (timeoutMs === Number.POSITIVE_INFINITY && compression === undefined && !hasMetadata) {
    return undefined
  }
  const extra: string[] = []
  if (timeoutMs !== Number.POSITIVE_INFINITY) extra.push('grpc-timeout', encodeTimeout(timeoutMs))
  if (compression !== undefined) extra.push('grpc-encoding', compression.name)
  // A call may have one from the call it serves: the client has its own.
  if (hasMetadata) metadata.appendTo(extra, 'user-agent')
  return extra
}
