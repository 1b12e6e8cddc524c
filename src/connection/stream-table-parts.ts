import type { AbuseBudget } from './budgets/abuse-budget.js'
import type { HandlerGroup } from './budgets/handler-group.js'
import type { MemoryAccount } from './budgets/memory-account.js'
import type { Turns } from './budgets/turns.js'
import type { ControlWriter } from './core/control-writer.js'
import type { ConnectionCore } from './core/core.js'
import type { ConnectionHost } from './core/host.js'
import type { Receiver } from './flow/receiver.js'
import type { Sender } from './flow/sender.js'
import type { Goaway } from './goaway.js'
import type { ConnectionHandler } from './streams/connection-handler.js'
import type { StreamHandler } from './streams/stream-handler.js'
import type { StreamMap } from './streams/stream-map.js'
import type { StreamParts } from './streams/stream-record.js'

/** What streams begin and end with. */
export interface StreamTableParts extends StreamParts {
  readonly core: ConnectionCore
  readonly budget: AbuseBudget
  readonly control: ControlWriter
  readonly goaway: Goaway
  readonly handler: ConnectionHandler
  readonly handlerGroup: HandlerGroup | undefined
  readonly host: ConnectionHost
  readonly map: StreamMap
  readonly memory: MemoryAccount
  readonly receiver: Receiver
  readonly sender: Sender
  readonly turns: Turns
  /** The first stream that counts. */
  onFirstStream(): void
  /** The last one has ended. */
  onLastStream(): void
}

/** The handler of a stream whose owner has not answered yet: nothing can happen to it before. */
export const NOBODY: StreamHandler = {
  onHeaders() {},
  onData() {},
  onDrain() {},
  onReset() {},
  onLost() {},
}
