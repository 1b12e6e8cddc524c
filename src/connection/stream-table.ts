import { ErrorCode } from '../frame/index.js'
import { ClosedStreams, type Ending } from './closed-streams.js'
import type { Connection } from './connection.js'
import type { HeaderList, StreamHandler } from './handler.js'
import type { DecodedBlock } from './header-block.js'
import { HandlerSlots } from './handler-slots.js'
import { Refusals } from './refusals.js'
import { Stream } from './stream.js'
import { StreamMap } from './stream-map.js'
import { nextStreamState, type StreamInput, StreamState } from './stream-state.js'
import { protocolError } from './protocol-error.js'

/** Identifiers from here on are left alone: the connection is replaced in time. 75 % of what there is. */
const DRAIN_STREAM_ID = 0x6000_0000

/**
 * The streams of a connection: how each begins, and every way in which it ends.
 * RFC 9113 §5.1.
 */
export class StreamTable {
  readonly #connection: Connection
  readonly #map: StreamMap = new StreamMap()
  readonly #closed: ClosedStreams = new ClosedStreams()
  /** Streams that count against the limit: not closed, or closed while user code runs. */
  #counted = 0
  /** Handlers that run. */
  readonly slots: HandlerSlots
  /** Client: what the peer refused. */
  readonly refusals: Refusals
  /** Header lists of the requests that are open. Unit: octets. */
  #headersSize = 0
  /** Header lists of requests that are closed while user code runs. Unit: octets. */
  #lingeringSize = 0
  /** @internal What the streams that count take, whatever they hold. Unit: octets. */
  costs = 0
  #ownIdNext = 1
  /** The highest identifier that the peer has opened. */
  peerIdMax = 0
  /** Whose handler is being called: an exception is its, not ours. */
  calling: Stream | undefined = undefined
  /** The last of our own streams whose HEADERS have left the process. */
  #takenIdMax = -1
  /** Streams of a connection that has gone, which hear of it in turn. */
  #leaving: readonly Stream[] = []
  #leftCount = 0
  #leavingCause: Error | undefined = undefined
  /** A stream has ended well. */
  served = false
  /** Client: `canOpen` was asked for and denied; somebody waits. */
  #waited = false

  constructor(connection: Connection) {
    this.#connection = connection
    this.slots = new HandlerSlots(connection.limits.streamsMax, connection)
    this.refusals = new Refusals(connection)
  }

  get size(): number {
    return this.#map.size
  }

  /** Header lists of requests that are open, or whose handlers run. Unit: octets. */
  get headersSize(): number {
    return this.#headersSize + this.#lingeringSize
  }

  get counted(): number {
    return this.#counted
  }

  /** The highest identifier that we have opened. */
  get ownIdMax(): number {
    return this.#ownIdNext - 2
  }

  get(id: number): Stream | undefined {
    return this.#map.get(id)
  }

  snapshot(): Stream[] {
    return this.#map.snapshot()
  }

  ending(id: number): Ending {
    return this.#closed.ending(id)
  }

  /** The peer ended a stream that we had reset; true when that was to be expected. */
  endReset(id: number): boolean {
    return this.#closed.endReset(id)
  }

  /** Client: whether a stream may be opened now. */
  get canOpen(): boolean {
    const connection = this.#connection
    if (connection.role === 'server' || connection.over || connection.draining) return false
    const free = this.#counted < this.#countedMax()
    if (!free) this.#waited = true
    return free
  }

  /** Client: all identifiers that we use are used. */
  get exhausted(): boolean {
    return this.#ownIdNext >= DRAIN_STREAM_ID
  }

