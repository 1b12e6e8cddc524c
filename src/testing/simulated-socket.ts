import type { RawSocket } from '../transport/index.js'
import type { Random } from './random.js'
import type { SimulatedClock } from './simulated-clock.js'

/** What one direction of a link does to bytes. */
export interface PathConditions {
  /** Shortest and longest time a piece is under way. Unit: ms. */
  latencyMs: readonly [least: number, most: number]
  /** Octets of one piece at most; each piece has from one to so many. */
  pieceSizeMax: number
  /** Octets the network holds before the sender's memory must. */
  capacity: number
}

/** Observes what a side of a socket wrote or read, for traces and checks. */
export interface PathObserver {
  /** `bytes` left this socket in this order; borrowed. */
  onOctets(from: SimulatedSocket, bytes: Buffer): void
}

type Listener = (value?: never) => void

/** Octets that Node's sockets hold before `write` returns false. */
const HIGH_WATER_MARK = 65_536

/**
 * One end of a simulated TCP connection. It behaves as Node's: writes that do not fit the network
 * wait by reference, data arrives cut at any point, and memory passed to a listener is overwritten
 * once the listener returns, unless it paused the socket.
 */
export class SimulatedSocket implements RawSocket {
  readonly name: string
  readonly localAddress: string
  readonly localPort: number
  readonly remoteAddress: string
  readonly remotePort: number
  readonly alpnProtocol = null
  destroyed = false
  /** Set when the two ends are joined. */
  peer: SimulatedSocket | undefined
  /** How octets travel from here to the peer. */
  readonly path: PathConditions
  readonly #clock: SimulatedClock
  readonly #random: Random
  readonly #observer: PathObserver
  readonly #listeners = new Map<string, Listener[]>()
  /** Written, and not taken by the network. */
  #waiting: Uint8Array[] = []
  #waitingSize = 0
  #needsDrain = false
  #corked = false
  /** Octets under way to the peer, or lying there unread. */
  #inFlight = 0
  /** When the last piece that is under way arrives: none may overtake it. */
  #lastArrival = 0
  /** Nothing arrives before this time; Infinity: a hole that swallows everything. */
  #heldUntil = 0
  /** Octets until `onCut`. */
  #cutLeft = Number.POSITIVE_INFINITY
  #onCut: (() => void) | undefined
  #ended = false
  #finSent = false
  /** Arrived, not read. `undefined` is the end. */
  #arrived: (Buffer | undefined)[] = []
  /** Until `start` nobody listens. */
  #paused = true
  #endSeen = false
  #closed = false
  /** Writing to a peer that is gone: it answers with a reset. */
  #peerGone = false

  constructor(
    name: string,
    local: readonly [address: string, port: number],
    remote: readonly [address: string, port: number],
    path: PathConditions,
    tools: {
      readonly clock: SimulatedClock
      readonly random: Random
      readonly observer: PathObserver
    },
  ) {
    this.name = name
    this.localAddress = local[0]
    this.localPort = local[1]
    this.remoteAddress = remote[0]
    this.remotePort = remote[1]
    this.path = { ...path }
    this.#clock = tools.clock
    this.#random = tools.random
    this.#observer = tools.observer
  }

  get writableLength(): number {
    return this.#waitingSize
  }

  /** Whether 'close' was emitted. */
  get closed(): boolean {
    return this.#closed
  }

  /** As `net.Socket.on`. */
  on(event: string, listener: (value: never) => void): void {
    const listeners = this.#listeners.get(event) ?? []
    listeners.push(listener as Listener)
    this.#listeners.set(event, listeners)
  }

  /** What arrives goes to `onOctets`, and is overwritten when it returns; in two parts, as TLS has records, whether the first one pauses or not. */
  lend(onOctets: (bytes: Buffer, size: number) => void): void {
    this.on('data', (piece: Buffer) => {
      const middle = piece.length >> 1
      for (const part of [piece.subarray(0, middle), piece.subarray(middle)]) {
        if (part.length > 0) onOctets(part, part.length)
        part.fill(0xee)
      }
    })
  }

