import { LENGTH_PREFIX_SIZE, readMessageSize } from '../wire/length-prefix.js'

/** A held buffer larger than this is given up when it is empty. Unit: octets. */
const IDLE_BUFFER_SIZE_MAX = 65_536

/** The first buffer for octets that wait. Unit: octets. */
const HELD_SIZE_MIN = 256

/** What is held takes no more than so many times what has come of a message. */
const ROOM_SHARE = 2

/** While memory is plenty, a message gets a buffer of its whole size as soon as one part in so many has come. */
const EAGER_SHARE = 8

/**
 * The message that is all that waits on its connection gets a buffer of its whole size when one part in so many has
 * come, and `PIECE_SIZE_MIN` octets: one MiB with the first frame of usual size, 4 MiB with the fourth.
 */
const SOLE_SHARE = 80

/** Unless it is larger than this: a message of the usual limit, with its prefix. Unit: octets. */
const SOLE_SIZE_MAX = 4_194_304 + LENGTH_PREFIX_SIZE

/** A message smaller than this is cheaper to copy than a buffer of its own. Unit: octets. */
const OWN_BUFFER_SIZE_MIN = 16_384

/** What is held below this is rather moved than kept as a piece. Unit: octets. */
const PIECE_SIZE_MIN = 16_384

const EMPTY: Buffer = Buffer.alloc(0)

/**
 * Splits a stream of DATA frames into messages.
 *
 *     reader.push(bytes, start, end)
 *     while (reader.next()) decode(reader.bytes, reader.start, reader.end)
 *     reader.hold()
 *
 * A message that lies within one DATA frame is read in place. Only what does
 * not is copied: a prefix that promises 4 MiB costs nothing by itself, and what
 * is held is never more than twice what has come, except that an `eager` reader
 * makes a message's whole buffer when an eighth of it is here, and a `sole` one
 * when an eightieth is, up to 4 MiB. Until then its octets wait in pieces,
 * each as large as all before it: they move once, and not at each growth. Pieces
 * are garbage that V8 counts against its heap.
 */
export class MessageReader {
  /** Where the current message is; valid until the next call of `next`, `hold` or `push`. */
  bytes: Buffer
  start: number
  end: number
  /** First octet of the current message's prefix, as it came. */
  flag: number
  /** Whether the current message stands alone in a buffer that is given up to whoever reads it: it need not be copied. */
  owned: boolean
  /** Whether there is memory for a buffer of eight times what has come; else of twice that. */
  eager: boolean
  /** Whether nothing else waits on the connection: see `SOLE_SHARE`. */
  sole: boolean
  /** Declared size of the message that broke the limit; -1 while none has. `next` answers false from then on. */
  excessSize: number

  readonly #sizeMax: number
  /** Borrowed from the caller between `push` and `hold`. */
  #input: Buffer
  #inputStart: number
  #inputEnd: number
  /** Octets of ours that come before the input. */
  #held: Buffer
  /** Of the message at the head: what came before `#held`, in full buffers. */
  #pieces: Buffer[] | undefined
  #piecesSize: number
  #heldStart: number
  #heldEnd: number
  /** Octets of the message at the head, with prefix, once the prefix is known; else 0. */
  #wanted: number

  /** `sizeMax`: largest declared size. Unit: octets. */
  constructor(sizeMax: number) {
    this.bytes = EMPTY
    this.start = 0
    this.end = 0
    this.flag = 0
    this.owned = false
    this.eager = true
    this.sole = false
    this.excessSize = -1
    this.#sizeMax = sizeMax
    this.#input = EMPTY
    this.#inputStart = 0
    this.#inputEnd = 0
    this.#held = EMPTY
    this.#pieces = undefined
    this.#piecesSize = 0
    this.#heldStart = 0
    this.#heldEnd = 0
    this.#wanted = 0
  }

  /** Octets that wait in buffers of ours. */
  get heldSize(): number {
    return this.#piecesSize + this.#heldEnd - this.#heldStart
  }

  /** What the buffers have room for beside what they hold. */
  get spareSize(): number {
    return this.#held.length - this.#heldEnd + this.#heldStart
  }

  /** Octets of the incomplete message at the head, prefix included, where its prefix is known; else 0. */
  get wantedSize(): number {
    return this.#wanted
  }

  /** Lends `bytes[start, end)` until `hold`. */
  push(bytes: Buffer, start: number, end: number): void {
    this.#input = bytes
    this.#inputStart = start
    this.#inputEnd = end
  }

  /** Moves on to the next message; false when there is no whole one. */
  next(): boolean {
    if (this.excessSize >= 0) return false
    return this.#heldStart === this.#heldEnd ? this.#nextOfInput() : this.#nextOfHeld()
  }

  /** Keeps what was not read, and gives the input back. */
  hold(): void {
    if (this.excessSize < 0) this.#take(this.#inputEnd - this.#inputStart)
    this.#input = EMPTY
    this.#inputStart = 0
    this.#inputEnd = 0
    // An idle call must not hold its last message.
    this.bytes = EMPTY
  }

