/** Ended streams of one socket that are remembered. */
const ENDED_STREAMS_MAX = 128

/** The newest streams of a socket that have ended: late messages for them start no new handler. */
export class EndedStreams {
  readonly #ids = new Set<string>()

  has(streamId: string): boolean {
    return this.#ids.has(streamId)
  }

  add(streamId: string): void {
    this.#ids.add(streamId)
    if (this.#ids.size <= ENDED_STREAMS_MAX) return
    const [oldest] = this.#ids
    this.#ids.delete(oldest!)
  }
}
