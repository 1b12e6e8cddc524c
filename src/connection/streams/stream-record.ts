import type { HeaderList } from '../headers/header-list.js'
import { BlockPart } from '../headers/header-rules.js'
import type { Loan } from './loan.js'
import type { Stream, StreamConnection } from './stream.js'
import type { StreamHandler } from './stream-handler.js'
import { nextStreamState, StreamEvent, StreamState } from './stream-state.js'

/** A stream and its call, with a handler that waits for something. Measured. Unit: octets. */
export const STREAM_COST = 2_560

/** Octets that wait for a window. A list, because most streams never have one. */
class QueuedData {
  readonly bytes: Buffer
  start: number
  readonly end: number
  next: QueuedData | undefined = undefined

  constructor(bytes: Buffer, start: number, end: number) {
    this.bytes = bytes
    this.start = start
    this.end = end
  }
}

/** DATA and HEADERS on their way out. */
export interface StreamSender {
  readonly slab: Buffer
  checkHeaders(headers: HeaderList, extra: HeaderList | undefined, part: BlockPart): void
  sendHeaders(
    stream: StreamRecord,
    headers: HeaderList,
    endStream: boolean,
    extra: HeaderList | undefined,
  ): void
  send(stream: StreamRecord, bytes: Buffer, start: number, end: number, endStream: boolean): boolean
  sendPrefixed(stream: StreamRecord, prefix: Buffer, bytes: Buffer, endStream: boolean): boolean
  begin(stream: StreamRecord, size: number, endStream: boolean): number
  beginResponse(
    stream: StreamRecord,
    headers: HeaderList,
    size: number,
    trailers: HeaderList,
  ): number
}

/** DATA on its way in. */
export interface StreamReceiver {
  consume(stream: StreamRecord, size: number): void
  expect(stream: StreamRecord, size: number, isWanted: boolean): void
}

/** Who knows all streams, and ends them. */
export interface StreamOwner {
  /** What the streams that count take, whatever they hold. Unit: octets. */
  costs: number
  readonly slots: { take(): boolean; tryTake(): boolean; free(): void }
  close(stream: StreamRecord): void
  reset(stream: StreamRecord, errorCode: number): void
  shed(stream: StreamRecord, fault: string): void
  guard(stream: StreamRecord, run: (stream: StreamRecord) => void): void
  settled(stream: StreamRecord): void
}

/** The parts of a connection that its streams hand on to: one object for all of them. */
export interface StreamParts {
  readonly connection: StreamConnection
  readonly sender: StreamSender
  readonly receiver: StreamReceiver
  readonly streams: StreamOwner
  readonly memory: { charge(size: number): void }
}

/**
 * A stream as the connection keeps it: `Stream` is what others see.
 *
 * All fields are set here, in one order, so that all streams share a shape.
 */
export class StreamRecord implements Stream {
  readonly id: number
  readonly parts: StreamParts
  handler: StreamHandler

  #state: StreamState = StreamState.Idle
  /** What we may send, relative to the peer's initial window. */
  sendCredit = 0
  /** What the peer may send, relative to our initial window. */
  receiveCredit = 0
  /** Received and not yet consumed. */
  retained = 0
  /** What it may hold beyond its own window. */
  loan: Loan<StreamRecord> | undefined = undefined
  /** What waiting small DATA frames lack (see AbuseBudget). */
  smallData = 0
  /** Consumed and not yet announced in a WINDOW_UPDATE. */
  unannounced = 0
  /** A frame came with padding: its stream has room for one more (see Receiver). */
  isPadded = false
  /** Octets that content-length still promises; -1 without. */
  contentLeft = -1
  interimCount = 0
  /** The final response, or the request, has come. */
  headersReceived = false
  /** A request whose response has no content whatever its content-length says. */
  isHead = false
  /** User code runs. */
  held = false
  /** It counts as a handler that runs (HandlerSlots). */
  hasSlot = false
  /** Counts against a stream limit. */
  counted = false
  /** What the layer above keeps for it. */
  charged = 0
  /** What it and its call take beside (StreamTable.costs). */
  cost: number = STREAM_COST
  /** What its request's header list counts against `openHeadersSizeMax`. */
  headersSize = 0

  queueHead: QueuedData | undefined = undefined
  queueTail: QueuedData | undefined = undefined
  queuedSize = 0
  /** END_STREAM goes with the last queued octet. */
  queuedEnd = false
  /** Trailers that wait behind queued octets. */
  queuedTrailers: HeaderList | undefined = undefined
  queuedTrailersExtra: HeaderList | undefined = undefined
  /** Stands in the send queue. */
  ready = false
  nextReady: StreamRecord | undefined = undefined
  /** `sendData` answered false. */
  wantsDrain = false

