import type { Compression } from '../wire/compression.js'
import type { CallLimits } from '../wire/limits.js'
import type { Codec } from '../wire/method.js'
import type { CallBatch } from './call-batch.js'

/** How the messages of one side are to be read. */
export interface InboxOptions {
  readonly codec: Codec
  /** The peer's `grpc-encoding`; '' for none. */
  readonly encoding: string
  /** What undoes it; undefined when we cannot. A server refuses such a request before there is a message. */
  readonly decompression: Compression | undefined
  readonly limits: CallLimits
  readonly owner: InboxOwner
  /** That of the connection. */
  readonly batch: CallBatch
  /** There is one message, and answers may be made of it: inflated, it keeps others compressed until `close`. */
  readonly keepsRoom: boolean
}

/** The call that messages are received for. */
export interface InboxOwner {
  /** The message that was being inflated can be read, or is broken (`fault`). */
  onInflated(): void
}
