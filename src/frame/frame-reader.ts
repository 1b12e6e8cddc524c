import { checkOptions, type OptionKinds } from '../options/index.js'
import { copyOctets } from './copy-octets.js'
import { ErrorCode } from './error-code.js'
import type { Frame } from './frame.js'
import { ConnectionError } from './frame-error.js'
import { readFields } from './frame-fields.js'
import {
  FRAME_HEADER_SIZE,
  FRAME_SIZE_LIMIT,
  FRAME_SIZE_MIN,
  readPayloadSize,
  readStreamId,
} from './frame-header.js'
import { isKnownType, PRIORITY_SIZE, shapeError } from './frame-shape.js'
import { Flag, FrameType, frameName } from './frame-type.js'
import { giveBackJoined, leaseJoined } from './joined-buffer.js'

/** Options of a `FrameReader`. */
export interface FrameReaderOptions {
  /**
   * Largest payload accepted: what we told the peer in SETTINGS_MAX_FRAME_SIZE.
   *
   * Unit: octets. Default: 16_384. Source: RFC 9113 §4.2, which allows 2^14 to 2^24 - 1.
   */
  readonly frameSizeMax?: number
  /**
   * The buffer of a frame that arrived in pieces is used again once `next()` is called after it, by any reader. Default: false.
   */
  readonly reusesJoined?: boolean
}

const KINDS: OptionKinds<FrameReaderOptions> = { frameSizeMax: 'number', reusesJoined: 'boolean' }

/** Where the reader stands when a frame does not lie whole in the pushed range. */
const Place = {
  /** Between frames. */
  Between: 0,
  /** Inside a frame header, of which some octets are kept. */
  Header: 1,
  /** Inside a payload that is being joined. */
  Payload: 2,
  /** Inside a payload nobody wants. */
  Skipped: 3,
  /** After an error; nothing is read any more. */
  Failed: 4,
} as const
type Place = (typeof Place)[keyof typeof Place]

const EMPTY: Buffer = Buffer.alloc(0)

/** Flags that put something in front of, or behind, what a DATA or HEADERS frame carries. */
const PREFIX_FLAGS = Flag.Padded | Flag.Priority

/**
 * Iterates over the frames in the bytes of one peer. RFC 9113 §4, §6.
 *
 *     reader.push(chunk, start, end)
 *     while (reader.next()) dispatch(reader)
 *
 * After `next()` returned true the public fields describe one frame (see
 * `Frame`). The octets are borrowed: `bytes` is the pushed buffer, or, for a
 * frame that arrived in pieces, a buffer of its own that is never written again
 * (unless `reusesJoined`).
 *
 * `next()` throws ConnectionError when a frame breaks a rule of shape: sizes,
 * padding, stream 0. It knows no streams and no roles, so the order of frames,
 * stream states and increments of zero are for the caller to check. After a
 * throw the reader is of no further use: `next()` throws the same error again.
 */
export class FrameReader implements Frame {
  type = 0
  flags = 0
  streamId = 0
  payloadSize = 0
  bytes: Buffer = EMPTY
  start = 0
  end = 0
  fault: Frame['fault'] = ErrorCode.NoError
  dependsOn = -1
  errorCode = 0
  lastStreamId = 0
  windowIncrement = 0
  promisedStreamId = 0
  prioritizedStreamId = 0

  #frameSizeMax: number
  #place: Place = Place.Between
  #error: ConnectionError | undefined = undefined

  // The pushed range that is not yet read: #chunk[#offset, #limit).
  #chunk: Buffer = EMPTY
  #offset = 0
  #limit = 0

  // A frame in pieces: its header, its payload, and how much of either is there.
  readonly #header: Buffer = Buffer.alloc(FRAME_HEADER_SIZE)
  #joined: Buffer = EMPTY
  readonly #reusesJoined: boolean
  /** The whole buffer of the frame that is shown, or that is being joined, if it goes back. */
  #loan: Buffer | undefined = undefined
  #heldSize = 0
  #skipSize = 0

