import type { Message, Peer, Runtime } from '../../../transport/index.js'
import type { Context } from '../../call/context.js'
import type { RunningHandlers } from '../handlers/running-handlers.js'

/** What a call needs of the socket that it came on. */
export interface MucpCallOwner<C> {
  readonly options: {
    /** How much may be kept, for the error. */
    readonly kept: { readonly sizeMax: number }
    /** The server's name: the id of errors that have none. */
    readonly name: string
    readonly runtime: Pick<Runtime, 'now' | 'schedule'>
    readonly exposeErrors: boolean
    readonly onError: (error: unknown, context: Context | undefined) => void
    readonly running: RunningHandlers
  }
  readonly peer: Peer
  /** Octets that may wait for one handler before the socket is not read. */
  readonly queueSizeMax: number
  /** Counts what is kept for the peer; false when it is too much. */
  keep(size: number): boolean
  /** The same is kept no more. */
  give(size: number): void
  /** Sends an answer. False when the peer is gone. @throws MicroError 500 when the message is too large */
  send(message: Message): Promise<boolean>
  /** Answers a request that fails. */
  sendError(request: Message, answer: Message): Promise<void>
  /** The last message of a call is about to leave: the client may use the id again when it has it. */
  retire(call: C): void
  /** A call has settled. */
  release(call: C): void
}
