import assert from 'node:assert/strict'
import {
  Connection,
  type ConnectionLimits,
  type FrameObserver,
  type HeaderList,
  type MemoryBudget,
  type Stream,
} from '../../src/connection/index.js'
import { frames, literalBlock, REQUEST, SettingId, Type } from './frames.js'
import { codeName, Recorder, type RecorderOptions, type StreamRecorder } from './recorder.js'
import { describe, type PeerFrame, StrictParser } from './strict-parser.js'

export interface ConnectOptions extends RecorderOptions {
  readonly role: 'client' | 'server'
  readonly limits?: Partial<ConnectionLimits>
  /** What the peer's first SETTINGS says. */
  readonly settings?: Parameters<typeof frames.settings>[0]
  /** False: no preface, no SETTINGS; the test does it. Default true. */
  readonly handshake?: boolean
  readonly observer?: FrameObserver
  readonly neverIndexed?: readonly string[]
  readonly memory?: MemoryBudget
  readonly now?: number
  readonly stopwatch?: () => number
}

export interface Connected {
  readonly connection: Connection
  readonly peer: Peer
  readonly recorder: Recorder
  /** What the connection told its owners, in order. */
  readonly events: string[]
  /** Client: opens a stream with a recorder of its own. */
  readonly open: (endStream?: boolean, headers?: HeaderList, extra?: HeaderList) => StreamRecorder
}

/** A connection and a scripted peer, shaken hands unless told otherwise. */
export function connect(options: ConnectOptions): Connected {
  const recorder = new Recorder(options)
  const now = options.now ?? 1_000
  const connection = new Connection({
    role: options.role,
    handler: recorder,
    host: recorder,
    now,
    ...(options.limits === undefined ? {} : { limits: options.limits }),
    ...(options.observer === undefined ? {} : { observer: options.observer }),
    stopwatch: options.stopwatch,
    neverIndexed: options.neverIndexed,
    memory: options.memory,
  })
  const peer = new Peer(connection, recorder, now)
  const open: Connected['open'] = (endStream = false, headers = REQUEST, extra = undefined) => {
    const handler = recorder.streamRecorder()
    handler.stream =
      extra === undefined
        ? connection.open(headers, endStream, handler)
        : connection.open(headers, endStream, handler, extra)
    return handler
  }
  if (options.handshake !== false) {
    peer.shakesHands(options.settings)
    recorder.take()
  }
  return { connection, peer, recorder, events: recorder.events, open }
}

/** The other end of a connection, as a script: what it sends, what it expects to see. */
export class Peer {
  readonly connection: Connection
  readonly recorder: Recorder
  now: number
  /** Turns the last `sends` took; more than one when the work budget was spent. */
  turns = 0
  readonly #parser: StrictParser
  readonly #seen: PeerFrame[] = []
  readonly #model = new SenderModel()
  /** What takeOutput gave last, and what it looked like then: it is ours for good. */
  #given: { readonly buffer: Buffer; readonly copy: Buffer }[] = []

  constructor(connection: Connection, recorder: Recorder, now: number) {
    this.connection = connection
    this.recorder = recorder
    this.now = now
    this.#parser = new StrictParser(connection.role === 'client')
  }

  /** Both prefaces and both acknowledgements; nothing of it is left to see. */
  shakesHands(settings: Parameters<typeof frames.settings>[0] = {}): void {
    const preface = this.connection.role === 'server' ? [frames.preface()] : []
    this.sends(...preface, frames.settings(settings), frames.settingsAck())
    this.takes()
  }

  /** Feeds the frames as one chunk, in as many turns as the work budget asks for. */
  sends(...octets: readonly Buffer[]): void {
    for (const frame of octets) this.#model.sent(frame)
    this.#feed(Buffer.concat(octets))
  }

  /** The same in pieces of `size` octets. */
  sendsInPieces(size: number, ...octets: readonly Buffer[]): void {
    for (const frame of octets) this.#model.sent(frame)
    const all = Buffer.concat(octets)
    for (let start = 0; start < all.length; start += size) {
      this.#feed(Buffer.from(all.subarray(start, start + size)))
    }
  }

  /** A request of a client, or more of them. */
  requests(...streamIds: number[]): void {
    this.sends(...streamIds.map(id => frames.headers(id, REQUEST, { endStream: true })))
  }

  /** Time passes; timers fire one by one, in order. */
  advance(ms: number): void {
    const target = this.now + ms
    for (let fired = 0; this.connection.deadline <= target; fired++) {
      assert.ok(fired < 10_000, 'the same deadline comes again and again')
      this.now = Math.max(this.now, this.connection.deadline)
      this.connection.advance(this.now)
    }
    this.now = target
    this.connection.advance(target)
  }

  /** All frames not yet seen. */
  takes(sizeMax: number = 1 << 20): PeerFrame[] {
    this.#collect(sizeMax)
    return this.#seen.splice(0)
  }

