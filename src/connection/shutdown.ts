import { ErrorCode, STREAM_ID_MAX } from '../frame/index.js'
import type { AbuseBudget } from './budgets/abuse-budget.js'
import type { ControlWriter } from './core/control-writer.js'
import type { ConnectionCore } from './core/core.js'
import type { ConnectionHost } from './core/host.js'
import { type Goaway, GoawayError } from './goaway.js'
import type { StreamMap } from './streams/stream-map.js'
import type { StreamRecord } from './streams/stream-record.js'
import type { Deadlines } from './timers/deadlines.js'
import type { Pings } from './timers/pings.js'

/** Debug data we keep and show. Unit: octets. */
const DEBUG_SIZE_MAX = 256

/** What leaving needs of its connection. */
export interface ShutdownParts {
  readonly core: ConnectionCore
  readonly control: ControlWriter
  readonly budget: AbuseBudget
  readonly deadlines: Deadlines
  readonly goaway: Goaway
  readonly host: ConnectionHost
  readonly map: StreamMap
  readonly pings: Pings
  readonly streams: {
    /** The highest identifier that the peer has opened. */
    readonly peerIdMax: number
    lose(stream: StreamRecord, cause: Error, unprocessed: boolean): void
  }
  /** Whether all that was to be completed has been. */
  checkFinished(): void
}

/**
 * The end of a connection in good order. RFC 9113 §6.8.
 *
 * A server leaves in two steps: GOAWAY with the highest identifier and a PING;
 * when its answer is back, whatever the peer had sent before it knew has
 * arrived, and a second GOAWAY names the last stream that is served.
 */
export class Shutdown {
  readonly #parts: ShutdownParts
  #reason: string | undefined = undefined

  constructor(parts: ShutdownParts) {
    this.#parts = parts
  }

  /** Graceful shutdown; a second call changes nothing. */
  leave(reason?: string): void {
    const { core, control, deadlines, goaway, pings } = this.#parts
    if (goaway.leaving) return
    goaway.leaving = true
    this.#reason = reason
    if (core.role === 'client') return this.#finish()
    control.goaway(STREAM_ID_MAX, ErrorCode.NoError, reason)
    deadlines.armShutdown()
    pings.send(() => this.barrierPassed())
  }

  /** The PING between the two GOAWAYs was answered, or took too long. */
  barrierPassed(): void {
    const { goaway } = this.#parts
    if (goaway.leaving && !goaway.left) this.#finish()
  }

  /** GOAWAY from the peer. */
  receive(
    lastStreamId: number,
    errorCode: number,
    bytes: Buffer,
    start: number,
    end: number,
  ): void {
    const { core, budget, goaway, host, map, streams } = this.#parts
    budget.goaway()
    goaway.receive(lastStreamId, core.role)
    const debug = bytes
      .toString('latin1', start, Math.min(end, start + DEBUG_SIZE_MAX))
      .replace(/[^\x20-\x7e]/g, '?')
    host.onGoaway(lastStreamId, errorCode, debug)
    if (core.role === 'server') return
    for (const stream of map.snapshot()) {
      if (stream.id <= lastStreamId) continue
      streams.lose(stream, new GoawayError(errorCode, debug), true)
    }
  }

  /** An error GOAWAY names the last stream that user code may have seen. */
  get lastStreamId(): number {
    return Math.min(this.#parts.streams.peerIdMax, this.#parts.goaway.servedMax)
  }

  #finish(): void {
    const { control, deadlines, goaway, streams } = this.#parts
    goaway.finish(streams.peerIdMax)
    deadlines.cancelShutdown()
    control.goaway(goaway.servedMax, ErrorCode.NoError, this.#reason)
    this.#parts.checkFinished()
  }
}
