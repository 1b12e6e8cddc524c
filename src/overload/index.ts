export { Gate } from './gate.js'
export type { AdaptiveOptions } from './gradient-limit.js'
export { Overload, type OverloadState } from './overload.js'
export {
  checkOverload,
  type OverloadOptions,
  type OverloadQueueOptions,
} from './overload-options.js'
export { type Priority, priorityOf } from './priority.js'
export type { Refusal } from './refusal.js'
export { type Applicant, Ticket, type TicketEnd } from './ticket.js'