  /** The same, as lines. */
  takesLines(): string[] {
    return this.takes().map(describe)
  }

  /** Exactly these frames and no others. HEADERS are compared decoded. */
  expects(...expected: readonly Buffer[]): void {
    const want = expected.map(frame => describe(parseExpected(frame)))
    assert.deepStrictEqual(this.takesLines(), want)
  }

  /** These frames next; more may follow. */
  expectsNext(...expected: readonly Buffer[]): void {
    this.#collect()
    const found = this.#seen.splice(0, expected.length).map(describe)
    assert.deepStrictEqual(
      found,
      expected.map(frame => describe(parseExpected(frame))),
    )
  }

  expectsNothing(): void {
    assert.deepStrictEqual(this.takesLines(), [])
  }

  skips(count: number): void {
    this.#collect()
    assert.ok(this.#seen.length >= count, `${this.#seen.length} frames came, not ${count}`)
    this.#seen.splice(0, count)
  }

  /** One GOAWAY and nothing else; returns its debug data. */
  expectsGoaway(code: number, lastStreamId?: number): string {
    const found = this.takes()
    assert.equal(found.length, 1, `expected one GOAWAY, got ${found.map(describe).join(', ')}`)
    return checkGoaway(found[0]!, code, lastStreamId)
  }

  /**
   * A connection error: whatever came before, then one GOAWAY with this code,
   * then silence, whatever is sent; and each owner hears of the end once.
   * RFC 9113 §5.4.1.
   */
  expectsFatal(code: number, lastStreamId?: number): string {
    const found = this.takes()
    const last = found.at(-1)
    assert.ok(last, `expected GOAWAY ${codeName(code)}, got nothing`)
    const debug = checkGoaway(last, code, lastStreamId)
    assert.ok(this.connection.finished, 'finished after the error GOAWAY left')
    const streamsBefore = this.recorder.streams.size
    this.#feed(Buffer.concat([frames.ping(), frames.headers(0x7fff_fff1, REQUEST)]))
    this.#feed(Buffer.alloc(100, 0xff))
    this.expectsNothing()
    assert.equal(this.recorder.streams.size, streamsBefore, 'no request after the error')
    this.connection.destroy()
    assert.equal(this.recorder.closedCount, 1, 'onClosed once')
    assert.equal(this.connection.streamCount, 0, 'no stream is left')
    return debug
  }

  #feed(bytes: Buffer): void {
    let start = 0
    for (this.turns = 0; start < bytes.length; this.turns++) {
      if (this.connection.blocked) this.#collect() // answers wait; a driver would write them first
      const reached = this.connection.receive(bytes, start, bytes.length, this.now)
      assert.ok(
        reached > start && reached <= bytes.length,
        `receive went from ${start} to ${reached}`,
      )
      bytes.fill(0xaa, start, reached) // borrowed bytes go bad as soon as receive returns
      start = reached
    }
  }

  #collect(sizeMax: number = 1 << 20): void {
    for (const { buffer, copy } of this.#given) {
      assert.ok(buffer.equals(copy), 'bytes given out by takeOutput were written to again')
    }
    this.#given = []
    for (let rounds = 0; this.connection.hasOutput; rounds++) {
      assert.ok(rounds < 100_000, 'hasOutput stays true')
      const given = this.connection.takeOutput(sizeMax)
      const size = given.reduce((sum, buffer) => sum + buffer.length, 0)
      if (size === 0) break
      for (const buffer of given) {
        this.#given.push({ buffer, copy: Buffer.from(buffer) })
        for (const frame of this.#parser.parse(buffer)) {
          this.#model.received(frame, this.#parser)
          this.#seen.push(frame)
        }
      }
    }
    assert.equal(this.#parser.pendingSize, 0, 'output ended inside a frame')
  }
}

/** What our sender may still do, kept by the peer that granted it. RFC 9113 §5.1, §5.2. */
class SenderModel {
  #initialWindow = 65_535
  #connectionWindow = 65_535
  /** For each stream: credit given less octets spent; the initial window comes on top. */
  readonly #balances = new Map<number, number>()
  readonly #ended = new Set<number>()
  readonly #reset = new Set<number>()
  #failed = false
  /** SETTINGS sent and not yet acknowledged. */
  readonly #unacknowledged: Buffer[] = []

  /** Octets of one frame or more; what is no whole frame does not matter here. */
  sent(octets: Buffer): void {
    const prefaceSize = octets.toString('latin1', 0, 3) === 'PRI' ? 24 : 0
    for (let rest = octets.subarray(prefaceSize); rest.length >= 9; ) {
      const end = 9 + rest.readUIntBE(0, 3)
      if (end <= rest.length) this.#sentFrame(rest.subarray(0, end))
      rest = rest.subarray(end)
    }
  }

