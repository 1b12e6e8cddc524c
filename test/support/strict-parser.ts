import { HpackDecoder } from '../../src/hpack/index.js'
import { Type } from './frames.js'
import { codeName } from './recorder.js'

/** One frame as a peer sees it. `list` is there on the frame that ends a header block. */
export interface PeerFrame {
  readonly type: number
  readonly flags: number
  readonly streamId: number
  readonly payload: Buffer
  readonly list?: readonly string[]
}

const NAMES: readonly string[] =
  'DATA HEADERS PRIORITY RST_STREAM SETTINGS PUSH_PROMISE PING GOAWAY WINDOW_UPDATE CONTINUATION'.split(
    ' ',
  )
/** Flags each type defines. Our endpoint never needs PADDED or PRIORITY, so a stray one is a bug. */
const FLAGS: readonly number[] = [0x1, 0x5, 0, 0, 0x1, 0, 0x1, 0, 0, 0x4]
/** Payload sizes that are fixed. */
const SIZES: Readonly<Record<number, number>> = { 3: 4, 6: 8, 8: 4 }
const ON_CONNECTION: ReadonlySet<number> = new Set([Type.settings, Type.ping, Type.goaway])

/**
 * Reads what a connection emitted and throws at whatever RFC 9113 forbids to
 * send. Written apart from `src/frame`, so that the two can disagree.
 */
export class StrictParser {
  /** Decodes what our side sends, so its bound is the peer's own setting. */
  readonly decoder: HpackDecoder = new HpackDecoder()
  /** The peer's SETTINGS_MAX_FRAME_SIZE. */
  frameSizeMax = 16_384
  #rest: Buffer = Buffer.alloc(0)
  #prefaceDue: boolean
  #settingsDue = true
  #blockStreamId = 0
  #block: Buffer[] = []

  constructor(expectsPreface: boolean) {
    this.#prefaceDue = expectsPreface
  }

  /** Whole frames so far, one at a time: what one says may bear on the next. The rest waits. */
  *parse(bytes: Buffer): Generator<PeerFrame, void> {
    this.#rest = Buffer.concat([this.#rest, bytes])
    if (this.#prefaceDue) this.#readPreface()
    while (!this.#prefaceDue && this.#rest.length >= 9) {
      const end = 9 + this.#rest.readUIntBE(0, 3)
      if (this.#rest.length < end) break
      const frame = this.#rest.subarray(0, end)
      this.#rest = this.#rest.subarray(end)
      yield this.#check(frame)
    }
  }

  /** Octets of a frame that has not come whole. */
  get pendingSize(): number {
    return this.#rest.length
  }

  #readPreface(): void {
    const magic = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'
    if (this.#rest.length < magic.length) return
    const found = this.#rest.toString('latin1', 0, magic.length)
    if (found !== magic) throw new Error(`client preface is ${JSON.stringify(found)}`)
    this.#prefaceDue = false
    this.#rest = this.#rest.subarray(magic.length)
  }

  #check(bytes: Buffer): PeerFrame {
    const [type, flags] = [bytes[3]!, bytes[4]!]
    const streamId = bytes.readUInt32BE(5)
    const payload = Buffer.from(bytes.subarray(9))
    const frame: PeerFrame = { type, flags, streamId, payload }
    const must = (truth: boolean, what: string): void => {
      if (!truth) throw new Error(`the connection sent ${describe(frame)}: ${what}`)
    }
    must(type < NAMES.length, 'unknown type')
    must(type !== Type.pushPromise && type !== Type.priority, 'never ours to send')
    must(payload.length <= this.frameSizeMax, `larger than ${this.frameSizeMax} (§4.2)`)
    must(streamId < 2 ** 31, 'reserved bit set (§4.1)')
    must((flags & ~FLAGS[type]!) === 0, `flags 0x${flags.toString(16)}`)
    must(SIZES[type] === undefined || SIZES[type] === payload.length, 'wrong size')
    must(!this.#settingsDue || (type === Type.settings && flags === 0), 'SETTINGS first (§3.4)')
    this.#settingsDue = false
    if (type !== Type.windowUpdate)
      must((streamId === 0) === ON_CONNECTION.has(type), 'stream id (§6)')
    else must(payload.readUInt32BE(0) > 0 && payload.readUInt32BE(0) < 2 ** 31, 'increment (§6.9)')
    if (type === Type.settings) must(payload.length % 6 === 0 && !(flags && payload[0]), 'size')
    if (type === Type.goaway) must(payload.length >= 8 && payload[0]! < 0x80, 'GOAWAY (§6.8)')
    if (this.#blockStreamId > 0) {
      must(type === Type.continuation && streamId === this.#blockStreamId, 'inside a block (§6.10)')
    } else must(type !== Type.continuation, 'no block is open (§6.10)')
    return type === Type.headers || type === Type.continuation ? this.#readBlock(frame) : frame
  }

  #readBlock(frame: PeerFrame): PeerFrame {
    this.#block.push(frame.payload)
    this.#blockStreamId = frame.streamId
    if ((frame.flags & 4) === 0) return frame
    const block = Buffer.concat(this.#block)
    this.#block = []
    this.#blockStreamId = 0
    return { ...frame, list: this.decoder.decodeList(block) }
  }
}

/** A frame as one line, so that failures read well. */
export function describe(frame: PeerFrame): string {
  const { type, flags, streamId, payload, list } = frame
  const parts: string[] = [NAMES[type] ?? `type 0x${type.toString(16)}`]
  if (streamId > 0) parts.push(`stream ${streamId}`)
  if (type === Type.data || type === Type.headers) {
    if ((flags & 1) !== 0) parts.push('END_STREAM')
  } else if ((flags & 1) !== 0) parts.push('ACK')
  if (type === Type.rstStream) parts.push(codeName(payload.readUInt32BE(0)))
  else if (type === Type.windowUpdate) parts.push(`+${payload.readUInt32BE(0)}`)
  else if (type === Type.goaway) {
    parts.push(`last ${payload.readUInt32BE(0)} ${codeName(payload.readUInt32BE(4))}`)
  } else if (list !== undefined) parts.push(list.join(' '))
  else if (type === Type.data) parts.push(`${payload.length} octets`, digest(payload))
  else if (payload.length > 0) parts.push(payload.toString('hex'))
  return parts.join(' ')
}

/** Short bodies in hex; of long ones a number that differs when they do. */
function digest(bytes: Buffer): string {
  if (bytes.length <= 16) return bytes.toString('hex')
  let sum = 0
  for (const byte of bytes) sum = (Math.imul(sum, 31) + byte) >>> 0
  return `sum ${sum.toString(16)}`
}
