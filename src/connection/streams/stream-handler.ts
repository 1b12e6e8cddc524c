import type { HeaderBlock } from '../headers/header-list.js'

/**
 * Receives the events of one stream. Called synchronously from `receive`, `advance` or `destroy`,
 * in the order in which frames arrived.
 *
 * A handler may send; it must not call `Connection.receive`. An exception
 * resets this stream with INTERNAL_ERROR and harms nobody else.
 */
export interface StreamHandler {
  /** A response, an interim (1xx) response, or trailers. RFC 9113 §8.1. */
  onHeaders(headers: HeaderBlock, endStream: boolean): void

  /**
   * DATA octets are `bytes[start, end)`, padding removed; borrowed until this
   * method returns. Call `stream.consume` once for each octet when it has left
   * your buffers.
   */
  onData(bytes: Buffer, start: number, end: number, endStream: boolean): void

  /** `sendData` had returned false and what was queued has left: go on. */
  onDrain(): void

  /**
   * What our side holds for this stream is too much for the connection, and it has stalled: end it now, and say
   * so. Absent, or where it does not: the stream is reset with ENHANCE_YOUR_CALM, and `onReset` hears `fault`.
   */
  onShed?(fault: string): void

  /** The peer reset the stream, or it broke a rule and we did: `fault` says how, where that is known. The last call. */
  onReset(errorCode: number, byPeer: boolean, fault?: string): void

  /**
   * The connection is gone, or the peer's GOAWAY says that it never looked at
   * this stream (`unprocessed`: safe to send again). The last call.
   */
  onLost(cause: Error, unprocessed: boolean): void
}
