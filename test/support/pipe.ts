import assert from 'node:assert/strict'
import { Connection, type ConnectionLimits } from '../../src/connection/index.js'
import { Random } from './random.js'
import { Recorder, type RecorderOptions } from './recorder.js'

export interface PipeOptions {
  /** One seed, one run. */
  readonly seed?: number
  readonly clientLimits?: Partial<ConnectionLimits>
  readonly serverLimits?: Partial<ConnectionLimits>
  readonly client?: RecorderOptions
  readonly server?: RecorderOptions
  /** Largest piece delivered at once. Default 40_000; 1 is the cruellest. */
  readonly pieceMax?: number
}

/** One end: a connection, what it told its owners, and octets on their way to it. */
export interface PipeEnd {
  readonly connection: Connection
  readonly recorder: Recorder
  arriving: Buffer
  /** Everything that came out of it. */
  readonly sent: Buffer[]
}

/**
 * Two connections back to back over a lossless pipe that cuts octets anywhere,
 * with a clock of its own. Each piece is overwritten once it was received.
 */
export class Pipe {
  readonly client: PipeEnd
  readonly server: PipeEnd
  now = 1_000
  readonly #random: Random
  readonly #pieceMax: number

  constructor(options: PipeOptions = {}) {
    this.#random = new Random(options.seed ?? 1)
    this.#pieceMax = options.pieceMax ?? 40_000
    this.client = newEnd('client', this.now, options.clientLimits, options.client)
    this.server = newEnd('server', this.now, options.serverLimits, options.server)
  }

  /** Moves octets until nothing is left to move. */
  run(stepsMax = 1_000_000): void {
    for (let step = 0; this.step(); step++)
      assert.ok(step < stepsMax, 'the pipe never falls silent')
  }

  /** Moves one piece; false when there was none. */
  step(): boolean {
    this.#pump(this.client, this.server)
    this.#pump(this.server, this.client)
    const ready = [this.client, this.server].filter(end => end.arriving.length > 0)
    if (ready.length === 0) return false
    const end = this.#random.pick(ready)
    const size = this.#random.integer(1, Math.min(this.#pieceMax, end.arriving.length))
    const piece = Buffer.from(end.arriving.subarray(0, size))
    const reached = end.connection.receive(piece, 0, size, this.now)
    assert.ok(reached > 0 && reached <= size, `receive reached ${reached} of ${size}`)
    piece.fill(0xaa)
    end.arriving = end.arriving.subarray(reached)
    return true
  }

  /** Time passes at both ends. */
  advance(ms: number): void {
    this.now += ms
    this.client.connection.advance(this.now)
    this.server.connection.advance(this.now)
    this.run()
  }

  #pump(from: PipeEnd, to: PipeEnd): void {
    if (!from.connection.hasOutput) return
    const taken = from.connection.takeOutput(this.#random.integer(1, 100_000))
    for (const bytes of taken) from.sent.push(Buffer.from(bytes))
    to.arriving = Buffer.concat([to.arriving, ...taken])
  }
}

function newEnd(
  role: 'client' | 'server',
  now: number,
  limits: Partial<ConnectionLimits> | undefined,
  options: RecorderOptions | undefined,
): PipeEnd {
  const recorder = new Recorder(options)
  const connection = new Connection({
    role,
    handler: recorder,
    host: recorder,
    now,
    ...(limits === undefined ? {} : { limits }),
  })
  return { connection, recorder, arriving: Buffer.alloc(0), sent: [] }
}
