import { ConnectionError, ErrorCode, frameName } from '../frame/index.js'
import { protocolError } from './core/protocol-error.js'
import type { InboundParts } from './inbound-parts.js'
import { Ending } from './streams/closed-streams.js'

/** DATA or HEADERS on a stream that is not there: late, wrong, or never opened. RFC 9113 §5.1, §5.1.1. */
export function refuseClosed(
  parts: InboundParts,
  streamId: number,
  type: number,
  endStream: boolean,
  dataSize = 0,
): void {
  checkKnown(parts, streamId, type)
  const { budget, core, goaway, streams } = parts
  const ending = streams.ending(streamId)
  if (ending === Ending.ResetByUs || goaway.ignores(streamId)) {
    // The rest of a request that we refused was sent in good faith: its end is free, once.
    if (endStream && streams.endReset(streamId)) return
    if (!budget.lateData(dataSize)) budget.work(1, core.now, frameName(type))
    return
  }
  if (ending === Ending.Closed) {
    throw new ConnectionError(
      ErrorCode.StreamClosed,
      'RFC 9113 §5.1',
      `${frameName(type)} on stream ${streamId}, which is closed`,
    )
  }
  protocolError(
    'RFC 9113 §5.1.1',
    `${frameName(type)} on stream ${streamId}, which was skipped or closed`,
  )
}

/** A stream that has not been opened may not have this frame. RFC 9113 §5.1 (idle). */
export function checkKnown(parts: InboundParts, streamId: number, type: number): void {
  const { core, streams } = parts
  const isOurs = (streamId & 1) === (core.role === 'client' ? 1 : 0)
  const idMax = isOurs ? streams.ownIdMax : streams.peerIdMax
  if (streamId > idMax) {
    protocolError('RFC 9113 §5.1', `${frameName(type)} on stream ${streamId}, which is idle`)
  }
}
