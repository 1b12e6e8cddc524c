import type { Stream } from '../connection/index.js'
import { type Compression, MessageTooLargeError } from './compression.js'
import { LENGTH_PREFIX_SIZE, MessageFlag } from './length-prefix.js'
import type { CallLimits } from './limits.js'
import { MessageReader } from './message-reader.js'
import type { Codec } from './method.js'
import { type GrpcError, Status, stacklessError } from './status.js'

/**
 * While no more than this waits on the connection, messages get their buffers early: eight
 * times it is 1.25 MiB, and beyond it a connection holds twice what has come. Unit: octets.
 */
const EAGER_SIZE_MAX = 163_840

/** How the messages of one side are to be read. */
export interface InboxOptions {
  readonly codec: Codec
  /** The peer's `grpc-encoding`; '' for none. */
  readonly encoding: string
  /** What undoes it; undefined when we cannot. A server refuses such a request before there is a message. */
  readonly decompression: Compression | undefined
  readonly limits: CallLimits
}

/**
 * Messages received on one call, decoded while their bytes are borrowed and
 * queued until the application reads them. Only then does the peer get its
 * credit back. Beyond `queuedMessagesMax` they stay encoded.
 *
 * Calls make one only where a message does not come whole in one DATA frame,
 * or where there may be several.
 */
export class MessageInbox {
  /** Why there will be no more messages. */
  fault: GrpcError | undefined
  readonly #stream: Stream
  readonly #options: InboxOptions
  readonly #reader: MessageReader
  readonly #messages: unknown[]
  /** Octets each message took on the wire. */
  readonly #sizes: number[]
  /** Where the queue begins. */
  #head: number
  /** Octets received that the peer has no credit for yet. */
  #owed: number
  /** The queue is full and there may be whole messages left in the reader. */
  #full: boolean
  /** Octets of the message at the head, or of its prefix, that the window was opened for. */
  #granted: number

  constructor(stream: Stream, options: InboxOptions) {
    this.fault = undefined
    this.#stream = stream
    this.#options = options
    this.#reader = new MessageReader(options.limits.messageSizeMax)
    this.#messages = []
    this.#sizes = []
    this.#head = 0
    this.#owed = 0
    this.#full = false
    this.#granted = 0
  }

  /** Whether `read` has a message. */
  get readable(): boolean {
    return this.#head < this.#messages.length
  }

  /** Whether messages may wait that are not decoded yet. */
  get full(): boolean {
    return this.#full
  }

  /** Whether the last octets received are no whole message. */
  get midMessage(): boolean {
    return this.#reader.heldSize > 0
  }

  /** Takes DATA octets, which are borrowed. False when they broke a rule: see `fault`. */
  receive(bytes: Buffer, start: number, end: number): boolean {
    this.#owed += end - start
    const reader = this.#reader
    // What waits in whole messages of this call says nothing of unfinished ones.
    const waiting = this.#stream.connection.receiver.retained - this.#owed
    reader.eager = waiting + reader.heldSize + end - start <= EAGER_SIZE_MAX
    reader.push(bytes, start, end)
    this.#fill()
    reader.hold()
    const { heldSize } = reader
    // A window may be too small even for the prefix, which tells what is wanted.
    const wanted = Math.max(reader.wantedSize, LENGTH_PREFIX_SIZE)
    if (heldSize > 0 && heldSize < wanted && wanted > this.#granted) {
      this.#granted = wanted
      this.#stream.expect(wanted - heldSize)
    }
    return this.fault === undefined
  }

  /** The next message, or undefined if there is none (see `readable`). */
  read(): unknown {
    if (this.#head === this.#messages.length) return undefined
    const message = this.#messages[this.#head]
    const size = this.#sizes[this.#head]!
    this.#messages[this.#head] = undefined
    this.#head++
    if (this.#head === this.#messages.length) this.#rewind()
    this.#credit(size)
    if (this.#full) this.#fill()
    return message
  }

  /** Decodes all that has arrived whole, however much waits: nothing follows it. */
  takeAll(): void {
    this.#fill(Number.POSITIVE_INFINITY)
  }

  /** Gives the peer all its credit and forgets what is not decoded. Messages in the queue stay readable. */
  close(): void {
    this.#credit(this.#owed)
    this.#full = false
    this.#reader.clear()
  }

  /** Forgets the messages in the queue. */
  drop(): void {
    this.#messages.length = 0
    this.#sizes.length = 0
    this.#head = 0
  }

  #rewind(): void {
    this.#messages.length = 0
    this.#sizes.length = 0
    this.#head = 0
  }

  #credit(size: number): void {
    // After `close` the peer has its credit already.
    const owed = Math.min(size, this.#owed)
    this.#owed -= owed
    this.#stream.consume(owed)
  }

  #fill(countMax: number = this.#options.limits.queuedMessagesMax): void {
    const reader = this.#reader
    while (this.fault === undefined) {
      this.#full = this.#messages.length - this.#head >= countMax
      if (this.#full || !reader.next()) break
      this.#granted = 0
      const message = this.#decode()
      if (this.fault !== undefined) break
      this.#messages.push(message)
      this.#sizes.push(LENGTH_PREFIX_SIZE + reader.end - reader.start)
    }
    if (reader.excessSize >= 0) {
      const { messageSizeMax } = this.#options.limits
      this.#fail(
        Status.ResourceExhausted,
        `received message larger than max (${reader.excessSize} vs. ${messageSizeMax})`,
      )
    }
  }

  #decode(): unknown {
    const { bytes, start, end, flag, owned } = this.#reader
    if (flag === MessageFlag.Plain) return this.#value(bytes, start, end, owned)
    if (flag !== MessageFlag.Compressed) {
      return this.#fail(Status.Internal, `message flag is ${flag}; expected 0 or 1`)
    }
    const { encoding, decompression, limits } = this.#options
    if (encoding === '') {
      return this.#fail(Status.Internal, 'message is compressed, but there is no grpc-encoding')
    }
    if (decompression === undefined) {
      return this.#fail(Status.Internal, `grpc-encoding "${encoding}" is not supported`)
    }
    let plain: Buffer
    try {
      plain = decompression.decompress(bytes.subarray(start, end), limits.messageSizeMax)
    } catch (error) {
      if (error instanceof MessageTooLargeError) {
        const text = `received message after decompression larger than max (${limits.messageSizeMax})`
        return this.#fail(Status.ResourceExhausted, text)
      }
      return this.#fail(Status.Internal, `message is no valid ${encoding}`, error)
    }
    return this.#value(plain, 0, plain.length, false)
  }

  #value(bytes: Buffer, start: number, end: number, owned: boolean): unknown {
    const { codec } = this.#options
    try {
      if (owned && codec.decodeOwned !== undefined) return codec.decodeOwned(bytes, start, end)
      return codec.decode(bytes, start, end)
    } catch (error) {
      return this.#fail(Status.Internal, 'message cannot be decoded', error)
    }
  }

  #fail(status: Status, message: string, cause?: unknown): undefined {
    this.fault ??= stacklessError(status, message, { cause })
    return undefined
  }
}
