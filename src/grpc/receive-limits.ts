import { type ConnectionLimits, DEFAULT_LIMITS } from '../connection/index.js'

/**
 * The connection limits needed to receive messages of `messageSizeMax` bytes: `receiveBufferMax` is
 * raised to match, unless it was given.
 *
 * @throws RangeError when what was given is too small for one such message.
 */
export function receiveLimits(
  limits: Partial<ConnectionLimits> | undefined,
  messageSizeMax: number,
): Partial<ConnectionLimits> | undefined {
  const given = limits?.receiveBufferMax
  if (given === undefined) {
    if (messageSizeMax * 2 <= DEFAULT_LIMITS.receiveBufferMax) return limits
    return { ...limits, receiveBufferMax: Math.ceil(messageSizeMax) * 2 }
  }
  if (given >= messageSizeMax) return limits
  throw new RangeError(
    `limits.receiveBufferMax is ${given}, less than messageSizeMax, which is ${messageSizeMax}: such a message could not be received; raise the one or lower the other`,
  )
}
