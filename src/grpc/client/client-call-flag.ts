import { hasOneRequest, type Method } from '../wire/method.js'

/** What has happened to a call of a client. */
export const ClientCallFlag = {
  RequestSent: 1,
  HalfClosed: 2,
  /** The outcome is known. */
  Settled: 4,
  /** The receiver knows it. */
  Told: 8,
  /** Is in the batch. */
  Batched: 16,
  HeadersDue: 32,
  ReadableDue: 64,
  DrainDue: 128,
  StatusDue: 256,
  /** `write` answered false before there was a stream. */
  WantsDrain: 512,
  /** The application waited for a message before the call had a stream. */
  Wanting: 1024,
} as const

/** What a receiver is told besides the end. */
export const CLIENT_CALL_NEWS: number =
  ClientCallFlag.HeadersDue | ClientCallFlag.ReadableDue | ClientCallFlag.DrainDue

/** @throws TypeError when a call of `method` in this state takes no further message. */
export function checkWrite(flags: number, method: Method): void {
  if ((flags & ClientCallFlag.HalfClosed) !== 0) throw new TypeError('write after halfClose')
  if ((flags & ClientCallFlag.RequestSent) !== 0 && hasOneRequest(method.kind)) {
    throw new TypeError(`${method.path} takes one message, and it was sent already`)
  }
}
