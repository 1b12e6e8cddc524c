import { GrpcError, Status } from '../../../grpc/index.js'
import type { Runtime } from '../../../transport/index.js'
import type { CallOptions } from '../../call/call-options.js'
import type { Preparations } from '../../call/preparations.js'
import { MucpGuard } from '../../call/race-limit.js'
import type { Target } from '../../discovery/target.js'
import type { TargetFinder } from '../../discovery/target-finder.js'
import { CLIENT_ID } from '../../errors/client-ids.js'
import { MicroError } from '../../errors/micro-error.js'

/** A target that had to be asked for, and the options with what is left of the call's time. */
export interface Found {
  readonly target: Target
  readonly options: CallOptions
}

/** How a call that waits until somebody serves its service goes on. */
export interface FindAgain {
  /** Its errors are those of native gRPC. */
  readonly isNative: boolean
  /** Finds a target when something may have changed. */
  findLater(): Promise<Target>
  /** Knows what is being waited for. */
  readonly finder?: TargetFinder | undefined
  readonly preparations?: Preparations
}

const NEVER_AGAIN: FindAgain = {
  isNative: false,
  findLater: () => Promise.reject(new TypeError('nothing to find')),
}

/** Asks until there is a target, as long as whoever waits for it may. @throws when `hasStopped`, or the client was closed */
export async function findPatiently(
  findLater: () => Promise<Target>,
  hasStopped: () => boolean,
): Promise<Target> {
  for (;;) {
    try {
      return await findLater()
    } catch (error) {
      const isClosed = error instanceof GrpcError && error.status === Status.Cancelled
      if (isClosed || hasStopped()) throw error
    }
  }
}

/**
 * Waits for a registry's answer no longer than the call may take, nor after
 * its caller has given up. The answer may still serve other calls.
 *
 * @throws DEADLINE_EXCEEDED or MicroError 408 when the call's time is up, the signal's reason, what `finding` fails with
 */
export async function findWithin(
  finding: Promise<Target>,
  runtime: Pick<Runtime, 'now' | 'schedule'>,
  timeoutMs: number,
  options: CallOptions,
  again: FindAgain = NEVER_AGAIN,
): Promise<Found> {
  const expired = (): GrpcError | MicroError => {
    const text = again.finder?.obstacle ?? 'the registry has not answered in time'
    return again.isNative
      ? new GrpcError(Status.DeadlineExceeded, `deadline exceeded: ${text}`, { unprocessed: true })
      : MicroError.timeout(`call timeout: ${text}`, { id: CLIENT_ID })
  }
  const protocol = again.isNative ? 'grpc' : 'mucp'
  const { signal } = options
  const owner = again.preparations
  const guard = new MucpGuard(runtime, signal, timeoutMs, expired, undefined, protocol, owner)
  const end = runtime.now() + timeoutMs
  try {
    const target = await guard.race(finding).catch(error => {
      if (guard.stopped || again === NEVER_AGAIN || options.waitForReady !== true) throw error
      return findPatiently(
        () => guard.race(again.findLater()),
        () => guard.stopped,
      )
    })
    if (timeoutMs === Number.POSITIVE_INFINITY) return { target, options }
    return { target, options: { ...options, timeoutMs: Math.max(1, end - runtime.now()) } }
  } finally {
    again.finder?.leave(finding)
    guard.finish()
  }
}
