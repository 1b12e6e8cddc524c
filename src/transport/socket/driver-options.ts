import type {
  ConnectionHandler,
  ConnectionLimits,
  FrameObserver,
  HandlerGroup,
  MemoryBudget,
} from '../../connection/index.js'
import type { RawSocket, Runtime } from '../runtime/runtime.js'
import type { TimerHost } from '../runtime/timer-host.js'
import type { ConnectionPeer } from './connection-peer.js'

/** What OpenSSL keeps for one connection, outside the heap. Measured by the resident memory of 2,000. Unit: octets. */
export const TLS_COST = 40_960

/** Who hears of one connection and its socket. */
export interface DriverOwner {
  /** The peer's SETTINGS are here: calls may go. */
  onSettings(): void
  onGoaway(errorCode: number, debug: string): void
  onCapacity(): void
  /** What a turn and its microtasks caused has left: calls may have begun or ended. */
  onTurnEnd?(): void
  /** User code threw out of a callback. */
  onHandlerError(error: unknown): void
  /** The connection will say nothing more; a server may still tell calls of it. Once. */
  onClosed(cause: Error | undefined): void
  /** The socket is closed: nothing is left. Once, last. */
  onGone(): void
}

export interface DriverOptions {
  readonly runtime: Runtime
  readonly timers: TimerHost
  readonly socket: RawSocket
  readonly role: 'client' | 'server'
  readonly handler: ConnectionHandler
  readonly owner: DriverOwner
  /** Errors name its address. */
  readonly peer: ConnectionPeer
  readonly limits?: Partial<ConnectionLimits> | undefined
  readonly observer?: FrameObserver | undefined
  readonly neverIndexed?: readonly string[] | undefined
  readonly memory?: MemoryBudget | undefined
  readonly handlerGroup?: HandlerGroup | undefined
}
