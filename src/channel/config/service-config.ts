import type { Status } from '../../grpc/index.js'
import type { Balancing } from '../balancing/balancer.js'
import type { RetryDelays } from '../retries/retry-rule.js'
import type { RetryThrottling } from '../retries/retry-throttle.js'
import { readBalancing } from './balancing-config.js'
import {
  durationOf,
  type Fields,
  fieldsOf,
  flagOf,
  isAbsent,
  listOf,
  numberOf,
  positiveDurationOf,
  statusOf,
  textOf,
  wholeOf,
} from './service-config-fields.js'

/** `retryPolicy` of a method. gRPC A6. */
export interface RetryPolicy extends RetryDelays {
  /** The first attempt included. */
  readonly maxAttempts: number
  readonly retryableStatuses: ReadonlySet<Status>
  /** Infinity: none. Unit: ms. */
  readonly attemptTimeoutMs: number
}

/** `hedgingPolicy` of a method. gRPC A6. */
export interface HedgingPolicy {
  /** The first attempt included. */
  readonly maxAttempts: number
  /** From one attempt to the next. 0: all at once. Unit: ms. */
  readonly delayMs: number
  readonly nonFatalStatuses: ReadonlySet<Status>
}

/** What a config says of a method. */
export interface MethodConfig {
  readonly waitForReady?: boolean
  /** Unit: ms. */
  readonly timeoutMs?: number
  readonly retryPolicy?: RetryPolicy
  readonly hedgingPolicy?: HedgingPolicy
}

/** A service config that was read as a whole. gRPC A2, A6. */
export interface ServiceConfig {
  /** By `service/method`, `service/` and `/`. */
  readonly methods: ReadonlyMap<string, MethodConfig>
  readonly balancing: Balancing | undefined
  readonly throttling: RetryThrottling | undefined
  /** Whose health to watch; empty: the whole server's. Undefined: nobody's. gRPC A17. */
  readonly healthService: string | undefined
}

/** Attempts that a policy may ask for; more are lowered to it. gRPC A6. */
export const ATTEMPTS_MAX = 5

/** Fields of gRPC that do nothing here: better refused than overlooked. */
const REFUSED: Readonly<Record<string, string>> = {
  maxRequestMessageBytes: 'is not offered; servers limit what they receive',
  maxResponseMessageBytes: 'is not offered for single methods; use messageSizeMax of the client',
  connectionScaling: 'is not offered; calls beyond a connection’s streams wait',
}

/**
 * Reads a service config, an object or its JSON, as a whole or not at all. What gRPC does not know is passed over.
 *
 * @throws TypeError or RangeError that begins with the place: `serviceConfig.methodConfig[2].retryPolicy.maxBackoff: ...`
 */
export function readServiceConfig(given: unknown, place = 'serviceConfig'): ServiceConfig {
  const config = fieldsOf(place, typeof given === 'string' ? parsed(place, given) : given)
  refuse(place, config)
  const methods = new Map<string, MethodConfig>()
  const list = isAbsent(config['methodConfig'])
    ? []
    : listOf(`${place}.methodConfig`, config['methodConfig'])
  for (const [index, each] of list.entries()) {
    addMethods(`${place}.methodConfig[${index}]`, each, methods)
  }
  return {
    methods,
    balancing: readBalancing(place, config),
    throttling: readThrottling(`${place}.retryThrottling`, config['retryThrottling']),
    healthService: readHealth(`${place}.healthCheckConfig`, config['healthCheckConfig']),
  }
}

/** What holds for a method: of its own, of its service, or of all. */
export function methodConfigOf(
  { methods }: ServiceConfig,
  service: string,
  method: string,
): MethodConfig | undefined {
  return methods.get(`${service}/${method}`) ?? methods.get(`${service}/`) ?? methods.get('/')
}

function parsed(place: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new TypeError(`${place}: it is no JSON: ${(cause as Error).message}`, { cause })
  }
}

function refuse(place: string, fields: Fields): void {
  for (const [name, reason] of Object.entries(REFUSED)) {
    if (!isAbsent(fields[name])) throw new TypeError(`${place}.${name}: ${reason}`)
  }
}

function addMethods(place: string, value: unknown, methods: Map<string, MethodConfig>): void {
  const fields = fieldsOf(place, value)
  const config = readMethod(place, fields)
  const names = isAbsent(fields['name']) ? [] : listOf(`${place}.name`, fields['name'])
  for (const [index, each] of names.entries()) {
    const at = `${place}.name[${index}]`
    const name = fieldsOf(at, each)
    const service = isAbsent(name['service']) ? '' : textOf(`${at}.service`, name['service'])
    const method = isAbsent(name['method']) ? '' : textOf(`${at}.method`, name['method'])
    if (service === '' && method !== '') {
      throw new TypeError(`${at}: method '${method}' is named without its service`)
    }
    const key = `${service}/${method}`
    if (methods.has(key)) throw new TypeError(`${at}: '${key}' was named before`)
    methods.set(key, config)
  }
}

