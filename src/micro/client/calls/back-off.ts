/** Attempts after which go-micro's back-off grows no more. */
const ATTEMPTS_GROWING = 13
const DELAY_MAX_MS = 120_000
const DELAY_UNIT_MS = 100

/**
 * How long go-micro waits before attempt number `attempt` (the first is 0):
 * 0, 100 ms, 600 ms, 1.9 s, 4.3 s ... at most two minutes. Unit: ms.
 */
export function backoffMs(attempt: number): number {
  if (attempt > ATTEMPTS_GROWING) return DELAY_MAX_MS
  return Math.floor(attempt ** Math.E) * DELAY_UNIT_MS
}
