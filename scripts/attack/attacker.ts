/**
 * Plays one attack, in a process of its own at the lowest priority: forked, `node attacker.js`.
 * Told `{ name, port, patienceMs, scale }`, it answers with a `Played` when the server has ended
 * the connection or patience has; its sockets stay open until it is told `leave`.
 */
import { connect, type Socket } from 'node:net'
import { setPriority } from 'node:os'
import { frames } from '../../test/support/frames.js'
import { ATTACKS } from './catalogue.js'

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
  /** How long to wait for the server to end the connection. Unit: ms. */
  readonly patienceMs: number
  /** Part of the full size of the attack, above 0 and up to 1. */
  readonly scale: number
}

/** Output of one attacker that may wait in the kernel and in memory. Unit: octets. */
const WRITE_SIZE = 262_144

/** One connection of an attacker. */
export class AttackSocket {
  readonly #socket: Socket
  octets = 0
  resets = 0
  readonly goaways: string[] = []
  closedAt: number | undefined
  #rest: Buffer = Buffer.alloc(0)
  readonly #ready: Promise<void>

  constructor(port: number, reads: boolean) {
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true })
    this.#ready = new Promise(resolve => {
      this.#socket.once('connect', () => resolve())
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
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    while (bytes.length >= 9) {
      const end = 9 + bytes.readUIntBE(0, 3)
      if (bytes.length < end) break
      const type = bytes[3]!
      if (type === 3) this.resets++
      if (type === 4 && (bytes[4]! & 1) === 0) this.#socket.write(frames.settingsAck())
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
  readonly #sockets: AttackSocket[] = []

  constructor(port: number, scale: number) {
    this.#port = port
    this.scale = scale
  }

  get sockets(): readonly AttackSocket[] {
    return this.#sockets
  }

  /** A TCP connection, and nothing sent on it. */
  async socket(reads = true): Promise<AttackSocket> {
    const socket = new AttackSocket(this.#port, reads)
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

async function play(order: PlayOrder): Promise<Played> {
  const attack = ATTACKS.find(each => each.name === order.name)
  if (attack === undefined) throw new TypeError(`attack ${order.name} is not known`)
  const startedAt = performance.now()
  attacker = new Attacker(order.port, order.scale)
  await attack.play(attacker)
  const deadline = performance.now() + order.patienceMs
  while (performance.now() < deadline && attacker.sockets.some(socket => !socket.closed)) {
    await new Promise(resolve => setTimeout(resolve, 5))
  }
  const { sockets } = attacker
  const lives = sockets.some(socket => !socket.closed)
  const last = Math.max(...sockets.map(socket => socket.closedAt ?? 0))
  return {
    octets: sockets.reduce((sum, socket) => sum + socket.octets, 0),
    disconnectMs: lives ? undefined : last - startedAt,
    goaways: [...new Set(sockets.flatMap(socket => socket.goaways))].slice(0, 4),
    resets: sockets.reduce((sum, socket) => sum + socket.resets, 0),
    connections: sockets.length,
    elapsedMs: performance.now() - startedAt,
  }
}

let attacker: Attacker | undefined

if (process.send !== undefined && process.argv[2] === 'child') {
  setPriority(19)
  process.on('message', (order: PlayOrder | 'leave') => {
    if (order === 'leave') {
      for (const socket of attacker?.sockets ?? []) socket.leave()
      process.send!({ left: true })
      return
    }
    play(order).then(
      played => process.send!(played),
      error => {
        process.stderr.write(`attacker: ${error instanceof Error ? error.stack : error}\n`)
        process.exit(1)
      },
    )
  })
  process.on('disconnect', () => setImmediate(() => process.exit(0)))
}
