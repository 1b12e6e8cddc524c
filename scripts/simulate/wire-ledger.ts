import type { SimulatedSocket } from '../../src/testing/index.js'

const FRAME_NAMES: readonly string[] = [
  'DATA',
  'HEADERS',
  'PRIORITY',
  'RST_STREAM',
  'SETTINGS',
  'PUSH_PROMISE',
  'PING',
  'GOAWAY',
  'WINDOW_UPDATE',
  'CONTINUATION',
]
const Type = { data: 0, headers: 1, rst: 3, settings: 4, goaway: 7, windowUpdate: 8 } as const
const PREFACE_SIZE = 24
const WINDOW_INITIAL = 65_535
const INITIAL_WINDOW_SIZE = 4
const TIMED_OUT = /in \d+ ms/

/** One direction of a connection, as an observer on the wire counts it. */
class Direction {
  readonly name: string
  readonly isClient: boolean
  /** What is left of the last octets. */
  rest: Buffer = Buffer.alloc(0)
  prefaceLeft: number
  /** What the other side has granted this one, in all and by stream. RFC 9113 §6.9. */
  granted = WINDOW_INITIAL
  grantedMax = WINDOW_INITIAL
  sent = 0
  initialWindow = WINDOW_INITIAL
  readonly streamGranted = new Map<number, number>()
  readonly streamSent = new Map<number, number>()
  /** Streams on which this side has said its last word: how. */
  readonly ended = new Map<number, 'END_STREAM' | 'RST_STREAM'>()
  readonly opened = new Set<number>()
  goaways = 0

  constructor(name: string, isClient: boolean) {
    this.name = name
    this.isClient = isClient
    this.prefaceLeft = isClient ? PREFACE_SIZE : 0
  }
}

/**
 * Reads every frame on the simulated wire with a parser of its own, and keeps
 * the books of flow control and stream states: what no side may break,
 * whatever the network does.
 */
export class WireLedger {
  readonly faults: string[] = []
  readonly #directions = new Map<SimulatedSocket, Direction>()
  readonly #trace: ((text: string) => void) | undefined
  readonly #mayStall: boolean
  frames = 0

  /** @param mayStall links may swallow octets: a side that waits for ever gives up with GOAWAY */
  constructor(mayStall: boolean, trace?: (text: string) => void) {
    this.#mayStall = mayStall
    this.#trace = trace
  }

  onOctets(from: SimulatedSocket, bytes: Buffer): void {
    const own = this.#of(from)
    let octets = own.rest.length === 0 ? bytes : Buffer.concat([own.rest, bytes])
    const skipped = Math.min(own.prefaceLeft, octets.length)
    own.prefaceLeft -= skipped
    octets = octets.subarray(skipped)
    while (octets.length >= 9) {
      const end = 9 + octets.readUIntBE(0, 3)
      if (octets.length < end) break
      this.#onFrame(own, this.#of(from.peer!), octets.subarray(0, end))
      octets = octets.subarray(end)
    }
    own.rest = Buffer.from(octets)
  }

  /** Streams that one side has not ended, and connection windows that have not come back, on this connection. */
  leftovers(client: SimulatedSocket): string[] {
    const up = this.#of(client)
    const down = this.#of(client.peer!)
    const found: string[] = []
    for (const id of up.opened) {
      const reset = up.ended.get(id) === 'RST_STREAM' || down.ended.get(id) === 'RST_STREAM'
      if (!reset && !(up.ended.has(id) && down.ended.has(id))) {
        found.push(
          `${up.name}: stream ${id} is open: client ${up.ended.get(id) ?? 'open'}, server ${down.ended.get(id) ?? 'open'}`,
        )
      }
    }
    for (const each of [up, down]) {
      const left = each.granted - each.sent
      if (left < each.grantedMax / 2 - 1) {
        found.push(`${each.name}: connection window is ${left}, was ${each.grantedMax}`)
      }
    }
    return found
  }

