import type { HeaderList, TimerWheel } from '../../connection/index.js'
import type { ClientCall } from '../../grpc/index.js'
import type { SessionConnectOptions } from './connect-waiters.js'
import type { StartOptions } from './session-options.js'

/** An object that carries native calls: a `Session` to one address. */
export interface CallSession extends AsyncDisposable {
  readonly address: string
  /** What requests say about the server (`requestHeaders`): `:authority` and `:scheme`. */
  readonly authority: string
  readonly scheme: 'http' | 'https'
  /** There is a connection which takes calls at this moment. */
  readonly connected: boolean
  /** The wheel for the deadlines of calls (`ClientCallOptions.timers`). */
  readonly timers: TimerWheel
  /** Monotonic time, the clock of `timers`. Unit: ms. */
  now(): number
  /** Starts the call now, or once connected. A failure reaches the call's receiver, never the caller. */
  start(call: ClientCall, headers: HeaderList, options?: StartOptions): void
  /** Settles when connected. Rejects with `TransportError` when it cannot be. */
  connect(options?: SessionConnectOptions): Promise<void>
  /** Closes the session. */
  close(): Promise<void>
}
