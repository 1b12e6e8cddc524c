import type { Stream } from './stream.js'

/**
 * A flat list of name, value, name, value. Names are lower-case; each character of a value is one
 * byte (latin1), as on the wire.
 */
export type HeaderList = readonly string[]

/** One decoded header block. RFC 9113 §4.3. */
export interface HeaderBlock {
  /** Shared between streams when the same octets come again: never change it. */
  readonly list: HeaderList
  /** Name and value octets plus 32 for each field (RFC 9113 §6.5.2). Unit: octets. */
  readonly size: number
  /**
   * Belongs to the layer above, which may keep what it worked out from the
   * list: a block that comes again verbatim brings it back.
   */
  cache: unknown
}

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

/** The protocol on top of a connection: gRPC, or anything that uses HTTP/2. */
export interface ConnectionHandler {
  /** Server role: a request arrived. Returns who hears of it from now on. */
  onStream(stream: Stream, headers: HeaderBlock, endStream: boolean): StreamHandler
  /**
   * The end of one `receive`, `turn`, `advance`, `takeOutput` or `destroy`. User code is dispatched
   * from here, so nothing re-enters the parser, and a stream that was reset
   * within the same chunk never reaches it. What is too much for one turn waits
   * for another: `Connection.turns`.
   */
  onReceived(): void
}

/**
 * The owner of a connection, which moves its bytes: a socket driver, a simulated network, or a
 * test.
 */
export interface ConnectionHost {
  /** Output, or an earlier deadline, appeared outside `receive`. Called once until `takeOutput`. */
  onOutput(): void
  /**
   * The handler has more to do than one turn should hold: call `Connection.turn` once others have had
   * theirs, even when the connection has closed meanwhile. Absent: the handler goes on at once.
   */
  readonly onTurn?: (() => void) | undefined
  /** Octets that it keeps for the peer: taken and not written yet, or read and not given to `receive`. Absent: none. */
  readonly heldSize?: number
  /** Octets that its socket takes whatever it holds, such as the state of TLS. Absent: none. */
  readonly cost?: number
  /** The peer's first SETTINGS arrived: the connection is usable. RFC 9113 §3.4. */
  onSettings(): void
  /** The peer sent GOAWAY. `debug` is cut to 256 octets. RFC 9113 §6.8. */
  onGoaway(lastStreamId: number, errorCode: number, debug: string): void
  /** Client role: `canOpen` turned true again. */
  onCapacity(): void
  /** A handler threw; its stream was reset with INTERNAL_ERROR. `streamId` is 0 when it was `onReceived`. */
  onHandlerError(error: unknown, streamId: number): void
  /** The connection will never say or read anything again. Called once; many streams of a server may still hear of it, in turns. */
  onClosed(cause: Error | undefined): void
}

/** Observes each frame header, in both directions. */
export interface FrameObserver {
  /** Called for each frame sent or received. `size` is that of the payload, in bytes. */
  onFrame(sent: boolean, type: number, flags: number, streamId: number, size: number): void
}
