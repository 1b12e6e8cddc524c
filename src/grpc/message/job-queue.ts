import type { AnswerRoom } from './answer-room.js'
import type { CodingJob } from './coding-job.js'

/** Of one connection and one direction, at once: more would only wait in the thread pool, and be in the way of others. Unit: jobs. */
const JOBS_MAX = 4

/** What jobs of one direction need. */
export interface JobQueueOptions {
  readonly run: (job: CodingJob, ended: () => void) => void
  /** Hears of octets that came of jobs and wait to be taken; negative: that they were. */
  readonly charge: (size: number) => void
  /** What comes of jobs may become answers. */
  readonly room: AnswerRoom | undefined
}

/** Jobs of one direction, in the order they came. */
export class JobQueue {
  /** Octets that were inflated and not released, or may be any moment. */
  #used = 0
  #running = 0
  readonly #waiting: CodingJob[] = []
  readonly #options: JobQueueOptions

  constructor(options: JobQueueOptions) {
    this.#options = options
  }

  add(job: CodingJob): void {
    this.#waiting.push(job)
    this.advance()
  }

  /** What the job came to is the application's: it is held for the peer no more, but answers may be made of it. */
  take(job: CodingJob): void {
    if (job.isTaken) return
    job.isTaken = true
    if (job.charged > 0) this.#options.charge(-job.charged)
  }

  /** Nothing of the job counts any more. */
  release(job: CodingJob): void {
    this.take(job)
    this.#used -= job.charged
    job.charged = 0
    this.advance()
  }

  /** Begins those that wait for which there is room now. */
  advance(): void {
    const { room } = this.#options
    for (;;) {
      const job = this.#waiting[0]
      if (job === undefined) break
      if (job.owner !== undefined && !this.#hasRoom(job)) {
        if (this.#running === 0) room?.wait(job.budget)
        return
      }
      this.#waiting.shift()
      if (job.owner !== undefined) this.#begin(job)
    }
    room?.settle()
  }

  /** One always may run, whatever else waits to be taken: each call goes on. But not while nobody reads the answers. */
  #hasRoom(job: CodingJob): boolean {
    const { room } = this.#options
    if (room?.allows(job.budget) === false) return false
    if (this.#running === 0) return true
    const used = this.#used + (room?.unreadSize ?? 0)
    return this.#running < JOBS_MAX && used + job.reserved <= job.budget
  }

  #begin(job: CodingJob): void {
    this.#options.room?.settle()
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
      if (job.charged > 0) this.#options.charge(job.charged)
      this.advance()
    }
    this.#options.run(job, ended)
  }
}
