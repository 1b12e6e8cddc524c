import { createHistogram, type RecordableHistogram } from 'node:perf_hooks'

/** How often the loop is asked for its turn. Unit: ms. */
const INTERVAL_MS = 1

/** 99th percentile and largest. Unit: ms. */
export interface Delays {
  readonly p99: number
  readonly max: number
}

/** What the delays were measured beside. */
export type Phase = 'calm' | 'attack'

/**
 * How late the event loop is, as far as this process computed meanwhile: a machine that gives its cores to others, or the
 * attacker, makes everybody late, and that is none of our turns. As `monitorEventLoopDelay`, but what several attacks cost can be
 * put together: one that is over in 50 ms has no 99th percentile of its own.
 */
export class LoopDelay {
  readonly #now: RecordableHistogram = createHistogram()
  readonly #pools: Readonly<Record<Phase, RecordableHistogram>> = {
    calm: createHistogram(),
    attack: createHistogram(),
  }
  #lastAt = performance.now()
  #lastCpuMs = cpuMs()

  constructor() {
    setInterval(() => this.#look(), INTERVAL_MS).unref()
  }

  #look(): void {
    const at = performance.now()
    const usedMs = cpuMs()
    const lateMs = Math.min(at - this.#lastAt - INTERVAL_MS, usedMs - this.#lastCpuMs)
    this.#now.record(Math.max(1, Math.round(lateMs * 1e6)))
    this.#lastAt = at
    this.#lastCpuMs = usedMs
  }

  /** What happened until now does not count. */
  reset(): void {
    this.#now.reset()
    this.#lastAt = performance.now()
    this.#lastCpuMs = cpuMs()
  }

  /** What happened since `reset` is put to what was put there before. */
  pool(phase: Phase): void {
    this.#pools[phase].add(this.#now)
  }

  /** Since `reset`. */
  get delays(): Delays {
    return delaysOf(this.#now)
  }

  /** In all that was told to `pool`. */
  get pooled(): Readonly<Record<Phase, Delays>> {
    return { calm: delaysOf(this.#pools.calm), attack: delaysOf(this.#pools.attack) }
  }
}

function delaysOf(histogram: RecordableHistogram): Delays {
  // An empty one has the smallest number there is.
  if (histogram.count === 0) return { p99: 0, max: 0 }
  return { p99: histogram.percentile(99) / 1e6, max: histogram.max / 1e6 }
}

/** What this process has computed so far, all its threads. Unit: ms. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1_000
}
