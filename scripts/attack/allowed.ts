import { DEFAULT_LIMITS } from '../../src/connection/index.js'
import { STREAM_COST } from '../../src/connection/streams/stream-record.js'
import { STREAMING_COST } from '../../src/grpc/server/server-call-messages.js'
import { DEFAULT_CALL_LIMITS } from '../../src/grpc/wire/limits.js'
import { MUCP_CALL_COST, MUCP_STREAM_COST } from '../../src/micro/server/mucp/limits.js'
import { MESSAGE } from './counts.js'

const { connectionBufferSize, streamsMax } = DEFAULT_LIMITS
const { inflatedSizeMax, unsentSizeMax } = DEFAULT_CALL_LIMITS

/** What a native call of many messages takes: its stream, its queues, its generators. */
const CALL = STREAM_COST + STREAMING_COST
/** What costs may be off by, as accounts may: a fifth. */
const SLACK = 1.2

/** So many of what takes `size` octets each, by limits that have names. */
function sum(...parts: readonly (readonly [count: number, size: number])[]): number {
  return Math.ceil(parts.reduce((all, [count, size]) => all + count * size, 0) * SLACK)
}

/** By what bounds it. Unit: octets. */
interface Allowed {
  readonly zombies: number
  readonly inflated: number
  unreadDownloads(count: number): number
  unsentUploads(count: number): number
  unreadAnswers(size: number): number
  sockets(count: number, size: number): number
  memoryStreams(count: number): number
}

/** What attacks may leave in memory where that is more than others may: out of limits and costs, no number of its own. Unit: octets. */
export const ALLOWED: Allowed = {
  /** Handlers that run though their calls were cancelled. */
  zombies: sum([streamsMax, CALL]),
  /** Calls with an answer that waits: beside what is serialised, one message of each that its handler has made. */
  unreadDownloads: (count: number): number =>
    sum([count, CALL + MESSAGE.length], [1, connectionBufferSize]),
  /** Uploads that have no window: each was begun before there was a connection. */
  unsentUploads: (count: number): number => sum([count, unsentSizeMax]),
  /** Requests that inflate; answers of the same size count. */
  inflated: inflatedSizeMax,
  /** mucp calls whose answers of `size` octets wait. */
  unreadAnswers: (size: number): number => sum([streamsMax, MUCP_CALL_COST + size]),
  /** mucp sockets, each a call of its own, with `size` octets of a message that is not complete. */
  sockets: (count: number, size: number): number => sum([count, CALL + size]),
  /** Sockets of the memory transport with a stream, whose both ends are in this process. */
  memoryStreams: (count: number): number => sum([count, 2 * MUCP_STREAM_COST]),
}
