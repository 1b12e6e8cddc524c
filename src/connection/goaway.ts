import { ErrorCode, errorCodeName, STREAM_ID_MAX, shareInstances } from '../frame/index.js'
import type { Connection } from './connection.js'
import { protocolError } from './protocol-error.js'

/** Debug data we keep and show. Unit: octets. */
const DEBUG_SIZE_MAX = 256

/** The peer's GOAWAY says that it did not process a stream. RFC 9113 §6.8. */
export class GoawayError extends Error {
  override readonly name: string = 'GoawayError'
  /** Why the peer leaves. RFC 9113 §7. */
  readonly errorCode: number

  constructor(errorCode: number, debug: string) {
    const reason = errorCodeName(errorCode)
    super(`the peer sent GOAWAY(${reason}${debug === '' ? '' : `, "${debug}"`})`)
    this.errorCode = errorCode
  }
}

/**
 * The end of a connection in good order. RFC 9113 §6.8.
 *
 * A server leaves in two steps: GOAWAY with the highest identifier and a PING;
 * when its answer is back, whatever the peer had sent before it knew has
 * arrived, and a second GOAWAY names the last stream that is served.
 */
export class Goaway {
  readonly #connection: Connection
  /** The highest stream we still serve; STREAM_ID_MAX until we said otherwise. */
  #servedMax: number = STREAM_ID_MAX
  /** The highest stream that the peer serves. */
  #peerServedMax: number = STREAM_ID_MAX
  #reason: string | undefined = undefined
  /** We have begun to leave. */
  leaving = false
  /** The last word is said: when all streams have ended the connection has. */
  left = false
  /** The peer has begun to leave. */
  received = false

  constructor(connection: Connection) {
    this.#connection = connection
  }

  /** Whether frames of this stream are to be dropped: we said that we do not serve it. */
  ignores(streamId: number): boolean {
    return streamId > this.#servedMax
  }

  /** Graceful shutdown; a second call changes nothing. */
  leave(reason?: string): void {
    if (this.leaving) return
    this.leaving = true
    this.#reason = reason
    const connection = this.#connection
    if (connection.role === 'client') return this.#finish()
    connection.control.goaway(STREAM_ID_MAX, ErrorCode.NoError, reason)
    connection.deadlines.armShutdown()
    connection.pings.send(() => this.barrierPassed())
  }

  /** The PING between the two GOAWAYs was answered, or took too long. */
  barrierPassed(): void {
    if (this.leaving && !this.left) this.#finish()
  }

  receive(
    lastStreamId: number,
    errorCode: number,
    bytes: Buffer,
    start: number,
    end: number,
  ): void {
    const connection = this.#connection
    connection.budget.goaway()
    if (lastStreamId > this.#peerServedMax) {
      protocolError(
        'RFC 9113 §6.8',
        `GOAWAY raises the last stream from ${this.#peerServedMax} to ${lastStreamId}`,
      )
    }
    if (
      connection.role === 'client' &&
      lastStreamId !== STREAM_ID_MAX &&
      lastStreamId !== 0 &&
      (lastStreamId & 1) === 0
    ) {
      protocolError('RFC 9113 §6.8', `GOAWAY names stream ${lastStreamId}, which no client opens`)
    }
    this.#peerServedMax = lastStreamId
    this.received = true
    const debug = bytes
      .toString('latin1', start, Math.min(end, start + DEBUG_SIZE_MAX))
      .replace(/[^\x20-\x7e]/g, '?')
    connection.host.onGoaway(lastStreamId, errorCode, debug)
    if (connection.role === 'server') return
    for (const stream of connection.streams.snapshot()) {
      if (stream.id <= lastStreamId) continue
      connection.streams.lose(stream, new GoawayError(errorCode, debug), true)
    }
  }

  /** An error GOAWAY names the last stream that user code may have seen. */
  get lastStreamId(): number {
    return Math.min(this.#connection.streams.peerIdMax, this.#servedMax)
  }

  #finish(): void {
    const connection = this.#connection
    this.#servedMax = connection.streams.peerIdMax
    this.left = true
    connection.deadlines.cancelShutdown()
    connection.control.goaway(this.#servedMax, ErrorCode.NoError, this.#reason)
    connection.checkFinished()
  }
}

shareInstances(GoawayError, 'GoawayError')
