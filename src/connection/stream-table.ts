import { ErrorCode } from '../frame/index.js'
import { HandlerSlots } from './budgets/handler-slots.js'
import { HeaderLists } from './budgets/header-lists.js'
import type { ConnectionCore } from './core/core.js'
import { protocolError } from './core/protocol-error.js'
import type { DecodedBlock } from './headers/header-block.js'
import type { HeaderList } from './headers/header-list.js'
import { BlockPart } from './headers/header-rules.js'
import { Refusals } from './refusals.js'
import { NOBODY, type StreamTableParts } from './stream-table-parts.js'
import { ClosedStreams, type Ending } from './streams/closed-streams.js'
import { LostStreams } from './streams/lost-streams.js'
import type { StreamHandler } from './streams/stream-handler.js'
import type { StreamMap } from './streams/stream-map.js'
import { type StreamOwner, StreamRecord } from './streams/stream-record.js'
import { StreamEvent } from './streams/stream-state.js'

/** Identifiers from here on are left alone: the connection is replaced in time. 75 % of what there is. */
const DRAIN_STREAM_ID = 0x6000_0000

/**
 * The streams of a connection: how each begins, and every way in which it ends.
 * RFC 9113 §5.1.
 */
export class StreamTable implements StreamOwner {
  readonly #core: ConnectionCore
  readonly #parts: StreamTableParts
  readonly #map: StreamMap
  readonly #closed: ClosedStreams = new ClosedStreams()
  /** Streams that count against the limit: not closed, or closed while user code runs. */
  #counted = 0
  /** Handlers that run. */
  readonly slots: HandlerSlots
  /** Client: what the peer refused. */
  readonly refusals: Refusals
  readonly #headerLists: HeaderLists
  /** What the streams that count take, whatever they hold. Unit: octets. */
  costs = 0
  #ownIdNext = 1
  /** The highest identifier that the peer has opened. */
  peerIdMax = 0
  /** Whose handler is being called: an exception is its, not ours. */
  calling: StreamRecord | undefined = undefined
  /** The last of our own streams whose HEADERS have left the process. */
  #takenIdMax = -1
  /** Those of a connection that has gone, while some have not heard of it. */
  #lost: LostStreams | undefined = undefined
  /** A stream has ended well. */
  served = false
  /** Client: `canOpen` was asked for and denied; somebody waits. */
  #waited = false

  constructor(parts: StreamTableParts) {
    this.#core = parts.core
    this.#parts = parts
    this.#map = parts.map
    this.slots = new HandlerSlots(parts.core.limits.streamsMax, parts.turns, parts.handlerGroup)
    this.#headerLists = new HeaderLists(parts.core.limits.openHeadersSizeMax)
    this.refusals = new Refusals(parts.core, () => this.limitChanged())
  }

  get size(): number {
    return this.#map.size
  }

  /** Header lists of requests that are open, or whose handlers run. Unit: octets. */
  get headersSize(): number {
    return this.#headerLists.size
  }

  get counted(): number {
    return this.#counted
  }

  /** The highest identifier that we have opened. */
  get ownIdMax(): number {
    return this.#ownIdNext - 2
  }

  get(id: number): StreamRecord | undefined {
    return this.#map.get(id)
  }

  snapshot(): StreamRecord[] {
    return this.#map.snapshot()
  }

  ending(id: number): Ending {
    return this.#closed.ending(id)
  }

  /** The peer ended a stream that we had reset; true when that was to be expected. */
  endReset(id: number): boolean {
    return this.#closed.endReset(id)
  }

