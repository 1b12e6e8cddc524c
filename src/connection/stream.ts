import type { Connection } from './connection.js'
import type { HeaderList, StreamHandler } from './handler.js'
import { BlockPart } from './header-rules.js'
import type { Loan } from './loan.js'
import { StreamState } from './stream-state.js'

/** A stream and its call, with a handler that waits for something. Measured. Unit: octets. */
const STREAM_COST = 2_560

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

/**
 * One HTTP/2 stream. RFC 9113 §5.
 *
 * Sending on a stream that has ended is a no-op: a peer's reset may always race
 * with our writes, and its handler has been told.
 *
 * All fields are set here, in one order, so that all streams share a shape.
 */
export class Stream {
  readonly id: number
  readonly connection: Connection
  /** Who hears of this stream. May be replaced. */
  handler: StreamHandler

  /** @internal */
  state: StreamState = StreamState.Idle
  /** @internal What we may send, relative to the peer's initial window. */
  sendCredit = 0
  /** @internal What the peer may send, relative to our initial window. */
  receiveCredit = 0
  /** @internal Received and not yet consumed. */
  retained = 0
  /** @internal What it may hold beyond its own window. */
  loan: Loan | undefined = undefined
  /** @internal What waiting small DATA frames lack (see AbuseBudget). */
  smallData = 0
  /** @internal Consumed and not yet announced in a WINDOW_UPDATE. */
  unannounced = 0
  /** @internal A frame came with padding: its stream has room for one more (see Receiver). */
  isPadded = false
  /** @internal Octets that content-length still promises; -1 without. */
  contentLeft = -1
  /** @internal */
  interimCount = 0
  /** @internal The final response, or the request, has come. */
  headersReceived = false
  /** @internal A request whose response has no content whatever its content-length says. */
  isHead = false
  /** @internal User code runs. */
  held = false
  /** @internal It counts as a handler that runs (HandlerSlots). */
  hasSlot = false
  /** @internal Counts against a stream limit. */
  counted = false
  /** @internal What the layer above keeps for it. */
  charged = 0
  /** @internal What it and its call take beside (StreamTable.costs). */
  cost: number = STREAM_COST
  /** @internal What its request's header list counts against `openHeadersSizeMax`. */
  headersSize = 0

  /** @internal */
  queueHead: QueuedData | undefined = undefined
  /** @internal */
  queueTail: QueuedData | undefined = undefined
  /** @internal */
  queuedSize = 0
  /** @internal END_STREAM goes with the last queued octet. */
  queuedEnd = false
  /** @internal Trailers that wait behind queued octets. */
  queuedTrailers: HeaderList | undefined = undefined
  /** @internal */
  queuedTrailersExtra: HeaderList | undefined = undefined
  /** @internal Stands in the send queue. */
  ready = false
  /** @internal */
  nextReady: Stream | undefined = undefined
  /** @internal `sendData` answered false. */
  wantsDrain = false

  constructor(id: number, connection: Connection, handler: StreamHandler) {
    this.id = id
    this.connection = connection
    this.handler = handler
  }

  /** Whether our side is still open. */
  get writable(): boolean {
    return (
      (this.state === StreamState.Open || this.state === StreamState.HalfClosedRemote) &&
      !this.queuedEnd &&
      this.queuedTrailers === undefined
    )
  }

  /** Whether both sides have ended, or one of them reset the stream. */
  get closed(): boolean {
    return this.state >= StreamState.ResetSent
  }

  /** Whether the peer may still send. */
  get readable(): boolean {
    return this.state === StreamState.Open || this.state === StreamState.HalfClosedLocal
  }

  /** Octets that wait for the peer's windows. */
  get bufferedSize(): number {
    return this.queuedSize
  }

  /** Where the payload of `beginData` goes. Valid right after it. */
  get slab(): Buffer {
    return this.connection.sender.slab
  }

  /**
   * Sends a response, an interim response or trailers. RFC 9113 §8.1.
   *
   * `headers` may be an array that lives long: sent again, its encoded form is
   * copied. `extra` follows it in the same block and holds what differs.
   *
   * @throws TypeError when a field cannot be sent; RangeError when the list is larger than the peer accepts.
   */
  sendHeaders(headers: HeaderList, endStream: boolean, extra?: HeaderList): void {
    if (!this.writable) return
    if (this.queuedSize > 0) {
      if (!endStream)
        throw new TypeError('headers behind DATA are trailers and end the stream (RFC 9113 §8.1)')
      this.connection.sender.checkHeaders(headers, extra, BlockPart.Trailers)
      this.queuedTrailers = headers
      this.queuedTrailersExtra = extra
      return
    }
    this.connection.sender.sendHeaders(this, headers, endStream, extra)
  }

