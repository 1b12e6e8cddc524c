import { errorCodeName } from '../../connection/index.js'
import { connectError, TransportError, TransportErrorCode } from './transport-error.js'

/** What is known of a connection that has ended under its calls. */
export interface LostConnection {
  readonly role: 'client' | 'server'
  readonly isTls: boolean
  /** Nothing came from the peer, not an octet. */
  readonly unheard: boolean
  /** What the peer said when it began to leave (`goawayText`), if it did. */
  readonly goaway: string | undefined
  /** The error code of that GOAWAY. */
  readonly goawayCode: number | undefined
}

/** Why a connection is gone, in one sentence with the address. `cause`: what the socket said, if anything. */
export function lostError(remote: string, lost: LostConnection, cause?: unknown): TransportError {
  const error = cause === undefined ? undefined : connectError(remote, cause, lost.role)
  if (error !== undefined && error.code !== TransportErrorCode.Lost) return error
  let text = 'the peer closed the connection'
  if (lost.goaway !== undefined) text += ` after ${lost.goaway}`
  else if (lost.role === 'client' && lost.unheard) {
    // A TLS server takes a preface for a broken handshake, and many say nothing. With TLS 1.3 the
    // client's certificate is looked at when the client thinks that it is connected.
    text = lost.isTls
      ? 'the server closed the connection right after the TLS handshake, as one does that refuses the certificate of the client; its log has the reason'
      : 'the server closed the connection without a word; if it is a TLS port, connect with `tls`'
  } else if (error !== undefined) return error
  const sentence = `${remote}: ${text}`
  return new TransportError(TransportErrorCode.Lost, remote, sentence, cause, lost.goawayCode)
}

/** GOAWAY as people read it: `GOAWAY(ENHANCE_YOUR_CALM, "too_many_pings")`. */
export function goawayText(errorCode: number, debug: string): string {
  const name = errorCodeName(errorCode)
  return debug === '' ? `GOAWAY(${name})` : `GOAWAY(${name}, "${debug}")`
}

/** An error of TLS or of Node, not of the network: no probe that leaves makes one. */
export function isFault(error: Error): boolean {
  return 'code' in error && String(error.code).startsWith('ERR_')
}