  /** As `net.Socket.off`. */
  off(event: string, listener: (value: never) => void): void {
    const listeners = this.#listeners.get(event) ?? []
    listeners.splice(listeners.indexOf(listener as Listener) >>> 0, 1)
  }

  /** As `net.Socket.unshift`: it is read again, before all others. */
  unshift(bytes: Buffer): void {
    this.#arrived.unshift(bytes)
    if (this.peer !== undefined) this.peer.#inFlight += bytes.length
    this.#clock.schedule(0, () => this.#read())
  }

  /** As `net.Socket.write`: returns false if the buffer is full. */
  write(bytes: Uint8Array): boolean {
    if (this.#ended) throw new Error(`${this.name}: write after end`)
    if (this.destroyed || bytes.length === 0) return true
    this.#waiting.push(bytes)
    this.#waitingSize += bytes.length
    this.#pump()
    const isFull = this.#waitingSize >= HIGH_WATER_MARK
    if (this.#waitingSize > 0) this.#needsDrain = true
    return !isFull
  }

  /** As `net.Socket.cork`. */
  cork(): void {
    this.#corked = true
  }

  /** As `net.Socket.uncork`. */
  uncork(): void {
    this.#corked = false
    this.#pump()
  }

  /** As `net.Socket.end`. */
  end(): void {
    if (this.#ended || this.destroyed) return
    this.#ended = true
    this.#pump()
  }

  /** As `net.Socket.destroy`. */
  destroy(): void {
    this.fail(undefined)
  }

  /** As `net.Socket.pause`. */
  pause(): void {
    this.#paused = true
  }

  /** As `net.Socket.resume`. */
  resume(): void {
    if (!this.#paused) return
    this.#paused = false
    if (this.#arrived.length > 0) this.#clock.schedule(0, () => this.#read())
  }

  /** Octets sent from here arrive no earlier than in `ms`. Infinity: never; nobody is told. */
  hold(ms: number): void {
    this.#heldUntil = Math.max(this.#heldUntil, this.#clock.now() + ms)
  }

  /** Runs `run` when exactly `octets` more that this side sends have arrived; none of those behind them does before it has run. */
  cutAfter(octets: number, run: () => void): void {
    this.#cutLeft = octets
    this.#onCut = run
    if (octets === 0) this.#cut()
  }

  /** The end of this side, with an error of the system or in silence. The peer hears of it as over TCP. */
  fail(code: string | undefined): void {
    if (this.destroyed) return
    this.destroyed = true
    this.#waiting = []
    this.#waitingSize = 0
    const hadUnread = this.#arrived.length > 0
    this.#arrived = []
    this.#clock.schedule(0, () => {
      if (code !== undefined) this.#emit('error', systemError(code))
      this.#close()
    })
    this.#tellPeer(hadUnread)
  }

  /** @internal */
  start(): void {
    this.#paused = false
    this.#read()
  }

  /** The peer's kernel sees our end: a reset when we left octets unread, else an end after what is under way. */
  #tellPeer(reset: boolean): void {
    const { peer } = this
    if (peer === undefined || this.#heldUntil === Number.POSITIVE_INFINITY) return
    if (this.#finSent && !reset) {
      peer.#peerGone = true
      return
    }
    this.#finSent = true
    this.#after(() => {
      peer.#peerGone = true
      if (reset) peer.fail('ECONNRESET')
      else peer.#arrive(undefined)
    })
  }

  /** Moves what waits into the network, in pieces. */
  #pump(): void {
    const { peer } = this
    if (peer === undefined || this.destroyed || this.#corked) return
    while (this.#waitingSize > 0 && this.#inFlight < this.path.capacity && this.#cutLeft > 0) {
      const room = Math.min(this.path.capacity - this.#inFlight, this.#cutLeft)
      this.#send(peer, this.#take(Math.min(room, this.#random.integer(1, this.path.pieceSizeMax))))
    }
    if (this.#waitingSize > 0) return
    if (this.#ended && !this.#finSent) {
      this.#finSent = true
      this.#after(() => peer.#arrive(undefined))
      if (this.#endSeen) this.#finish()
    }
    if (this.#needsDrain) {
      this.#needsDrain = false
      this.#clock.schedule(0, () => {
        if (!this.destroyed) this.#emit('drain')
      })
    }
  }

  /** The first `sizeMax` octets that wait, copied now: until here they may not change. How they were written leaves no trace. */
  #take(sizeMax: number): Buffer {
    const piece = Buffer.allocUnsafe(Math.min(sizeMax, this.#waitingSize))
    let size = 0
    while (size < piece.length) {
      const first = this.#waiting[0]!
      const part = first.subarray(0, piece.length - size)
      piece.set(part, size)
      size += part.length
      if (part.length === first.length) this.#waiting.shift()
      else this.#waiting[0] = first.subarray(part.length)
    }
    this.#waitingSize -= size
    return piece
  }

  #send(peer: SimulatedSocket, piece: Buffer): void {
    this.#observer.onOctets(this, piece)
    this.#inFlight += piece.length
    if (this.#peerGone) {
      this.#after(() => this.fail('ECONNRESET'))
      return
    }
    this.#after(() => peer.#arrive(piece))
    this.#cutLeft -= piece.length
    if (this.#cutLeft === 0) this.#cut()
  }

  #cut(): void {
    const run = this.#onCut
    this.#onCut = undefined
    if (run === undefined) return
    this.#after(() => {
      this.#cutLeft = Number.POSITIVE_INFINITY
      run()
      this.#pump()
    })
  }