  #of(socket: SimulatedSocket): Direction {
    const known = this.#directions.get(socket)
    if (known !== undefined) return known
    const made = new Direction(socket.name, socket.name.endsWith('client'))
    this.#directions.set(socket, made)
    return made
  }

  #onFrame(own: Direction, other: Direction, frame: Buffer): void {
    this.frames++
    const type = frame[3]!
    const flags = frame[4]!
    const id = frame.readUInt32BE(5) & 0x7fff_ffff
    const payload = frame.subarray(9)
    this.#trace?.(`${own.name} ${describe(type, flags, id, payload)}`)
    if (type === Type.data) this.#onData(own, id, payload.length)
    if (type === Type.headers && own.isClient) own.opened.add(id)
    if (type === Type.data || type === Type.headers) {
      const before = own.ended.get(id)
      if (before !== undefined)
        this.#fault(`${own.name}: ${FRAME_NAMES[type]} after ${before} on stream ${id}`)
      if ((flags & 1) !== 0) own.ended.set(id, 'END_STREAM')
    }
    if (type === Type.rst) own.ended.set(id, 'RST_STREAM')
    if (type === Type.windowUpdate) this.#onWindowUpdate(own, other, id, payload.readUInt32BE(0))
    if (type === Type.settings && (flags & 1) === 0) this.#onSettings(other, payload)
    if (type === Type.goaway) {
      own.goaways++
      const code = payload.readUInt32BE(4)
      const debug = payload.toString('latin1', 8)
      // On a dead link a timer ends the connection: of the preface, of SETTINGS, of the write stall.
      if (code !== 0 && !(this.#mayStall && TIMED_OUT.test(debug))) {
        this.#fault(`${own.name}: GOAWAY ${code} "${debug}"`)
      }
      // Two make a graceful end; an error may follow them, once.
      if (own.goaways > (code === 0 ? 2 : 3)) {
        this.#fault(`${own.name}: ${own.goaways} GOAWAY frames`)
      }
    }
  }

  #onData(own: Direction, id: number, size: number): void {
    own.sent += size
    const sent = (own.streamSent.get(id) ?? 0) + size
    own.streamSent.set(id, sent)
    const allowed = own.initialWindow + (own.streamGranted.get(id) ?? 0)
    if (own.sent > own.granted)
      this.#fault(`${own.name}: ${own.sent} octets of DATA, ${own.granted} granted`)
    if (sent > allowed)
      this.#fault(`${own.name}: ${sent} octets of DATA on stream ${id}, ${allowed} granted`)
  }

  #onWindowUpdate(own: Direction, other: Direction, id: number, increment: number): void {
    if (increment === 0) this.#fault(`${own.name}: WINDOW_UPDATE 0 on stream ${id}`)
    if (id === 0) {
      other.granted += increment
      other.grantedMax = Math.max(other.grantedMax, other.granted - other.sent)
      if (other.granted - other.sent > 0x7fff_ffff) this.#fault(`${own.name}: window overflow`)
      return
    }
    other.streamGranted.set(id, (other.streamGranted.get(id) ?? 0) + increment)
  }

  /** Until the sender has seen a smaller initial window it may use the old one. */
  #onSettings(other: Direction, payload: Buffer): void {
    for (let i = 0; i + 6 <= payload.length; i += 6) {
      if (payload.readUInt16BE(i) !== INITIAL_WINDOW_SIZE) continue
      other.initialWindow = Math.max(other.initialWindow, payload.readUInt32BE(i + 2))
    }
  }

  #fault(text: string): void {
    if (this.faults.length < 20) this.faults.push(text)
  }
}

function describe(type: number, flags: number, id: number, payload: Buffer): string {
  const name = FRAME_NAMES[type] ?? `type ${type}`
  const stream = id === 0 ? '' : ` stream ${id}`
  const end =
    (type === Type.data || type === Type.headers) && (flags & 1) !== 0 ? ' END_STREAM' : ''
  switch (type) {
    case Type.rst:
      return `${name}${stream} code ${payload.readUInt32BE(0)}`
    case Type.windowUpdate:
      return `${name}${stream} +${payload.readUInt32BE(0)}`
    case Type.goaway:
      return `${name} last ${payload.readUInt32BE(0)} code ${payload.readUInt32BE(4)} ${payload.toString('latin1', 8)}`
    case Type.settings:
      return `${name}${(flags & 1) === 0 ? '' : ' ACK'}`
    default:
      return `${name}${stream} ${payload.length} octets${end}`
  }
}
