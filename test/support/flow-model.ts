import { inspect } from '../../src/connection/connection.js'
import {
  Connection,
  type ConnectionHandler,
  type ConnectionLimits,
  FrameType,
  MemoryBudget,
  type Stream,
  type StreamHandler,
} from '../../src/connection/index.js'
import { frames, REQUEST } from './frames.js'

/** How the peer chooses whose DATA comes next. */
export type Scheduler = 'fifo' | 'lifo' | 'round-robin' | 'random'

/** One upload: a message, and what becomes of it. */
export interface Upload {
  readonly id: number
  /** Octets of the message. */
  readonly size: number
  /** The peer sends no more than so many of them. Default: all. */
  readonly stopsAt?: number
  /** The round in which its request is sent. */
  readonly startsAt: number
  /** Nobody reads it: no message is wanted, and none consumed. */
  readonly isUnread?: boolean
  /** The round from which somebody waits for it, or reads what has come. Default: from the start. */
  readonly readsAt?: number
  sent: number
  received: number
  /** The round in which it was whole. */
  doneAt: number | undefined
  resetText: string | undefined
}

export interface FlowModelOptions {
  readonly limits: Partial<ConnectionLimits>
  readonly scheduler: Scheduler
  /** Octets of DATA in one round trip, as far as the windows allow. */
  readonly roundSize: number
  readonly random: (below: number) => number
}

const FRAME_SIZE = 16_384
const ZEROS = Buffer.alloc(9 + FRAME_SIZE)

/**
 * A server's connection, and a peer that uploads in any order its windows allow. Time is counted in
 * round trips: what we write in one is known to the peer in the next.
 */
export class FlowModel {
  readonly connection: Connection
  readonly uploads: Upload[] = []
  round = 0
  /** What was retained at most, and by how much that was less than what may be. */
  retainedPeak = 0
  slackMin: number = Number.POSITIVE_INFINITY
  readonly #options: FlowModelOptions
  readonly #windows = new Map<number, number>()
  #window = 65_535
  #initialWindow = 65_535
  #open: Upload[] = []
  /** Those that nobody reads yet. */
  readonly #late: Map<Stream, Upload> = new Map()

  constructor(options: FlowModelOptions) {
    this.#options = options
    const handler: ConnectionHandler = {
      onStream: stream => this.#receiver(stream),
      onReceived() {},
    }
    const nothing = (): void => {}
    this.connection = new Connection({
      role: 'server',
      handler,
      host: {
        onOutput: nothing,
        onSettings: nothing,
        onGoaway: nothing,
        onCapacity: nothing,
        onHandlerError(error) {
          throw error
        },
        onClosed: nothing,
      },
      limits: options.limits,
      // A model is not ended: what it leaves is not the next one's.
      memory: new MemoryBudget(),
      now: 0,
    })
    this.#give(frames.preface(), frames.settings({}))
    this.#learn()
  }

  add(upload: Pick<Upload, 'size'> & Partial<Upload>): Upload {
    const id = 1 + 2 * this.uploads.length
    const added = { startsAt: 0, sent: 0, received: 0, doneAt: undefined, resetText: undefined }
    const made: Upload = { ...added, ...upload, id }
    this.uploads.push(made)
    return made
  }

  /** Runs until every upload that may end has ended, or so many rounds have passed. */
  run(roundsMax: number): void {
    for (const last = this.round + roundsMax; this.round < last && !this.isDone; ) this.step()
  }

  get isDone(): boolean {
    return this.uploads.every(
      ({ doneAt, resetText, stopsAt, isUnread, readsAt = 0 }) =>
        (doneAt !== undefined && readsAt <= this.round) ||
        resetText !== undefined ||
        stopsAt !== undefined ||
        isUnread,
    )
  }

  /** One round trip. */
  step(): void {
    this.round++
    // Silence is counted in ms: a clock that stood still would never see any.
    this.connection.advance(this.round)
    const answers = this.#learn()
    this.#readLate()
    for (const upload of this.uploads) {
      if (upload.startsAt === this.round - 1) {
        this.#give(frames.headers(upload.id, REQUEST))
        this.#windows.set(upload.id, this.#initialWindow)
        this.#open.push(upload)
      }
    }
    let left = this.#options.roundSize
    while (left > 0) {
      const upload = this.#next()
      if (upload === undefined) break
      left -= this.#send(upload)
    }
    // A signal and its answer have a round trip between them: what the peer sends in it comes first.
    this.#give(...answers)
  }

