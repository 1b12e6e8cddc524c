import { Flag, FRAME_HEADER_SIZE, FrameType, writeFrameHeader } from '../frame/index.js'
import type { Connection } from './connection.js'
import type { HeaderList, StreamHandler } from './handler.js'
import { answerPart, BlockPart } from './header-rules.js'
import { isSliver, SmallWindows, WINDOW_WORTH_SENDING } from './small-windows.js'
import type { Stream } from './stream.js'
import { StreamInput, StreamState } from './stream-state.js'

/** Payloads from here on go by reference: a copy costs more than one more buffer in a write. Unit: octets. */
const REFERENCE_SIZE_MIN = 16_384
/** The same for a part of a frame, whose other parts stand beside it anyway. Unit: octets. */
const REFERENCE_PART_MIN = 8_192
/** Serialised output above which DATA waits in its stream's queue, where it can still be dropped. Unit: octets. */
const SERIALISED_SIZE_MAX = 65_536
/** Largest DATA frame we send, whatever the peer allows: one stream must not hold the others up. Unit: octets. */
const DATA_SIZE_MAX = 65_536

/**
 * DATA on its way out: both flow-control windows, and whose turn it is.
 * RFC 9113 §5.2, §6.9.
 *
 * What fits both windows is serialised at once, behind its HEADERS. The rest is
 * queued on its stream; `drain` takes one frame from each stream in turn.
 */
export class Sender {
  readonly #connection: Connection
  /** What the peer lets us send on the connection. */
  window = 65_535
  /** The peer's SETTINGS_INITIAL_WINDOW_SIZE: a stream's window is this plus its own credit. */
  initialWindow = 65_535
  /** No stream's credit is above this: a change of the initial window overflows only beyond it. */
  #creditMax = 0
  #head: Stream | undefined = undefined
  #tail: Stream | undefined = undefined
  /** Where the payload of the last `begin` goes. */
  slab: Buffer = EMPTY
  /** Octets queued on all streams. */
  queuedSize = 0
  /** Windows that are too small to be worth a frame yet. */
  readonly #small: SmallWindows
  /** Streams to be told that there is room again. */
  #drained: Stream[] = []

  constructor(connection: Connection) {
    this.#connection = connection
    this.#small = new SmallWindows(connection, stream => this.#makeReady(stream))
  }

  /** Whether `drain` would write something now. */
  get isReady(): boolean {
    return this.#head !== undefined && this.window > 0 && !this.#small.isConnections
  }

  /** Opens a stream; when its fields cannot be sent, none is opened and no identifier used up. */
  open(
    headers: HeaderList,
    endStream: boolean,
    handler: StreamHandler,
    extra: HeaderList | undefined,
  ): Stream {
    this.checkHeaders(headers, extra, BlockPart.Request)
    const stream = this.#connection.streams.open(handler, endStream, headers)
    this.#writeBlock(stream, headers, endStream, extra)
    return stream
  }

