import type { Connection, HeaderList } from '../../connection/index.js'
import type { CallBatch } from '../message/call-batch.js'
import type { WaitingPlace } from '../wire/call-timing.js'
import type { Method } from '../wire/method.js'
import type { GrpcError } from '../wire/status.js'

/** gRPC on the connection that a call is started on: `CallConnector` is one. */
export interface ConnectorFace {
  /** The server, as it was dialled. */
  readonly address: string | undefined
  /** Its calls that have news. */
  readonly batch: CallBatch
  /** A receiver threw. */
  onThrown(error: unknown, call: ClientCallFace): void
}

/** What is public of a `ClientCall`. */
export interface ClientCallFace {
  readonly method: Method
  /** When we give up. Unit: ms, monotonic, on the wheel's clock; Infinity if never. */
  readonly deadline: number
  /** Whether messages leave compressed from now on, if the call has a compression. Default: true. */
  compressing: boolean
  /** Whether the outcome is known. */
  readonly settled: boolean
  /** Whether a connection has it. */
  readonly started: boolean
  /** When it was sent, or began to wait for that. On the wheel's clock; undefined while neither, or without a deadline. Unit: ms. */
  readonly startedAt: number | undefined
  /** Octets that wait for a connection, or for the server's window. */
  readonly bufferedSize: number
  /** Whether `read` has a message. One response becomes readable with the status OK, in `onStatus`. */
  readonly readable: boolean
  /** Whether `read` has asked for a message that is still being inflated: `onReadable` follows. */
  readonly inflating: boolean
  /** The call waits at `place` from `now` on: its errors will say so. Unit: ms, on the wheel's clock. */
  waitAt(place: WaitingPlace, now: number): void
  /**
   * Sends the call on its way. `headers` comes from `requestHeaders` and lives
   * long. Does nothing when the call has settled meanwhile.
   *
   * @throws TypeError when it was started before, or the connection takes no more streams (`canOpen`).
   */
  start(connector: ConnectorFace, connection: Connection, headers: HeaderList): void
  /**
   * Sends one message. False when much is queued: wait for `onDrain`.
   *
   * @throws TypeError after `halfClose`, and for a second message of a method that takes one.
   */
  write(message: unknown): boolean
  /** No more messages follow. Once is enough. */
  halfClose(): void
  /** Sends the one request: message and end in one DATA frame. @throws as `write`. */
  request(message: unknown): void
  /** The next message, or undefined when it is `inflating`, or none is there: then it is wanted, however large. Gives the server credit for it. */
  read(): unknown
  /** Gives up: RST_STREAM(CANCEL), and `onStatus` at once. Default: CANCELLED. */
  cancel(error?: GrpcError): void
}
