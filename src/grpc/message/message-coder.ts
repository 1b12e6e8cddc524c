import type { Connection } from '../../connection/index.js'
import { type Compression, MessageTooLargeError } from '../wire/compression.js'
import type { CallLimits } from '../wire/limits.js'

/** Who has a message compressed or inflated: one at a time. */
export interface CodedOwner {
  /** It was not done at once, and now is: `bytes`, or why there are none. Called at the beginning of a turn's end. */
  onCoded(bytes: Buffer | undefined, error: unknown): void
}

/** How often what is inflated is usually larger: what seems too large for now is not tried. */
const USUAL_RATIO = 4

/** A Buffer cannot be larger. Unit: octets. */
const RESERVED_MAX = 0x7fff_ffff

/** Of one connection and one direction, at once: more would only wait in the thread pool, and be in the way of others. Unit: jobs. */
const JOBS_MAX = 4

/** One message that is compressed or inflated off the thread. */
export class CodingJob {
  /** Undefined once it is not wanted any more. */
  owner: CodedOwner | undefined
  /** What is to be coded; then what it became. */
  bytes: Uint8Array | undefined
  error: unknown = undefined
  /** Octets it may come to, which count until it has ended. */
  readonly reserved: number
  /** Octets it came to, which count until its owner needs it no more. */
  charged = 0
  readonly budget: number
  readonly compression: Compression

  constructor(
    owner: CodedOwner,
    bytes: Uint8Array,
    compression: Compression,
    reserved: number,
    budget: number,
  ) {
    this.owner = owner
    this.bytes = bytes
    this.compression = compression
    this.reserved = reserved
    this.budget = budget
  }
}

/** Jobs of one direction, in the order they came. */
class JobQueue {
  /** Octets that were inflated and not taken, or may be any moment. */
  #used = 0
  #running = 0
  readonly #waiting: CodingJob[] = []
  readonly #run: (job: CodingJob, ended: () => void) => void
  readonly #charge: (size: number) => void

  constructor(run: (job: CodingJob, ended: () => void) => void, charge: (size: number) => void) {
    this.#run = run
    this.#charge = charge
  }

  add(job: CodingJob): void {
    this.#waiting.push(job)
    this.#next()
  }

  release(size: number): void {
    this.#used -= size
    this.#charge(-size)
    this.#next()
  }

  #next(): void {
    for (;;) {
      const job = this.#waiting[0]
      if (job === undefined) return
      if (job.owner !== undefined && !this.#hasRoom(job)) return
      this.#waiting.shift()
      if (job.owner !== undefined) this.#begin(job)
    }
  }

  /** One always may run: whatever else waits to be taken, each call goes on. */
  #hasRoom(job: CodingJob): boolean {
    if (this.#running === 0) return true
    return this.#running < JOBS_MAX && this.#used + job.reserved <= job.budget
  }

  #begin(job: CodingJob): void {
    this.#running++
    this.#used += job.reserved
    let hasEnded = false
    const ended = (): void => {
      if (hasEnded) return
      hasEnded = true
      this.#running--
      this.#used -= job.reserved
      if (job.owner !== undefined && job.reserved > 0) job.charged = job.bytes?.length ?? 0
      this.#used += job.charged
      if (job.charged > 0) this.#charge(job.charged)
      this.#next()
    }
    this.#run(job, ended)
  }
}

/**
 * Compresses and inflates the messages of one connection. Small ones are done
 * at once, as long as they have not held the thread for a turn's time
 * together; others leave the thread, and their owners hear at the end of a
 * later turn: from `deliver`, never inside the parser.
 */
export class MessageCoder {
  readonly #connection: Connection
  /** What was done at once since the last turn ended. Unit: ms, of the stopwatch. */
  #spentMs = 0
  #done: CodingJob[] = []
  readonly #outbound: JobQueue = new JobQueue(
    (job, ended) => this.#compress(job, ended),
    () => undefined,
  )
  readonly #inbound: JobQueue = new JobQueue(
    (job, ended) => this.#inflate(job, ended),
    size => this.#connection.memory.charge(size),
  )

  constructor(connection: Connection) {
    this.#connection = connection
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
    if (compression.decompressAsync === undefined) {
      return this.#inflateNow(bytes, compression, messageSizeMax)
    }
    if (bytes.length * USUAL_RATIO <= inflateNowSizeMax && this.#hasTime) {
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

  /**
   * Its owner needs the job no more: what it came to is the application's now, or nobody wants it,
   * and nobody will hear. A thread that works on it goes on, and counts until it has ended.
   */
  release(job: CodingJob): void {
    const { charged } = job
    job.owner = undefined
    job.bytes = undefined
    job.charged = 0
    if (charged > 0) this.#inbound.release(charged)
  }

  /** Whether `deliver` has something to tell. */
  get isPending(): boolean {
    return this.#done.length > 0
  }

  /** The end of a turn: owners hear what has been done for them. */
  deliver(): void {
    this.#spentMs = 0
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
    this.#run(job, ended, (bytes, done) => job.compression.decompressAsync!(bytes, sizeMax, done))
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