  /** @throws RangeError when `frameSizeMax` is not an integer from 2^14 to 2^24 - 1. */
  constructor(options: FrameReaderOptions = {}) {
    checkOptions<FrameReaderOptions>('FrameReader', options, KINDS)
    this.#reusesJoined = options.reusesJoined ?? false
    this.#frameSizeMax = checkFrameSizeMax(options.frameSizeMax ?? FRAME_SIZE_MIN)
  }

  /**
   * Largest payload accepted, in octets. A smaller value holds for the peer only
   * once it has acknowledged the SETTINGS that say so (RFC 9113 §6.5.3).
   *
   * @throws RangeError when set to anything but an integer from 2^14 to 2^24 - 1.
   */
  get frameSizeMax(): number {
    return this.#frameSizeMax
  }

  set frameSizeMax(value: number) {
    this.#frameSizeMax = checkFrameSizeMax(value)
  }

  /** Where the cursor stands in the last pushed range: everything before is read or kept. */
  get offset(): number {
    return this.#offset
  }

  /** Octets of an unfinished frame that were copied and are kept; at most `frameSizeMax`. */
  get heldSize(): number {
    return this.#heldSize
  }

  /**
   * Gives the reader `bytes[start, end)` to read. The range is borrowed until
   * `next()` returns false; what is unfinished by then has been copied.
   *
   * @throws RangeError when the last range has not been read to its end, nor abandoned.
   */
  push(bytes: Buffer, start: number = 0, end: number = bytes.length): void {
    if (this.#place === Place.Failed) return
    if (this.#offset < this.#limit) {
      throw new RangeError(
        `push: ${this.#limit - this.#offset} octets of the last range are unread`,
      )
    }
    this.#chunk = bytes
    this.#offset = start
    this.#limit = end
  }

  /**
   * Moves to the next frame. False when no whole frame is left; then the reader
   * keeps no reference to the pushed buffer.
   *
   * @throws ConnectionError when the frame breaks a rule of shape.
   */
  next(): boolean {
    if (this.#loan !== undefined && this.#place !== Place.Payload) {
      giveBackJoined(this.#loan)
      this.#loan = undefined
    }
    const at = this.#offset
    const start = at + FRAME_HEADER_SIZE
    if (this.#place === Place.Between && start <= this.#limit) {
      const bytes = this.#chunk
      const payloadSize = readPayloadSize(bytes, at)
      const end = start + payloadSize
      if (end <= this.#limit && payloadSize <= this.#frameSizeMax) {
        this.#offset = end
        this.#readHeader(bytes, at, payloadSize)
        if (!this.#isPlain()) this.#checkShape()
        this.#readPayload(bytes, start, end)
        return true
      }
    }
    return this.#nextInPieces()
  }

  /**
   * Stops after the current frame, which stays readable, and gives the rest of
   * the pushed range back: returns the offset where it starts. Push it again to
   * go on. A budget for the work of one turn needs this.
   */
  abandon(): number {
    this.#limit = this.#offset
    this.#chunk = EMPTY
    return this.#offset
  }

  #readHeader(bytes: Buffer, at: number, payloadSize: number): void {
    this.payloadSize = payloadSize
    this.type = bytes[at + 3]!
    this.flags = bytes[at + 4]!
    this.streamId = readStreamId(bytes, at + 5)
  }

  /** DATA or HEADERS with nothing to check and nothing to strip: nearly every frame there is. */
  #isPlain(): boolean {
    return (
      this.type <= FrameType.Headers && this.streamId !== 0 && (this.flags & PREFIX_FLAGS) === 0
    )
  }

  #readPayload(bytes: Buffer, start: number, end: number): void {
    this.bytes = bytes
    this.start = start
    this.end = end
    this.fault = ErrorCode.NoError
    this.dependsOn = -1
    if (this.#isPlain()) return
    const error = readFields(this)
    if (error !== undefined) throw this.#fail(error)
  }

  #checkShape(): void {
    const error = shapeError(this.type, this.flags, this.streamId, this.payloadSize)
    if (error !== undefined) throw this.#fail(error)
  }

