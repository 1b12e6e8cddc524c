import { Connection, type ConnectionHost } from '../../connection/index.js'
import { goawayText, isFault, lostError } from '../errors/lost-connection.js'
import { TransportError, TransportErrorCode } from '../errors/transport-error.js'
import type { RawSocket, Runtime } from '../runtime/runtime.js'
import type { TimerHost } from '../runtime/timer-host.js'
import { setPeer } from './connection-peer.js'
import { type DriverOptions, type DriverOwner, TLS_COST } from './driver-options.js'
import { clientMistake, HTTP1_ANSWER, recognise, Speaker, serverMistake } from './first-octets.js'
import { Linger } from './linger.js'
import { ReadBudget } from './read-budget.js'

/**
 * Octets the socket may hold for the kernel before we give it no more: enough to keep a fast path busy for
 * a turn, little enough that a cancelled call's DATA can still be dropped inside the connection. Unit: octets.
 */
const OUTPUT_SIZE_MAX = 262_144

/**
 * Moves octets between one socket and one connection, and decides when.
 *
 * Output that a `receive` causes leaves at its end, in one write; what its microtasks add leaves in one
 * more when they are done. What arises in any other turn (timers, I/O of somebody else) waits for the end
 * of that turn, so that a thousand handlers woken by one timer still make one write.
 */
export class SocketDriver implements ConnectionHost {
  readonly connection: Connection
  readonly #runtime: Runtime
  readonly #timers: TimerHost
  readonly #socket: RawSocket
  readonly #owner: DriverOwner
  readonly #role: 'client' | 'server'
  readonly cost: number
  readonly #isTls: boolean
  readonly #remote: string

  /** What the work budget left of a chunk; the socket is paused until it is done. */
  #rest: Buffer | undefined
  readonly #reads: ReadBudget
  #workArmed = false
  #receiving = false
  /** We are in a receive or its microtasks: a flush is certain to follow. */
  #warm = false
  #turnArmed = false
  /** The first octets are still being looked at, or held because they are too few. */
  #recognising = true
  #held: Buffer | undefined
  /** A server says nothing before it knows that the client speaks HTTP/2. */
  #silent: boolean
  #goaway: string | undefined
  #goawayCode: number | undefined
  #peerEnded = false
  #ending = false
  #gone = false
  #cause: Error | undefined
  readonly #linger: Linger
  /** The connection ended by a fault: its last words are GOAWAY, not somebody's reply. */
  #failed = false

