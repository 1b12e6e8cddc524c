import { DELAY_MAX_MS, describe, type OptionKinds, rangeOf, within } from '../options/index.js'
import type { AdaptiveOptions } from './gradient-limit.js'

/** Options of the queue in front of the limit of a server. */
export interface OverloadQueueOptions {
  /** Calls that may wait; then the newest of those that matter least is refused. Unit: calls. Default: 100. */
  readonly callsMax?: number
  /** Longest wait; then the call is refused. Unit: ms. Default: 100. */
  readonly waitMaxMs?: number
  /** A queue whose shortest wait is longer for a whole interval stands: calls that waited twice as long are refused, the newest is served first. Unit: ms. Default: 5. */
  readonly targetMs?: number
  /** How long a queue is looked at before it is said to stand. Unit: ms. Default: 100. */
  readonly intervalMs?: number
}

/** What a server refuses so that it stays up: see `overload` of `createServer`. Calls of health and reflection are never refused. */
export interface OverloadOptions {
  /** Unary handlers that run at once, over all connections. Further calls wait in `queue`, or fail with UNAVAILABLE. Unit: calls. Default: Infinity; with `adaptive` 1_000. */
  readonly callsMax?: number
  /** Finds the limit of unary handlers, below `callsMax`, by how long they take. Default: false. */
  readonly adaptive?: boolean | AdaptiveOptions
  /** Streaming handlers that run at once, over all connections. Further calls fail with UNAVAILABLE. Unit: calls. Default: Infinity. */
  readonly streamsMax?: number
  /**
   * Handlers of a service (`shop.v1.Shop`) or method (`shop.v1.Shop/Get`) that run or wait at once; further calls fail with
   * RESOURCE_EXHAUSTED. Unit: calls. Default: none.
   */
  readonly methods?: Readonly<Record<string, number>>
  /** Calls beyond `callsMax` wait a little. `true`: with its defaults. Default: false. */
  readonly queue?: boolean | OverloadQueueOptions
  /** How late the event loop may be; while it is later, a growing share of the calls fails with UNAVAILABLE. Unit: ms. Default: Infinity. */
  readonly loopDelayMaxMs?: number
  /**
   * Name of the metadata in which a client says how much its call matters: `critical-plus`, `critical`, `sheddable-plus` or
   * `sheddable`. What matters less is refused sooner; calls without it are `critical`. Default: none, all are alike.
   */
  readonly priority?: string
  /** When a refused client may try again (`grpc-retry-pushback-ms`), half of it to one and a half, so that they do not all come at once. Unit: ms. Default: 200. */
  readonly pushbackMs?: number
  /** More services that are never refused, by their full names. Default: none. */
  readonly exempt?: readonly string[]
}

const ADAPTIVE_KINDS: OptionKinds<AdaptiveOptions> = {
  initial: wholeOf(1),
  min: wholeOf(1),
  tolerance: rangeOf(1, 100),
}

const QUEUE_KINDS: OptionKinds<OverloadQueueOptions> = {
  callsMax: wholeOf(1),
  waitMaxMs: rangeOf(1, DELAY_MAX_MS),
  targetMs: rangeOf(1, DELAY_MAX_MS),
  intervalMs: rangeOf(1, DELAY_MAX_MS),
}

const KINDS: OptionKinds<OverloadOptions> = {
  callsMax: wholeOf(1),
  adaptive: flagOr(within(ADAPTIVE_KINDS)),
  streamsMax: wholeOf(1),
  methods: checkMethods,
  queue: flagOr(within(QUEUE_KINDS)),
  loopDelayMaxMs: rangeOf(1),
  priority: checkPriority,
  pushbackMs: rangeOf(0, DELAY_MAX_MS / 2),
  exempt: checkNames,
}

/** @throws TypeError or RangeError naming the option that cannot be used */
export function checkOverload(name: string, options: unknown): void {
  within(KINDS)(name, options)
  const { callsMax, adaptive, queue } = options as OverloadOptions
  const isAdaptive = adaptive !== undefined && adaptive !== false
  if (queue !== undefined && queue !== false && callsMax === undefined && !isAdaptive) {
    throw new TypeError(
      `${name}.queue needs ${name}.callsMax or ${name}.adaptive: without a limit nothing waits`,
    )
  }
}

function wholeOf(least: number): (name: string, value: unknown) => void {
  return (name, value) => {
    rangeOf(least)(name, value)
    if (value === Number.POSITIVE_INFINITY || Number.isInteger(value)) return
    throw new RangeError(`${name} is ${String(value)}; expected a whole number`)
  }
}

function flagOr(check: (name: string, value: unknown) => void) {
  return (name: string, value: unknown): void => {
    if (typeof value !== 'boolean') check(name, value)
  }
}

function checkMethods(name: string, value: unknown): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new TypeError(`${name} is ${describe(value)}; expected an object of numbers`)
  }
  for (const [method, most] of Object.entries(value)) {
    if (!/^[^/\s]+(\/[^/\s]+)?$/.test(method)) {
      throw new TypeError(`${name} has '${method}'; expected a service, or service/Method`)
    }
    wholeOf(1)(`${name}['${method}']`, most)
  }
}

function checkPriority(name: string, value: unknown): void {
  if (typeof value === 'string' && /^[a-z0-9_.-]+$/.test(value) && !value.endsWith('-bin')) return
  throw new TypeError(
    `${name} is ${describe(value)}; expected the name of metadata in lower case, such as 'x-criticality'`,
  )
}

function checkNames(name: string, value: unknown): void {
  if (!Array.isArray(value))
    throw new TypeError(`${name} is ${describe(value)}; expected a list of services`)
  for (const [at, each] of value.entries()) {
    if (typeof each !== 'string' || each === '') {
      throw new TypeError(
        `${name}[${at}] is ${describe(each)}; expected the full name of a service`,
      )
    }
  }
}
