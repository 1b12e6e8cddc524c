import { Flag, FRAME_HEADER_SIZE, FrameType, writeFrameHeader } from '../../frame/index.js'
import { HpackEncoder } from '../../hpack/index.js'
import type { FrameObserver } from '../core/host.js'
import type { OutputBuffer } from '../core/output-buffer.js'
import type { HeaderList } from './header-list.js'
import { HeaderListError } from './header-list-error.js'
import { BlockPart, checkOutgoing, headerListSize } from './header-rules.js'
import { neverIndexedNames } from './never-indexed.js'

/** Lists whose encoded form is kept, for each connection. */
const CACHED_LISTS_MAX = 8
/** A block of at most this size is encoded where it will leave from. Unit: octets. */
const DIRECT_SIZE_MAX = 8_192
/** SETTINGS_HEADER_TABLE_SIZE until the peer says otherwise. Unit: octets. RFC 9113 §6.5.2. */
const TABLE_SIZE_DEFAULT = 4_096

/** An encoded list, valid while the encoder's table has not changed. */
class CachedList {
  readonly list: HeaderList
  readonly part: BlockPart
  readonly size: number
  generation = -1
  octets: Buffer | undefined = undefined

  constructor(list: HeaderList, part: BlockPart) {
    this.list = list
    this.part = part
    this.size = headerListSize(list)
  }
}

/** What a connection says of its headers. */
export interface HeaderWriterOptions {
  readonly observer?: FrameObserver | undefined
  readonly neverIndexed?: readonly string[] | undefined
}

const NOTHING = new CachedList([], BlockPart.Trailers)

/**
 * Encodes header blocks and frames them. RFC 9113 §4.3, §6.2, §6.10.
 *
 * A list that is sent again (the same array, not merely an equal one) is checked
 * and encoded once; afterwards its octets are copied.
 */
export class HeaderWriter {
  readonly #encoder: HpackEncoder
  readonly #tableSizeMax: number
  readonly #output: OutputBuffer
  readonly #observer: FrameObserver | undefined
  readonly #cached: CachedList[] = []
  #cachedNext = 0
  /** Lists seen once, the latest few. */
  readonly #seen: HeaderList[] = []
  #seenNext = 0
  /** What `check` found: `write` follows it. */
  #found: CachedList = NOTHING

