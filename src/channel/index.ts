export type {
  Balancer,
  BalancerOutside,
  Balancing,
  Candidate,
  Ended,
} from './balancer.js'
export { Channel, type ChannelOptions, type ChannelState } from './channel.js'
export { DnsResolver, type DnsResolverOptions } from './dns-resolver.js'
export type { Endpoint } from './endpoint.js'
export { fixedResolver } from './fixed-resolver.js'
export { leastRequest } from './least-request.js'
export { type Outcome, outcomeOf } from './outcome.js'
export { type PeakEwmaOptions, peakEwma } from './peak-ewma.js'
export { pickFirst } from './pick-first.js'
export { Picked } from './picked.js'
export { PUSHBACK_NAME, pushbackOf } from './pushback.js'
export type { Resolver, ResolverListener } from './resolver.js'
export { RetryBudget, type RetryBudgetOptions } from './retry-budget.js'
export {
  Attempts,
  type RetryBounds,
  type RetryRule,
  retryDelayMs,
  UNAVAILABLE_ONLY,
} from './retry-rule.js'
export { RetryThrottle, type RetryThrottling } from './retry-throttle.js'
export { roundRobin } from './round-robin.js'
export {
  type MethodConfig,
  methodConfigOf,
  type RetryPolicy,
  readServiceConfig,
  type ServiceConfig,
} from './service-config.js'
export { type ChannelSession, type Standing, Subchannel } from './subchannel.js'
export { parseTargetName, type TargetName } from './target-name.js'
export { textOf, unreachableError } from './unreachable.js'
export type { Waiter } from './waiters.js'
