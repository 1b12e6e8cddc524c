import type { ConnectionError, FrameType } from '../frame/index.js'
import { AbuseBudget } from './abuse-budget.js'
import { asConnectionError } from './as-connection-error.js'
import { Bandwidth } from './bandwidth.js'
import { type ConnectionOptions, checkConnectionOptions } from './connection-options.js'
import { ControlWriter } from './control-writer.js'
import { Deadlines } from './deadlines.js'
import { Goaway } from './goaway.js'
import type {
  ConnectionHandler,
  ConnectionHost,
  FrameObserver,
  HeaderList,
  StreamHandler,
} from './handler.js'
import { HeaderReader } from './header-reader.js'
import { HeaderWriter } from './header-writer.js'
import { Inbound } from './inbound.js'
import { type ConnectionLimits, resolveLimits } from './limits.js'
import { MemoryAccount } from './memory-account.js'
import { PROCESS_MEMORY } from './memory-budget.js'
import { OutputBuffer } from './output-buffer.js'
import { Pings } from './pings.js'
import { Receiver } from './receiver.js'
import { Sender } from './sender.js'
import { ourSettings, type PeerSettings, SettingsSync } from './settings-sync.js'
import type { Stream } from './stream.js'
import { StreamTable } from './stream-table.js'
import { type Timer, TimerWheel } from './timer-wheel.js'
import { Turns } from './turns.js'

/**
 * One HTTP/2 connection: a state machine without a socket, the same for both
 * roles. RFC 9113.
 *
 * Bytes go in by `receive`, come out by `takeOutput`, time by `advance`. It
 * throws only for mistakes of its own caller; a peer's are answered on the wire and
 * told to `host.onClosed`.
 *
 * The parts below are its own: fields marked internal are for them.
 */
export class Connection {
  readonly role: 'client' | 'server'
  readonly timers: TimerWheel
  /** The time of this turn. Unit: ms. */
  now: number
  readonly limits: ConnectionLimits

  /** @internal */
  readonly handler: ConnectionHandler
  /** @internal */
  readonly host: ConnectionHost
  /** @internal */
  readonly output: OutputBuffer = new OutputBuffer()
  /** @internal */
  readonly bandwidth: Bandwidth
  /** @internal */
  readonly budget: AbuseBudget
  /** @internal */
  readonly control: ControlWriter
  /** @internal */
  readonly deadlines: Deadlines
  /** @internal */
  readonly goaway: Goaway
  /** @internal */
  readonly headerReader: HeaderReader
  /** @internal */
  readonly headerWriter: HeaderWriter
  /** @internal */
  readonly pings: Pings
  /** @internal */
  readonly receiver: Receiver
  /** @internal */
  readonly sender: Sender
  /** @internal */
  readonly settings: SettingsSync
  /** @internal */
  readonly streams: StreamTable
  readonly memory: MemoryAccount
  /** How much a turn holds: for the handler. */
  readonly turns: Turns
  /** @internal Octets handed out by `takeOutput` since the beginning. */
  octetsTaken = 0
  /** @internal Nothing more will be read or said, but for what waits to be taken. */
  over = false
  /** @internal A turn is under way: its end lets the handler go on. */
  inTurn = false

  readonly #inbound: Inbound
  readonly #observer: FrameObserver | undefined
  readonly #clock: (() => number) | undefined
  #hostKnows = false
  #closedTold = false