  /** Those whose reader comes now: a whole message is taken, of another the rest is asked for. */
  #readLate(): void {
    for (const [stream, upload] of this.#late) {
      if (upload.readsAt! > this.round) continue
      this.#late.delete(stream)
      if (upload.doneAt !== undefined) stream.consume(upload.size)
      else if (upload.received > 0) stream.expect(upload.size - upload.received)
    }
  }

  #next(): Upload | undefined {
    const open = this.#open
    const canSend = (upload: Upload): boolean =>
      this.#window > 0 &&
      this.#windows.get(upload.id)! > 0 &&
      upload.sent < Math.min(upload.size, upload.stopsAt ?? upload.size)
    switch (this.#options.scheduler) {
      case 'fifo':
        return open.find(canSend)
      case 'lifo':
        return open.findLast(canSend)
      case 'random': {
        const ready = open.filter(canSend)
        return ready[this.#options.random(Math.max(1, ready.length))]
      }
      case 'round-robin': {
        const index = open.findIndex(canSend)
        if (index < 0) return undefined
        // It goes to the end of the row.
        const [upload] = open.splice(index, 1)
        open.push(upload!)
        return upload
      }
    }
  }

  #send(upload: Upload): number {
    const size = Math.min(
      FRAME_SIZE,
      this.#window,
      this.#windows.get(upload.id)!,
      Math.min(upload.size, upload.stopsAt ?? upload.size) - upload.sent,
    )
    this.#window -= size
    this.#windows.set(upload.id, this.#windows.get(upload.id)! - size)
    upload.sent += size
    const isLast = upload.sent === upload.size
    if (isLast) this.#open = this.#open.filter(other => other !== upload)
    const frame = Buffer.from(ZEROS.subarray(0, 9 + size))
    frame.writeUIntBE(size, 0, 3)
    frame[4] = isLast ? 1 : 0
    frame.writeUInt32BE(upload.id, 5)
    this.#give(frame)
    return size
  }

  #give(...octets: readonly Buffer[]): void {
    const { connection } = this
    for (const bytes of octets) {
      for (let at = 0; at < bytes.length && !inspect(connection).core.over; ) {
        at = connection.receive(bytes, at, bytes.length, this.round)
      }
    }
    const { retained, retainedMax } = inspect(connection).receiver
    this.retainedPeak = Math.max(this.retainedPeak, retained)
    this.slackMin = Math.min(this.slackMin, retainedMax - retained)
  }

  /** Reads what was written for the peer; its answers. */
  #learn(): Buffer[] {
    const answers: Buffer[] = []
    const bytes = Buffer.concat(this.connection.takeOutput(1 << 30))
    for (let at = 0; at < bytes.length; ) {
      const size = bytes.readUIntBE(at, 3)
      const [type, flags, id] = [bytes[at + 3], bytes[at + 4]!, bytes.readUInt32BE(at + 5)]
      const payload = bytes.subarray(at + 9, at + 9 + size)
      at += 9 + size
      if (type === FrameType.WindowUpdate) this.#credit(id, payload.readUInt32BE(0))
      else if (type === FrameType.Ping && flags === 0) answers.push(frames.ping(payload, true))
      else if (type === FrameType.Settings && flags === 0) {
        answers.push(frames.settingsAck())
        this.#setWindow(payload)
      } else if (type === FrameType.RstStream) this.#forget(id)
      else if (type === FrameType.Goaway) throw new Error(payload.toString('latin1', 8))
    }
    return answers
  }

  #credit(id: number, increment: number): void {
    if (id === 0) this.#window += increment
    else this.#windows.set(id, (this.#windows.get(id) ?? 0) + increment)
  }

  #setWindow(payload: Buffer): void {
    for (let i = 0; i < payload.length; i += 6) {
      if (payload.readUInt16BE(i) === 4) this.#initialWindow = payload.readUInt32BE(i + 2)
    }
  }

  #forget(id: number): void {
    this.#open = this.#open.filter(upload => upload.id !== id)
  }

  #receiver(stream: Stream): StreamHandler {
    const upload = this.uploads[(stream.id - 1) / 2]!
    if (upload.readsAt !== undefined) this.#late.set(stream, upload)
    const isRead = (): boolean => upload.isUnread !== true && !this.#late.has(stream)
    return {
      onHeaders() {},
      onData: (_bytes, start, end) => {
        const isFirst = upload.received === 0
        upload.received += end - start
        if (upload.received === upload.size) {
          upload.doneAt = this.round
          if (isRead()) stream.consume(upload.size)
        } else if (isFirst) stream.expect(upload.size - upload.received, isRead())
      },
      onDrain() {},
      onReset(_code, _byPeer, fault) {
        upload.resetText = fault ?? 'reset'
      },
      onLost(cause) {
        upload.resetText = cause.message
      },
    }
  }
}