  constructor(options: DriverOptions) {
    this.#runtime = options.runtime
    this.#timers = options.timers
    this.#socket = options.socket
    this.#owner = options.owner
    this.#role = options.role
    this.#isTls = options.peer.encrypted
    this.cost = this.#isTls ? TLS_COST : 0
    this.#remote = options.peer.address
    this.#silent = options.role === 'server' && !options.peer.encrypted
    this.connection = new Connection({
      role: options.role,
      handler: options.handler,
      host: this,
      now: options.runtime.now(),
      clock: () => options.runtime.now(),
      stopwatch: () => options.runtime.stopwatch?.() ?? 0,
      timers: options.timers.wheel,
      ...(options.limits === undefined ? {} : { limits: options.limits }),
      observer: options.observer,
      neverIndexed: options.neverIndexed,
      memory: options.memory,
      handlerGroup: options.handlerGroup,
    })
    setPeer(this.connection, options.peer)
    const { socket } = options
    this.#reads = new ReadBudget(options.runtime, socket)
    this.#linger = new Linger(
      options.runtime,
      () => this.#mayRead(),
      () => socket.destroy(),
    )
    const onOctets = (bytes: Buffer, size = bytes.length): void => this.#onData(bytes, size)
    if (options.runtime.lend?.(socket, onOctets) !== true) socket.on('data', onOctets)
    socket.on('drain', () => this.flush())
    socket.on('end', () => this.#onEnd())
    socket.on('error', error => {
      if (!this.#isProbe || isFault(error)) this.#cause = this.#lost(error)
    })
    socket.on('close', () => this.#onClose())
    this.flush()
    options.timers.arm()
  }

  /** The socket is closed. */
  get gone(): boolean {
    return this.#gone
  }

  get heldSize(): number {
    return this.#socket.writableLength + (this.#rest?.length ?? 0)
  }

  /** Ends the connection at once; every call hears of it. */
  destroy(cause?: Error): void {
    this.connection.destroy(cause)
    this.#end()
    this.#socket.destroy()
  }

  /** Ends the connection in good order: at once when nothing runs on it. */
  shutdown(): void {
    // Nobody who has said nothing yet can be in the middle of a call.
    if (this.#silent) this.destroy()
    else this.retire(undefined)
  }

  /** The same for a server that stays: somebody who is about to speak is served. `reason` goes with GOAWAY. */
  retire(reason: string | undefined): void {
    this.connection.shutdown(reason)
    this.onOutput()
  }

  onOutput(): void {
    if (this.#receiving) return
    this.#timers.arm()
    if (!this.#warm) this.#armTurn()
  }

  onTurn(): void {
    this.#armWork()
  }

  onSettings(): void {
    this.#owner.onSettings()
  }

  onGoaway(_lastStreamId: number, errorCode: number, debug: string): void {
    this.#goaway = goawayText(errorCode, debug)
    this.#goawayCode = errorCode
    this.#owner.onGoaway(errorCode, debug)
  }

  onHandlerError(error: unknown): void {
    this.#owner.onHandlerError(error)
  }

  onCapacity(): void {
    this.#owner.onCapacity()
  }

  onClosed(cause: Error | undefined): void {
    // Our last word is said even to a client that never said a first one.
    this.#silent = false
    this.#failed = cause !== undefined
    // What a full socket has no room for must not keep it open for ever.
    this.#linger.arm()
    this.onOutput()
    this.#owner.onClosed(this.#cause ?? cause)
  }

  /** Writes what there is, as far as the socket has room; closes it when that was the last. */
  flush(): void {
    if (this.#gone || this.#ending) return
    const { connection } = this
    const room = OUTPUT_SIZE_MAX - this.#socket.writableLength
    // A full socket emits 'drain', which brings us back.
    if (room > 0 && !(this.#silent && !connection.finished)) this.#write(room)
    if (connection.finished) this.#end()
    else if (this.#peerEnded && connection.streamCount === 0 && !connection.hasOutput) {
      connection.destroy()
      this.#end()
    }
  }

  #write(room: number): void {
    const { connection } = this
    const socket = this.#socket
    if (!connection.hasOutput) return
    const pieces = connection.takeOutput(room)
    if (pieces.length === 0) return
    if (pieces.length === 1) {
      socket.write(pieces[0]!)
    } else {
      socket.cork()
      for (const piece of pieces) socket.write(piece)
      socket.uncork()
    }
    // Over TLS the octets are still being encrypted when the length is zero.
    if (!this.#isTls && socket.writableLength === 0) connection.outputWritten()
    if (connection.hasOutput && socket.writableLength < OUTPUT_SIZE_MAX) this.#armTurn()
    if (this.#rest !== undefined && !connection.blocked) this.#armWork()
  }

  #armTurn(): void {
    if (this.#turnArmed) return
    this.#turnArmed = true
    this.#runtime.afterTurn(this.#onTurn)
  }

  readonly #onTurn = (): void => {
    this.#turnArmed = false
    this.#endTurn()
  }

  readonly #onMicrotasksDone = (): void => {
    this.#warm = false
    this.#endTurn()
  }

  #endTurn(): void {
    this.flush()
    this.#timers.arm()
    this.#owner.onTurnEnd?.()
  }

  /** `bytes[0, size)`, which are borrowed. */
  #onData(bytes: Buffer, size: number): void {
    if (this.#ending || this.#gone) {
      this.#drop()
      return
    }
    if (this.#rest !== undefined) {
      // A TLS socket that was paused hands out all the same what it has decrypted.
      this.#rest = Buffer.concat([this.#rest, bytes.subarray(0, size)])
      return
    }
    if (this.#recognising) {
      const first = this.#recognise(bytes.subarray(0, size))
      if (first === undefined) return
      this.#receive(first, 0, first.length)
    } else this.#receive(bytes, 0, size)
    this.#reads.spend(size)
  }

  #receive(bytes: Buffer, start: number, end: number): void {
    const { connection } = this
    this.#receiving = true
    const reached = connection.receive(bytes, start, end, this.#runtime.now())
    this.#receiving = false
    // A client leaves as well when its last call has ended, which may be now.
    if (this.#goaway !== undefined && this.#role === 'client') connection.shutdown()
    if (reached < end && !connection.finished) this.#postpone(bytes, reached, end)
    else this.#resume()
    this.#finishTurn()
  }

  #finishTurn(): void {
    // Handlers or callers that were woken go on in microtasks.
    if (!this.#warm && (this.#role === 'client' || this.connection.runningCount > 0)) {
      this.#warm = true
      this.#runtime.afterMicrotasks(this.#onMicrotasksDone)
    }
    this.flush()
    this.#timers.arm()
  }

  /**
   * The budget of this turn is spent: others first. Or the peer does not read
   * our answers: then the flush that makes room goes on. Nobody may read meanwhile.
   */
  #postpone(bytes: Buffer, start: number, end: number): void {
    this.#reads.hold()
    const rest = bytes.subarray(start, end)
    this.#rest = bytes === this.#rest ? rest : Buffer.from(rest)
    if (!this.connection.blocked) this.#armWork()
  }

  #armWork(): void {
    if (this.#workArmed) return
    this.#workArmed = true
    this.#runtime.afterTurn(this.#onWork)
  }

  readonly #onWork = (): void => {
    this.#workArmed = false
    const rest = this.#rest
    if (rest !== undefined && !this.connection.blocked) {
      this.#receive(rest, 0, rest.length)
      return
    }
    this.#receiving = true
    this.connection.turn(this.#runtime.now())
    this.#receiving = false
    if (!this.#gone) this.#finishTurn()
    else if (!this.#workArmed) this.#owner.onGone()
  }

  #resume(): void {
    if (this.#rest === undefined) return
    this.#rest = undefined
    this.#reads.release()
  }

  /** Returns the octets to go on with; undefined when there are too few, or the peer is refused. */
  #recognise(chunk: Buffer): Buffer | undefined {
    const bytes = this.#held === undefined ? chunk : Buffer.concat([this.#held, chunk])
    const speaker = recognise(this.#role, this.#isTls, bytes)
    if (speaker === Speaker.Undecided) {
      this.#held = Buffer.from(bytes)
      return undefined
    }
    this.#recognising = false
    this.#held = undefined
    if (speaker === Speaker.Http2) {
      this.#silent = false
      return bytes
    }
    this.#refuse(speaker)
    return undefined
  }

  #refuse(speaker: Speaker): void {
    const mistake = this.#role === 'server' ? clientMistake(speaker) : serverMistake(speaker)
    const text = `${this.#remote}: ${mistake}`
    const error = new TransportError(TransportErrorCode.NotHttp2, this.#remote, text)
    this.#cause = error
    if (this.#role === 'server' && speaker === Speaker.Http1) this.#socket.write(HTTP1_ANSWER)
    this.connection.destroy(error)
    this.#end()
    if (speaker !== Speaker.Http1) this.#socket.destroy()
  }

  /** The peer sends nothing more. Replies under way still have a moment. */
  #onEnd(): void {
    if (this.#ending || this.#gone) return
    this.#peerEnded = true
    if (this.#role === 'client' || this.#recognising) {
      this.destroy(this.#isProbe ? undefined : this.#lost())
      return
    }
    this.flush()
    if (!this.#ending) this.#linger.arm()
  }

  /** FIN after the last octet; a peer that does not read it has LINGER_MS. */
  #end(): void {
    if (this.#ending || this.#gone) return
    this.#ending = true
    this.#rest = undefined
    this.#socket.end()
    // What still comes is dropped, but must be read: a reset could overtake our last words.
    this.#socket.resume()
    this.#linger.arm()
  }

  /** A chunk each turn: others have theirs while a peer goes on to send what nobody hears. */
  #drop(): void {
    const socket = this.#socket
    socket.pause()
    this.#runtime.afterTurn(() => socket.resume())
  }

  /** Whether the peer may still read what was said last. */
  #mayRead(): boolean {
    // Only its own FIN says that a client has our replies: on a socket that is destroyed, what it had under way is
    // answered with a reset, which drops even those that the kernel took (RFC 9112 §9.6). `stop` cuts this short.
    const isUnread = this.#role === 'server' && !this.#peerEnded
    return !this.#failed && (isUnread || this.#socket.writableLength > 0)
  }

  get #unheard(): boolean {
    return this.#recognising && this.#held === undefined
  }

  /** Who only looks whether somebody listens, and leaves by FIN or RST, has done nothing that a server need hear of. */
  get #isProbe(): boolean {
    return this.#role === 'server' && this.#unheard
  }

  #lost(cause?: Error): TransportError {
    const unheard = this.#unheard
    const said = { goaway: this.#goaway, goawayCode: this.#goawayCode }
    const lost = { role: this.#role, isTls: this.#isTls, unheard, ...said }
    return lostError(this.#remote, lost, cause)
  }

  #onClose(): void {
    if (this.#gone) return
    this.#gone = true
    this.#linger.stop()
    this.#rest = undefined
    if (!this.connection.finished) {
      this.connection.destroy(this.#cause ?? (this.#isProbe ? undefined : this.#lost()))
    }
    this.#timers.rest()
    // Handlers that have not heard of it yet are something that is left.
    if (!this.#workArmed) this.#owner.onGone()
  }
}
