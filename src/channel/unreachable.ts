import { GrpcError, http2CodeOf, Status } from '../grpc/index.js'
import type { Subchannel } from './subchannel.js'

/** Endpoints that an error tells of one by one. */
const SHOWN_MAX = 8

/** The error of a call for which no endpoint can be reached: it names them, and the last error of each. */
export function unreachableError(name: string, subchannels: readonly Subchannel[]): GrpcError {
  const shown = subchannels.slice(0, SHOWN_MAX).map(textOf)
  const more = subchannels.length - shown.length
  const rest = more > 0 ? `; and ${more} more` : ''
  const errors = subchannels.flatMap(({ lastError }) => lastError ?? [])
  const cause = errors.length > 1 ? new AggregateError(errors.slice(0, SHOWN_MAX)) : errors[0]
  const text = `none of the ${subchannels.length} endpoints of ${name} can be reached: ${shown.join('; ')}${rest}`
  return new GrpcError(Status.Unavailable, text, {
    origin: 'network',
    unprocessed: true,
    http2Code: http2CodeOf(errors[0]),
    cause,
  })
}

/** Errors of connections name their address themselves. */
export function textOf({ endpoint, standing, lastError }: Subchannel): string {
  const { hosts } = endpoint
  const address =
    hosts === undefined ? endpoint.address : `${endpoint.address} (${hosts.join(', ')})`
  if (lastError === undefined) return `${address}: ${standing}`
  return lastError.message.startsWith(endpoint.address)
    ? lastError.message
    : `${address}: ${lastError.message}`
}