  open(handler: StreamHandler, endStream: boolean, headers: HeaderList): Stream {
    const stream = new Stream(this.#ownIdNext, this.#connection, handler)
    this.#ownIdNext += 2
    stream.isHead = headers[headers.indexOf(':method') + 1] === 'HEAD'
    stream.state = StreamState.Open
    this.#add(stream)
    if (endStream) stream.state = StreamState.HalfClosedLocal
    return stream
  }

  /** Test hook and resumption: the first identifier to use. */
  startAt(id: number): void {
    if ((id & 1) === 0 || id < this.#ownIdNext) throw new RangeError(`first stream id is ${id}; expected an odd number from ${this.#ownIdNext}`)
    this.#ownIdNext = id
  }

  /** Server: a request. The block has been decoded whatever becomes of it. RFC 9113 §5.1.1, §5.1.2, §8.1.1. */
  accept(id: number, block: DecodedBlock, endStream: boolean): void {
    const connection = this.#connection
    const { budget, limits } = connection
    if ((id & 1) === 0) protocolError('RFC 9113 §5.1.1', `a client opened stream ${id}`)
    this.peerIdMax = id
    if (connection.goaway.ignores(id)) {
      budget.gaveUp(endStream ? 0 : connection.receiver.initialWindow)
      return budget.work(1, connection.now, 'HEADERS after GOAWAY')
    }
    const headersSize = block.shared ? 0 : block.size
    // A handler of a stream that has been closed makes the next one wait (see HandlerSlots): its client is within the limit.
    if (this.#map.size >= limits.streamsMax || !this.#hasRoomFor(headersSize)) {
      budget.refusedStream()
      budget.gaveUp(endStream ? 0 : connection.receiver.initialWindow)
      return this.#refuse(id, ErrorCode.RefusedStream)
    }
    const malformed = block.faultAs('request') !== undefined || (endStream && block.contentLength > 0)
    if (malformed || block.oversize) {
      budget.provokedReset(connection.now)
      return this.#refuse(id, malformed ? ErrorCode.ProtocolError : ErrorCode.EnhanceYourCalm)
    }
    budget.acceptedStream()
    const stream = new Stream(id, connection, NOBODY)
    stream.state = endStream ? StreamState.HalfClosedRemote : StreamState.Open
    stream.headersReceived = true
    stream.contentLeft = block.contentLength
    stream.headersSize = headersSize
    this.#headersSize += headersSize
    this.#add(stream)
    this.calling = stream
    stream.handler = connection.handler.onStream(stream, block, endStream)
    this.calling = undefined
  }

  /** We sent END_STREAM, or the like. */
  transition(stream: Stream, input: StreamInput): void {
    stream.state = nextStreamState(stream.state, input) as StreamState
    if (stream.state === StreamState.Closed) this.close(stream)
  }

  /** Both sides have ended. */
  close(stream: Stream): void {
    if (!this.#remove(stream, false)) return
    this.served = true
    this.#connection.budget.completed()
  }

  /** RST_STREAM from the peer. RFC 9113 §6.4. */
  endByPeer(stream: Stream, errorCode: number): void {
    stream.state = StreamState.Closed
    this.#remove(stream, false)
    if (errorCode === ErrorCode.RefusedStream && this.#connection.role === 'client') {
      this.refusals.refused(this.#counted)
    }
    this.guard(stream, () => stream.handler.onReset(errorCode, true))
  }

  /** The peer broke a rule on this stream; `fault` tells its handler how. RFC 9113 §5.4.2. */
  fail(stream: Stream, errorCode: number, fault?: string): void {
    // Paid before it is sent: the budget bounds the RST_STREAM frames we can be made to send.
    this.#connection.budget.provokedReset(this.#connection.now)
    this.#reset(stream, errorCode, true)
    this.guard(stream, () => stream.handler.onReset(errorCode, false, fault))
  }

  /** It holds more than the connection has room for. Its owner may end it in its own way. */
  shed(stream: Stream, fault: string): void {
    this.guard(stream, () => stream.handler.onShed?.(fault))
    if (stream.closed) return
    this.reset(stream, ErrorCode.EnhanceYourCalm)
    this.guard(stream, () => stream.handler.onReset(ErrorCode.EnhanceYourCalm, false, fault))
  }

  /** We want no more of it. The peer cannot know: what its window let it send may be under way. */
  reset(stream: Stream, errorCode: number): void {
    const { budget, receiver } = this.#connection
    if (stream.readable) budget.gaveUp(receiver.initialWindow + stream.receiveCredit)
    this.#reset(stream, errorCode, false)
  }

  #reset(stream: Stream, errorCode: number, provoked: boolean): void {
    stream.state = StreamState.ResetSent
    const removed = this.#take(stream, true)
    this.#connection.control.reset(stream.id, errorCode, provoked)
    // Only now: whoever waits for the slot writes behind RST_STREAM, not ahead of it.
    if (removed) this.#free(stream)
  }

  /** The connection has gone, or will never look at it. */
  lose(stream: Stream, cause: Error, unprocessed: boolean): void {
    stream.state = StreamState.Closed
    this.#remove(stream, false)
    this.guard(stream, () => stream.handler.onLost(cause, unprocessed))
  }

  /** What is serialised, the HEADERS of every stream of ours among it, is handed out. */
  headersTaken(): void {
    this.#takenIdMax = this.ownIdMax
  }

  /** The connection has gone: as `loseMore`. The peer cannot have looked at requests that never left. gRPC A6. */
  loseAll(cause: Error | undefined): boolean {
    this.refusals.stop()
    // Most connections end without a stream: an error with its stack would be a tenth of all they cost.
    if (this.#map.size === 0) return false
    this.#leaving = this.#map.snapshot()
    this.#leavingCause = cause ?? new Error('the connection was closed')
    // Nothing is sent on any of them from now on, whether it has heard of it or not.
    for (const stream of this.#leaving) stream.state = StreamState.Closed
    return this.loseMore()
  }

  /** More streams hear that the connection has gone: a server's as many as a turn may hold. True: others still wait. */
  loseMore(): boolean {
    const connection = this.#connection
    const isClient = connection.role === 'client'
    const leaving = this.#leaving
    for (let count = 1; this.#leftCount < leaving.length; count++) {
      const stream = leaving[this.#leftCount++]!
      this.lose(stream, this.#leavingCause!, isClient && stream.id > this.#takenIdMax)
      if (!isClient && this.#leftCount < leaving.length && connection.turns.isOver(count)) return true
    }
    this.#leaving = []
    return false
  }

  /** Runs what belongs to one stream: an exception resets it and harms nobody else. */
  guard(stream: Stream, run: (stream: Stream) => void): void {
    const outer = this.calling
    this.calling = stream
    try {
      run(stream)
    } catch (error) {
      this.#onException(stream, error)
    }
    this.calling = outer
  }

  /** An exception came out of a frame's dispatch. True when it was some handler's. */
  caught(error: unknown): boolean {
    const stream = this.calling
    if (stream === undefined) return false
    this.calling = undefined
    this.#onException(stream, error)
    return true
  }

  /** The stream no longer counts against the limit. */
  uncount(stream: Stream): void {
    if (!stream.counted) return
    stream.counted = false
    this.#counted--
    this.costs -= stream.cost
    if (this.#connection.over) return
    if (this.#counted === 0) this.#connection.idle()
    if (this.#waited && this.canOpen) {
      this.#waited = false
      this.#connection.host.onCapacity()
    }
  }

  /** User code has settled on a stream that was closed before. */
  settled(stream: Stream): void {
    this.#lingeringSize -= stream.headersSize
    this.uncount(stream)
    if (this.#connection.over) this.#connection.memory.update()
  }

  /** One request is always taken, whatever its size. Those that were reset while user code runs may have as much again. */
  #hasRoomFor(headersSize: number): boolean {
    const { openHeadersSizeMax } = this.#connection.limits
    const open = this.#headersSize
    const all = open + this.#lingeringSize
    if (all === 0) return true
    return open + headersSize <= openHeadersSizeMax && all + headersSize <= 2 * openHeadersSizeMax
  }

  /** The peer's limit may have grown. */
  limitChanged(): void {
    if (!this.#waited || !this.canOpen) return
    this.#waited = false
    this.#connection.host.onCapacity()
  }

  /** Client: how many streams may be open, as far as it is known. */
  get openMax(): number {
    return this.#countedMax()
  }

  #countedMax(): number {
    const { limits, settings } = this.#connection
    const peerMax = settings.received ? settings.peer.concurrentStreamsMax : limits.peerStreamsAssumed
    return Math.min(peerMax, limits.openStreamsMax, this.refusals.streamsMax)
  }

  #onException(stream: Stream, error: unknown): void {
    if (stream.closed) this.close(stream)
    else this.reset(stream, ErrorCode.InternalError)
    this.#connection.host.onHandlerError(error, stream.id)
  }

  #refuse(id: number, errorCode: number): void {
    this.#closed.add(id, true)
    this.#connection.control.reset(id, errorCode, true)
  }

  #add(stream: Stream): void {
    this.#map.add(stream)
    stream.counted = true
    this.costs += stream.cost
    if (this.#counted++ === 0) this.#connection.busy()
  }

  #remove(stream: Stream, resetByUs: boolean): boolean {
    if (!this.#take(stream, resetByUs)) return false
    this.#free(stream)
    return true
  }

  #take(stream: Stream, resetByUs: boolean): boolean {
    if (this.#map.get(stream.id) !== stream) return false
    this.#map.remove(stream)
    this.#closed.add(stream.id, resetByUs)
    return true
  }

  #free(stream: Stream): void {
    if (stream.queuedSize > 0) this.#connection.sender.forget(stream)
    if (stream.retained > 0 || stream.loan !== undefined) this.#connection.receiver.forget(stream)
    this.#headersSize -= stream.headersSize
    if (stream.held) this.#lingeringSize += stream.headersSize
    else this.uncount(stream)
  }
}

/** The handler of a stream whose owner has not answered yet: nothing can happen to it before. */
const NOBODY: StreamHandler = {
  onHeaders() {},
  onData() {},
  onDrain() {},
  onReset() {},
  onLost() {},
}

