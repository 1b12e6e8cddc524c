import { checkOptions, type OptionKinds } from '../../options/index.js'
import { checkMiddleware, type Middleware } from '../call/middleware.js'
import { checkDuration, checkFlag } from '../call/option-checks.js'
import type { AbandonedHandler } from './handlers/running-handlers.js'

/** Options of `server.stop`. */
export interface StopOptions {
  /**
   * How long the server goes on as before, new connections and calls included, after it has said that it leaves: NOT_SERVING to
   * who asks for its health, out of the registry. Long enough for all clients and load balancers to hear of it. A further `stop` ends it. Unit: ms. Default: 0.
   */
  readonly lameDuckMs?: number
  /** How long running calls may continue after that before they are ended. Unit: ms. Default: 5_000. */
  readonly graceMs?: number
  /**
   * How long the handlers of those calls may take to settle; then they are abandoned and reported.
   * 0 still gives them one turn of the event loop. Unit: ms. Default: 1_000.
   */
  readonly settleMs?: number
}

/** The result of `server.stop`. */
export interface StopResult {
  /** Handlers that still run: they ignored their signal. Empty: nothing is left. */
  readonly abandoned: readonly AbandonedHandler[]
}

/** Options of `server.handle`. */
export interface HandleOptions {
  /**
   * Serve native gRPC calls under the full name only: no short name, no mucp, not in the registry.
   * Use it for services that gRPC tools look for; several versions of one service can then be on
   * one server. Default: false.
   */
  readonly nativeOnly?: boolean
  /** Runs around its handlers in place of the server's, the first outermost; `[]`: none. Default: the server's. */
  readonly middleware?: readonly Middleware[]
}

const STOP_KINDS: OptionKinds<StopOptions> = {
  lameDuckMs: checkDuration,
  graceMs: checkDuration,
  settleMs: checkDuration,
}

const HANDLE_KINDS: OptionKinds<HandleOptions> = {
  nativeOnly: checkFlag,
  middleware: (_, list) => checkMiddleware(list),
}

/** @throws TypeError or RangeError naming the option that cannot be used */
export function checkStop(options: StopOptions): void {
  checkOptions('stop', options, STOP_KINDS)
}

/** @throws TypeError naming the option that cannot be used */
export function checkHandle(options: HandleOptions): void {
  checkOptions('handle', options, HANDLE_KINDS)
}
