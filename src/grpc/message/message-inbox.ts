import type { Stream } from '../../connection/index.js'
import { MessageTooLargeError } from '../wire/compression.js'
import { LENGTH_PREFIX_SIZE, MessageFlag } from '../wire/length-prefix.js'
import { type GrpcError, Status, stacklessError } from '../wire/status.js'
import { CodingJob } from './coding-job.js'
import type { InboxOptions } from './inbox-options.js'
import { MessageReader } from './message-reader.js'

/**
 * While no more than this waits on the connection, messages get their buffers early: eight
 * times it is 1.25 MiB, and beyond it a connection holds twice what has come. Unit: octets.
 */
const EAGER_SIZE_MAX = 163_840

/** What a decoded message that waits takes beside its octets: an object with its fields. Measured. Unit: octets. */
const MESSAGE_COST = 128
/** Room in the buffer of an unfinished message, more or less than is charged, that is worth charging. Unit: octets. */
const SPARE_STEP = 8_192
/** A difference that is worth charging. Unit: messages. */
const CHARGE_STEP = 32

/**
 * Messages received on one call, decoded while their bytes are borrowed and
 * queued until the application reads them. Only then does the peer get its
 * credit back. Beyond `queuedMessagesMax` they stay encoded. A large message whose
 * reader does not wait for it gets no window beyond its stream's, unless there is plenty.
 *
 * A compressed one stays as it is until it is read, and what comes behind it
 * stays encoded: a few octets may be megabytes, and they wait as few octets.
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
  /** There may be whole messages left in the reader: the queue is full, or a compressed one comes first. */
  #full: boolean
  /** The compressed message that comes behind the queue. */
  #packed: Buffer | undefined
  /** What it took on the wire. */
  #packedSize: number
  /** Inflates it. */
  #job: CodingJob | undefined
  /** Has inflated the message at the head of the queue. */
  #headJob: CodingJob | undefined
  /** The message at the head of the queue came compressed. */
  #headPacked: boolean
  /** Whether the message that was read last came compressed. */
  compressed: boolean
  /** Messages in the queue that were charged. */
  #chargedCount: number
  /** What messages in the queue take far beyond their octets, as their codec says. */
  #weight: number
  /** Room in the buffer of an unfinished message that was charged. */
  #chargedSpare: number
  /** Octets of the message at the head, or of its prefix, that the window was opened for. */
  #granted: number
  /** The application waits for the next message. */
  #isWanted: boolean

  /** `isWanted`: somebody waits for the first message. */
  constructor(stream: Stream, options: InboxOptions, isWanted = true) {
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
    this.#chargedCount = 0
    this.#weight = 0
    this.#chargedSpare = 0
    this.#isWanted = isWanted
    this.#packed = undefined
    this.#packedSize = 0
    this.#job = undefined
    this.#headJob = undefined
    this.#headPacked = false
    this.compressed = false
  }

  /** Whether `read` has a message, or one to inflate. */
  get readable(): boolean {
    return this.#head < this.#messages.length || (this.#packed !== undefined && !this.inflating)
  }

  /** Whether the next message is compressed, and nobody has asked for it. */
  get isPacked(): boolean {
    return this.#head === this.#messages.length && this.#packed !== undefined && !this.inflating
  }

  /** Whether a message that was asked for is being inflated: its owner will hear. */
  get inflating(): boolean {
    return this.#job !== undefined
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
    const waiting = this.#stream.connection.unconsumedSize - this.#owed
    reader.eager = waiting + reader.heldSize + end - start <= EAGER_SIZE_MAX
    reader.sole = waiting === 0 && !this.#stream.connection.memory.isShort
    reader.push(bytes, start, end)
    this.#fill()
    reader.hold()
    const spare = reader.spareSize - this.#chargedSpare
    if (spare >= SPARE_STEP || spare <= -SPARE_STEP) this.#chargeSpare(spare)
    this.#openWindow()
    return this.fault === undefined
  }

  /** The next message; undefined if it is broken (`fault`), `inflating`, or there is none: then the peer may send it whole. */
  read(): unknown {
    if (this.#head === this.#messages.length) {
      return this.isPacked ? this.#readPacked() : this.#want()
    }
    const message = this.#messages[this.#head]
    const size = this.#sizes[this.#head]!
    this.#messages[this.#head] = undefined
    this.#head++
    if (this.#head === this.#messages.length) this.#rewind()
    this.compressed = this.#headPacked
    if (this.#headPacked) {
      this.#headPacked = false
      this.#release(this.#options.keepsRoom)
    }
    this.#credit(size)
    if (this.#full) this.#refill()
    return message
  }

  /** Decodes all that has arrived whole, however much waits: nothing follows it. Of compressed messages about `inflatedSizeMax` octets. */
  takeAll(): void {
    const { decompression, limits } = this.#options
    let left = limits.inflatedSizeMax
    this.#fill(Number.POSITIVE_INFINITY)
    while (this.#packed !== undefined && this.fault === undefined && left > 0) {
      const packed = this.#packed
      this.#packed = undefined
      let plain: Buffer | undefined
      let problem: unknown
      try {
        plain = decompression!.decompress(packed, limits.messageSizeMax)
        left -= plain.length
      } catch (error) {
        problem = error
      }
      const message = this.#unpacked(plain, problem)
      if (this.fault !== undefined) return
      this.#messages.push(message)
      this.#sizes.push(this.#packedSize)
      this.#fill(Number.POSITIVE_INFINITY)
    }
  }

  /** Gives the peer all its credit and forgets what is not decoded. Messages in the queue stay readable. */
  close(): void {
    this.#credit(this.#owed)
    if (this.#chargedCount > 0) this.#charge(0)
    this.#addWeight(-this.#weight)
    this.#full = false
    this.#packed = undefined
    this.#headJob ??= this.#job
    this.#job = undefined
    if (this.#headJob !== undefined) this.#release(false)
    this.#reader.clear()
    if (this.#chargedSpare > 0) this.#chargeSpare(-this.#chargedSpare)
  }

  /** @internal The message has been inflated. */
  onCoded(bytes: Buffer | undefined, error: unknown): void {
    this.#packed = undefined
    this.#headJob = this.#job
    this.#job = undefined
    const message = this.#unpacked(bytes, error)
    if (this.fault === undefined) {
      this.#messages.push(message)
      this.#sizes.push(this.#packedSize)
      this.#headPacked = true
      this.#refill()
    }
    this.#options.owner.onInflated()
  }

  /** Forgets the messages in the queue. */
  drop(): void {
    this.#rewind()
  }

  /** The application waits for the next message. */
  #want(): undefined {
    if (this.#isWanted || this.inflating) return
    this.#isWanted = true
    this.#granted = 0
    this.#openWindow()
  }

  #rewind(): void {
    if (this.#chargedCount > 0) this.#charge(0)
    this.#addWeight(-this.#weight)
    this.#messages.length = 0
    this.#sizes.length = 0
    this.#head = 0
  }

  #charge(count: number): void {
    this.#stream.charge((count - this.#chargedCount) * MESSAGE_COST)
    this.#chargedCount = count
  }

  /** Given back when the queue is empty: large ones come one by one. */
  #addWeight(difference: number): void {
    if (difference === 0) return
    this.#weight += difference
    this.#stream.charge(difference)
  }

  #chargeSpare(difference: number): void {
    this.#chargedSpare += difference
    this.#stream.charge(difference)
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
      this.#full = this.#packed !== undefined || this.#messages.length - this.#head >= countMax
      if (this.#full || !reader.next()) break
      this.#granted = 0
      this.#isWanted = false
      if (reader.flag !== MessageFlag.Plain) {
        this.#pack()
        continue
      }
      const message = this.#value(reader.bytes, reader.start, reader.end, reader.owned)
      if (this.fault !== undefined) break
      this.#messages.push(message)
      this.#sizes.push(LENGTH_PREFIX_SIZE + reader.end - reader.start)
      const { codec } = this.#options
      if (codec.weigh !== undefined) this.#addWeight(codec.weigh(message))
    }
    const count = this.#messages.length - this.#head
    if (count >= this.#chargedCount + CHARGE_STEP) this.#charge(count)
    if (reader.excessSize >= 0) {
      const { messageSizeMax } = this.#options.limits
      this.#fail(
        Status.ResourceExhausted,
        `received message larger than max (${reader.excessSize} vs. ${messageSizeMax}): messageSizeMax`,
      )
    }
  }

  /** More of what has come can be decoded now. */
  #refill(): void {
    this.#fill()
    this.#openWindow()
  }

  /** The message at the head is not complete: the peer may send all of it. */
  #openWindow(): void {
    const { heldSize, wantedSize } = this.#reader
    // A window may be too small even for the prefix, which tells what is wanted.
    const wanted = Math.max(wantedSize, LENGTH_PREFIX_SIZE)
    if (heldSize > 0 && heldSize < wanted && wanted > this.#granted) {
      this.#granted = wanted
      this.#stream.expect(wanted - heldSize, this.#isWanted)
    }
  }

  /** The reader's message is not plain: it is kept until it is read, and all others behind it. */
  #pack(): void {
    const { bytes, start, end, flag, owned } = this.#reader
    const { encoding, decompression } = this.#options
    if (flag !== MessageFlag.Compressed) {
      this.#fail(Status.Internal, `message flag is ${flag}; expected 0 or 1`)
    } else if (encoding === '') {
      this.#fail(Status.Internal, 'message is compressed, but there is no grpc-encoding')
    } else if (decompression === undefined) {
      this.#fail(Status.Internal, `grpc-encoding "${encoding}" is not supported`)
    } else {
      const packed = bytes.subarray(start, end)
      this.#packed = owned ? packed : Buffer.from(packed)
      this.#packedSize = LENGTH_PREFIX_SIZE + end - start
    }
  }

  /** The message that is packed, if it can be had at once. */
  #readPacked(): unknown {
    const { batch, decompression, limits } = this.#options
    const coder = batch.coder(this.#stream.connection)
    let plain: Buffer | undefined
    let problem: unknown
    try {
      const coded = coder.inflate(this.#packed!, decompression!, limits, this)
      if (coded instanceof CodingJob) {
        this.#job = coded
        return undefined
      }
      plain = coded
    } catch (error) {
      problem = error
    }
    this.#packed = undefined
    const message = this.#unpacked(plain, problem)
    if (this.fault !== undefined) return undefined
    this.compressed = true
    this.#credit(this.#packedSize)
    this.#refill()
    return message
  }

  /** The message in `plain`, which is no one else's; or the fault. */
  #unpacked(plain: Buffer | undefined, error: unknown): unknown {
    const { encoding, limits } = this.#options
    if (plain !== undefined) {
      return this.#value(plain, 0, plain.length, plain.buffer.byteLength === plain.length)
    }
    if (!(error instanceof MessageTooLargeError)) {
      return this.#fail(Status.Internal, `message is no valid ${encoding}`, error)
    }
    const text = `received message after decompression larger than max (${limits.messageSizeMax}): messageSizeMax`
    return this.#fail(Status.ResourceExhausted, text)
  }

  /** What was inflated is the application's, or nobody's. */
  #release(keepsRoom: boolean): void {
    const job = this.#headJob
    if (job === undefined) return
    const coder = this.#options.batch.coder(this.#stream.connection)
    if (keepsRoom) return coder.take(job)
    coder.release(job)
    this.#headJob = undefined
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
