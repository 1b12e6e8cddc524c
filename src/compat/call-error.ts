import { GrpcError, MicroError, Metadata as MicroMetadata, type Status } from '../micro/index.js'
import type { ServerStatus } from './call-types.js'
import { appendTo, type MetadataLike } from './metadata.js'
import { status } from './status.js'

/**
 * The error that grpc-js would end a call with: `code` when it is a status,
 * else UNKNOWN; `details`, else `message`; `trailers`, else its `metadata`.
 * Errors of micro are what they are.
 */
export function callError(
  error: ServerStatus,
  trailers?: MetadataLike | null,
): GrpcError | MicroError {
  if (error instanceof GrpcError || error instanceof MicroError) return error
  const named = Number.isInteger(error.code)
  const text = error.message ?? 'Unknown Error'
  const details = named && typeof error.details === 'string' ? error.details : text
  const metadata = new MicroMetadata()
  const source = trailers ?? error.metadata
  if (source !== undefined && source !== null) appendTo(metadata, source)
  return new GrpcError(statusOf(error.code), details, { metadata, cause: error })
}

function statusOf(code: unknown): Status {
  const known = Number.isInteger(code) && (code as number) > 0 && (code as number) <= 16
  return known ? (code as Status) : status.UNKNOWN
}
