import { shareInstances } from '../options/index.js'
import type { ErrorCode } from './error-code.js'

/**
 * The peer broke the protocol in a way that ends the connection. RFC 9113 §5.4.1. Thrown by the
 * layers that read bytes and caught once, in `Connection.receive`, which sends GOAWAY.
 *
 * Stream errors (§5.4.2) are never thrown: a peer can cause many of them per
 * second, and each would cost a stack trace.
 */
export class ConnectionError extends Error {
  override readonly name: string = 'ConnectionError'
  /** Sent in the GOAWAY frame. */
  readonly errorCode: ErrorCode
  /** The rule that was broken, for example 'RFC 9113 §6.5.2'. */
  readonly rule: string

  constructor(errorCode: ErrorCode, rule: string, message: string) {
    // What another layer found may name the same rule.
    super(message.endsWith(`(${rule})`) ? message : `${message} (${rule})`)
    this.errorCode = errorCode
    this.rule = rule
  }
}

shareInstances(ConnectionError, 'ConnectionError')