function readMethod(place: string, fields: Fields): MethodConfig {
  refuse(place, fields)
  const { waitForReady, timeout, retryPolicy, hedgingPolicy } = fields
  if (!isAbsent(retryPolicy) && !isAbsent(hedgingPolicy)) {
    throw new TypeError(`${place}: retryPolicy and hedgingPolicy exclude each other`)
  }
  return {
    ...(isAbsent(waitForReady)
      ? {}
      : { waitForReady: flagOf(`${place}.waitForReady`, waitForReady) }),
    ...(isAbsent(timeout) ? {} : { timeoutMs: durationOf(`${place}.timeout`, timeout) }),
    ...(isAbsent(retryPolicy)
      ? {}
      : { retryPolicy: readRetryPolicy(`${place}.retryPolicy`, retryPolicy) }),
    ...(isAbsent(hedgingPolicy)
      ? {}
      : { hedgingPolicy: readHedgingPolicy(`${place}.hedgingPolicy`, hedgingPolicy) }),
  }
}

function readHedgingPolicy(place: string, value: unknown): HedgingPolicy {
  const { maxAttempts, hedgingDelay, nonFatalStatusCodes } = fieldsOf(place, value)
  const asked = wholeOf(`${place}.maxAttempts`, maxAttempts)
  if (asked < 2) throw new RangeError(`${place}.maxAttempts: expected at least 2, got ${asked}`)
  const delayMs = isAbsent(hedgingDelay) ? 0 : durationOf(`${place}.hedgingDelay`, hedgingDelay)
  if (delayMs < 0) {
    throw new RangeError(`${place}.hedgingDelay: expected 0 or more, got ${String(hedgingDelay)}`)
  }
  const at = `${place}.nonFatalStatusCodes`
  const codes = isAbsent(nonFatalStatusCodes) ? [] : listOf(at, nonFatalStatusCodes)
  return {
    maxAttempts: Math.min(asked, ATTEMPTS_MAX),
    delayMs,
    nonFatalStatuses: new Set(codes.map((code, index) => statusOf(`${at}[${index}]`, code))),
  }
}

function readRetryPolicy(place: string, value: unknown): RetryPolicy {
  const fields = fieldsOf(place, value)
  const asked = wholeOf(`${place}.maxAttempts`, fields['maxAttempts'])
  if (asked < 2) throw new RangeError(`${place}.maxAttempts: expected at least 2, got ${asked}`)
  const multiplier = numberOf(`${place}.backoffMultiplier`, fields['backoffMultiplier'])
  if (multiplier <= 0) {
    throw new RangeError(`${place}.backoffMultiplier: expected a number above 0, got ${multiplier}`)
  }
  const codes = listOf(`${place}.retryableStatusCodes`, fields['retryableStatusCodes'])
  if (codes.length === 0) throw new RangeError(`${place}.retryableStatusCodes: the list is empty`)
  const timeout = fields['perAttemptRecvTimeout']
  return {
    maxAttempts: Math.min(asked, ATTEMPTS_MAX),
    initialBackoffMs: positiveDurationOf(`${place}.initialBackoff`, fields['initialBackoff']),
    maxBackoffMs: positiveDurationOf(`${place}.maxBackoff`, fields['maxBackoff']),
    backoffMultiplier: multiplier,
    retryableStatuses: new Set(
      codes.map((code, index) => statusOf(`${place}.retryableStatusCodes[${index}]`, code)),
    ),
    attemptTimeoutMs: isAbsent(timeout)
      ? Number.POSITIVE_INFINITY
      : positiveDurationOf(`${place}.perAttemptRecvTimeout`, timeout),
  }
}

/** Without a name nothing is watched. */
function readHealth(place: string, value: unknown): string | undefined {
  if (isAbsent(value)) return undefined
  const { serviceName } = fieldsOf(place, value)
  return isAbsent(serviceName) ? undefined : textOf(`${place}.serviceName`, serviceName)
}

function readThrottling(place: string, value: unknown): RetryThrottling | undefined {
  if (isAbsent(value)) return undefined
  const fields = fieldsOf(place, value)
  const maxTokens = wholeOf(`${place}.maxTokens`, fields['maxTokens'])
  if (maxTokens <= 0 || maxTokens > 1_000) {
    throw new RangeError(`${place}.maxTokens: expected 1 to 1000, got ${maxTokens}`)
  }
  // Three decimals count.
  const tokenRatio =
    Math.floor(numberOf(`${place}.tokenRatio`, fields['tokenRatio']) * 1_000) / 1_000
  if (tokenRatio <= 0) {
    throw new RangeError(`${place}.tokenRatio: expected at least 0.001, got ${tokenRatio}`)
  }
  return { maxTokens, tokenRatio }
}
