/** A micro socket that waits in a pool for a call, or another stream that is there whether or not anybody calls. */
export interface RestingSocket {
  /** It gives way. Absent: it stays, and only holds no process alive. */
  close?(): Promise<void>
}

/**
 * Micro sockets of one session that only wait in a pool. Each is an open stream: they hold no process alive, and go
 * where somebody waits for a stream, or a hundred idle ones would keep every other call from a server that takes a hundred.
 */
export class RestingSockets {
  readonly #sockets = new Set<RestingSocket>()

  get count(): number {
    return this.#sockets.size
  }

  /** @param wantedCount how many calls wait for a stream */
  set(socket: RestingSocket, isResting: boolean, wantedCount: number): void {
    if (!isResting) this.#sockets.delete(socket)
    else if (wantedCount > 0 && socket.close !== undefined) void socket.close()
    else this.#sockets.add(socket)
  }

  /** So many calls wait for a stream. */
  yield(wantedCount: number): void {
    const yielding = [...this.#sockets].filter(({ close }) => close !== undefined)
    for (const socket of yielding.slice(0, wantedCount)) {
      this.#sockets.delete(socket)
      void socket.close?.()
    }
  }
}