  constructor(output: OutputBuffer, tableSizeMax: number, options: HeaderWriterOptions = {}) {
    this.#output = output
    this.#observer = options.observer
    this.#tableSizeMax = tableSizeMax
    // The peer's table starts with the protocol's default, whatever we make of it: a smaller
    // one of ours has to be announced (RFC 9113 §4.3.1).
    this.#encoder = new HpackEncoder({
      tableSizeMax: Math.max(tableSizeMax, TABLE_SIZE_DEFAULT),
      neverIndexed: neverIndexedNames(options.neverIndexed),
    })
    this.setTableSizeMax(TABLE_SIZE_DEFAULT)
  }

  /** The HPACK table. Unit: octets. */
  get tableSize(): number {
    return this.#encoder.tableSize
  }

  /** Entries of the HPACK table. */
  get tableLength(): number {
    return this.#encoder.tableLength
  }

  /** The peer's SETTINGS_HEADER_TABLE_SIZE. */
  setTableSizeMax(size: number): void {
    this.#encoder.setTableSizeMax(Math.min(size, this.#tableSizeMax))
  }

  /**
   * Whether the fields can be sent at all, before anything is.
   *
   * @throws TypeError when one cannot; RangeError when the list is larger than the peer's `listSizeMax`.
   */
  check(
    list: HeaderList,
    extra: HeaderList | undefined,
    part: BlockPart,
    listSizeMax: number,
  ): void {
    let { size } = this.#find(list, part)
    if (extra !== undefined) {
      // It follows the fields of `list`.
      checkOutgoing(extra, BlockPart.Trailers)
      size += headerListSize(extra)
    }
    if (size > listSizeMax) throw new HeaderListError(size, listSizeMax)
  }

  /** The encoded form of a list that was sent before as `part` and can go as it is; undefined if it has to be encoded, or is too large. */
  kept(list: HeaderList, part: BlockPart, listSizeMax: number): Buffer | undefined {
    for (let i = 0; i < this.#cached.length; i++) {
      const cached = this.#cached[i]!
      if (cached.list !== list || cached.part !== part) continue
      return this.#isCurrent(cached) && cached.size <= listSizeMax ? cached.octets : undefined
    }
    return undefined
  }

  /** Writes one block that `check` has passed as HEADERS and, if need be, CONTINUATION frames. */
  write(
    streamId: number,
    list: HeaderList,
    extra: HeaderList | undefined,
    endStream: boolean,
    frameSizeMax: number,
  ): void {
    const cached = this.#found
    const encodedMax =
      (this.#isCurrent(cached) ? cached.octets!.length : this.#encoder.encodedSizeMax(list)) +
      (extra === undefined ? 0 : this.#encoder.encodedSizeMax(extra))
    const flags = endStream ? Flag.EndStream : 0
    if (encodedMax <= DIRECT_SIZE_MAX) this.#writeDirect(streamId, cached, extra, flags, encodedMax)
    else this.#writeSplit(streamId, cached, extra, flags, encodedMax, frameSizeMax)
  }

  #writeDirect(
    streamId: number,
    cached: CachedList,
    extra: HeaderList | undefined,
    flags: number,
    sizeMax: number,
  ): void {
    const output = this.#output
    const start = output.reserve(FRAME_HEADER_SIZE + sizeMax)
    const { bytes } = output
    const end = this.#encode(cached, extra, bytes, start + FRAME_HEADER_SIZE)
    const size = end - start - FRAME_HEADER_SIZE
    writeFrameHeader(bytes, start, size, FrameType.Headers, flags | Flag.EndHeaders, streamId)
    output.commit(end)
    this.#observer?.onFrame(true, FrameType.Headers, flags | Flag.EndHeaders, streamId, size)
  }

  #writeSplit(
    streamId: number,
    cached: CachedList,
    extra: HeaderList | undefined,
    flags: number,
    sizeMax: number,
    frameSizeMax: number,
  ): void {
    const block = Buffer.allocUnsafe(sizeMax)
    const end = this.#encode(cached, extra, block, 0)
    const frameMax = Math.min(frameSizeMax, 16_384)
    const output = this.#output
    for (let start = 0; start < end || start === 0; start += frameMax) {
      const size = Math.min(frameMax, end - start)
      const type = start === 0 ? FrameType.Headers : FrameType.Continuation
      const frameFlags = (start === 0 ? flags : 0) | (start + size === end ? Flag.EndHeaders : 0)
      const offset = output.reserve(FRAME_HEADER_SIZE + size)
      const payload = writeFrameHeader(output.bytes, offset, size, type, frameFlags, streamId)
      block.copy(output.bytes, payload, start, start + size)
      output.commit(payload + size)
      this.#observer?.onFrame(true, type, frameFlags, streamId, size)
    }
  }

  #encode(
    cached: CachedList,
    extra: HeaderList | undefined,
    target: Buffer,
    offset: number,
  ): number {
    const encoder = this.#encoder
    let end = offset
    if (this.#isCurrent(cached)) {
      const octets = cached.octets!
      for (let i = 0; i < octets.length; i++) target[end++] = octets[i]!
    } else {
      const { generation } = encoder
      end = encoder.encode(cached.list, target, offset)
      // Octets may be sent again only if encoding them changed nothing.
      if (encoder.generation === generation) {
        cached.generation = generation
        cached.octets = Buffer.from(target.subarray(offset, end))
      }
    }
    return extra === undefined ? end : encoder.encode(extra, target, end)
  }

  #isCurrent(cached: CachedList): boolean {
    return cached.octets !== undefined && cached.generation === this.#encoder.generation
  }

  /** The cached form of `list`; only what was seen before is kept. */
  #find(list: HeaderList, part: BlockPart): CachedList {
    for (const cached of this.#cached) {
      if (cached.list !== list) continue
      this.#found = cached
      return cached
    }
    checkOutgoing(list, part)
    this.#found = new CachedList(list, part)
    if (this.#seen.includes(list)) {
      this.#cached[this.#cachedNext] = this.#found
      this.#cachedNext = (this.#cachedNext + 1) % CACHED_LISTS_MAX
    } else {
      this.#seen[this.#seenNext] = list
      this.#seenNext = (this.#seenNext + 1) % CACHED_LISTS_MAX
    }
    return this.#found
  }
}
