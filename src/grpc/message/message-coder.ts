import type { StreamConnection } from '../../connection/index.js'
import { type Compression, MessageTooLargeError } from '../wire/compression.js'
import type { CallLimits } from '../wire/limits.js'
import { AnswerRoom } from './answer-room.js'
import { type CodedOwner, CodingJob } from './coding-job.js'
import { JobQueue } from './job-queue.js'

/** How often what is inflated is usually larger: what seems too large for now is not tried. */
const USUAL_RATIO = 4

/** A Buffer cannot be larger. Unit: octets. */
const RESERVED_MAX = 0x7fff_ffff

/**
 * Compresses and inflates the messages of one connection. Small ones are done
 * at once, as long as they have not held the thread for a turn's time
 * together; others leave the thread, and their owners hear at the end of a
 * later turn: from `deliver`, never inside the parser.
 */
export class MessageCoder {
  readonly #connection: StreamConnection
  /** What was done at once since the last turn ended. Unit: ms, of the stopwatch. */
  #spentMs = 0
  #done: CodingJob[] = []
  readonly #room: AnswerRoom
  readonly #outbound: JobQueue
  readonly #inbound: JobQueue

  constructor(connection: StreamConnection) {
    this.#connection = connection
    this.#room = new AnswerRoom(connection, () => this.#inbound.advance())
    this.#outbound = new JobQueue({
      run: (job, ended) => this.#compress(job, ended),
      charge: () => undefined,
      room: undefined,
    })
    this.#inbound = new JobQueue({
      run: (job, ended) => this.#inflate(job, ended),
      charge: size => connection.memory.charge(size),
      room: this.#room,
    })
  }

  /**
   * The compressed form of `bytes`; a job when that takes too long: `owner` will hear of it.
   *
   * @throws whatever the compression throws
   */
  compress(
    bytes: Uint8Array,
    compression: Compression,
    limits: CallLimits,
    owner: CodedOwner,
  ): Uint8Array | CodingJob {
    const isSmall = bytes.length <= limits.compressNowSizeMax && this.#hasTime
    if (isSmall || compression.compressAsync === undefined) {
      const begun = this.#stopwatch()
      const result = compression.compress(bytes)
      this.#spentMs += this.#stopwatch() - begun
      return result
    }
    const job = new CodingJob(owner, bytes, compression, 0, Number.POSITIVE_INFINITY)
    this.#outbound.add(job)
    return job
  }

  /**
   * What `bytes` were before they were compressed; a job when that takes too long, or others come
   * first: `owner` will hear of it. It takes `bytes`.
   *
   * @throws whatever the compression throws
   */
  inflate(
    bytes: Buffer,
    compression: Compression,
    limits: CallLimits,
    owner: CodedOwner,
  ): Buffer | CodingJob {
    const { messageSizeMax, inflatedSizeMax, inflateNowSizeMax } = limits
    const isRoom = this.#room.allows(inflatedSizeMax)
    if (compression.decompressAsync === undefined && isRoom) {
      return this.#inflateNow(bytes, compression, messageSizeMax)
    }
    if (isRoom && bytes.length * USUAL_RATIO <= inflateNowSizeMax && this.#hasTime) {
      const nowMax = Math.min(messageSizeMax, inflateNowSizeMax)
      try {
        return this.#inflateNow(bytes, compression, nowMax)
      } catch (error) {
        if (!(error instanceof MessageTooLargeError) || nowMax === messageSizeMax) throw error
      }
    }
    const reserved = Math.min(messageSizeMax, RESERVED_MAX)
    const job = new CodingJob(owner, bytes, compression, reserved, inflatedSizeMax)
    this.#inbound.add(job)
    return job
  }

  /** What the job came to is the application's now, whose answer may be as large: others wait for it until `release`. */
  take(job: CodingJob): void {
    this.#inbound.take(job)
  }

  /**
   * Its owner needs the job no more: what it came to is the application's now, or nobody wants it,
   * and nobody will hear. A thread that works on it goes on, and counts until it has ended.
   */
  release(job: CodingJob): void {
    job.owner = undefined
    job.bytes = undefined
    this.#inbound.release(job)
  }

  /** Whether `deliver` has something to tell. */
  get isPending(): boolean {
    return this.#done.length > 0
  }

  /** The end of a turn: owners hear what has been done for them. */
  deliver(): void {
    this.#spentMs = 0
    // Answers may have left.
    this.#inbound.advance()
    if (this.#done.length === 0) return
    const done = this.#done
    this.#done = []
    for (const job of done) {
      const bytes = job.bytes as Buffer | undefined
      job.bytes = undefined
      job.owner?.onCoded(bytes, job.error)
    }
  }

  /** Asks for a turn. */
  ask(): void {
    this.#connection.turns.ask()
  }

  get #hasTime(): boolean {
    return this.#spentMs * 1_000 < this.#connection.limits.turnTimeMaxUs
  }

  #stopwatch(): number {
    return this.#connection.turns.stopwatch?.() ?? 0
  }

  #inflateNow(bytes: Buffer, compression: Compression, sizeMax: number): Buffer {
    const begun = this.#stopwatch()
    try {
      return compression.decompress(bytes, sizeMax)
    } finally {
      this.#spentMs += this.#stopwatch() - begun
    }
  }

  #compress(job: CodingJob, ended: () => void): void {
    this.#run(job, ended, (bytes, done) => job.compression.compressAsync!(bytes, done))
  }

  #inflate(job: CodingJob, ended: () => void): void {
    const sizeMax = job.reserved === RESERVED_MAX ? Number.POSITIVE_INFINITY : job.reserved
    const { compression } = job
    this.#run(job, ended, (bytes, done) => {
      if (compression.decompressAsync !== undefined) {
        compression.decompressAsync(bytes, sizeMax, done)
      } else done(null, compression.decompress(bytes, sizeMax))
    })
  }

  #run(
    job: CodingJob,
    ended: () => void,
    code: (bytes: Uint8Array, done: (error: unknown, result?: Buffer) => void) => void,
  ): void {
    let isDone = false
    const done = (error: unknown, result?: Buffer): void => {
      if (isDone) return
      isDone = true
      if (job.owner !== undefined) {
        job.bytes = result
        job.error = error
        this.#done.push(job)
        this.#connection.turns.ask()
      }
      ended()
    }
    try {
      code(job.bytes!, done)
    } catch (error) {
      done(error)
    }
  }
}
