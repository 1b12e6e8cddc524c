/** The attacker's side of connections. */
import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { frames } from '../../test/support/frames.js'

/** What came of an attack, seen from the attacker. */
export interface Played {
  /** Sent by the attacker. Unit: octets. */
  readonly octets: number
  /** Until the last connection of the attack was closed; undefined: one at least lives on. Unit: ms. */
  readonly disconnectMs: number | undefined
  /** Error codes of the GOAWAY frames that came, with their texts. */
  readonly goaways: readonly string[]
  /** RST_STREAM frames that came. */
  readonly resets: number
  readonly connections: number
  readonly elapsedMs: number
}

export interface PlayOrder {
  readonly name: string
  readonly port: number
  readonly tls?: boolean
  /** How long to wait for the server to end the connection. Unit: ms. */
  readonly patienceMs: number
  /** Part of the full size of the attack, above 0 and up to 1. */
  readonly scale: number
}

/** Output of one attacker that may wait in the kernel and in memory. Unit: octets. */
const WRITE_SIZE = 262_144
const PREFACE_SIZE = 24
const DEFAULT_WINDOW = 65_535
/** Who gets no credit for so long is held back. Unit: ms. */
const CREDIT_PATIENCE_MS = 400

/** One connection of an attacker. */
export class AttackSocket {
  readonly #socket: Socket
  octets = 0
  /** Whether it answers SETTINGS, as everybody must. */
  acknowledges = true
  resets = 0
  readonly goaways: string[] = []
  closedAt: number | undefined
  #rest: Buffer = Buffer.alloc(0)
  #isPreface = true
  #initialWindow = DEFAULT_WINDOW
  /** Credit of each stream, 0 is the connection, beyond what it had at first. */
  readonly #given = new Map<number, number>()
  readonly #ready: Promise<void>
  /** Streams that the other side has opened. */
  readonly requests: number[] = []
  #wake: (() => void)[] = []

