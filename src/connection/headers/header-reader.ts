import { ConnectionError, ErrorCode } from '../../frame/index.js'
import { type FieldSink, HpackDecoder, HpackError, HpackLimitError } from '../../hpack/index.js'
import type { ConnectionLimits } from '../core/limits.js'
import { DecodedBlock } from './header-block.js'
import { classifyField } from './header-rules.js'

/** Encoded blocks up to this size are worth remembering. Unit: octets. */
const MEMO_BLOCK_SIZE_MAX = 256
/** Blocks remembered for each connection; a power of two. */
const MEMO_SLOTS = 8

/** A whole block seen before: same octets, same table, so the same fields. */
class Memo {
  generation = -1
  hash = 0
  /** Undefined after the first sight: only what comes twice is worth a copy. */
  octets: Buffer | undefined = undefined
  block: DecodedBlock | undefined = undefined
}

/**
 * Header blocks of one connection: joins CONTINUATION frames, counts them,
 * decodes, and remembers whole blocks. RFC 9113 §4.3, §6.10.
 *
 * Blocks of steady traffic are the same few octets again and again. A memo is
 * valid while the decoder's table has not changed and is stored on second
 * sight; it takes a block from some hundred nanoseconds to about fifty.
 */
export class HeaderReader implements FieldSink {
  readonly #decoder: HpackDecoder
  readonly #limits: ConnectionLimits
  readonly #memos: Memo[] = []
  #block: DecodedBlock = new DecodedBlock()

  // The block that CONTINUATION frames are still to complete; streamId 0 if none.
  #streamId = 0
  #endStream = false
  #fragments: Buffer = EMPTY
  #fragmentsSize = 0
  #continuations = 0
  #emptyContinuations = 0

