/** Called once, later, with what a job came to. */
export type JobDone = (error: Error | null, bytes?: Buffer) => void

/** Threads that libuv has unless told otherwise. */
const THREADS = 4

/**
 * Compressions of the whole process that may be in libuv's pool at once: one thread stays for
 * names (`dns.lookup`) and files, which would wait behind them. Unit: jobs.
 */
const JOBS_MAX: number = Math.max(1, (Number(process.env['UV_THREADPOOL_SIZE']) || THREADS) - 1)

let running = 0
const waiting: (() => void)[] = []

/** Runs `job` once the pool has room for it; `done` hears what it came to. */
export function runInPool(
  done: JobDone,
  job: (ended: (error: Error | null, bytes: Buffer) => void) => void,
): void {
  const begin = (): void => {
    running++
    job((error, bytes) => {
      running--
      waiting.shift()?.()
      if (error === null) done(null, bytes)
      else done(error)
    })
  }
  if (running < JOBS_MAX) begin()
  else waiting.push(begin)
}
