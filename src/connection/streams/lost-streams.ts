import type { StreamRecord } from './stream-record.js'
import { StreamEvent } from './stream-state.js'

/** Says how many may hear news in one turn. */
interface TurnEnd {
  isOver(count: number): boolean
}

/** Streams of a connection that has gone, which hear of it one after the other: a server's in turns. */
export class LostStreams {
  readonly cause: Error
  readonly #streams: readonly StreamRecord[]
  #toldCount = 0

  /** Nothing is sent on any of them from now on, whether it has heard of it or not. */
  constructor(streams: readonly StreamRecord[], cause: Error) {
    this.cause = cause
    this.#streams = streams
    for (const stream of streams) stream.apply(StreamEvent.Lost)
  }

  /** More of them hear of it; with `turns` as many as one may hold. True: others still wait. */
  tell(lose: (stream: StreamRecord) => void, turns: TurnEnd | undefined): boolean {
    const streams = this.#streams
    for (let count = 1; this.#toldCount < streams.length; count++) {
      lose(streams[this.#toldCount++]!)
      if (this.#toldCount < streams.length && turns?.isOver(count) === true) return true
    }
    return false
  }
}