  #sentFrame(frame: Buffer): void {
    const [type, flags, streamId] = [frame[3], frame[4]!, frame.readUInt32BE(5) & 0x7fff_ffff]
    if (type === Type.settings && (flags & 1) === 0 && frame.length % 6 === 3) {
      this.#unacknowledged.push(Buffer.from(frame.subarray(9)))
    }
    if (type !== Type.windowUpdate || frame.length !== 13) return
    const increment = frame.readUInt32BE(9) & 0x7fff_ffff
    if (streamId === 0) this.#connectionWindow += increment
    else this.#balances.set(streamId, (this.#balances.get(streamId) ?? 0) + increment)
  }

  received(frame: PeerFrame, parser: StrictParser): void {
    const { type, flags, streamId, payload } = frame
    assert.ok(!this.#failed, `${describe(frame)} after an error GOAWAY`)
    if (type === Type.goaway) this.#failed = payload.readUInt32BE(4) !== 0
    if (type === Type.settings && (flags & 1) === 1) this.#apply(parser)
    if (streamId === 0) return
    assert.ok(!this.#reset.has(streamId), `${describe(frame)} after RST_STREAM`)
    if (type === Type.rstStream) this.#reset.add(streamId)
    if (type !== Type.data && type !== Type.headers) return
    assert.ok(!this.#ended.has(streamId), `${describe(frame)} after END_STREAM`)
    if ((flags & 1) === 1) this.#ended.add(streamId)
    if (type !== Type.data || payload.length === 0) return
    const balance = (this.#balances.get(streamId) ?? 0) - payload.length
    this.#balances.set(streamId, balance)
    this.#connectionWindow -= payload.length
    assert.ok(balance + this.#initialWindow >= 0, `${describe(frame)} overruns its stream`)
    assert.ok(this.#connectionWindow >= 0, `${describe(frame)} overruns the connection`)
  }

  #apply(parser: StrictParser): void {
    const payload = this.#unacknowledged.shift()
    assert.ok(payload, 'a SETTINGS acknowledgement for nothing')
    for (let i = 0; i < payload.length; i += 6) {
      const value = payload.readUInt32BE(i + 2)
      switch (payload.readUInt16BE(i)) {
        case SettingId.headerTableSize:
          parser.decoder.setTableSizeMax(value)
          break
        case SettingId.initialWindowSize:
          this.#initialWindow = value
          break
        case SettingId.frameSizeMax:
          parser.frameSizeMax = value
      }
    }
  }
}

function parseExpected(bytes: Buffer): PeerFrame {
  const frame: PeerFrame = {
    type: bytes[3]!,
    flags: bytes[4]!,
    streamId: bytes.readUInt32BE(5),
    payload: bytes.subarray(9),
  }
  if (frame.type !== Type.headers) return frame
  return { ...frame, list: decodeLiterals(frame.payload) }
}

/** Undoes `literalBlock`. */
function decodeLiterals(block: Buffer): string[] {
  const parser = new StrictParser(false)
  const list = parser.decoder.decodeList(block)
  assert.ok(literalBlock(list).equals(block), 'expected HEADERS must be literals')
  return list
}

function checkGoaway(frame: PeerFrame, code: number, lastStreamId: number | undefined): string {
  assert.equal(frame.type, Type.goaway, `expected GOAWAY ${codeName(code)}, got ${describe(frame)}`)
  assert.equal(codeName(frame.payload.readUInt32BE(4)), codeName(code), debugOf(frame))
  if (lastStreamId !== undefined) assert.equal(frame.payload.readUInt32BE(0), lastStreamId)
  return debugOf(frame)
}

function debugOf(frame: PeerFrame): string {
  return frame.payload.toString('latin1', 8)
}

/** The identifiers of streams a client may open: 1, 3, 5 ... */
export function streamIds(count: number, first = 1): number[] {
  return Array.from({ length: count }, (_, i) => first + 2 * i)
}

export type { Stream }

/** Both of them, for rules that know no role. */
export const ROLES = ['client', 'server'] as const

/** No bandwidth estimate: the receive windows stay, and no PING measures anything. */
export const FIXED_WINDOWS = { streamWindowSizeMax: 0, connectionWindowSizeMax: 65_535 } as const

export interface WithStream extends Connected {
  /** Stream 1, open in both directions, and what its handler hears. */
  readonly on: StreamRecorder
  readonly stream: Stream
}

/** As `connect`, with stream 1 open: the client has sent HEADERS without END_STREAM. */
export function withStream(options: ConnectOptions): WithStream {
  const connected = connect(options)
  const { peer, recorder, open } = connected
  let on: StreamRecorder
  if (options.role === 'client') {
    on = open()
    peer.skips(1)
  } else {
    peer.sends(frames.headers(1, REQUEST))
    on = recorder.on(1)
  }
  recorder.take()
  return { ...connected, on, stream: on.stream! }
}