  constructor(id: number, parts: StreamParts, handler: StreamHandler) {
    this.id = id
    this.parts = parts
    this.handler = handler
  }

  get connection(): StreamConnection {
    return this.parts.connection
  }

  get state(): StreamState {
    return this.#state
  }

  get writable(): boolean {
    return (
      (this.#state === StreamState.Open || this.#state === StreamState.HalfClosedRemote) &&
      !this.queuedEnd &&
      this.queuedTrailers === undefined
    )
  }

  get closed(): boolean {
    return this.#state >= StreamState.ResetSent
  }

  get readable(): boolean {
    return this.#state === StreamState.Open || this.#state === StreamState.HalfClosedLocal
  }

  get bufferedSize(): number {
    return this.queuedSize
  }

  get slab(): Buffer {
    return this.parts.sender.slab
  }

  sendHeaders(headers: HeaderList, endStream: boolean, extra?: HeaderList): void {
    if (!this.writable) return
    if (this.queuedSize > 0) {
      if (!endStream)
        throw new TypeError('headers behind DATA are trailers and end the stream (RFC 9113 §8.1)')
      this.parts.sender.checkHeaders(headers, extra, BlockPart.Trailers)
      this.queuedTrailers = headers
      this.queuedTrailersExtra = extra
      return
    }
    this.parts.sender.sendHeaders(this, headers, endStream, extra)
  }

  sendData(bytes: Buffer, start: number, end: number, endStream: boolean): boolean {
    return this.writable ? this.parts.sender.send(this, bytes, start, end, endStream) : true
  }

  sendPrefixed(prefix: Buffer, bytes: Buffer, endStream: boolean): boolean {
    if (!this.writable) return true
    return this.parts.sender.sendPrefixed(this, prefix, bytes, endStream)
  }

  beginData(size: number, endStream: boolean): number {
    return this.writable ? this.parts.sender.begin(this, size, endStream) : -1
  }

  beginResponse(headers: HeaderList, size: number, trailers: HeaderList): number {
    if (!this.writable) return -1
    return this.parts.sender.beginResponse(this, headers, size, trailers)
  }

  consume(size: number): void {
    this.parts.receiver.consume(this, size)
  }

  expect(size: number, isWanted = true): void {
    this.parts.receiver.expect(this, size, isWanted)
  }

  charge(size: number): void {
    this.charged += size
    this.parts.memory.charge(size)
  }

  addCost(size: number): void {
    if (!this.counted) return
    this.cost += size
    this.parts.streams.costs += size
  }

  reset(errorCode: number): void {
    if (!this.closed) this.parts.streams.reset(this, errorCode)
  }

  hold(isAsking = true): boolean {
    if (this.held) return true
    const { slots } = this.parts.streams
    this.held = this.hasSlot = isAsking ? slots.take() : slots.tryTake()
    return this.held
  }

  freeSlot(): void {
    if (!this.hasSlot) return
    this.hasSlot = false
    this.parts.streams.slots.free()
  }

  release(): void {
    if (!this.held) return
    this.held = false
    const { streams } = this.parts
    if (this.closed) streams.settled(this)
    this.freeSlot()
  }

  /** The only way in which its state changes. */
  apply(event: StreamEvent): void {
    this.#state = nextStreamState(this.#state, event)
  }

  /** END_STREAM has gone out. */
  endOutput(): void {
    this.#state = nextStreamState(this.#state, StreamEvent.SendEnd)
    if (this.#state === StreamState.Closed) this.parts.streams.close(this)
  }

  /** It holds more than the connection has room for. Its owner may end it in its own way. */
  shed(fault: string): void {
    this.parts.streams.shed(this, fault)
  }

  /** Puts bytes[start, end) behind what is to be sent. */
  queue(bytes: Buffer, start: number, end: number): void {
    const data = new QueuedData(bytes, start, end)
    if (this.queueTail === undefined) this.queueHead = data
    else this.queueTail.next = data
    this.queueTail = data
    this.queuedSize += end - start
  }

  /** Forgets what was to be sent. Returns the octets dropped. */
  dropQueue(): number {
    const size = this.queuedSize
    this.queueHead = undefined
    this.queueTail = undefined
    this.queuedSize = 0
    this.queuedEnd = false
    this.queuedTrailers = undefined
    this.queuedTrailersExtra = undefined
    return size
  }
}

/** What stands behind a stream: for tests and fuzzing, which look inside. Not exported by this layer's front door. */
export function recordOf(stream: Stream): StreamRecord {
  return stream as StreamRecord
}
