import type { HeaderBlock } from '../headers/header-list.js'
import type { Stream } from './stream.js'
import type { StreamHandler } from './stream-handler.js'

/** The protocol on top of a connection: gRPC, or anything that uses HTTP/2. */
export interface ConnectionHandler {
  /** Server role: a request arrived. Returns who hears of it from now on. */
  onStream(stream: Stream, headers: HeaderBlock, endStream: boolean): StreamHandler
  /**
   * The end of one `receive`, `turn`, `advance`, `takeOutput` or `destroy`. User code is dispatched
   * from here, so nothing re-enters the parser, and a stream that was reset
   * within the same chunk never reaches it. What is too much for one turn waits
   * for another: `Connection.turns`.
   */
  onReceived(): void
}
