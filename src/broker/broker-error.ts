import { shareInstances } from '../options/index.js'

/** Stable codes of broker errors. Match on them, not on the message. */
export const BrokerErrorCode = {
  /** The engine cannot be reached. What was to be published has not left. */
  Unavailable: 'BROKER_UNAVAILABLE',
  /** The connection broke before the engine confirmed: it may have the message, or not. */
  Lost: 'BROKER_LOST',
  /** The engine does not accept user and password, token or certificate. */
  Credentials: 'BROKER_CREDENTIALS',
  /** The engine refused: permission, a queue or exchange of another kind, a message that is too large. */
  Refused: 'BROKER_REFUSED',
  /** More messages wait than may: what came was dropped, or what was to be published is refused. */
  Full: 'BROKER_FULL',
  /** What was delivered cannot be read, and was dropped. */
  Message: 'BROKER_MESSAGE',
  /** A handler failed: its message is not acknowledged. See `cause`. */
  Handler: 'BROKER_HANDLER',
  /** The client library of the engine is not installed, or cannot be used. */
  Package: 'BROKER_PACKAGE',
  /** The broker was closed. */
  Closed: 'BROKER_CLOSED',
} as const
export type BrokerErrorCode = (typeof BrokerErrorCode)[keyof typeof BrokerErrorCode]

/** An error of a broker. It names the engine's address, never its user and password. */
export class BrokerError extends Error {
  override readonly name: string = 'BrokerError'
  readonly code: BrokerErrorCode
  /** Of the engine. */
  readonly address: string

  constructor(code: BrokerErrorCode, address: string, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
    this.address = address
  }
}

shareInstances(BrokerError, 'BrokerError')