  constructor(limits: ConnectionLimits) {
    this.#limits = limits
    this.#decoder = new HpackDecoder({
      // Both ends start from the protocol's default; ours counts once acknowledged (RFC 9113 §4.3.1).
      tableSizeMax: 4_096,
      classify: classifyField,
      fieldsMax: limits.headerFieldsHardMax,
      listSizeMax: limits.headerListSizeHardMax,
      tableSizeUpdatesMax: limits.tableSizeUpdatesMax,
    })
  }

  /** The HPACK table. Unit: octets. */
  get tableSize(): number {
    return this.#decoder.tableSize
  }

  /** Entries of the HPACK table. */
  get tableLength(): number {
    return this.#decoder.tableLength
  }

  /** Kept of literals that come again. Unit: octets. */
  get literalsSize(): number {
    return this.#decoder.literalsSize
  }

  /** Buffer of the block that is incomplete. Unit: octets. */
  get fragmentsSize(): number {
    return this.#fragments.length
  }

  /** The stream whose block is incomplete; 0 if none. */
  get openStreamId(): number {
    return this.#streamId
  }

  /** END_STREAM of the HEADERS frame that began the open block. */
  get openEndStream(): boolean {
    return this.#endStream
  }

  /** The peer has acknowledged our SETTINGS_HEADER_TABLE_SIZE. RFC 9113 §4.3.1. */
  setTableSizeMax(size: number): void {
    this.#decoder.setTableSizeMax(size)
  }

  /** HEADERS without END_HEADERS: keeps the first fragment. */
  begin(streamId: number, endStream: boolean, bytes: Buffer, start: number, end: number): void {
    this.#streamId = streamId
    this.#endStream = endStream
    this.#fragmentsSize = 0
    this.#continuations = 0
    this.#emptyContinuations = 0
    this.#keep(bytes, start, end)
  }

  /** CONTINUATION: returns the block when `endHeaders`, else undefined. Floods end the connection. */
  continue(
    bytes: Buffer,
    start: number,
    end: number,
    endHeaders: boolean,
  ): DecodedBlock | undefined {
    const { continuationsMax, emptyContinuationsMax } = this.#limits
    if (++this.#continuations > continuationsMax) {
      this.#flood(`more than ${continuationsMax} CONTINUATION frames`)
    }
    if (start === end && ++this.#emptyContinuations > emptyContinuationsMax) {
      this.#flood(`more than ${emptyContinuationsMax} empty CONTINUATION frames`)
    }
    this.#keep(bytes, start, end)
    if (!endHeaders) return undefined
    this.#streamId = 0
    const fragments = this.#fragments
    this.#fragments = EMPTY
    return this.decode(fragments, 0, this.#fragmentsSize)
  }

  /** One whole block. Every block must pass here, wanted or not: the table is shared. RFC 9113 §4.3. */
  decode(bytes: Buffer, start: number, end: number): DecodedBlock {
    const size = end - start
    if (size === 0 || size > MEMO_BLOCK_SIZE_MAX) return this.#decodeFields(bytes, start, end)
    const hash = hashOctets(bytes, start, size)
    const { generation } = this.#decoder
    const index = hash & (MEMO_SLOTS - 1)
    const memo = this.#memos[index]
    const seen = memo !== undefined && memo.hash === hash && memo.generation === generation
    if (seen && memo.octets !== undefined && sameOctets(memo.octets, bytes, start, end))
      return memo.block!
    const block = this.#decodeFields(bytes, start, end)
    if (this.#decoder.generation === generation && !block.neverIndexed) {
      this.#remember(index, hash, seen, bytes.subarray(start, end), block)
    }
    return block
  }

  onField(name: string, value: string, fieldClass: number, neverIndexed: boolean): void {
    if (neverIndexed) this.#block.neverIndexed = true
    this.#block.add(
      name,
      value,
      fieldClass,
      this.#limits.headerListSizeMax,
      this.#limits.headerFieldsMax,
    )
  }

  #remember(index: number, hash: number, seen: boolean, octets: Buffer, block: DecodedBlock): void {
    while (this.#memos.length <= index) this.#memos.push(new Memo())
    const memo = this.#memos[index]!
    memo.hash = hash
    memo.generation = this.#decoder.generation
    memo.octets = seen ? Buffer.from(octets) : undefined
    memo.block = seen ? block : undefined
    block.shared = seen
  }

  #decodeFields(bytes: Buffer, start: number, end: number): DecodedBlock {
    const block = new DecodedBlock()
    this.#block = block
    try {
      this.#decoder.decode(bytes, start, end, this)
    } catch (error) {
      throw translated(error)
    }
    block.complete()
    return block
  }

  #keep(bytes: Buffer, start: number, end: number): void {
    const size = this.#fragmentsSize + end - start
    const sizeMax = this.#limits.headerListSizeHardMax
    if (size > sizeMax)
      this.#flood(`an encoded header block of ${size} octets; the limit is ${sizeMax}`)
    if (size > this.#fragments.length) {
      const grown = Buffer.allocUnsafe(Math.min(sizeMax, Math.max(1_024, size * 2)))
      this.#fragments.copy(grown, 0, 0, this.#fragmentsSize)
      this.#fragments = grown
    }
    bytes.copy(this.#fragments, this.#fragmentsSize, start, end)
    this.#fragmentsSize = size
  }

  #flood(message: string): never {
    throw new ConnectionError(ErrorCode.EnhanceYourCalm, 'RFC 9113 §10.5.1', message)
  }
}

const EMPTY: Buffer = Buffer.alloc(0)

function translated(error: unknown): unknown {
  if (error instanceof HpackLimitError) {
    return new ConnectionError(ErrorCode.EnhanceYourCalm, 'RFC 9113 §10.5.1', error.message)
  }
  if (error instanceof HpackError) {
    return new ConnectionError(ErrorCode.CompressionError, 'RFC 9113 §4.3', error.message)
  }
  return error
}

/** FNV-1a over at most 32 octets, first and last: enough to tell blocks apart before they are compared. */
function hashOctets(bytes: Buffer, start: number, size: number): number {
  let hash = 0x811c9dc5 ^ size
  const head = Math.min(size, 16)
  for (let i = 0; i < head; i++) hash = Math.imul(hash ^ bytes[start + i]!, 0x01000193)
  for (let i = size > 32 ? size - 16 : head; i < size; i++)
    hash = Math.imul(hash ^ bytes[start + i]!, 0x01000193)
  return (hash ^ (hash >>> 15)) >>> 0
}

function sameOctets(octets: Buffer, bytes: Buffer, start: number, end: number): boolean {
  if (octets.length !== end - start) return false
  for (let i = 0; i < octets.length; i++) if (octets[i] !== bytes[start + i]) return false
  return true
}
