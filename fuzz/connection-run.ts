import { inspect } from '../src/connection/connection.js'
import {
  Connection,
  type ConnectionHandler,
  type ConnectionHost,
  type ConnectionLimits,
  type FrameObserver,
  type HeaderBlock,
  type Stream,
  type StreamHandler,
} from '../src/connection/index.js'
import type { OracleFrame } from './frame-oracle.js'
import { invariant } from './invariant.js'
import { PeerModel } from './peer-model.js'
import { PLAN_COUNT, PlannedError, StreamRun } from './stream-run.js'

const REQUEST = [
  ':method',
  'POST',
  ':scheme',
  'http',
  ':path',
  '/test.Test/Unary',
  ':authority',
  'localhost',
]
const HEAD = [':method', 'HEAD', ':scheme', 'http', ':path', '/', ':authority', 'localhost']

/** Limits that bring a case within the reach of short inputs. */
const LIMITS: readonly (Partial<ConnectionLimits> | undefined)[] = [
  undefined,
  { streamWindowSize: 100, connectionWindowSize: 65_535, streamWindowSizeMax: 100 },
  { streamsMax: 2, headerFieldsMax: 16, headerListSizeMax: 600, decoderTableSizeMax: 64 },
  {
    streamBufferSize: 1_000,
    connectionBufferSize: 2_000,
    controlFramesPause: 3,
    turnFramesMax: 2,
    streamWindowSizeMax: 1 << 20,
  },
]

export interface RunOptions {
  readonly role: 'client' | 'server'
  /** Chooses limits and plans. */
  readonly config: number
  /** What the peer sends. */
  readonly sent: readonly OracleFrame[]
}

/** One connection, its owners, and a peer that checks all that comes out. */
export class ConnectionRun implements ConnectionHandler, ConnectionHost, FrameObserver {
  readonly role: 'client' | 'server'
  readonly connection: Connection
  readonly peer: PeerModel
  readonly events: string[] = []
  readonly streams: StreamRun[] = []
  readonly output: Buffer[] = []
  now = 1_000
  closedCount = 0
  closedCause: Error | undefined
  handledCount = 0
  /** Header lists by stream, in order, as its owner heard them. */
  readonly heard: Map<number, string[]> = new Map()
  /** What the peer's last GOAWAY named. */
  servedMax: number = Number.POSITIVE_INFINITY
  /** What one of our own callbacks found wrong; thrown by the next check. */
  failure: unknown = undefined
  readonly #config: number
  readonly #ids = new Set<number>()
  #openLeft = 2

  constructor(options: RunOptions) {
    this.role = options.role
    this.#config = options.config
    this.connection = new Connection({
      role: options.role,
      handler: this,
      host: this,
      now: this.now,
      limits: LIMITS[options.config & 3],
      observer: this,
    })
    this.peer = new PeerModel(options.role, options.sent)
    if (this.role === 'server') return
    for (let i = 0; i < 4; i++) this.#open(i)
    if ((options.config & 4) !== 0) this.connection.ping(() => this.events.push('pong'))
  }

  /** Octets arrive. Output is taken when the connection asks for it by `blocked`. */
  receive(piece: Buffer): void {
    for (let start = 0, turns = 0; start < piece.length; turns++) {
      if (this.connection.blocked) this.take()
      const reached = this.connection.receive(piece, start, piece.length, this.now)
      invariant(
        reached >= start && reached <= piece.length,
        'I-BOUND receive returns an offset of its range',
      )
      invariant(reached > start || this.connection.blocked, 'I-BOUND receive makes progress')
      invariant(turns <= 2 * piece.length + 10, 'I-BOUND turns for one piece')
      // Borrowed octets go bad as soon as receive returns.
      piece.fill(0xaa, start, reached)
      start = reached
    }
  }

  /** All output there is. */
  take(sizeMax: number = 1 << 20): void {
    this.peer.handled(this.handledCount)
    for (let rounds = 0; this.connection.hasOutput; rounds++) {
      invariant(rounds < 10_000, 'I-BOUND hasOutput stays true')
      for (const octets of this.connection.takeOutput(sizeMax)) {
        const copy = Buffer.from(octets)
        this.output.push(copy)
        this.peer.receive(copy)
      }
    }
    this.connection.outputWritten()
  }

  onStream(stream: Stream, headers: HeaderBlock, endStream: boolean): StreamHandler {
    invariant(!this.#ids.has(stream.id), 'I-STATE two requests on one stream')
    invariant(!inspect(this.connection).core.over, 'I-DEAD a request after the end')
    this.#ids.add(stream.id)
    const run = new StreamRun(this, (stream.id + (this.#config >>> 3)) % PLAN_COUNT)
    this.streams.push(run)
    run.open(stream, headers, endStream)
    if ((this.#config & 4) !== 0 && this.streams.length === 3) this.connection.shutdown()
    return run
  }

  onReceived(): void {}
  onOutput(): void {}

  onSettings(): void {
    this.events.push('settings')
  }

  onGoaway(lastStreamId: number, errorCode: number, debug: string): void {
    invariant(
      debug.length <= 256 && !/[^ -~]/.test(debug),
      'I-BOUND debug data is short and printable',
    )
    this.servedMax = lastStreamId
    this.events.push(`goaway ${lastStreamId} ${errorCode} ${debug}`)
  }

  onCapacity(): void {
    this.events.push('capacity')
    if (this.#openLeft-- > 0 && this.connection.canOpen) this.#open(4)
  }

  onHandlerError(error: unknown, streamId: number): void {
    const isPlanned = error instanceof PlannedError
    // The peer may accept smaller header lists than we send.
    const isRefused = error instanceof RangeError && /header list of/.test(error.message)
    if (!isPlanned && !isRefused) {
      this.failure ??= error
      return
    }
    this.events.push(`handler error ${streamId}`)
    const run = this.streams.find(({ stream }) => stream?.id === streamId)
    if (run !== undefined) run.over = true
  }

  onClosed(cause: Error | undefined): void {
    this.closedCount++
    this.closedCause = cause
    this.events.push(`closed ${cause?.name ?? ''} ${cause?.message ?? ''}`)
  }

  onFrame(sent: boolean): void {
    if (!sent) this.handledCount++
  }

  /** The final state, as lines. */
  state(): string[] {
    const { connection } = this
    return [
      `over ${inspect(connection).core.over} draining ${connection.draining} streams ${connection.streamCount} running ${connection.runningCount}`,
      `retained ${inspect(connection).receiver.retained} window ${inspect(connection).receiver.window} send ${inspect(connection).sender.window} queued ${inspect(connection).sender.queuedSize}`,
      `settings ${JSON.stringify(connection.peerSettings)} timers ${connection.timers.count}`,
    ]
  }

  /** A stream's owner heard a header list. */
  hear(streamId: number, list: readonly string[]): void {
    const lists = this.heard.get(streamId) ?? []
    this.heard.set(streamId, [...lists, list.join('|')])
  }

  #open(index: number): void {
    const endStream = index === 1
    const run = new StreamRun(this, (index * 3 + (this.#config >>> 3)) % PLAN_COUNT)
    this.streams.push(run)
    const headers = index === 1 && (this.#config & 8) !== 0 ? HEAD : REQUEST
    run.begin(this.connection.open(headers, endStream, run), endStream)
  }
}
