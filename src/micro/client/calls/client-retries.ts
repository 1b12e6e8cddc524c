import {
  type HedgeRule,
  type MethodConfig,
  methodConfigOf,
  type RetryBounds,
  RetryBudget,
  type RetryBudgetOptions,
  type RetryRule,
  RetryThrottle,
  readServiceConfig,
  retryDelayMs,
  type ServiceConfig,
  UNAVAILABLE_ONLY,
} from '../../../channel/index.js'
import type { Runtime } from '../../../transport/index.js'
import type { ServiceMethod } from '../../service/service.js'
import { backoffMs } from './back-off.js'

/** What one method's calls follow, beside the options of each. */
export interface MethodRules {
  /** Undefined: only what no server looked at is made again. */
  readonly retry: RetryRule | undefined
  /** Undefined: calls are not made several times at once. */
  readonly hedge: HedgeRule | undefined
  readonly waitForReady: boolean | undefined
  /** The longest that calls may take, whatever they say. Infinity: no limit. Unit: ms. */
  readonly timeoutMs: number
}

/** Of `ClientOptions`, what retries go by. */
export interface RetryOptions {
  readonly retries?: number
  readonly serviceConfig?: string | object
  readonly retryBudget?: RetryBudgetOptions | false
}

/** The retries of one client's native calls: its service config, its option `retries`, and what bounds both. */
export class ClientRetries {
  readonly bounds: RetryBounds
  readonly #config: ServiceConfig | undefined
  readonly #plain: RetryRule | undefined
  readonly #runtime: Pick<Runtime, 'random'>

  constructor(
    { serviceConfig, retries = 0, retryBudget }: RetryOptions,
    runtime: Pick<Runtime, 'now' | 'random'>,
  ) {
    this.#runtime = runtime
    this.#config = serviceConfig === undefined ? undefined : readServiceConfig(serviceConfig)
    const throttling = this.#config?.throttling
    this.bounds = {
      budget:
        retryBudget === false ? undefined : new RetryBudget(retryBudget ?? {}, () => runtime.now()),
      throttle: throttling === undefined ? undefined : new RetryThrottle(throttling),
    }
    this.#plain = retries === 0 ? undefined : plainRule(retries)
  }

  /** What the config says of a method, else the option `retries`, which is for unary calls. */
  rulesOf({ kind, path }: ServiceMethod): MethodRules {
    const [, service = '', method = ''] = path.split('/')
    const config =
      this.#config === undefined ? undefined : methodConfigOf(this.#config, service, method)
    const plain = kind === 'unary' ? this.#plain : undefined
    return {
      retry: this.#policyRule(config) ?? plain,
      hedge: hedgeRule(kind, config),
      waitForReady: config?.waitForReady,
      timeoutMs: config?.timeoutMs ?? Number.POSITIVE_INFINITY,
    }
  }

  #policyRule(config: MethodConfig | undefined): RetryRule | undefined {
    const policy = config?.retryPolicy
    if (policy === undefined) return undefined
    const random = () => this.#runtime.random()
    return {
      attemptsMax: policy.maxAttempts,
      statuses: policy.retryableStatuses,
      attemptTimeoutMs: policy.attemptTimeoutMs,
      delayMs: retry => retryDelayMs(policy, retry, random),
    }
  }
}

/** Streams are made once: which of several answers would be the one? */
function hedgeRule(
  kind: ServiceMethod['kind'],
  config: MethodConfig | undefined,
): HedgeRule | undefined {
  const policy = config?.hedgingPolicy
  if (policy === undefined || kind !== 'unary') return undefined
  const { maxAttempts: attemptsMax, delayMs, nonFatalStatuses } = policy
  return { attemptsMax, delayMs, nonFatalStatuses }
}

/** As go-micro repeats: UNAVAILABLE, with its delays. */
function plainRule(retries: number): RetryRule {
  return {
    attemptsMax: retries + 1,
    statuses: UNAVAILABLE_ONLY,
    attemptTimeoutMs: Number.POSITIVE_INFINITY,
    delayMs: backoffMs,
  }
}