  constructor(socket: Socket, readyOn: string | undefined, reads: boolean) {
    this.#socket = socket
    this.#ready = new Promise(resolve => {
      if (readyOn === undefined) resolve()
      else this.#socket.once(readyOn, () => resolve())
      this.#socket.once('close', () => resolve())
    })
    this.#socket.on('error', () => {})
    this.#socket.on('close', () => this.#onClosed())
    this.#socket.on('end', () => {
      this.#onClosed()
      this.#socket.end()
    })
    if (reads) this.#socket.on('data', chunk => this.#onData(chunk))
  }

  get closed(): boolean {
    return this.closedAt !== undefined
  }

  #onClosed(): void {
    this.closedAt ??= performance.now()
    this.#wakeAll()
  }

  #onSettings(entries: Buffer): void {
    for (let at = 0; at + 6 <= entries.length; at += 6) {
      if (entries.readUInt16BE(at) === 4) this.#initialWindow = entries.readUInt32BE(at + 2)
    }
    this.#wakeAll()
  }

  #give(id: number, size: number): void {
    this.#given.set(id, (this.#given.get(id) ?? 0) + size)
    this.#wakeAll()
  }

  /**
   * Takes up to `size` octets of the windows of a stream, as an honest peer does. 0: the other side
   * gave no more for a while, or it is gone.
   */
  async credit(id: number, size: number): Promise<number> {
    const until = performance.now() + CREDIT_PATIENCE_MS
    while (!this.closed) {
      const room = Math.min(
        DEFAULT_WINDOW + (this.#given.get(0) ?? 0),
        this.#initialWindow + (this.#given.get(id) ?? 0),
        size,
      )
      if (room > 0) {
        this.#give(0, -room)
        this.#give(id, -room)
        return room
      }
      if (performance.now() > until) return 0
      await Promise.race([new Promise<void>(wake => this.#wake.push(wake)), this.turn(50)])
    }
    return 0
  }

  #wakeAll(): void {
    for (const wake of this.#wake.splice(0)) wake()
  }

  /** Waits for the stream with this number, from 0, that the other side opens; undefined: it never will. */
  async request(index: number): Promise<number | undefined> {
    while (this.requests.length <= index && !this.closed) {
      await new Promise<void>(wake => this.#wake.push(wake))
    }
    return this.requests[index]
  }

  /** Ends it as a process that leaves does, or with RST. */
  end(isReset = false): void {
    if (isReset) this.#socket.resetAndDestroy()
    else this.#socket.end()
  }

  connected(): Promise<void> {
    return this.#ready
  }

  /** Settles when there is room for more, or nobody listens any longer. */
  async send(bytes: Buffer): Promise<void> {
    for (let at = 0; at < bytes.length && !this.closed; at += WRITE_SIZE) {
      const piece = bytes.subarray(at, at + WRITE_SIZE)
      this.octets += piece.length
      if (this.#socket.write(piece)) continue
      await new Promise<void>(resolve => {
        const done = (): void => {
          clearTimeout(timer)
          this.#socket.off('drain', done)
          this.#socket.off('close', done)
          this.#socket.off('end', done)
          resolve()
        }
        // A server that does not read must not hold the attacker for ever.
        const timer = setTimeout(done, 2_000)
        this.#socket.on('drain', done).on('close', done).on('end', done)
      })
      if (this.#socket.writableLength > 4 * WRITE_SIZE) return
    }
  }

  /** Lets the event loop turn, so that answers are read and a close is seen. */
  async turn(ms = 0): Promise<void> {
    await new Promise(resolve => setTimeout(resolve, ms))
  }

  leave(): void {
    this.#socket.destroy()
  }

  #onData(chunk: Buffer): void {
    if (this.#isPreface && chunk.length >= PREFACE_SIZE) {
      this.#isPreface = false
      if (chunk.toString('latin1', 0, 3) === 'PRI') chunk = chunk.subarray(PREFACE_SIZE)
    }
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    while (bytes.length >= 9) {
      const end = 9 + bytes.readUIntBE(0, 3)
      if (bytes.length < end) break
      const type = bytes[3]!
      if (type === 1 && !this.requests.includes(bytes.readUInt32BE(5))) {
        this.requests.push(bytes.readUInt32BE(5))
        this.#wakeAll()
      }
      if (type === 3) this.resets++
      if (type === 4 && (bytes[4]! & 1) === 0) {
        this.#onSettings(bytes.subarray(9, end))
        if (this.acknowledges) this.#socket.write(frames.settingsAck())
      }
      if (type === 8) this.#give(bytes.readUInt32BE(5), bytes.readUInt32BE(9))
      if (type === 7) {
        this.goaways.push(`${bytes.readUInt32BE(13)} ${bytes.toString('latin1', 17, end)}`.trim())
      }
      bytes = bytes.subarray(end)
    }
    this.#rest = bytes
  }
}

/** What an attack may use. */
export class Attacker {
  readonly scale: number
  readonly #port: number
  readonly #isTls: boolean
  readonly #sockets: AttackSocket[] = []

  constructor(port: number, scale: number, isTls = false) {
    this.#port = port
    this.scale = scale
    this.#isTls = isTls
  }

  get sockets(): readonly AttackSocket[] {
    return this.#sockets
  }

  /** A connection, over TLS where the server has it, and nothing sent on it. */
  async socket(reads = true): Promise<AttackSocket> {
    const to = { port: this.#port, host: '127.0.0.1', allowHalfOpen: true }
    const isTls = this.#isTls
    const raw = isTls
      ? connectTls({ ...to, ALPNProtocols: ['h2'], rejectUnauthorized: false })
      : connect({ ...to, noDelay: true })
    return await this.take(raw, reads, isTls ? 'secureConnect' : 'connect')
  }

  /** A TCP connection, also where the server speaks TLS. */
  async plainSocket(): Promise<AttackSocket> {
    const raw = connect({ port: this.#port, host: '127.0.0.1', allowHalfOpen: true })
    return await this.take(raw, true, 'connect')
  }

  /** A connection that is ready on this event, or that somebody has made to us. */
  async take(raw: Socket, reads = true, readyOn?: string): Promise<AttackSocket> {
    const socket = new AttackSocket(raw, readyOn, reads)
    this.#sockets.push(socket)
    await socket.connected()
    return socket
  }

  /** A connection with preface and SETTINGS; ours are `settings`. */
  async open(
    settings: Parameters<typeof frames.settings>[0] = {},
    reads = true,
  ): Promise<AttackSocket> {
    const socket = await this.socket(reads)
    await socket.send(Buffer.concat([frames.preface(), frames.settings(settings)]))
    await socket.turn(5)
    return socket
  }

  /** `count`, by the scale of the run. */
  times(count: number): number {
    return Math.max(1, Math.round(count * this.scale))
  }
}
