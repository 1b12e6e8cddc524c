import type { ConnectionHandler, ConnectionHost, FrameObserver } from './handler.js'
import type { ConnectionLimits } from './limits.js'
import type { TimerWheel } from './timer-wheel.js'

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
