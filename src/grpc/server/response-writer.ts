import { ErrorCode, type HeaderList, type Stream } from '../../connection/index.js'
import type { Metadata } from '../wire/metadata.js'
import { decodeStatusMessage, encodeStatusMessage } from '../wire/percent-encoding.js'
import { type GrpcError, STATUS_MAX, Status, stacklessError } from '../wire/status.js'
import type { CallSettings } from './call-options.js'

/** Trailers of each status; long-lived, so that the connection keeps their encoded form. */
const STATUS_TRAILERS: readonly HeaderList[] = Array.from(
  { length: STATUS_MAX + 1 },
  (_, status) => ['grpc-status', String(status)],
)

/** Those of a call that went well and says nothing more. */
export const OK_TRAILERS: HeaderList = STATUS_TRAILERS[Status.Ok]!

const DETAILS_NAME = 'grpc-status-details-bin'
/** What a message is cut to where all of it is too much. Unit: octets. */
const MESSAGE_SIZES: readonly number[] = [1_024, 256, 64]

/** The wire form of `metadata`; undefined when it is empty. */
export function metadataFields(metadata: Metadata | undefined): HeaderList | undefined {
  if (metadata === undefined || metadata.size === 0) return undefined
  const fields: string[] = []
  metadata.appendTo(fields)
  return fields
}

/** What follows the status of `error`: message, metadata. */
export function errorFields(error: GrpcError, settings: CallSettings): HeaderList | undefined {
  const fields: string[] = []
  const { sendStatusMessageSizeMax } = settings.limits
  const message = encodeStatusMessage(error.message, sendStatusMessageSizeMax)
  if (message !== '') fields.push('grpc-message', message)
  if (error.hasMetadata) error.metadata.appendTo(fields)
  return fields.length === 0 ? undefined : fields
}

/** Refuses a request with one block. A client that accepts not even that gets a reset. */
export function sendRefusal(
  stream: Stream,
  headers: HeaderList,
  extra: HeaderList | undefined,
): void {
  try {
    stream.sendHeaders(headers, true, extra)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    stream.reset(ErrorCode.EnhanceYourCalm)
  }
}

/**
 * Sends response headers. Metadata that the client does not accept is its sender's mistake and
 * throws RangeError; a client that accepts not even our own two fields gets a reset, and the call this error.
 */
export function sendResponseHeaders(
  stream: Stream,
  headers: HeaderList,
  metadata: HeaderList | undefined,
): GrpcError | undefined {
  try {
    stream.sendHeaders(headers, false, metadata)
    return undefined
  } catch (cause) {
    if (metadata !== undefined || !(cause instanceof RangeError)) throw cause
    stream.reset(ErrorCode.EnhanceYourCalm)
    return stacklessError(Status.ResourceExhausted, cause.message, { cause })
  }
}

/**
 * Sends the status: as trailers, or, where no headers were sent, in one block
 * with them (Trailers-Only).
 *
 * Returns what kept `fields` from being sent: they make the block larger than
 * the client accepts. The status itself has to arrive, and its message says most of the rest: details go
 * first, then metadata, then the end of the message, then all of it. A client that
 * accepts not even a status wants no answer: it gets a reset, and nobody is to blame.
 */
export function sendStatus(
  stream: Stream,
  headers: HeaderList | undefined,
  status: Status,
  fields: HeaderList | undefined,
): RangeError | undefined {
  const refusal = tryStatus(stream, headers, status, fields)
  if (refusal === undefined) return undefined
  if (fields !== undefined) {
    for (const less of lesserFields(fields)) {
      if (tryStatus(stream, headers, status, less) === undefined) return refusal
    }
  }
  stream.reset(ErrorCode.EnhanceYourCalm)
  return undefined
}

/** What may go in place of `fields`, the best first. */
function lesserFields(fields: HeaderList): (HeaderList | undefined)[] {
  const lists: (HeaderList | undefined)[] = []
  const isDetailed = fields.includes(DETAILS_NAME)
  if (isDetailed) lists.push(fields.filter((_, i) => fields[i & ~1] !== DETAILS_NAME))
  if (fields[0] === 'grpc-message') {
    const message = fields[1]!
    lists.push(['grpc-message', message])
    const text = decodeStatusMessage(message, message.length)
    for (const sizeMax of MESSAGE_SIZES) {
      if (sizeMax < message.length) lists.push(['grpc-message', encodeStatusMessage(text, sizeMax)])
    }
  }
  lists.push(undefined)
  return lists
}

function tryStatus(
  stream: Stream,
  headers: HeaderList | undefined,
  status: Status,
  fields: HeaderList | undefined,
): RangeError | undefined {
  const trailers = STATUS_TRAILERS[status]!
  try {
    if (headers === undefined) stream.sendHeaders(trailers, true, fields)
    else {
      const extra = fields === undefined ? trailers : [...trailers, ...fields]
      stream.sendHeaders(headers, true, extra)
    }
    return undefined
  } catch (error) {
    if (error instanceof RangeError) return error
    throw error
  }
}
