/** What such a list holds. */
export interface Placed {
  /** Its place in the list; -1: it has none. */
  index: number
}

/**
 * The sockets that a server holds: each knows its place, the last one takes the place of one that leaves.
 *
 * Not a Set: that grows a new table every few hundred sockets that come and go, and what the old
 * one held survives each minor collection, ten thousand octets a socket.
 */
export class PlacedList<T extends Placed> {
  readonly #members: T[] = []

  get size(): number {
    return this.#members.length
  }

  add(member: T): void {
    member.index = this.#members.length
    this.#members.push(member)
  }

  /** False: it was not here. */
  delete(member: T): boolean {
    const { index } = member
    if (index === -1) return false
    member.index = -1
    const last = this.#members.pop()!
    if (last === member) return true
    last.index = index
    this.#members[index] = last
    return true
  }

  /** Each of those that are here now and still are when their turn comes. */
  *[Symbol.iterator](): Iterator<T> {
    for (const member of this.#members.slice()) if (member.index !== -1) yield member
  }
}
