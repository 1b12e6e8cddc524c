import type { HandlerSlots } from './budgets/handler-slots.js'
import type { MemoryAccount } from './budgets/memory-account.js'
import type { Turns } from './budgets/turns.js'
import { type ConnectionOptions, checkConnectionOptions } from './connection-options.js'
import type { ConnectionLimits } from './core/limits.js'
import type { PeerSettings } from './core/peer-settings.js'
import type { TimerWheel } from './core/timer-wheel.js'
import { ConnectionEngine } from './engine.js'
import type { HeaderList } from './headers/header-list.js'
import type { Stream, StreamConnection } from './streams/stream.js'
import type { StreamHandler } from './streams/stream-handler.js'

/** For tests and fuzzing, which look inside: the parts of a connection. Not exported by this folder's front door. */
export let inspect: (connection: Connection) => ConnectionEngine

/**
 * One HTTP/2 connection: a state machine without a socket, the same for both
 * roles. RFC 9113.
 *
 * Bytes go in by `receive`, come out by `takeOutput`, time by `advance`. It
 * throws only for mistakes of its own caller; a peer's are answered on the wire and
 * told to `host.onClosed`.
 */
export class Connection implements StreamConnection {
  static {
    inspect = connection => connection.#engine
  }

  readonly role: 'client' | 'server'
  readonly timers: TimerWheel
  readonly limits: ConnectionLimits
  readonly memory: MemoryAccount
  /** How much a turn holds: for the handler. */
  readonly turns: Turns
  readonly #engine: ConnectionEngine

  constructor(options: ConnectionOptions) {
    checkConnectionOptions(options)
    const engine = new ConnectionEngine(this, options)
    const { limits, role, timers } = engine.core
    this.role = role
    this.timers = timers
    this.limits = limits
    this.memory = engine.memory
    this.turns = engine.turns
    this.#engine = engine
  }

  /** The time of this turn. Unit: ms. */
  get now(): number {
    return this.#engine.core.now
  }

  /** Before something is done outside a turn, whose time may be long ago. Unit: ms. */
  setNow(now: number): void {
    this.#engine.core.now = now
  }

  /**
   * Takes bytes[start, end), which stay the caller's. Returns the offset reached: less
   * than `end` when this turn's budget is spent, when the turn before left work to the
   * handler (which goes on with it, and nothing is taken), or when `blocked`; give the rest again later.
   */
  receive(bytes: Buffer, start: number, end: number, now: number): number {
    return this.#engine.receive(bytes, start, end, now)
  }

  /**
   * What is to be written: all that is serialised, then queued DATA until the batch
   * holds `sizeMax` octets. The buffers are the caller's for good. Streams that
   * have room again hear `onDrain` from here.
   */
  takeOutput(sizeMax: number): readonly Buffer[] {
    return this.#engine.takeOutput(sizeMax)
  }

  /** The last batch has left the process: its memory may be used again. Optional; saves an allocation. */
  outputWritten(): void {
    this.#engine.core.output.rewind()
  }

  /** Whether `takeOutput` has something now. */
  get hasOutput(): boolean {
    return this.#engine.hasOutput
  }

  /**
   * Too many answers wait for the peer to read: `receive` takes nothing until `takeOutput`. CVE-2019-9512.
   * A server's responses are answers too; what a client sends is its own decision, and two that wait for each other would wait for ever.
   */
  get blocked(): boolean {
    return this.#engine.blocked
  }

  /** When `advance` wants to be called: the earliest timer of the wheel. Infinity if none. Unit: ms. */
  get deadline(): number {
    return this.timers.next
  }

  /** Time has passed. With a shared wheel its owner advances that instead. */
  advance(now: number): void {
    this.#engine.advance(now)
  }

  /** A turn of the handler alone, which `host.onTurn` asked for. */
  turn(now: number): void {
    this.#engine.turn(now)
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
    const { streams } = this.#engine
    if (!streams.canOpen) {
      throw new Error(
        `no stream can be opened now: ${streams.counted} are open${this.draining ? ', the connection is draining' : ''}`,
      )
    }
    return streams.open(headers, endStream, handler, extra)
  }

  /** Client: whether `open` would succeed. When it turns true again the host hears `onCapacity`. */
  get canOpen(): boolean {
    return this.#engine.streams.canOpen
  }

  /** Client: how many streams may be open at once, as far as it is known. */
  get openStreamsMax(): number {
    return this.#engine.streams.openMax
  }

  /** Client: all identifiers that we use are used: another connection has to follow. RFC 9113 §5.1.1. */
  get exhausted(): boolean {
    return this.#engine.streams.exhausted
  }

  /** Whether a stream has ended well. */
  get hasServed(): boolean {
    return this.#engine.streams.served
  }

  /** Graceful: what runs is completed, nothing new begins; `reason` is GOAWAY's debug data. RFC 9113 §6.8. */
  shutdown(reason?: string): void {
    if (!this.#engine.core.over) this.#engine.shutdown.leave(reason)
  }

  /** The socket has gone: every stream hears `onLost` once, a server's in several turns if they are many; nothing more comes out. */
  destroy(cause?: Error): void {
    this.#engine.destroy(cause)
  }

  /** Nothing more will come out: close the socket. */
  get finished(): boolean {
    const { over, output } = this.#engine.core
    return over && output.size === 0
  }

  /** No new streams: one side sent GOAWAY, or identifiers run out. */
  get draining(): boolean {
    return this.#engine.streams.draining
  }

  /** Streams that are open. */
  get streamCount(): number {
    return this.#engine.map.size
  }

  /** Streams that count against the limit: open, or closed while user code still runs. */
  get runningCount(): number {
    return this.#engine.streams.counted
  }

  /** How many handlers run, by whichever door they were called. */
  get handlerSlots(): HandlerSlots {
    return this.#engine.streams.slots
  }

  /** DATA octets of all streams that were received and not consumed. */
  get unconsumedSize(): number {
    return this.#engine.receiver.retained
  }

  get peerSettings(): Readonly<PeerSettings> {
    return this.#engine.core.peer
  }

  /** Sends PING; `onAck` hears the time of the answer, unless the connection ends first. RFC 9113 §6.7. */
  ping(onAck: (now: number) => void): void {
    if (!this.#engine.core.over) this.#engine.pings.sendFor(onAck)
  }
}
