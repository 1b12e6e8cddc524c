import { describe, type PeerFrame, StrictParser } from '../test/support/strict-parser.js'
import type { OracleFrame } from './frame-oracle.js'
import { OracleDecoder } from './hpack-oracle.js'
import { invariant } from './invariant.js'

const [DATA, HEADERS, RST_STREAM, SETTINGS, PUSH_PROMISE, GOAWAY, WINDOW_UPDATE, CONTINUATION] = [
  0, 1, 3, 4, 5, 7, 8, 9,
]

/**
 * The other end of a connection, which sees all that comes out and keeps the
 * books: whether it was allowed, and what it may send in return. RFC 9113 §5, §6.9.
 */
export class PeerModel {
  readonly #parser: StrictParser
  readonly #sent: readonly OracleFrame[]
  #sentCount = 0
  readonly #unacknowledged: OracleFrame[] = []
  /** What we granted it. */
  #initialWindow = 65_535
  #window = 65_535
  readonly #credits = new Map<number, number>()
  readonly #ended = new Set<number>()
  readonly #reset = new Set<number>()
  /** GOAWAY with an error came: nothing may follow. */
  failure: number | undefined
  /** Its error GOAWAYs, in total. */
  goaways = 0
  /** RST_STREAM by stream. */
  readonly resets: Map<number, number> = new Map()
  /** Octets of WINDOW_UPDATE for the connection (stream 0) and for each stream. */
  readonly granted: Map<number, number> = new Map()
  /** Octets of DATA it was sent that the connection has handled, in all (0) and for each stream. */
  readonly charged: Map<number, number> = new Map()
  readonly lines: string[] = []
  readonly #isServer: boolean

  /** `sent`: what it sends, in order; `handled` says how far the connection has come. */
  constructor(role: 'client' | 'server', sent: readonly OracleFrame[]) {
    this.#isServer = role === 'server'
    this.#parser = new StrictParser(role === 'client')
    this.#sent = sent
  }

  /** The connection has handled the first `count` frames. */
  handled(count: number): void {
    for (; this.#sentCount < count; this.#sentCount++) {
      const frame = this.#sent[this.#sentCount]
      if (frame === undefined) return
      if (frame.type === SETTINGS && (frame.flags & 1) === 0) this.#unacknowledged.push(frame)
      if (frame.type === DATA) {
        add(this.charged, 0, frame.size)
        add(this.charged, frame.streamId, frame.size)
      }
      if (frame.type !== WINDOW_UPDATE) continue
      const [increment = 0] = frame.fields
      if (frame.streamId === 0) this.#window += increment
      else add(this.#credits, frame.streamId, increment)
    }
  }

  /** Octets came out of the connection. */
  receive(octets: Buffer): void {
    for (const frame of this.#parser.parse(octets)) this.#receiveFrame(frame)
  }

  /** Nothing is left half said. */
  checkWhole(): void {
    invariant(this.#parser.pendingSize === 0, 'I-OUT output ends with a whole frame')
  }

  #receiveFrame(frame: PeerFrame): void {
    const { type, flags, streamId, payload } = frame
    this.lines.push(describe(frame))
    const text = (): string => describe(frame)
    invariant(this.failure === undefined, 'I-DEAD a frame after an error GOAWAY', text)
    invariant(type !== PUSH_PROMISE, 'I-OUT a push that was not offered', text)
    if (type === GOAWAY) {
      this.goaways++
      const code = payload.readUInt32BE(4)
      if (code !== 0) this.failure = code
    }
    if (type === SETTINGS && (flags & 1) === 1) this.#apply()
    if (type === WINDOW_UPDATE) add(this.granted, streamId, payload.readUInt32BE(0))
    if (streamId === 0) return
    const isOdd = streamId % 2 === 1
    invariant(isOdd, 'I-STATE a frame on a stream that nobody could open', text)
    invariant(!this.#reset.has(streamId), 'I-STATE a frame after RST_STREAM', text)
    if (type === RST_STREAM) {
      this.#reset.add(streamId)
      this.resets.set(streamId, payload.readUInt32BE(0))
    }
    if (type !== DATA && type !== HEADERS && type !== CONTINUATION) return
    const isEnd = type !== CONTINUATION && (flags & 1) === 1
    invariant(
      type === CONTINUATION || !this.#ended.has(streamId),
      'I-STATE a frame after END_STREAM',
      text,
    )
    if (isEnd) this.#ended.add(streamId)
    if (type !== DATA) return
    add(this.#credits, streamId, -payload.length)
    this.#window -= payload.length
    if (payload.length === 0) return
    const window = this.#initialWindow + (this.#credits.get(streamId) ?? 0)
    invariant(
      window >= 0,
      'I-FC DATA beyond the window of its stream',
      () => `${text()}, ${window}`,
    )
    invariant(
      this.#window >= 0,
      'I-FC DATA beyond the window of the connection',
      () => `${text()}, ${this.#window}`,
    )
  }

  /** Our SETTINGS are acknowledged: from here on they hold. RFC 9113 §6.5.3. */
  #apply(): void {
    const frame = this.#unacknowledged.shift()
    invariant(frame !== undefined, 'I-STATE an acknowledgement for SETTINGS that were not sent')
    const payload = Buffer.from(frame.content, 'hex')
    for (let at = 0; at < payload.length; at += 6) {
      const value = payload.readUInt32BE(at + 2)
      const id = payload.readUInt16BE(at)
      if (id === 1) this.#parser.decoder.setTableSizeMax(value)
      if (id === 4) this.#initialWindow = value
      if (id === 5) this.#parser.frameSizeMax = value
    }
  }

  get isServer(): boolean {
    return this.#isServer
  }
}

/** A decoder as a peer with default settings has it. */
export function newOracleDecoder(): OracleDecoder {
  return new OracleDecoder({ integerMax: 0x0fff_ffff, updatesMax: 2 })
}

function add(map: Map<number, number>, key: number, value: number): void {
  map.set(key, (map.get(key) ?? 0) + value)
}
