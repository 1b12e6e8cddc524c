import type { ConnectionLimits } from '../../connection/index.js'
import { callLimits, receiveLimits } from '../../grpc/index.js'

/** Options of whoever makes connections and is told what their messages are. */
interface MessageLimitOptions {
  readonly limits?: Partial<ConnectionLimits> | undefined
  readonly messageSizeMax?: number | undefined
}

/**
 * The limits of connections whose messages may have `messageSizeMax` bytes, if that is said.
 *
 * @throws RangeError when the two contradict each other, by both names.
 */
export function messageLimits({
  limits,
  messageSizeMax,
}: MessageLimitOptions): Partial<ConnectionLimits> | undefined {
  if (messageSizeMax === undefined) return limits
  return receiveLimits(limits, callLimits({ messageSizeMax }).messageSizeMax)
}
