import { checkOptions, type OptionKinds, oneOf, withMethods } from '../options/index.js'
import { checkHandlerGroup, type HandlerGroup } from './budgets/handler-group.js'
import { checkMemory, type MemoryBudget } from './budgets/memory-budget.js'
import type { ConnectionHost, FrameObserver } from './core/host.js'
import type { ConnectionLimits } from './core/limits.js'
import type { TimerWheel } from './core/timer-wheel.js'
import { neverIndexedNames } from './headers/never-indexed.js'
import type { ConnectionHandler } from './streams/connection-handler.js'

/** Options of a `Connection`. */
export interface ConnectionOptions {
  readonly role: 'client' | 'server'
  /** The protocol above. */
  readonly handler: ConnectionHandler
  /** Whoever moves the bytes. */
  readonly host: ConnectionHost
  /** The present. Unit: ms on a monotonic clock. */
  readonly now: number
  /**
   * Tells the time when something is written or cancelled outside a turn. Unit: ms, on the same
   * clock. Default: the time of the last turn, which may be long ago on a quiet connection.
   */
  readonly clock?: (() => number) | undefined
  /** Measures how long a turn takes. Unit: ms, in fractions. Default: none; `turnTimeMaxUs` does not hold. */
  readonly stopwatch?: (() => number) | undefined
  /** What differs from `DEFAULT_LIMITS`. */
  readonly limits?: Partial<ConnectionLimits> | undefined
  /** What this connection and others may hold together. Default: one budget for all connections of the process. */
  readonly memory?: MemoryBudget | undefined
  /** With whose handlers those of this connection are counted together. Default: nobody's; `limits.streamsMax` alone bounds them. */
  readonly handlerGroup?: HandlerGroup | undefined
  /** A wheel shared with other connections, advanced by its owner. Default: one of its own. */
  readonly timers?: TimerWheel | undefined
  /**
   * Further names of header fields whose values are secrets: they enter no compression table, ours or a
   * proxy's. Many are known without it: see `isSensitiveName`. Default: none.
   */
  readonly neverIndexed?: readonly string[] | undefined
  /** Sees each frame. Default: nobody. */
  readonly observer?: FrameObserver | undefined
}

const KINDS: OptionKinds<ConnectionOptions> = {
  role: oneOf('client', 'server'),
  handler: withMethods(['onStream', 'onReceived']),
  host: withMethods([
    'onOutput',
    'onSettings',
    'onGoaway',
    'onCapacity',
    'onHandlerError',
    'onClosed',
  ]),
  now: checkTime,
  clock: 'function',
  stopwatch: 'function',
  // `resolveLimits` looks at it.
  limits: 'any',
  memory: checkMemory,
  handlerGroup: checkHandlerGroup,
  timers: withMethods(['schedule', 'cancel', 'advance']),
  neverIndexed: (_, value) => neverIndexedNames(value as readonly string[]),
  observer: withMethods(['onFrame']),
}

const NEEDED = ['role', 'handler', 'host', 'now'] as const

/** @throws TypeError or RangeError naming the option that is missing or cannot be used */
export function checkConnectionOptions(options: ConnectionOptions): void {
  checkOptions('Connection', options, KINDS)
  const missing = NEEDED.find(name => options[name] === undefined)
  if (missing !== undefined) throw new TypeError(`Connection needs ${missing}`)
}

function checkTime(name: string, value: unknown): void {
  if (Number.isFinite(value)) return
  throw new RangeError(`${name} is ${String(value)}; expected the present, in ms`)
}
