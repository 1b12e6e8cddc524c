import { Timer, type TimerOwner } from '../../connection/index.js'
import { TransportError, TransportErrorCode } from '../errors/transport-error.js'
import { thrownError } from '../runtime/thrown.js'
import type { TimerHost } from '../runtime/timer-host.js'
import type { SocketDriver } from '../socket/socket-driver.js'

/** Whom a served socket tells. */
export interface ServedSocketOwner {
  /** The connection ended badly, or a handler threw. */
  onConnectionError(cause: Error): void
  onGone(served: ServedSocket): void
}

/** How old one connection may grow. Unit: ms; Infinity: as old as it likes. */
export interface ConnectionAge {
  readonly ageMs: number
  /** For the calls that run when it has reached that age. */
  readonly graceMs: number
}

/** One accepted socket of a server, and its age. */
export class ServedSocket implements TimerOwner {
  readonly #owner: ServedSocketOwner
  readonly #timers: TimerHost
  readonly #remote: string
  readonly #graceMs: number
  readonly #age: Timer | undefined
  #isOld = false
  /** @internal Its place among those of its server; -1: it has none. */
  index = -1
  /** @internal The peer's, without the port; empty for a unix socket. */
  remoteAddress = ''
  driver: SocketDriver | undefined

  constructor(
    owner: ServedSocketOwner,
    timers: TimerHost,
    remote: string,
    { ageMs, graceMs }: ConnectionAge,
    now: number,
  ) {
    this.#owner = owner
    this.#timers = timers
    this.#remote = remote
    this.#graceMs = graceMs
    if (ageMs === Number.POSITIVE_INFINITY) return
    this.#age = new Timer(this)
    timers.wheel.schedule(this.#age, now + ageMs)
  }

  shutdown(): void {
    this.driver?.shutdown()
  }

  destroy(cause: Error): void {
    this.driver?.destroy(cause)
  }

  /** Old: new calls go elsewhere, those that run have the grace. Then it is cut. gRPC A9. */
  onTimer(timer: Timer, now: number): void {
    if (this.#isOld) {
      const text = `${this.#remote}: cut ${this.#graceMs} ms after its age limit`
      this.destroy(new TransportError(TransportErrorCode.Closed, this.#remote, text))
      return
    }
    this.#isOld = true
    if (this.#graceMs !== Number.POSITIVE_INFINITY) {
      this.#timers.wheel.schedule(timer, now + this.#graceMs)
    }
    this.driver?.retire('max_age')
  }

  onSettings(): void {}

  onGoaway(): void {}

  onCapacity(): void {}

  onHandlerError(error: unknown): void {
    this.#owner.onConnectionError(thrownError(error))
  }

  onClosed(cause: Error | undefined): void {
    if (cause !== undefined) this.#owner.onConnectionError(cause)
  }

  onGone(): void {
    if (this.#age !== undefined) this.#timers.wheel.cancel(this.#age)
    this.#timers.rest()
    this.#owner.onGone(this)
  }
}
