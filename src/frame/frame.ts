import type { ErrorCode } from './error-code.js'

/**
 * The current frame of a `FrameReader`: read the fields, do not write to them.
 *
 * A field that the type of the frame does not have keeps an old value, except
 * where its comment says otherwise.
 */
export interface Frame {
  /** A `FrameType`, or an unknown one. RFC 9113 §5.5. */
  type: number

  /** Flags as sent; those that the type does not define mean nothing. */
  flags: number

  /** Stream of the frame; 0 for the connection. The reserved bit is removed. */
  streamId: number

  /** The whole payload with padding and fixed fields: what flow control counts. Unit: octets. */
  payloadSize: number

  /** Holds what the frame carries, in `bytes[start, end)`; borrowed. */
  bytes: Buffer

  /**
   * Start of what the frame carries: DATA octets, field block fragment, SETTINGS
   * entries, PING octets, GOAWAY debug data, PRIORITY_UPDATE field value. Padding
   * and fixed fields are left out, so for the other types nothing remains.
   */
  start: number

  /** End of what the frame carries. */
  end: number

  /**
   * NoError, or FrameSizeError for a PRIORITY frame of a wrong size, which is an
   * error of that stream only. RFC 9113 §6.3. Set for every frame.
   */
  fault: typeof ErrorCode.NoError | typeof ErrorCode.FrameSizeError

  /**
   * Stream this one depends on, of PRIORITY and of HEADERS with PRIORITY; -1 for
   * every other frame. Deprecated by RFC 9113 §5.3, but a stream must not name
   * itself. The five octets of the priority fields lie directly before `start`.
   */
  dependsOn: number

  /** Of RST_STREAM and GOAWAY: any 32-bit number, known or not. RFC 9113 §7. */
  errorCode: number

  /** Of GOAWAY. RFC 9113 §6.8. */
  lastStreamId: number

  /** Of WINDOW_UPDATE; 0 is an error whose scope the caller knows. Unit: octets. RFC 9113 §6.9. */
  windowIncrement: number

  /** Of PUSH_PROMISE: even and not 0. RFC 9113 §6.6. */
  promisedStreamId: number

  /** Of PRIORITY_UPDATE: not 0. RFC 9218 §7.1. */
  prioritizedStreamId: number
}
