import { errorCodeName, STREAM_ID_MAX, shareInstances } from '../frame/index.js'
import { protocolError } from './core/protocol-error.js'

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

shareInstances(GoawayError, 'GoawayError')

/** What both sides have said of their leaving: pure state, see `Shutdown`. RFC 9113 §6.8. */
export class Goaway {
  /** The highest stream we still serve; STREAM_ID_MAX until we said otherwise. */
  #servedMax: number = STREAM_ID_MAX
  /** The highest stream that the peer serves. */
  #peerServedMax: number = STREAM_ID_MAX
  /** We have begun to leave. */
  leaving = false
  /** The last word is said: when all streams have ended the connection has. */
  left = false
  /** The peer has begun to leave. */
  received = false

  /** The highest stream we still serve; STREAM_ID_MAX until we said otherwise. */
  get servedMax(): number {
    return this.#servedMax
  }

  /** Whether frames of this stream are to be dropped: we said that we do not serve it. */
  ignores(streamId: number): boolean {
    return streamId > this.#servedMax
  }

  /** Our last word: nothing above `lastStreamId` is served. */
  finish(lastStreamId: number): void {
    this.#servedMax = lastStreamId
    this.left = true
  }

  /** The peer's word. @throws ConnectionError when it takes back what it said */
  receive(lastStreamId: number, role: 'client' | 'server'): void {
    if (lastStreamId > this.#peerServedMax) {
      protocolError(
        'RFC 9113 §6.8',
        `GOAWAY raises the last stream from ${this.#peerServedMax} to ${lastStreamId}`,
      )
    }
    if (
      role === 'client' &&
      lastStreamId !== STREAM_ID_MAX &&
      lastStreamId !== 0 &&
      (lastStreamId & 1) === 0
    ) {
      protocolError('RFC 9113 §6.8', `GOAWAY names stream ${lastStreamId}, which no client opens`)
    }
    this.#peerServedMax = lastStreamId
    this.received = true
  }
}