  constructor(options: ConnectionOptions) {
    checkConnectionOptions(options)
    this.role = options.role
    this.handler = options.handler
    this.host = options.host
    this.now = options.now
    this.limits = resolveLimits(options.role, options.limits)
    this.timers = options.timers ?? new TimerWheel(options.now)
    this.#observer = options.observer
    this.#clock = options.clock
    this.budget = new AbuseBudget(this.limits, this.now)
    this.control = new ControlWriter(this)
    this.goaway = new Goaway(this)
    this.headerReader = new HeaderReader(this.limits)
    this.headerWriter = new HeaderWriter(this.output, this.limits.encoderTableSizeMax, options)
    this.receiver = new Receiver(this, this.limits.connectionWindowSize)
    this.sender = new Sender(this)
    this.settings = new SettingsSync(this)
    this.streams = new StreamTable(this)
    this.turns = new Turns(this, options.stopwatch)
    this.deadlines = new Deadlines(this)
    this.pings = new Pings(this)
    this.bandwidth = new Bandwidth(this)
    this.#inbound = new Inbound(this)
    this.memory = new MemoryAccount(this, options.memory ?? PROCESS_MEMORY, this.#inbound)
    this.#greet()
  }

  /**
   * Takes bytes[start, end), which stay the caller's. Returns the offset reached: less
   * than `end` when this turn's budget is spent, when the turn before left work to the
   * handler (which goes on with it, and nothing is taken), or when `blocked`; give the rest again later.
   */
  receive(bytes: Buffer, start: number, end: number, now: number): number {
    if (this.over && this.turns.requested) this.turn(now)
    if (this.over) return end
    this.now = now
    this.inTurn = true
    this.pings.heard(now)
    const limit = Math.min(end, start + this.limits.turnSizeMax)
    let offset = limit
    try {
      // What the turn before left to the handler comes first.
      if (this.turns.requested) offset = start
      else if (this.#inbound.push(bytes, start, limit) && !this.#run())
        offset = this.#inbound.abandon()
    } catch (error) {
      this.fail(asConnectionError(error))
      offset = end
    }
    this.#endTurn()
    return offset
  }

  /**
   * What is to be written: all that is serialised, then queued DATA until the batch
   * holds `sizeMax` octets. The buffers are the caller's for good. Streams that
   * have room again hear `onDrain` from here.
   */
  takeOutput(sizeMax: number): readonly Buffer[] {
    // What is written while the batch is made leaves with it: nobody needs to be told.
    this.#hostKnows = true
    if (!this.over && this.sender.isReady) this.sender.drain(sizeMax)
    this.octetsTaken += this.output.size
    this.streams.headersTaken()
    this.control.provoked = 0
    const pieces = this.output.take()
    this.#hostKnows = false
    if (this.sender.notifyDrained() || this.turns.roomCame()) this.turns.end()
    if (!this.over && this.sender.queuedSize > 0) this.deadlines.armStall(this.octetsTaken)
    this.checkFinished()
    this.memory.update()
    return pieces
  }

  /** The last batch has left the process: its memory may be used again. Optional; saves an allocation. */
  outputWritten(): void {
    this.output.rewind()
  }

  /** Whether `takeOutput` has something now. */
  get hasOutput(): boolean {
    return this.output.size > 0 || (!this.over && this.sender.isReady)
  }

  /**
   * Too many answers wait for the peer to read: `receive` takes nothing until `takeOutput`. CVE-2019-9512.
   * A server's responses are answers too; what a client sends is its own decision, and two that wait for each other would wait for ever.
   */
  get blocked(): boolean {
    if (this.control.provoked > this.limits.controlFramesPause) return true
    return this.role === 'server' && this.output.size > this.limits.connectionBufferSize
  }

  /** When `advance` wants to be called: the earliest timer of the wheel. Infinity if none. Unit: ms. */
  get deadline(): number {
    return this.timers.next
  }

  /** Time has passed. With a shared wheel its owner advances that instead. */
  advance(now: number): void {
    this.now = now
    this.inTurn = true
    this.timers.advance(now)
    this.#endTurn()
  }

  /** A turn of the handler alone, which `host.onTurn` asked for. */
  turn(now: number): void {
    this.now = now
    this.inTurn = true
    this.#endTurn()
  }

  /**
   * Client: opens a stream. `headers` may be an array that lives long (see
   * `Stream.sendHeaders`); `extra` is what differs in this request.
   *
   * @throws Error unless `canOpen`; TypeError or RangeError when the fields cannot be sent. Nothing is opened then.
   */
  open(
    headers: HeaderList,
    endStream: boolean,
    handler: StreamHandler,
    extra?: HeaderList,
  ): Stream {
    if (this.role === 'server')
      throw new TypeError('a server cannot open streams: push is not offered (RFC 9113 §8.4)')
    if (!this.streams.canOpen) {
      throw new Error(
        `no stream can be opened now: ${this.streams.counted} are open${this.draining ? ', the connection is draining' : ''}`,
      )
    }
    return this.sender.open(headers, endStream, handler, extra)
  }

  /** Client: whether `open` would succeed. When it turns true again the host hears `onCapacity`. */
  get canOpen(): boolean {
    return this.streams.canOpen
  }

  /** Graceful: what runs is completed, nothing new begins; `reason` is GOAWAY's debug data. RFC 9113 §6.8. */
  shutdown(reason?: string): void {
    if (!this.over) this.goaway.leave(reason)
  }

  /** The socket has gone: every stream hears `onLost` once, a server's in several turns if they are many; nothing more comes out. */
  destroy(cause?: Error): void {
    if (!this.over) this.#end(cause, () => {})
    this.output.take()
  }

  /** Nothing more will come out: close the socket. */
  get finished(): boolean {
    return this.over && this.output.size === 0
  }

  /** No new streams: one side sent GOAWAY, or identifiers run out. */
  get draining(): boolean {
    return (
      this.goaway.leaving ||
      (this.role === 'client' && (this.goaway.received || this.streams.exhausted))
    )
  }

  /** Streams that are open. */
  get streamCount(): number {
    return this.streams.size
  }

  /** Streams that count against the limit: open, or closed while user code still runs. */
  get runningCount(): number {
    return this.streams.counted
  }

  get peerSettings(): Readonly<PeerSettings> {
    return this.settings.peer
  }

  /** Sends PING; `onAck` hears the time of the answer, unless the connection ends first. RFC 9113 §6.7. */
  ping(onAck: (now: number) => void): void {
    if (!this.over) this.pings.sendFor(onAck)
  }

  /** @internal Whether anything waits for the peer, serialised or queued. */
  get hasPending(): boolean {
    return this.output.size > 0 || this.sender.queuedSize > 0
  }

  /** @internal */
  observe(
    sent: boolean,
    type: FrameType | number,
    flags: number,
    streamId: number,
    size: number,
  ): void {
    if (this.#observer !== undefined) this.#observer.onFrame(sent, type, flags, streamId, size)
  }

  /** @internal Tells the host, unless it will look anyway. */
  outputAppeared(): void {
    if (this.inTurn || this.#hostKnows) return
    if (!this.over) this.deadlines.armStall(this.octetsTaken)
    // What waits for a window of the peer is announced by what opens it.
    if (!this.hasOutput) return
    this.#hostKnows = true
    this.host.onOutput()
  }

  /** @internal Schedules a timer of this connection `delayMs` from now. */
  schedule(timer: Timer, delayMs: number): void {
    if (!this.inTurn && this.#clock !== undefined) this.now = this.#clock()
    this.timers.schedule(timer, this.now + delayMs)
  }

  /** @internal A timer fired: a turn of its own, from which nothing escapes. */
  onTime(now: number, run: () => void): void {
    if (this.over) return
    const outer = this.inTurn
    this.now = now
    this.inTurn = true
    try {
      run()
    } catch (error) {
      this.fail(asConnectionError(error))
    }
    this.turns.end()
    this.inTurn = outer
    this.checkFinished()
    if (!outer) this.memory.turnEnded()
    if (this.hasOutput) this.outputAppeared()
  }

  /** @internal The first stream: nothing is idle, keepalive is useful. */
  busy(): void {
    this.deadlines.cancelIdle()
    this.pings.arm()
  }

  /** @internal The last stream has ended. */
  idle(): void {
    if (this.over) return
    this.deadlines.armIdle()
    this.checkFinished()
  }

  /** @internal The peer broke a rule: GOAWAY says so, and that was the last word. RFC 9113 §5.4.1. */
  fail(error: ConnectionError): void {
    if (this.over) return
    const { lastStreamId } = this.goaway
    this.#end(error, () => this.control.goaway(lastStreamId, error.errorCode, error.message))
  }

  /** @internal After a shutdown: whether all that was to be completed has been. */
  checkFinished(): void {
    if (this.over || this.streams.counted > 0 || this.output.size > 0) return
    const peerLeft = this.role === 'client' && this.goaway.received
    if (this.goaway.left || peerLeft) this.#end(undefined, () => {})
  }

  #greet(): void {
    if (this.role === 'client') this.control.preface()
    this.inTurn = true // the host is not there yet to be told
    this.settings.send(ourSettings(this.role, this.limits))
    this.receiver.open()
    this.inTurn = false
  }

  /** False when the turn's budget is spent. A handler's exception costs its stream and nothing else. */
  #run(): boolean {
    this.#inbound.framesLeft = this.limits.turnFramesMax
    for (;;) {
      try {
        return this.#inbound.run()
      } catch (error) {
        if (!this.streams.caught(error)) throw error
      }
    }
  }

  #endTurn(): void {
    this.turns.end()
    this.inTurn = false
    this.checkFinished()
    this.memory.turnEnded()
    if (this.over) return
    this.pings.arm()
    if (this.hasPending) this.deadlines.armStall(this.octetsTaken)
  }

  #end(cause: Error | undefined, lastWord: () => void): void {
    this.over = true
    this.deadlines.stop()
    this.pings.stop()
    this.sender.stop()
    this.receiver.stop()
    lastWord()
    if (this.streams.loseAll(cause)) this.turns.request()
    if (!this.inTurn) this.turns.end()
    this.memory.update()
    if (this.#closedTold) return
    this.#closedTold = true
    this.host.onClosed(cause)
  }
}
