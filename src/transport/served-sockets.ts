import type { ServedSocket } from './served-socket.js'

/**
 * The sockets that a server holds: each knows its place, the last one takes the place of one that leaves.
 *
 * Not a Set: that grows a new table every few hundred sockets that come and go, and what the old
 * one held survives each minor collection, ten thousand octets a socket.
 */
export class ServedSockets {
  readonly #sockets: ServedSocket[] = []

  get size(): number {
    return this.#sockets.length
  }

  add(served: ServedSocket): void {
    served.index = this.#sockets.length
    this.#sockets.push(served)
  }

  delete(served: ServedSocket): void {
    const { index } = served
    if (index === -1) return
    served.index = -1
    const last = this.#sockets.pop()!
    if (last === served) return
    last.index = index
    this.#sockets[index] = last
  }

  /** Each of those that are here now and still are when their turn comes. */
  *[Symbol.iterator](): Iterator<ServedSocket> {
    for (const served of this.#sockets.slice()) if (served.index !== -1) yield served
  }
}