  /** Forgets everything. */
  clear(): void {
    this.push(EMPTY, 0, 0)
    this.bytes = EMPTY
    this.#held = EMPTY
    this.#pieces = undefined
    this.#piecesSize = 0
    this.#heldStart = 0
    this.#heldEnd = 0
    this.#wanted = 0
  }

  #nextOfInput(): boolean {
    const start = this.#inputStart
    const available = this.#inputEnd - start
    if (available < LENGTH_PREFIX_SIZE) return false
    const size = readMessageSize(this.#input, start)
    if (size > this.#sizeMax) return this.#exceed(size)
    const wanted = LENGTH_PREFIX_SIZE + size
    if (available < wanted) {
      this.#wanted = wanted
      return false
    }
    this.#inputStart = start + wanted
    return this.#show(this.#input, start, wanted)
  }

  #nextOfHeld(): boolean {
    if (this.#wanted === 0) {
      if (!this.#fill(LENGTH_PREFIX_SIZE)) return false
      const size = readMessageSize(this.#held, this.#heldStart)
      if (size > this.#sizeMax) return this.#exceed(size)
      this.#wanted = LENGTH_PREFIX_SIZE + size
    }
    const wanted = this.#wanted
    if (!this.#fill(wanted)) return false
    this.#wanted = 0
    const start = this.#heldStart
    const held = this.#held
    this.#heldStart = start + wanted
    const owned = held.length === wanted && wanted >= OWN_BUFFER_SIZE_MIN
    if (this.#heldStart === this.#heldEnd) {
      this.#heldStart = 0
      this.#heldEnd = 0
      if (owned || held.length > IDLE_BUFFER_SIZE_MAX) this.#held = EMPTY
    }
    this.#show(held, start, wanted)
    this.owned = owned
    return true
  }

  #show(bytes: Buffer, start: number, wanted: number): boolean {
    this.flag = bytes[start]!
    this.owned = false
    this.bytes = bytes
    this.start = start + LENGTH_PREFIX_SIZE
    this.end = start + wanted
    return true
  }

  #exceed(size: number): boolean {
    this.clear()
    this.excessSize = size
    return false
  }

  /** Whether `size` octets are held, once the input has given what it can. */
  #fill(size: number): boolean {
    const lacking = size - this.heldSize
    if (lacking > 0) this.#take(Math.min(lacking, this.#inputEnd - this.#inputStart))
    return this.heldSize >= size
  }

  /** Moves `size` octets of the input behind what is held. */
  #take(size: number): void {
    if (size <= 0) return
    if (this.#heldEnd + size > this.#held.length) this.#grow(size)
    const room = this.#held.length - this.#heldEnd
    if (room < size) {
      // Only a piece may lack room: it is filled, and the next one takes the rest.
      this.#copy(room)
      this.#addPiece(size - room)
      this.#copy(size - room)
    } else this.#copy(size)
  }

  #copy(size: number): void {
    this.#input.copy(this.#held, this.#heldEnd, this.#inputStart, this.#inputStart + size)
    this.#heldEnd += size
    this.#inputStart += size
  }

  /** Makes room for `size` more octets, unless they are to be divided into pieces. */
  #grow(size: number): void {
    const heldSize = this.heldSize
    const needed = heldSize + size
    const wanted = this.#wanted
    const whole = wanted >= needed && wanted <= this.#roomFor(needed)
    // Pieces are of one message only, and too small for its end: what may be several stays in one buffer.
    const unfinished = wanted > needed && !whole
    if (unfinished && this.#heldStart === 0 && heldSize >= PIECE_SIZE_MIN) return
    // What is held may still be shown to the caller as a message: never move it in place.
    const grown = Buffer.allocUnsafeSlow(
      whole ? wanted : Math.max(needed * ROOM_SHARE, HELD_SIZE_MIN),
    )
    this.#gather(grown)
    this.#held = grown
    this.#heldStart = 0
    this.#heldEnd = heldSize
  }

  /** The largest message that may have its whole buffer, now that `size` octets of it have come. */
  #roomFor(size: number): number {
    const room = size * (this.eager ? EAGER_SHARE : ROOM_SHARE)
    if (!this.sole || size < PIECE_SIZE_MIN) return room
    return Math.max(room, Math.min(size * SOLE_SHARE, SOLE_SIZE_MAX))
  }

  /** Copies all that is held. */
  #gather(target: Buffer): void {
    let at = 0
    if (this.#pieces !== undefined) {
      for (const piece of this.#pieces) at += piece.copy(target, at)
      this.#pieces = undefined
      this.#piecesSize = 0
    }
    this.#held.copy(target, at, this.#heldStart, this.#heldEnd)
  }

  /** Keeps the full buffer as a piece, and begins one that takes `size` octets and as much again as there will be then. */
  #addPiece(size: number): void {
    this.#pieces ??= []
    this.#pieces.push(this.#held)
    this.#piecesSize += this.#held.length
    this.#held = Buffer.allocUnsafeSlow(this.#piecesSize + size * ROOM_SHARE)
    this.#heldEnd = 0
  }
}
