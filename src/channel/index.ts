export type {
  Balancer,
  BalancerOutside,
  Balancing,
  Candidate,
  Ended,
} from './balancing/balancer.js'
export { leastRequest } from './balancing/least-request.js'
export { type Outcome, outcomeOf } from './balancing/outcome.js'
export {
  type FailurePercentageOptions,
  type OutlierDetectionOptions,
  outlierDetection,
  type SuccessRateOptions,
} from './balancing/outlier-detection.js'
export { type PeakEwmaOptions, peakEwma } from './balancing/peak-ewma.js'
export { pickFirst } from './balancing/pick-first.js'
export { type RandomSubsetOptions, randomSubset } from './balancing/random-subset.js'
export { roundRobin } from './balancing/round-robin.js'
export { type SlowStartOptions, slowStart } from './balancing/slow-start.js'
export { type ZoneFirstOptions, zoneFirst } from './balancing/zone-first.js'
export { Channel, type ChannelOptions, type ChannelState } from './channel.js'
export {
  type HedgingPolicy,
  type MethodConfig,
  methodConfigOf,
  type RetryPolicy,
  readServiceConfig,
  type ServiceConfig,
} from './config/service-config.js'
export { HealthWatcher, type HealthWatcherOptions } from './health/health-watcher.js'
export { DnsResolver, type DnsResolverOptions } from './names/dns-resolver.js'
export type { Endpoint } from './names/endpoint.js'
export { fixedResolver } from './names/fixed-resolver.js'
export type { Resolver, ResolverListener } from './names/resolver.js'
export { parseTargetName, type TargetName } from './names/target-name.js'
export { Picked } from './picked.js'
export { type HedgeRule, Hedges } from './retries/hedges.js'
export { PUSHBACK_NAME, pushbackOf } from './retries/pushback.js'
export { RetryBudget, type RetryBudgetOptions } from './retries/retry-budget.js'
export {
  Attempts,
  type RetryBounds,
  type RetryRule,
  retryDelayMs,
  UNAVAILABLE_ONLY,
} from './retries/retry-rule.js'
export { RetryThrottle, type RetryThrottling } from './retries/retry-throttle.js'
export { type ChannelSession, type Standing, Subchannel, type WatchHealth } from './subchannel.js'
export { textOf, unreachableError } from './unreachable.js'
export type { Waiter } from './waiters.js'
export {
  LOAD_REPORT_NAME,
  type LoadReport,
  readLoadReport,
  writeLoadReport,
} from './weights/load-report.js'
export {
  type WeightedRoundRobinOptions,
  weightedRoundRobin,
} from './weights/weighted-round-robin.js'