  /**
   * Sends DATA; takes bytes[start, end): do not write to them again. False
   * above the high-water mark: wait for `onDrain`. RFC 9113 §6.1.
   */
  sendData(bytes: Buffer, start: number, end: number, endStream: boolean): boolean {
    return this.writable ? this.connection.sender.send(this, bytes, start, end, endStream) : true
  }

  /**
   * Sends `prefix` and `bytes`, both of at least one octet, as one `sendData` of
   * the two together would: the prefix travels in no frame of its own.
   */
  sendPrefixed(prefix: Buffer, bytes: Buffer, endStream: boolean): boolean {
    if (!this.writable) return true
    return this.connection.sender.sendPrefixed(this, prefix, bytes, endStream)
  }

  /**
   * Begins a DATA frame of `size` octets whose payload the caller writes at once
   * into `slab`, from the offset returned. -1 when it does not fit the windows,
   * something is queued, or it is large: use `sendData`.
   */
  beginData(size: number, endStream: boolean): number {
    return this.writable ? this.connection.sender.begin(this, size, endStream) : -1
  }

  /**
   * Sends a whole response: `headers`, DATA of `size` octets, written as with `beginData`, and
   * `trailers`. -1 when it cannot leave in one piece, or both lists have not been sent often enough for
   * their encoded forms to be kept: nothing is sent then; use `sendHeaders` and `beginData`.
   */
  beginResponse(headers: HeaderList, size: number, trailers: HeaderList): number {
    if (!this.writable) return -1
    return this.connection.sender.beginResponse(this, headers, size, trailers)
  }

  /**
   * `size` octets given to `onData` have left the owner's buffers: their room goes
   * back to the peer. Once for each octet. RFC 9113 §6.9.
   */
  consume(size: number): void {
    this.connection.receiver.consume(this, size)
  }

  /**
   * A length prefix announced that `size` octets in all are still to come: the peer gets a
   * window for them, in one piece and as soon as the connection has room, so that a large message
   * does not wait for a round trip in each window. What is not `isWanted`, since nobody
   * reads yet, gets it only where there is plenty: say it again when somebody does.
   */
  expect(size: number, isWanted = true): void {
    this.connection.receiver.expect(this, size, isWanted)
  }

  /** For the layer above: it keeps `size` octets more for this stream; less where it is negative. */
  charge(size: number): void {
    this.charged += size
    this.connection.memory.charge(size)
  }

  /** For the layer above: as long as it counts, this stream takes `size` octets more, whatever it holds. Looked at when something else changes. */
  addCost(size: number): void {
    if (!this.counted) return
    this.cost += size
    this.connection.streams.costs += size
  }

  /** Ends the stream both ways, now. Its handler is not called. RFC 9113 §6.4. */
  reset(errorCode: number): void {
    if (!this.closed) this.connection.streams.reset(this, errorCode)
  }

  /**
   * User code is to start: it counts against the limit until `release`, whether the stream is closed or not.
   * False when as many handlers run as may; `handler.onReceived` is called when one of them has settled.
   */
  hold(): boolean {
    if (!this.held) this.held = this.hasSlot = this.connection.streams.slots.take()
    return this.held
  }

  /** User code goes on, but only waits for what will ask for slots of its own: it counts no more. */
  freeSlot(): void {
    if (!this.hasSlot) return
    this.hasSlot = false
    this.connection.streams.slots.free()
  }

  /** User code has settled. */
  release(): void {
    if (!this.held) return
    this.held = false
    const { streams } = this.connection
    if (this.closed) streams.settled(this)
    this.freeSlot()
  }

  /** @internal Puts bytes[start, end) behind what is to be sent. */
  queue(bytes: Buffer, start: number, end: number): void {
    const data = new QueuedData(bytes, start, end)
    if (this.queueTail === undefined) this.queueHead = data
    else this.queueTail.next = data
    this.queueTail = data
    this.queuedSize += end - start
  }

  /** @internal Forgets what was to be sent. Returns the octets dropped. */
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
