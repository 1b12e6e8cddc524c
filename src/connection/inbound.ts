import {
  CLIENT_PREFACE,
  ConnectionError,
  ErrorCode,
  Flag,
  FrameReader,
  FrameType,
  frameName,
} from '../frame/index.js'
import type { ConnectionCore } from './core/core.js'
import { protocolError } from './core/protocol-error.js'
import type { DecodedBlock } from './headers/header-block.js'
import type { InboundParts } from './inbound-parts.js'
import { checkKnown, refuseClosed } from './late-frames.js'
import { isOutOfPlace } from './response-order.js'
import type { StreamRecord } from './streams/stream-record.js'
import { StreamEvent } from './streams/stream-state.js'

/** To look at the stopwatch costs as much as two frames: it is done now and then. */
const FRAMES_PER_LOOK = 32
/** A frame of so many octets counts for two, one of twice as many for three. A power of two. */
const WEIGHT_SHIFT = 9

/**
 * Frames on their way in: the preface, then one switch over frame types.
 * RFC 9113 §3.4, §5, §6. Throws ConnectionError; its only caller turns that into GOAWAY.
 */
export class Inbound {
  readonly #core: ConnectionCore
  readonly #parts: InboundParts
  readonly #reader: FrameReader
  /** Octets of the client preface still to come. */
  #prefaceLeft: number
  /** Frames this turn may still handle. */
  framesLeft = 0

