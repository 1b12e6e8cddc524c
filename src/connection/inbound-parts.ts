import type { AbuseBudget } from './budgets/abuse-budget.js'
import type { Turns } from './budgets/turns.js'
import type { ConnectionCore } from './core/core.js'
import type { Receiver } from './flow/receiver.js'
import type { Sender } from './flow/sender.js'
import type { Goaway } from './goaway.js'
import type { HeaderReader } from './headers/header-reader.js'
import type { SettingsSync } from './settings-sync.js'
import type { Shutdown } from './shutdown.js'
import type { StreamTable } from './stream-table.js'
import type { Deadlines } from './timers/deadlines.js'
import type { Pings } from './timers/pings.js'

/** Where frames go. */
export interface InboundParts {
  readonly core: ConnectionCore
  readonly budget: AbuseBudget
  readonly deadlines: Deadlines
  readonly goaway: Goaway
  readonly headerReader: HeaderReader
  readonly pings: Pings
  readonly receiver: Receiver
  readonly sender: Sender
  readonly settings: SettingsSync
  readonly shutdown: Shutdown
  readonly streams: StreamTable
  readonly turns: Turns
  /** Too many answers wait for the peer to read. */
  readonly blocked: boolean
}
