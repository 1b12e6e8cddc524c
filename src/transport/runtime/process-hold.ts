import type { RawSocket } from './runtime.js'

/** Whether one socket keeps the process alive. Looked at once a turn, not at each call: a change is a call of the system. */
export class ProcessHold {
  readonly #socket: RawSocket
  /** As sockets begin. */
  #isHeld = true

  constructor(socket: RawSocket) {
    this.#socket = socket
  }

  set(isHeld: boolean): void {
    if (isHeld === this.#isHeld) return
    this.#isHeld = isHeld
    if (isHeld) this.#socket.ref?.()
    else this.#socket.unref?.()
  }
}
