import type { Runtime } from '../transport/index.js'
import type { CallOptions } from './call-options.js'
import { MicroError } from './micro-error.js'
import { CLIENT_ID } from './mucp-codec.js'
import { MucpGuard } from './mucp-guard.js'
import type { Target } from './target.js'

/** A target that had to be asked for, and the options with what is left of the call's time. */
export interface Found {
  readonly target: Target
  readonly options: CallOptions
}

/**
 * Waits for a registry's answer no longer than the call may take, nor after
 * its caller has given up. The answer may still serve other calls.
 *
 * @throws MicroError 408 when the call's time is up, the signal's reason, what `finding` fails with
 */
export async function findWithin(
  finding: Promise<Target>,
  runtime: Pick<Runtime, 'now' | 'schedule'>,
  timeoutMs: number,
  options: CallOptions,
): Promise<Found> {
  const expired = (): MicroError => {
    const text = 'call timeout: the registry has not answered in time'
    return MicroError.timeout(text, { id: CLIENT_ID })
  }
  const guard = new MucpGuard(runtime, options.signal, timeoutMs, expired)
  const end = runtime.now() + timeoutMs
  try {
    const target = await guard.race(finding)
    if (timeoutMs === Number.POSITIVE_INFINITY) return { target, options }
    return { target, options: { ...options, timeoutMs: Math.max(1, end - runtime.now()) } }
  } finally {
    guard.finish()
  }
}
