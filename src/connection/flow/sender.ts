import { Flag, FRAME_HEADER_SIZE, FrameType, writeFrameHeader } from '../../frame/index.js'
import type { AbuseBudget } from '../budgets/abuse-budget.js'
import type { ConnectionCore } from '../core/core.js'
import type { HeaderList } from '../headers/header-list.js'
import { answerPart, BlockPart } from '../headers/header-rules.js'
import type { HeaderWriter } from '../headers/header-writer.js'
import type { StreamMap } from '../streams/stream-map.js'
import type { StreamRecord } from '../streams/stream-record.js'
import { StreamState } from '../streams/stream-state.js'
import { DrainNotices } from './drain-notices.js'
import { SendQueue, writeQueued } from './send-queue.js'
import { isSliver, SmallWindows, WINDOW_WORTH_SENDING } from './small-windows.js'

/** Payloads from here on go by reference: a copy costs more than one more buffer in a write. Unit: octets. */
const REFERENCE_SIZE_MIN = 16_384
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
  readonly #core: ConnectionCore
  readonly #headerWriter: HeaderWriter
  readonly #budget: AbuseBudget
  readonly #streams: StreamMap
  /** What the peer lets us send on the connection. */
  window = 65_535
  /** The peer's SETTINGS_INITIAL_WINDOW_SIZE: a stream's window is this plus its own credit. */
  initialWindow = 65_535
  /** No stream's credit is above this: a change of the initial window overflows only beyond it. */
  #creditMax = 0
  readonly #queue: SendQueue = new SendQueue()
  /** Where the payload of the last `begin` goes. */
  slab: Buffer = EMPTY
  /** Octets queued on all streams. */
  queuedSize = 0
  /** Windows that are too small to be worth a frame yet. */
  readonly #small: SmallWindows
  /** Streams to be told that there is room again. */
  readonly #drained: DrainNotices

  constructor(
    core: ConnectionCore,
    headerWriter: HeaderWriter,
    budget: AbuseBudget,
    streams: StreamMap,
  ) {
    this.#core = core
    this.#headerWriter = headerWriter
    this.#budget = budget
    this.#streams = streams
    this.#drained = new DrainNotices(core.limits)
    this.#small = new SmallWindows(core, stream => this.#queue.add(stream))
  }

  /** Whether `drain` would write something now. */
  get isReady(): boolean {
    return this.#queue.first !== undefined && this.window > 0 && !this.#small.isConnections
  }

  /** A response, an interim response or trailers. RFC 9113 §8.1. */
  sendHeaders(
    stream: StreamRecord,
    headers: HeaderList,
    endStream: boolean,
    extra: HeaderList | undefined,
  ): void {
    this.checkHeaders(headers, extra, answerPart(headers, this.#core.role, endStream))
    this.writeHeaders(stream, headers, endStream, extra)
    if (endStream) stream.endOutput()
  }

  /** @throws TypeError or RangeError when the fields cannot be sent to this peer. */
  checkHeaders(headers: HeaderList, extra: HeaderList | undefined, part: BlockPart): void {
    this.#headerWriter.check(headers, extra, part, this.#core.peer.headerListSizeMax)
  }

  /** HEADERS whose fields `checkHeaders` has passed. */
  writeHeaders(
    stream: StreamRecord,
    headers: HeaderList,
    endStream: boolean,
    extra: HeaderList | undefined,
  ): void {
    const core = this.#core
    this.#headerWriter.write(stream.id, headers, extra, endStream, core.peer.frameSizeMax)
    this.#budget.sentHeaders()
    core.outputAppeared()
  }

  begin(stream: StreamRecord, size: number, endStream: boolean): number {
    const { output } = this.#core
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
    if (endStream) stream.endOutput()
    this.#core.outputAppeared()
    return payload
  }

  /** HEADERS, DATA of `size` octets and trailers in one piece: see `Stream.beginResponse`. */
  beginResponse(
    stream: StreamRecord,
    headers: HeaderList,
    size: number,
    trailers: HeaderList,
  ): number {
    const { output, peer } = this.#core
    const headerWriter = this.#headerWriter
    if (size >= REFERENCE_SIZE_MIN || output.size > SERIALISED_SIZE_MAX) return -1
    if (!this.#fits(stream, size)) return -1
    const head = headerWriter.kept(headers, BlockPart.Response, peer.headerListSizeMax)
    const tail = headerWriter.kept(trailers, BlockPart.Trailers, peer.headerListSizeMax)
    if (head === undefined || tail === undefined) return -1
    const start = output.reserve(3 * FRAME_HEADER_SIZE + head.length + size + tail.length)
    const { bytes } = output
    const data = writeKept(this.#core, stream.id, bytes, start, head, Flag.EndHeaders)
    const payload = this.#writeHeader(stream, data, size, false)
    const last = Flag.EndHeaders | Flag.EndStream
    output.commit(writeKept(this.#core, stream.id, bytes, payload + size, tail, last))
    this.slab = bytes
    stream.endOutput()
    this.#core.outputAppeared()
    return payload
  }

  send(
    stream: StreamRecord,
    bytes: Buffer,
    start: number,
    end: number,
    endStream: boolean,
  ): boolean {
    const size = end - start
    const { output } = this.#core
    if (
      stream.queuedSize === 0 &&
      (size === 0 || (this.#fits(stream, size) && output.size + size <= SERIALISED_SIZE_MAX))
    ) {
      if (size > 0 || endStream) this.#writeFrames(stream, bytes, start, end, endStream)
      this.#core.outputAppeared()
      return true
    }
    this.#enqueue(stream, bytes, start, end, endStream)
    return this.#hasRoom(stream)
  }

  /** Two pieces that belong together: they go by the queue, which joins them. */
  sendPrefixed(stream: StreamRecord, prefix: Buffer, bytes: Buffer, endStream: boolean): boolean {
    this.#enqueue(stream, prefix, 0, prefix.length, false)
    this.#enqueue(stream, bytes, 0, bytes.length, endStream)
    return this.#hasRoom(stream)
  }

  #hasRoom(stream: StreamRecord): boolean {
    const { limits } = this.#core
    const full =
      stream.queuedSize >= limits.streamBufferSize || this.queuedSize >= limits.connectionBufferSize
    if (full) stream.wantsDrain = true
    return !full
  }

  /** Writes queued DATA, a frame of each stream in turn, until `output` holds `sizeMax` octets. */
  drain(sizeMax: number): void {
    const { output } = this.#core
    while (this.window > 0 && output.size < sizeMax) {
      const stream = this.#queue.take()
      if (stream === undefined) return
      this.#sendTurn(stream, sizeMax - output.size)
    }
  }

  /** Tells the streams that have room again. User code may send from here. */
  notifyDrained(): boolean {
    return this.#drained.notify()
  }

  /** WINDOW_UPDATE for a stream. False when its window would pass 2^31-1. RFC 9113 §6.9.1. */
  growStream(stream: StreamRecord, increment: number): boolean {
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
    } else this.#queue.add(stream)
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
      for (const stream of this.#streams.snapshot()) {
        if (stream.queuedSize > 0) this.#queue.add(stream)
      }
    }
    return true
  }

  /** The stream has ended: what it had queued is dropped. */
  forget(stream: StreamRecord): void {
    this.queuedSize -= stream.dropQueue()
    stream.wantsDrain = false
  }

  #fits(stream: StreamRecord, size: number): boolean {
    return (
      stream.queuedSize === 0 &&
      size <= this.window &&
      size <= this.initialWindow + stream.sendCredit &&
      size <= this.#core.peer.frameSizeMax
    )
  }

  /**
   * Charges both windows and writes one frame header; returns the payload's offset. The state moves
   * after the payload is committed: the end of a stream may let others write.
   */
  #writeHeader(stream: StreamRecord, offset: number, size: number, endStream: boolean): number {
    this.window -= size
    stream.sendCredit -= size
    this.#budget.sentData(size)
    const flags = endStream ? Flag.EndStream : 0
    this.#core.observe(true, FrameType.Data, flags, stream.id, size)
    const { bytes } = this.#core.output
    return writeFrameHeader(bytes, offset, size, FrameType.Data, flags, stream.id)
  }

  #writeFrames(
    stream: StreamRecord,
    bytes: Buffer,
    start: number,
    end: number,
    endStream: boolean,
  ): void {
    const { output } = this.#core
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
    if (endStream) stream.endOutput()
  }

  #enqueue(
    stream: StreamRecord,
    bytes: Buffer,
    start: number,
    end: number,
    endStream: boolean,
  ): void {
    stream.queuedEnd = endStream
    if (start < end) {
      stream.queue(bytes, start, end)
      this.queuedSize += end - start
    }
    this.#queue.add(stream)
    this.#core.outputAppeared()
  }

  /** One frame of one stream; it goes to the end of the row when more is left. */
  #sendTurn(stream: StreamRecord, room: number): void {
    const queued = stream.queuedSize
    if (queued === 0 || stream.closed) return
    const window = Math.min(this.window, this.initialWindow + stream.sendCredit)
    if (window <= 0) return // WINDOW_UPDATE or SETTINGS brings it back
    const frameMax = Math.min(this.#core.peer.frameSizeMax, DATA_SIZE_MAX, window)
    const size = Math.min(queued, frameMax, Math.max(room, WINDOW_WORTH_SENDING))
    const last = size === queued
    stream.queuedSize -= size
    this.queuedSize -= size
    const endStream = last && stream.queuedEnd
    const { output } = this.#core
    const header = output.reserve(FRAME_HEADER_SIZE)
    output.commit(this.#writeHeader(stream, header, size, endStream))
    writeQueued(output, stream, size)
    if (endStream) stream.endOutput()
    if (last) this.#finishQueue(stream)
    else this.#queue.add(stream)
    this.#drained.note(stream, this.queuedSize)
  }

  #finishQueue(stream: StreamRecord): void {
    const { queuedTrailers, queuedTrailersExtra } = stream
    if (queuedTrailers === undefined) return
    stream.queuedTrailers = undefined
    stream.queuedTrailersExtra = undefined
    // Checked when they were handed over is too early: the peer's limits may have changed.
    stream.parts.streams.guard(stream, () => {
      this.sendHeaders(stream, queuedTrailers, true, queuedTrailersExtra)
    })
  }

  /** Stops the timer: the connection is over. */
  stop(): void {
    this.#small.stop()
    this.#drained.stop()
  }

  /** The bound on credits is only an upper one: before an overflow is reported it is counted exactly. */
  #recount(size: number): boolean {
    let creditMax = 0
    for (const stream of this.#streams.snapshot()) {
      if (stream.state !== StreamState.Closed) creditMax = Math.max(creditMax, stream.sendCredit)
    }
    this.#creditMax = creditMax
    return size + creditMax <= WINDOW_MAX
  }
}

const WINDOW_MAX = 0x7fff_ffff
const EMPTY: Buffer = Buffer.alloc(0)

/** A HEADERS frame whose block is there already. Returns the offset behind it. */
function writeKept(
  core: ConnectionCore,
  streamId: number,
  bytes: Buffer,
  start: number,
  block: Buffer,
  flags: number,
): number {
  const size = block.length
  let offset = writeFrameHeader(bytes, start, size, FrameType.Headers, flags, streamId)
  for (let i = 0; i < size; i++) bytes[offset++] = block[i]!
  core.observe(true, FrameType.Headers, flags, streamId, size)
  return offset
}