  /** Runs `run` when what leaves now arrives. */
  #after(run: () => void): void {
    const [least, most] = this.path.latencyMs
    const at = this.#clock.now() + this.#random.integer(least, most)
    this.#lastArrival = Math.max(this.#lastArrival, at, this.#heldUntil)
    if (this.#lastArrival === Number.POSITIVE_INFINITY) return
    this.#clock.schedule(this.#lastArrival - this.#clock.now(), run)
  }

  #arrive(piece: Buffer | undefined): void {
    if (this.destroyed) {
      // Octets for a socket that is gone are answered with a reset.
      if (piece !== undefined && this.peer !== undefined) this.peer.#peerGone = true
      if (piece !== undefined) this.peer?.fail('ECONNRESET')
      return
    }
    this.#arrived.push(piece)
    this.#read()
  }

  /** Hands over what has arrived, until the listener pauses. */
  #read(): void {
    while (!this.#paused && !this.destroyed && this.#arrived.length > 0) {
      const piece = this.#arrived.shift()
      if (piece === undefined) this.#onEnd()
      else {
        this.#emit('data', piece)
        if (!this.#paused) piece.fill(0xee)
        const { peer } = this
        if (peer !== undefined) peer.#onRead(piece.length)
      }
    }
  }

  #onRead(size: number): void {
    this.#inFlight -= size
    if (this.#waitingSize > 0) this.#clock.schedule(0, () => this.#pump())
  }

  #onEnd(): void {
    if (this.#endSeen) return
    this.#endSeen = true
    this.#emit('end')
    if (this.#ended && this.#finSent) this.#finish()
  }

  /** Both directions have ended in good order. */
  #finish(): void {
    if (this.destroyed) return
    this.destroyed = true
    this.#clock.schedule(0, () => this.#close())
  }

  #close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#emit('close')
  }

  #emit(event: string, value?: unknown): void {
    for (const listener of this.#listeners.get(event) ?? []) listener(value as never)
  }
}

/** An error as Node's sockets emit it. */
export function systemError(code: string, call = 'read'): Error {
  return Object.assign(new Error(`${call} ${code}`), { code, syscall: call })
}