  /** Whether nobody wants the payload: unknown types (RFC 9113 §5.5) and misshapen PRIORITY. */
  #isSkipped(): boolean {
    return this.type === FrameType.Priority
      ? this.payloadSize !== PRIORITY_SIZE
      : !isKnownType(this.type)
  }

  /** The frame ahead is not whole in the pushed range, or is too large. */
  #nextInPieces(): boolean {
    switch (this.#place) {
      case Place.Failed:
        throw this.#error
      case Place.Skipped:
        return this.#skip() ? this.next() : this.#pause()
      case Place.Payload:
        return this.#joinPayload()
      default:
        return this.#joinHeader()
    }
  }

  #joinHeader(): boolean {
    this.#heldSize += this.#copyInto(this.#header, this.#heldSize, FRAME_HEADER_SIZE)
    if (this.#heldSize < FRAME_HEADER_SIZE) {
      this.#place = this.#heldSize === 0 ? Place.Between : Place.Header
      return this.#pause()
    }
    this.#heldSize = 0
    const payloadSize = readPayloadSize(this.#header, 0)
    this.#readHeader(this.#header, 0, payloadSize)
    this.#checkSize()
    this.#checkShape()
    if (this.#isSkipped()) {
      this.#readPayload(EMPTY, 0, 0)
      this.#skipSize = payloadSize
      this.#skip()
      return true
    }
    if (payloadSize <= this.#limit - this.#offset) {
      const start = this.#offset
      this.#place = Place.Between
      this.#offset = start + payloadSize
      this.#readPayload(this.#chunk, start, this.#offset)
      return true
    }
    this.#loan = this.#reusesJoined ? leaseJoined(payloadSize) : undefined
    // Else a buffer for each join: a frame lent earlier in this turn may still be in use.
    this.#joined = this.#loan?.subarray(0, payloadSize) ?? Buffer.allocUnsafe(payloadSize)
    this.#place = Place.Payload
    return this.#joinPayload()
  }

  #joinPayload(): boolean {
    const joined = this.#joined
    this.#heldSize += this.#copyInto(joined, this.#heldSize, joined.length)
    if (this.#heldSize < joined.length) return this.#pause()
    this.#place = Place.Between
    this.#heldSize = 0
    this.#joined = EMPTY
    this.#readPayload(joined, 0, joined.length)
    return true
  }

  /** Copies unread octets to `target[from, to)`, as far as there are any; returns how many. */
  #copyInto(target: Buffer, from: number, to: number): number {
    const start = this.#offset
    this.#offset = Math.min(this.#limit, start + to - from)
    return copyOctets(target, from, this.#chunk, start, this.#offset) - from
  }

  /** Passes over what is there of a payload; true at its end. */
  #skip(): boolean {
    const size = Math.min(this.#skipSize, this.#limit - this.#offset)
    this.#offset += size
    this.#skipSize -= size
    this.#place = this.#skipSize === 0 ? Place.Between : Place.Skipped
    return this.#skipSize === 0
  }

  /** Lets go of the pushed buffer, so that a quiet connection does not keep a whole read alive. */
  #pause(): boolean {
    this.#chunk = EMPTY
    this.bytes = EMPTY
    this.start = 0
    this.end = 0
    return false
  }

  /** §4.2 makes an oversized DATA frame a stream error if we like; we end the connection for all. */
  #checkSize(): void {
    if (this.payloadSize <= this.#frameSizeMax) return
    throw this.#fail(
      new ConnectionError(
        ErrorCode.FrameSizeError,
        'RFC 9113 §4.2',
        `${frameName(this.type)} payload is ${this.payloadSize} octets; at most ${this.#frameSizeMax} are accepted`,
      ),
    )
  }

  #fail(error: ConnectionError): ConnectionError {
    this.#error = error
    this.#place = Place.Failed
    this.#joined = EMPTY
    this.#heldSize = 0
    this.#limit = this.#offset
    this.#pause()
    return error
  }
}

function checkFrameSizeMax(value: number): number {
  if (Number.isInteger(value) && value >= FRAME_SIZE_MIN && value <= FRAME_SIZE_LIMIT) return value
  throw new RangeError(
    `frameSizeMax is ${value}; ${FRAME_SIZE_MIN} to ${FRAME_SIZE_LIMIT} is allowed`,
  )
}
