/** What the methods of every peer share, and how many handlers run. */
export const ZOMBIE_MS = 2_000
export const MESSAGE: Buffer = Buffer.alloc(16_384, 'm')
export const DOWNLOAD_COUNT = 64

export const counts: { handlers: number; running: number; runningPeak: number } = {
  handlers: 0,
  running: 0,
  runningPeak: 0,
}

export function begin(): () => void {
  counts.handlers++
  counts.running++
  counts.runningPeak = Math.max(counts.runningPeak, counts.running)
  let over = false
  return () => {
    if (over) return
    over = true
    counts.running--
  }
}

/** The ordinary client's calls are not the attacker's handlers. */
export function isOrdinary(message: Uint8Array): boolean {
  return message.length === 8
}

export function later(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}

export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

/** A handler that runs until `over`, and answers nothing. */
export async function* nothingAfter(over: Promise<void>): AsyncGenerator<Uint8Array> {
  const end = begin()
  await over
  end()
  yield* []
}