  constructor(parts: InboundParts) {
    const { core } = parts
    this.#core = core
    this.#parts = parts
    this.#reader = new FrameReader({
      frameSizeMax: core.limits.frameSizeMax,
      reusesJoined: true,
    })
    this.#prefaceLeft = core.role === 'server' ? CLIENT_PREFACE.length : 0
  }

  /** Gives the reader one range. Returns false when all of it was preface. */
  push(bytes: Buffer, start: number, end: number): boolean {
    let offset = start
    while (this.#prefaceLeft > 0) {
      if (offset === end) return false
      const expected = CLIENT_PREFACE[CLIENT_PREFACE.length - this.#prefaceLeft]
      if (bytes[offset] !== expected) {
        const at = CLIENT_PREFACE.length - this.#prefaceLeft
        protocolError(
          'RFC 9113 §3.4',
          `octet ${at} of the client preface is 0x${bytes[offset]!.toString(16)}`,
        )
      }
      offset++
      this.#prefaceLeft--
    }
    this.#reader.push(bytes, offset, end)
    return true
  }

  /** Handles frames until the range is used up (true) or the turn's budget is spent (false). */
  run(): boolean {
    const reader = this.#reader
    const core = this.#core
    const parts = this.#parts
    let untilLook = FRAMES_PER_LOOK
    while (this.framesLeft > 0 && !parts.blocked) {
      if (core.over) return true
      if (!reader.next()) return true
      this.framesLeft--
      core.observe(false, reader.type, reader.flags, reader.streamId, reader.payloadSize)
      this.#dispatch(reader)
      untilLook -= 1 + (reader.payloadSize >>> WEIGHT_SHIFT)
      if (untilLook > 0) continue
      if (parts.turns.isTimeUp()) return core.over
      untilLook = FRAMES_PER_LOOK
    }
    return false
  }

  /** Octets of a frame that has not come whole. */
  get heldSize(): number {
    return this.#reader.heldSize
  }

  /** Where the reader stopped in the range it was given. */
  abandon(): number {
    return this.#reader.abandon()
  }

  #dispatch(reader: FrameReader): void {
    const { type } = reader
    const open = this.#parts.headerReader.openStreamId
    if (open !== 0 && (type !== FrameType.Continuation || reader.streamId !== open)) {
      protocolError(
        'RFC 9113 §6.10',
        `${frameName(type)} on stream ${reader.streamId} inside the header block of stream ${open}`,
      )
    }
    if (!this.#core.peerKnown && type !== FrameType.Settings) {
      protocolError('RFC 9113 §3.4', `the first frame is ${frameName(type)}; expected SETTINGS`)
    }
    switch (type) {
      case FrameType.Data:
        return this.#onData(reader)
      case FrameType.Headers:
        return this.#onHeadersFrame(reader)
      case FrameType.Continuation:
        return this.#onContinuation(reader)
      case FrameType.WindowUpdate:
        return this.#onWindowUpdate(reader)
      case FrameType.Settings:
        return this.#onSettings(reader)
      case FrameType.Ping:
        return this.#onPing(reader)
      case FrameType.RstStream:
        return this.#onReset(reader)
      case FrameType.Goaway:
        return this.#parts.shutdown.receive(
          reader.lastStreamId,
          reader.errorCode,
          reader.bytes,
          reader.start,
          reader.end,
        )
      case FrameType.Priority:
        return this.#onPriority(reader)
      case FrameType.PushPromise:
        // A client's SETTINGS_ENABLE_PUSH=0 precedes its first request: nobody can promise in good faith.
        return protocolError('RFC 9113 §8.4', 'PUSH_PROMISE, which is not enabled')
      case FrameType.PriorityUpdate:
        if (this.#core.role === 'client') {
          protocolError('RFC 9218 §7.1', 'PRIORITY_UPDATE from a server')
        }
        return this.#spend(1)
      default:
        return this.#spend(1 + (reader.payloadSize >>> 14))
    }
  }

  #onData(reader: FrameReader): void {
    const parts = this.#parts
    const { receiver, budget } = parts
    const { payloadSize } = reader
    const endStream = (reader.flags & Flag.EndStream) !== 0
    const size = reader.end - reader.start
    receiver.receive(payloadSize)
    const stream = parts.streams.get(reader.streamId)
    if (stream === undefined) {
      refuseClosed(this.#parts, reader.streamId, FrameType.Data, endStream, payloadSize)
      receiver.replenish()
      return
    }
    if (!stream.readable) {
      // Streams that are closed both ways are not in the table: the peer has ended this one.
      parts.streams.fail(stream, ErrorCode.StreamClosed)
      receiver.replenish()
      return
    }
    if (!stream.headersReceived) {
      parts.streams.fail(stream, ErrorCode.ProtocolError)
      receiver.replenish()
      return
    }
    if (!receiver.receiveOn(stream, payloadSize, size)) {
      parts.streams.fail(stream, ErrorCode.FlowControlError)
      receiver.replenish()
      return
    }
    if (size === 0 && !endStream) budget.emptyData()
    else budget.data(stream, size, endStream)
    if (!this.#countContent(stream, size, endStream)) return receiver.replenish()
    if (endStream) this.#endInput(stream)
    if (receiver.loans.isOverfull) {
      receiver.shed()
      if (stream.closed) return receiver.replenish()
    }
    parts.streams.calling = stream
    stream.handler.onData(reader.bytes, reader.start, reader.end, endStream)
    parts.streams.calling = undefined
    receiver.replenish()
    if (endStream && stream.closed) parts.streams.close(stream)
  }

  #endInput(stream: StreamRecord): void {
    stream.apply(StreamEvent.ReceiveEnd)
    if (stream.loan !== undefined) this.#parts.receiver.loans.ended(stream)
  }

  /** RFC 9113 §8.1.1: content-length must equal the octets of DATA. */
  #countContent(stream: StreamRecord, size: number, endStream: boolean): boolean {
    if (stream.contentLeft < 0) return true
    stream.contentLeft -= size
    if (stream.contentLeft >= 0 && (!endStream || stream.contentLeft === 0)) return true
    this.#parts.streams.fail(stream, ErrorCode.ProtocolError)
    return false
  }

  #onHeadersFrame(reader: FrameReader): void {
    if (reader.dependsOn === reader.streamId) {
      protocolError('RFC 7540 §5.3.1', `stream ${reader.streamId} depends on itself`)
    }
    const endStream = (reader.flags & Flag.EndStream) !== 0
    const { headerReader } = this.#parts
    if ((reader.flags & Flag.EndHeaders) === 0) {
      headerReader.begin(reader.streamId, endStream, reader.bytes, reader.start, reader.end)
      this.#parts.deadlines.armHeader()
      return
    }
    const block = headerReader.decode(reader.bytes, reader.start, reader.end)
    this.#onHeaders(reader.streamId, block, endStream)
  }

  #onContinuation(reader: FrameReader): void {
    const { headerReader } = this.#parts
    const { openEndStream, openStreamId } = headerReader
    if (openStreamId === 0) {
      protocolError(
        'RFC 9113 §6.10',
        `CONTINUATION on stream ${reader.streamId} without a header block`,
      )
    }
    const endHeaders = (reader.flags & Flag.EndHeaders) !== 0
    const block = headerReader.continue(reader.bytes, reader.start, reader.end, endHeaders)
    if (block === undefined) return
    this.#parts.deadlines.cancelHeader()
    this.#onHeaders(openStreamId, block, openEndStream)
  }

  #onHeaders(streamId: number, block: DecodedBlock, endStream: boolean): void {
    const parts = this.#parts
    const stream = parts.streams.get(streamId)
    if (stream !== undefined) this.#onMoreHeaders(stream, block, endStream)
    else if (this.#core.role === 'server' && streamId > parts.streams.peerIdMax) {
      parts.streams.accept(streamId, block, endStream)
    } else refuseClosed(this.#parts, streamId, FrameType.Headers, endStream)
  }

  /** A response, or trailers. RFC 9113 §8.1. */
  #onMoreHeaders(stream: StreamRecord, block: DecodedBlock, endStream: boolean): void {
    const parts = this.#parts
    if (!stream.readable) return parts.streams.fail(stream, ErrorCode.StreamClosed)
    const interim = !stream.headersReceived && block.status >= 100 && block.status < 200
    if (isOutOfPlace(stream, block, endStream, interim, this.#core.limits.interimResponsesMax)) {
      return parts.streams.fail(stream, ErrorCode.ProtocolError)
    }
    if (block.oversize) {
      const fault = block.oversizeText(this.#core.limits)
      return parts.streams.fail(stream, ErrorCode.EnhanceYourCalm, fault)
    }
    if (!stream.headersReceived && !interim) {
      stream.headersReceived = true
      const empty = stream.isHead || block.status === 204 || block.status === 304
      stream.contentLeft = empty ? -1 : block.contentLength
      if (endStream && stream.contentLeft > 0)
        return parts.streams.fail(stream, ErrorCode.ProtocolError)
    }
    if (endStream) this.#endInput(stream)
    parts.streams.calling = stream
    stream.handler.onHeaders(block, endStream)
    parts.streams.calling = undefined
    if (endStream && stream.closed) parts.streams.close(stream)
  }

  #onReset(reader: FrameReader): void {
    const parts = this.#parts
    const stream = parts.streams.get(reader.streamId)
    if (stream === undefined) {
      checkKnown(this.#parts, reader.streamId, FrameType.RstStream)
      return this.#spend(1)
    }
    if (this.#core.role === 'server' && !stream.held) parts.budget.reset(this.#core.now)
    parts.streams.endByPeer(stream, reader.errorCode)
  }

  #onWindowUpdate(reader: FrameReader): void {
    const parts = this.#parts
    const { sender } = parts
    const { streamId, windowIncrement } = reader
    this.#spend(1)
    if (streamId === 0) {
      if (windowIncrement === 0)
        protocolError('RFC 9113 §6.9', 'WINDOW_UPDATE of 0 for the connection')
      if (!sender.grow(windowIncrement)) {
        throw new ConnectionError(
          ErrorCode.FlowControlError,
          'RFC 9113 §6.9.1',
          `WINDOW_UPDATE of ${windowIncrement} takes the connection window of ${sender.window} past 2^31-1`,
        )
      }
      return
    }
    const stream = parts.streams.get(streamId)
    if (stream === undefined) return checkKnown(this.#parts, streamId, FrameType.WindowUpdate)
    if (windowIncrement === 0) parts.streams.fail(stream, ErrorCode.ProtocolError)
    else if (!sender.growStream(stream, windowIncrement)) {
      parts.streams.fail(stream, ErrorCode.FlowControlError)
    }
  }

  #onSettings(reader: FrameReader): void {
    const parts = this.#parts
    if ((reader.flags & Flag.Ack) !== 0) {
      if (!this.#core.peerKnown) {
        protocolError('RFC 9113 §3.4', 'the first frame is an acknowledgement; expected SETTINGS')
      }
      parts.settings.receiveAck()
      return
    }
    this.#spend(1)
    parts.settings.receive(reader.bytes, reader.start, reader.end)
  }

  #onPing(reader: FrameReader): void {
    this.#spend(1)
    if ((reader.flags & Flag.Ack) !== 0) this.#parts.pings.receiveAck(reader.bytes, reader.start)
    else this.#parts.pings.receive(reader.bytes, reader.start)
  }

  /** Priority is deprecated (RFC 9113 §5.3.2); only its form is checked. */
  #onPriority(reader: FrameReader): void {
    if (reader.fault !== ErrorCode.NoError) {
      const stream = this.#parts.streams.get(reader.streamId)
      if (stream !== undefined) return this.#parts.streams.fail(stream, ErrorCode.FrameSizeError)
      // RST_STREAM must not be sent on an idle stream (§6.4), so the connection pays.
      throw new ConnectionError(
        ErrorCode.FrameSizeError,
        'RFC 9113 §6.3',
        `PRIORITY of ${reader.payloadSize} octets; expected 5`,
      )
    }
    if (reader.dependsOn === reader.streamId) {
      protocolError('RFC 7540 §5.3.1', `stream ${reader.streamId} depends on itself`)
    }
    this.#spend(1)
  }

  #spend(cost: number): void {
    this.#parts.budget.work(cost, this.#core.now, frameName(this.#reader.type))
  }
}
