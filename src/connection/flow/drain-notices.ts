import type { ConnectionLimits } from '../core/limits.js'
import type { StreamRecord } from '../streams/stream-record.js'

/** Streams that were told to wait, and have room again. */
export class DrainNotices {
  readonly #limits: ConnectionLimits
  #streams: StreamRecord[] = []

  constructor(limits: ConnectionLimits) {
    this.#limits = limits
  }

  /** The stream has sent something; `queuedSize` octets wait on all. */
  note(stream: StreamRecord, queuedSize: number): void {
    if (!stream.wantsDrain || stream.queuedSize > this.#limits.streamBufferSize / 2) return
    if (queuedSize > this.#limits.connectionBufferSize / 2 && stream.queuedSize > 0) return
    stream.wantsDrain = false
    this.#streams.push(stream)
  }

  /** Tells them. False: there were none. */
  notify(): boolean {
    if (this.#streams.length === 0) return false
    const drained = this.#streams
    this.#streams = []
    for (const stream of drained) {
      if (stream.writable) stream.parts.streams.guard(stream, drainStream)
    }
    return true
  }

  /** The connection is over. */
  stop(): void {
    this.#streams = []
  }
}

function drainStream(stream: StreamRecord): void {
  stream.handler.onDrain()
}
