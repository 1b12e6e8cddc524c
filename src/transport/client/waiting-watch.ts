import { TransportError, TransportErrorCode } from '../errors/transport-error.js'
import type { Cancellable, Runtime } from '../runtime/runtime.js'

/** What calls wait for. */
export interface WaitingRoom {
  readonly address: string
  readonly waitingCount: number
  readonly streamsMax: number | undefined
  /** Whether there is a connection that has no room. */
  readonly connected: boolean
}

/**
 * Says when calls wait for room on a connection and none gets any: feeds that never end, more of
 * them than the server takes at once, would be silent for ever. Once until no call waits.
 */
export class WaitingWatch {
  readonly #runtime: Runtime
  readonly #room: WaitingRoom
  readonly #delayMs: number
  readonly #onError: ((error: Error) => void) | undefined
  #timeout: Cancellable | undefined
  /** When a call last got room, or began to wait while no other did. */
  #progressAt = 0
  #told = false

  constructor(
    runtime: Runtime,
    room: WaitingRoom,
    delayMs: number,
    onError: ((error: Error) => void) | undefined,
  ) {
    this.#runtime = runtime
    this.#room = room
    this.#delayMs = delayMs
    this.#onError = onError
  }

  /** A call waits for room. */
  begin(): void {
    if (this.#timeout !== undefined || this.#told) return
    if (this.#delayMs === Number.POSITIVE_INFINITY) return
    this.#progressAt = this.#runtime.now()
    this.#arm(this.#delayMs)
  }

  /** Calls got room. */
  progress(): void {
    this.#progressAt = this.#runtime.now()
    if (this.#room.waitingCount === 0) this.#told = false
  }

  stop(): void {
    this.#timeout?.cancel()
    this.#timeout = undefined
  }

  #arm(delayMs: number): void {
    this.#timeout = this.#runtime.schedule(delayMs, () => this.#look())
  }

  #look(): void {
    this.#timeout = undefined
    const { address, connected, streamsMax, waitingCount } = this.#room
    if (waitingCount === 0 || !connected) return
    const waitedMs = this.#runtime.now() - this.#progressAt
    if (waitedMs < this.#delayMs) return this.#arm(this.#delayMs - waitedMs)
    this.#told = true
    const text = `${address}: ${waitingCount} calls have waited ${Math.round(waitedMs)} ms for one of ${streamsMax} concurrent streams; end some, use more connections, or raise the server's limit (streamsMax)`
    const error = new TransportError(TransportErrorCode.Full, address, text)
    if (this.#onError !== undefined) this.#onError(error)
    else this.#runtime.warn?.(error)
  }
}
