import type { Metadata } from '../../grpc/index.js'
import type { Peer } from '../../transport/index.js'

/** How a call came: by native gRPC, by mucp over a transport, or, an event, by a broker. */
export type Door = 'grpc' | 'mucp' | 'broker'

/**
 * One call, as seen by its handler. Properties that are costly to compute are computed on first
 * access.
 */
export interface Context {
  /** The protocol of the call: `grpc` or `mucp`; `broker` for an event that a broker delivered. */
  readonly door: Door
  /** The service with its package: `greeter.v1.Greeter`. */
  readonly service: string
  /** The method's name in JavaScript: `hello`. */
  readonly method: string
  /** The method on the wire, whatever name it was called by: `/greeter.v1.Greeter/Hello`. Empty for an event. */
  readonly path: string
  /** What the caller sent along. Over mucp: the message's header, without what belongs to the protocol. */
  readonly metadata: Metadata
  /** When the caller gives up, on the monotonic clock of `performance.now()`. Unit: ms. Infinity: never. */
  readonly deadline: number
  /** Aborted when the caller cancels, is lost, or its deadline passes. */
  readonly signal: AbortSignal
  /** Who calls: `peer.address`, `peer.certificate` ... As text it is the address. */
  readonly peer: Peer
  /**
   * Goes out ahead of the first response: fill it before. Over mucp it becomes
   * part of the message's header.
   */
  readonly headers: Metadata
  /** Goes out after the last response. Over mucp it becomes part of the last message's header. */
  readonly trailers: Metadata
  /** Whether the request, or the one that was read last, came compressed. Over mucp: never. */
  readonly compressed: boolean
  /**
   * How the responses are compressed: `gzip`, `identity` (not at all) ... May be set before the first
   * response and `headers` have left; a client that does not accept it gets plain messages, and this says
   * `identity`. Over mucp nothing is compressed, and it may be set to no effect. Default: the server's.
   *
   * @throws RangeError when set to a compression that the server does not have; TypeError once the response has begun
   */
  compression: string
  /** Whether responses leave compressed from now on, where there is a `compression`. Default: true. */
  compressing: boolean
}
