import { leaseSlab, returnSlab, rewindSlab, SLAB_SIZE, type Slab } from './slab-pool.js'

/**
 * What waits to be written, in order: octets serialised into a leased slab, and
 * large payloads by reference between them.
 *
 *     let offset = output.reserve(13)
 *     offset = writeRstStream(output.bytes, offset, id, code)
 *     output.commit(offset)
 */
export class OutputBuffer {
  #slab: Slab | undefined = undefined
  /** Octets of the slab that are ours: [#start, #offset). */
  #start = 0
  #offset = 0
  #pieces: Buffer[] = []
  #piecesSize = 0
  /** The last batch's slab and where it began, for `rewind`. */
  #written: Slab | undefined = undefined
  #writtenStart = 0
  #writtenLeases = 0

  /** Octets waiting. */
  get size(): number {
    return this.#piecesSize + this.#offset - this.#start
  }

  /** Where `reserve` made room. */
  get bytes(): Buffer {
    return this.#slab!.bytes
  }

  /** Makes room for `size` octets in one piece, at most SLAB_SIZE; returns where they go. */
  reserve(size: number): number {
    if (this.#slab === undefined || SLAB_SIZE - this.#offset < size) this.#lease(size)
    return this.#offset
  }

  /** What was reserved has been written up to `offset`. */
  commit(offset: number): void {
    this.#offset = offset
  }

  /** Appends bytes[start, end) without copying. The bytes belong to us from now on. */
  append(bytes: Buffer, start: number, end: number): void {
    this.#seal()
    this.#pieces.push(bytes.subarray(start, end))
    this.#piecesSize += end - start
  }

  /** Hands out everything; what comes later starts a new batch. */
  take(): Buffer[] {
    this.#seal()
    const pieces = this.#pieces
    this.#pieces = []
    this.#piecesSize = 0
    const slab = this.#slab
    this.#written = slab
    if (slab !== undefined) {
      this.#writtenStart = slab.offset
      this.#writtenLeases = slab.leases
      slab.offset = this.#offset
      this.#slab = undefined
      this.#start = 0
      this.#offset = 0
      returnSlab(slab)
    }
    return pieces
  }

  /** The last batch has left our memory: its octets may be written over. */
  rewind(): void {
    if (this.#written === undefined) return
    rewindSlab(this.#written, this.#writtenStart, this.#writtenLeases)
    this.#written = undefined
  }

  #lease(size: number): void {
    this.#seal()
    let slab = leaseSlab()
    // A rest too small for this piece is left alone: it is never asked for again.
    while (SLAB_SIZE - slab.offset < size) slab = leaseSlab()
    this.#slab = slab
    this.#start = slab.offset
    this.#offset = slab.offset
  }

  #seal(): void {
    if (this.#offset === this.#start) return
    this.#pieces.push(this.#slab!.bytes.subarray(this.#start, this.#offset))
    this.#piecesSize += this.#offset - this.#start
    this.#start = this.#offset
  }
}
