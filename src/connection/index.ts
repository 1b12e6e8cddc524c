export {
  ConnectionError,
  ErrorCode,
  errorCodeName,
  Flag,
  FrameType,
  frameName,
  shareInstances,
  summarizeFrame,
} from '../frame/index.js'
export { CallAllowance } from './budgets/call-allowance.js'
export { HandlerGroup } from './budgets/handler-group.js'
export { HandlerSlots, type SlotWaker } from './budgets/handler-slots.js'
export { MemoryAccount, type MemoryParts } from './budgets/memory-account.js'
export {
  type BudgetAccount,
  checkMemory,
  MemoryBudget,
  PROCESS_MEMORY,
} from './budgets/memory-budget.js'
export { NestedBudget } from './budgets/nested-budget.js'
export type { Turns } from './budgets/turns.js'
export { Connection } from './connection.js'
export type { ConnectionOptions } from './connection-options.js'
export type { ConnectionHost, FrameObserver } from './core/host.js'
export { type ConnectionLimits, DEFAULT_LIMITS, resolveLimits } from './core/limits.js'
export type { PeerSettings } from './core/peer-settings.js'
export { Timer, type TimerOwner, TimerWheel } from './core/timer-wheel.js'
export { GoawayError } from './goaway.js'
export { authorityFault } from './headers/authority.js'
export type { HeaderBlock, HeaderList } from './headers/header-list.js'
export { HeaderListError } from './headers/header-list-error.js'
export { neverIndexedNames } from './headers/never-indexed.js'
export type { ConnectionHandler } from './streams/connection-handler.js'
export type { Stream, StreamConnection } from './streams/stream.js'
export type { StreamHandler } from './streams/stream-handler.js'