  /** A response, an interim response or trailers. RFC 9113 §8.1. */
  sendHeaders(
    stream: Stream,
    headers: HeaderList,
    endStream: boolean,
    extra: HeaderList | undefined,
  ): void {
    this.checkHeaders(headers, extra, answerPart(headers, this.#connection.role, endStream))
    this.#writeBlock(stream, headers, endStream, extra)
    if (endStream) this.#connection.streams.transition(stream, StreamInput.SendEnd)
  }

  /** @throws TypeError or RangeError when the fields cannot be sent to this peer. */
  checkHeaders(headers: HeaderList, extra: HeaderList | undefined, part: BlockPart): void {
    const { headerWriter, peerSettings } = this.#connection
    headerWriter.check(headers, extra, part, peerSettings.headerListSizeMax)
  }

  #writeBlock(
    stream: Stream,
    headers: HeaderList,
    endStream: boolean,
    extra: HeaderList | undefined,
  ): void {
    const connection = this.#connection
    connection.headerWriter.write(
      stream.id,
      headers,
      extra,
      endStream,
      connection.peerSettings.frameSizeMax,
    )
    connection.pings.forgiveStrikes()
    connection.outputAppeared()
  }

  begin(stream: Stream, size: number, endStream: boolean): number {
    const { output } = this.#connection
    if (
      size >= REFERENCE_SIZE_MIN ||
      !this.#fits(stream, size) ||
      output.size > SERIALISED_SIZE_MAX
    )
      return -1
    const offset = output.reserve(FRAME_HEADER_SIZE + size)
    const payload = this.#writeHeader(stream, offset, size, endStream)
    output.commit(payload + size)
    // What ends with this frame may open another stream, and lease another slab.
    this.slab = output.bytes
    if (endStream) this.#connection.streams.transition(stream, StreamInput.SendEnd)
    this.#connection.outputAppeared()
    return payload
  }

  /** HEADERS, DATA of `size` octets and trailers in one piece: see `Stream.beginResponse`. */
  beginResponse(stream: Stream, headers: HeaderList, size: number, trailers: HeaderList): number {
    const { headerWriter, output, peerSettings } = this.#connection
    if (size >= REFERENCE_SIZE_MIN || output.size > SERIALISED_SIZE_MAX) return -1
    if (!this.#fits(stream, size)) return -1
    const head = headerWriter.kept(headers, BlockPart.Response, peerSettings.headerListSizeMax)
    const tail = headerWriter.kept(trailers, BlockPart.Trailers, peerSettings.headerListSizeMax)
    if (head === undefined || tail === undefined) return -1
    const start = output.reserve(3 * FRAME_HEADER_SIZE + head.length + size + tail.length)
    const { bytes } = output
    const data = this.#writeKept(stream, bytes, start, head, Flag.EndHeaders)
    const payload = this.#writeHeader(stream, data, size, false)
    const last = Flag.EndHeaders | Flag.EndStream
    output.commit(this.#writeKept(stream, bytes, payload + size, tail, last))
    this.slab = bytes
    this.#connection.streams.transition(stream, StreamInput.SendEnd)
    this.#connection.outputAppeared()
    return payload
  }

  /** A HEADERS frame whose block is there already. */
  #writeKept(stream: Stream, bytes: Buffer, start: number, block: Buffer, flags: number): number {
    const size = block.length
    let offset = writeFrameHeader(bytes, start, size, FrameType.Headers, flags, stream.id)
    for (let i = 0; i < size; i++) bytes[offset++] = block[i]!
    this.#connection.observe(true, FrameType.Headers, flags, stream.id, size)
    return offset
  }

  send(stream: Stream, bytes: Buffer, start: number, end: number, endStream: boolean): boolean {
    const size = end - start
    const { output } = this.#connection
    if (
      stream.queuedSize === 0 &&
      (size === 0 || (this.#fits(stream, size) && output.size + size <= SERIALISED_SIZE_MAX))
    ) {
      if (size > 0 || endStream) this.#writeFrames(stream, bytes, start, end, endStream)
      this.#connection.outputAppeared()
      return true
    }
    this.#enqueue(stream, bytes, start, end, endStream)
    return this.#hasRoom(stream)
  }

  /** Two pieces that belong together: they go by the queue, which joins them. */
  sendPrefixed(stream: Stream, prefix: Buffer, bytes: Buffer, endStream: boolean): boolean {
    this.#enqueue(stream, prefix, 0, prefix.length, false)
    this.#enqueue(stream, bytes, 0, bytes.length, endStream)
    return this.#hasRoom(stream)
  }

  #hasRoom(stream: Stream): boolean {
    const { limits } = this.#connection
    const full =
      stream.queuedSize >= limits.streamBufferSize || this.queuedSize >= limits.connectionBufferSize
    if (full) stream.wantsDrain = true
    return !full
  }

  /** Writes queued DATA, a frame of each stream in turn, until `output` holds `sizeMax` octets. */
  drain(sizeMax: number): void {
    const { output } = this.#connection
    let stream = this.#head
    while (stream !== undefined && this.window > 0 && output.size < sizeMax) {
      this.#head = stream.nextReady
      if (this.#head === undefined) this.#tail = undefined
      stream.nextReady = undefined
      stream.ready = false
      this.#sendTurn(stream, sizeMax - output.size)
      stream = this.#head
    }
  }

  /** Tells the streams that have room again. User code may send from here. */
  notifyDrained(): boolean {
    if (this.#drained.length === 0) return false
    const drained = this.#drained
    this.#drained = []
    for (const stream of drained) {
      if (stream.writable) this.#connection.streams.guard(stream, drainStream)
    }
    return true
  }

  /** WINDOW_UPDATE for a stream. False when its window would pass 2^31-1. RFC 9113 §6.9.1. */
  growStream(stream: Stream, increment: number): boolean {
    const credit = stream.sendCredit + increment
    if (this.initialWindow + credit > WINDOW_MAX) return false
    stream.sendCredit = credit
    if (credit > this.#creditMax) this.#creditMax = credit
    if (stream.queuedSize === 0) return true
    const window = this.initialWindow + credit
    // A peer whose whole window is small is not kept waiting for a large one.
    const worth = this.initialWindow === 0 ? WINDOW_WORTH_SENDING : this.initialWindow >>> 1
    if (window < worth && isSliver(window, stream.queuedSize)) {
      if (!stream.ready) this.#small.add(stream)
    } else this.#makeReady(stream)
    return true
  }

  /** WINDOW_UPDATE for the connection. */
  grow(increment: number): boolean {
    if (this.window + increment > WINDOW_MAX) return false
    this.window += increment
    this.#small.connectionGrew(isSliver(this.window, this.queuedSize))
    return true
  }

  /** The peer changed SETTINGS_INITIAL_WINDOW_SIZE: every window moves with it. False on overflow. RFC 9113 §6.9.2. */
  setInitialWindow(size: number): boolean {
    if (size + this.#creditMax > WINDOW_MAX && !this.#recount(size)) return false
    const grown = size > this.initialWindow
    this.initialWindow = size
    if (grown && this.queuedSize > 0) {
      for (const stream of this.#connection.streams.snapshot()) {
        if (stream.queuedSize > 0) this.#makeReady(stream)
      }
    }
    return true
  }

  /** The stream has ended: what it had queued is dropped. */
  forget(stream: Stream): void {
    this.queuedSize -= stream.dropQueue()
    stream.wantsDrain = false
  }

  #fits(stream: Stream, size: number): boolean {
    return (
      stream.queuedSize === 0 &&
      size <= this.window &&
      size <= this.initialWindow + stream.sendCredit &&
      size <= this.#connection.peerSettings.frameSizeMax
    )
  }

  /**
   * Charges both windows and writes one frame header; returns the payload's offset. The state moves
   * after the payload is committed: the end of a stream may let others write.
   */
  #writeHeader(stream: Stream, offset: number, size: number, endStream: boolean): number {
    this.window -= size
    stream.sendCredit -= size
    this.#connection.pings.forgiveStrikes()
    this.#connection.budget.sentData(size)
    const flags = endStream ? Flag.EndStream : 0
    this.#connection.observe(true, FrameType.Data, flags, stream.id, size)
    const { bytes } = this.#connection.output
    return writeFrameHeader(bytes, offset, size, FrameType.Data, flags, stream.id)
  }

  #writeFrames(
    stream: Stream,
    bytes: Buffer,
    start: number,
    end: number,
    endStream: boolean,
  ): void {
    const { output } = this.#connection
    const size = end - start
    if (size < REFERENCE_SIZE_MIN) {
      const offset = output.reserve(FRAME_HEADER_SIZE + size)
      const payload = this.#writeHeader(stream, offset, size, endStream)
      bytes.copy(output.bytes, payload, start, end)
      output.commit(payload + size)
    } else {
      const offset = output.reserve(FRAME_HEADER_SIZE)
      output.commit(this.#writeHeader(stream, offset, size, endStream))
      output.append(bytes, start, end)
    }
    if (endStream) this.#connection.streams.transition(stream, StreamInput.SendEnd)
  }

  #enqueue(stream: Stream, bytes: Buffer, start: number, end: number, endStream: boolean): void {
    stream.queuedEnd = endStream
    if (start < end) {
      stream.queue(bytes, start, end)
      this.queuedSize += end - start
    }
    this.#makeReady(stream)
    this.#connection.outputAppeared()
  }

  #makeReady(stream: Stream): void {
    if (stream.ready) return
    stream.ready = true
    if (this.#tail === undefined) this.#head = stream
    else this.#tail.nextReady = stream
    this.#tail = stream
  }

  /** One frame of one stream; it goes to the end of the row when more is left. */
  #sendTurn(stream: Stream, room: number): void {
    const queued = stream.queuedSize
    if (queued === 0 || stream.closed) return
    const window = Math.min(this.window, this.initialWindow + stream.sendCredit)
    if (window <= 0) return // WINDOW_UPDATE or SETTINGS brings it back
    const frameMax = Math.min(this.#connection.peerSettings.frameSizeMax, DATA_SIZE_MAX, window)
    const size = Math.min(queued, frameMax, Math.max(room, WINDOW_WORTH_SENDING))
    const last = size === queued
    stream.queuedSize -= size
    this.queuedSize -= size
    const endStream = last && stream.queuedEnd
    this.#writeQueued(stream, size, endStream)
    if (endStream) this.#connection.streams.transition(stream, StreamInput.SendEnd)
    if (last) this.#finishQueue(stream)
    else this.#makeReady(stream)
    this.#noteDrained(stream)
  }

  /** One frame of the first `size` octets of the queue: small parts are copied, large ones referred to. */
  #writeQueued(stream: Stream, size: number, endStream: boolean): void {
    const { output } = this.#connection
    const header = output.reserve(FRAME_HEADER_SIZE)
    output.commit(this.#writeHeader(stream, header, size, endStream))
    for (let left = size; left > 0; ) {
      const data = stream.queueHead!
      const part = Math.min(left, data.end - data.start)
      if (part >= REFERENCE_PART_MIN) output.append(data.bytes, data.start, data.start + part)
      else {
        const offset = output.reserve(part)
        data.bytes.copy(output.bytes, offset, data.start, data.start + part)
        output.commit(offset + part)
      }
      left -= part
      data.start += part
      if (data.start === data.end) stream.queueHead = data.next
    }
    if (stream.queueHead === undefined) stream.queueTail = undefined
  }

  #finishQueue(stream: Stream): void {
    const { queuedTrailers, queuedTrailersExtra } = stream
    if (queuedTrailers === undefined) return
    stream.queuedTrailers = undefined
    stream.queuedTrailersExtra = undefined
    // Checked when they were handed over is too early: the peer's limits may have changed.
    this.#connection.streams.guard(stream, () => {
      this.#connection.sender.sendHeaders(stream, queuedTrailers, true, queuedTrailersExtra)
    })
  }

  #noteDrained(stream: Stream): void {
    const { limits } = this.#connection
    if (!stream.wantsDrain || stream.queuedSize > limits.streamBufferSize / 2) return
    if (this.queuedSize > limits.connectionBufferSize / 2 && stream.queuedSize > 0) return
    stream.wantsDrain = false
    this.#drained.push(stream)
  }

  /** Stops the timer: the connection is over. */
  stop(): void {
    this.#small.stop()
    this.#drained = []
  }

  /** The bound on credits is only an upper one: before an overflow is reported it is counted exactly. */
  #recount(size: number): boolean {
    let creditMax = 0
    for (const stream of this.#connection.streams.snapshot()) {
      if (stream.state !== StreamState.Closed) creditMax = Math.max(creditMax, stream.sendCredit)
    }
    this.#creditMax = creditMax
    return size + creditMax <= WINDOW_MAX
  }
}

const WINDOW_MAX = 0x7fff_ffff
const EMPTY: Buffer = Buffer.alloc(0)

function drainStream(stream: Stream): void {
  stream.handler.onDrain()
}
