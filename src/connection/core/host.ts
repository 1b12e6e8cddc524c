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
  /**
   * The connection is over. Called once, and often from within `receive`: its last words, GOAWAY among them, may still
   * wait. Take output until `finished`, and only then close the socket. Many streams of a server may hear of it later, in turns.
   */
  onClosed(cause: Error | undefined): void
}

/** Observes each frame header, in both directions. */
export interface FrameObserver {
  /** Called for each frame sent or received. `size` is that of the payload, in bytes. */
  onFrame(sent: boolean, type: number, flags: number, streamId: number, size: number): void
}
