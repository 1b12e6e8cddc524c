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
export { authorityFault } from './authority.js'
export { Connection } from './connection.js'
export type { ConnectionOptions } from './connection-options.js'
export { GoawayError } from './goaway.js'
export type {
  ConnectionHandler,
  ConnectionHost,
  FrameObserver,
  HeaderBlock,
  HeaderList,
  StreamHandler,
} from './handler.js'
export { HandlerSlots } from './handler-slots.js'
export { HeaderListError } from './header-list-error.js'
export { type ConnectionLimits, DEFAULT_LIMITS, resolveLimits } from './limits.js'
export { MemoryAccount, type MemoryParts } from './memory-account.js'
export { checkMemory, MemoryBudget, PROCESS_MEMORY } from './memory-budget.js'
export { NestedBudget } from './nested-budget.js'
export { neverIndexedNames } from './never-indexed.js'
export type { PeerSettings } from './settings-sync.js'
export { Stream } from './stream.js'
export { Timer, type TimerOwner, TimerWheel } from './timer-wheel.js'
export type { Turns } from './turns.js'
