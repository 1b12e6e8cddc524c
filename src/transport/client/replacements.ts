import { TransportError, TransportErrorCode } from '../errors/transport-error.js'
import type { BackOff } from './back-off.js'

/** RFC 9113 §7. */
const NO_ERROR = 0
/** A connection that lived so long is not what makes the next one fail. Unit: ms. */
const STABLE_AFTER_MS = 5_000

/**
 * So many connections in a row may be sent away in good order ahead of their first call, until calls that wait hear so:
 * they had aged (gRPC A9), and the server answers. With the back-off between them, 15 s.
 */
const SENT_AWAY_MAX = 6

/** Whether a connection that is lost is replaced at once, or after the back-off. */
export class Replacements {
  readonly #backOff: BackOff
  /** Connections in a row that served nothing before they went. */
  #uselessCount = 0

  constructor(backOff: BackOff) {
    this.#backOff = backOff
  }

  /** At once after a connection that was of use, and once after one that was not: more of them in a row are failures. */
  mayFollow(hasServed: boolean, livedMs: number): boolean {
    if (hasServed || livedMs >= STABLE_AFTER_MS) {
      this.#backOff.reset()
      this.#uselessCount = 0
      return true
    }
    return ++this.#uselessCount === 1
  }

  /** Where it may not follow at once: whether calls wait for the next one all the same, rather than fail. */
  mayWait(cause: Error): boolean {
    return isInOrder(cause) && this.#uselessCount < SENT_AWAY_MAX
  }
}

/** The server said that it leaves, and that nothing is wrong. */
function isInOrder(cause: Error): boolean {
  const { Closed } = TransportErrorCode
  return cause instanceof TransportError && cause.code === Closed && cause.http2Code === NO_ERROR
}