  /** No new streams: one side sent GOAWAY, or identifiers run out. */
  get draining(): boolean {
    const { goaway } = this.#parts
    return goaway.leaving || (this.#core.role === 'client' && (goaway.received || this.exhausted))
  }

  /** Client: whether a stream may be opened now. */
  get canOpen(): boolean {
    const { over, role } = this.#core
    if (role === 'server' || over || this.draining) return false
    const free = this.#counted < this.openMax
    if (!free) this.#waited = true
    return free
  }

  /** Client: all identifiers that we use are used. */
  get exhausted(): boolean {
    return this.#ownIdNext >= DRAIN_STREAM_ID
  }

  /** Client: a request. When its fields cannot be sent, no stream is opened and no identifier used up. */
  open(
    headers: HeaderList,
    endStream: boolean,
    handler: StreamHandler,
    extra: HeaderList | undefined,
  ): StreamRecord {
    const { sender } = this.#parts
    sender.checkHeaders(headers, extra, BlockPart.Request)
    const stream = new StreamRecord(this.#ownIdNext, this.#parts, handler)
    this.#ownIdNext += 2
    stream.isHead = headers[headers.indexOf(':method') + 1] === 'HEAD'
    stream.apply(StreamEvent.Request)
    this.#add(stream)
    if (endStream) stream.apply(StreamEvent.SendEnd)
    sender.writeHeaders(stream, headers, endStream, extra)
    return stream
  }

  /** Test hook and resumption: the first identifier to use. */
  startAt(id: number): void {
    if ((id & 1) === 0 || id < this.#ownIdNext) throw new RangeError(`first stream id is ${id}; expected an odd number from ${this.#ownIdNext}`)
    this.#ownIdNext = id
  }

  /** Server: a request. The block has been decoded whatever becomes of it. RFC 9113 §5.1.1, §5.1.2, §8.1.1. */
  accept(id: number, block: DecodedBlock, endStream: boolean): void {
    const { budget, goaway, handler, receiver } = this.#parts
    const { limits, now } = this.#core
    if ((id & 1) === 0) protocolError('RFC 9113 §5.1.1', `a client opened stream ${id}`)
    this.peerIdMax = id
    if (goaway.ignores(id)) {
      budget.gaveUp(endStream ? 0 : receiver.initialWindow)
      return budget.work(1, now, 'HEADERS after GOAWAY')
    }
    const headersSize = block.shared ? 0 : block.size
    // A handler of a stream that has been closed makes the next one wait (see HandlerSlots): its client is within the limit.
    if (this.#map.size >= limits.streamsMax || !this.#headerLists.hasRoomFor(headersSize)) {
      budget.refusedStream()
      budget.gaveUp(endStream ? 0 : receiver.initialWindow)
      return this.#refuse(id, ErrorCode.RefusedStream)
    }
    const malformed = block.faultAs('request') !== undefined || (endStream && block.contentLength > 0)
    if (malformed || block.oversize) {
      budget.provokedReset(now)
      return this.#refuse(id, malformed ? ErrorCode.ProtocolError : ErrorCode.EnhanceYourCalm)
    }
    budget.acceptedStream()
    const stream = new StreamRecord(id, this.#parts, NOBODY)
    stream.apply(StreamEvent.Request)
    if (endStream) stream.apply(StreamEvent.ReceiveEnd)
    stream.headersReceived = true
    stream.contentLeft = block.contentLength
    stream.headersSize = headersSize
    this.#headerLists.open(headersSize)
    this.#add(stream)
    this.calling = stream
    stream.handler = handler.onStream(stream, block, endStream)
    this.calling = undefined
  }

  /** Both sides have ended. */
  close(stream: StreamRecord): void {
    if (!this.#remove(stream, false)) return
    this.served = true
    this.#parts.budget.completed()
  }

  /** RST_STREAM from the peer. RFC 9113 §6.4. */
  endByPeer(stream: StreamRecord, errorCode: number): void {
    stream.apply(StreamEvent.Lost)
    this.#remove(stream, false)
    if (errorCode === ErrorCode.RefusedStream && this.#core.role === 'client') {
      this.refusals.refused(this.#counted)
    }
    this.guard(stream, () => stream.handler.onReset(errorCode, true))
  }

  /** The peer broke a rule on this stream; `fault` tells its handler how. RFC 9113 §5.4.2. */
  fail(stream: StreamRecord, errorCode: number, fault?: string): void {
    // Paid before it is sent: the budget bounds the RST_STREAM frames we can be made to send.
    this.#parts.budget.provokedReset(this.#core.now)
    this.#reset(stream, errorCode, true)
    this.guard(stream, () => stream.handler.onReset(errorCode, false, fault))
  }

  /** It holds more than the connection has room for. Its owner may end it in its own way. */
  shed(stream: StreamRecord, fault: string): void {
    this.guard(stream, () => stream.handler.onShed?.(fault))
    if (stream.closed) return
    this.reset(stream, ErrorCode.EnhanceYourCalm)
    this.guard(stream, () => stream.handler.onReset(ErrorCode.EnhanceYourCalm, false, fault))
  }

  /** We want no more of it. The peer cannot know: what its window let it send may be under way. */
  reset(stream: StreamRecord, errorCode: number): void {
    const { budget, receiver } = this.#parts
    if (stream.readable) budget.gaveUp(receiver.initialWindow + stream.receiveCredit)
    this.#reset(stream, errorCode, false)
  }

  #reset(stream: StreamRecord, errorCode: number, provoked: boolean): void {
    stream.apply(StreamEvent.SendReset)
    const removed = this.#take(stream, true)
    this.#parts.control.reset(stream.id, errorCode, provoked)
    // Only now: whoever waits for the slot writes behind RST_STREAM, not ahead of it.
    if (removed) this.#free(stream)
  }

  /** The connection has gone, or will never look at it. */
  lose(stream: StreamRecord, cause: Error, unprocessed: boolean): void {
    stream.apply(StreamEvent.Lost)
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
    const error = cause ?? new Error('the connection was closed')
    this.#lost = new LostStreams(this.#map.snapshot(), error)
    return this.loseMore()
  }

  /** More streams hear that the connection has gone: a server's as many as a turn may hold. True: others still wait. */
  loseMore(): boolean {
    const lost = this.#lost
    if (lost === undefined) return false
    const isClient = this.#core.role === 'client'
    const lose = (stream: StreamRecord): void =>
      this.lose(stream, lost.cause, isClient && stream.id > this.#takenIdMax)
    if (lost.tell(lose, isClient ? undefined : this.#parts.turns)) return true
    this.#lost = undefined
    return false
  }

  /** Runs what belongs to one stream: an exception resets it and harms nobody else. */
  guard(stream: StreamRecord, run: (stream: StreamRecord) => void): void {
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
  uncount(stream: StreamRecord): void {
    if (!stream.counted) return
    stream.counted = false
    this.#counted--
    this.costs -= stream.cost
    if (this.#core.over) return
    if (this.#counted === 0) this.#parts.onLastStream()
    if (this.#waited && this.canOpen) {
      this.#waited = false
      this.#parts.host.onCapacity()
    }
  }

  /** User code has settled on a stream that was closed before. */
  settled(stream: StreamRecord): void {
    this.#headerLists.settle(stream.headersSize)
    this.uncount(stream)
    if (this.#core.over) this.#parts.memory.update()
  }

  /** The peer's limit may have grown. */
  limitChanged(): void {
    if (!this.#waited || !this.canOpen) return
    this.#waited = false
    this.#parts.host.onCapacity()
  }

  /** Client: how many streams may be open, as far as it is known. */
  get openMax(): number {
    const { limits, peer, peerKnown } = this.#core
    const peerMax = peerKnown ? peer.concurrentStreamsMax : limits.peerStreamsAssumed
    return Math.min(peerMax, limits.openStreamsMax, this.refusals.streamsMax)
  }

  #onException(stream: StreamRecord, error: unknown): void {
    if (stream.closed) this.close(stream)
    else this.reset(stream, ErrorCode.InternalError)
    this.#parts.host.onHandlerError(error, stream.id)
  }

  #refuse(id: number, errorCode: number): void {
    this.#closed.add(id, true)
    this.#parts.control.reset(id, errorCode, true)
  }

  #add(stream: StreamRecord): void {
    this.#map.add(stream)
    stream.counted = true
    this.costs += stream.cost
    if (this.#counted++ === 0) this.#parts.onFirstStream()
  }

  #remove(stream: StreamRecord, resetByUs: boolean): boolean {
    if (!this.#take(stream, resetByUs)) return false
    this.#free(stream)
    return true
  }

  #take(stream: StreamRecord, resetByUs: boolean): boolean {
    if (this.#map.get(stream.id) !== stream) return false
    this.#map.remove(stream)
    this.#closed.add(stream.id, resetByUs)
    return true
  }

  #free(stream: StreamRecord): void {
    if (stream.queuedSize > 0) this.#parts.sender.forget(stream)
    if (stream.retained > 0 || stream.loan !== undefined) this.#parts.receiver.forget(stream)
    this.#headerLists.close(stream.headersSize, stream.held)
    if (!stream.held) this.uncount(stream)
  }
}
