import { type ConnectionLimits, DEFAULT_LIMITS } from '../../connection/index.js'
import { type CallLimits, DEFAULT_CALL_LIMITS } from '../wire/limits.js'

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

/** What connections and calls take of header lists, both complete. */
export interface HeaderLimits {
  readonly connection: Partial<ConnectionLimits> | undefined
  /** Unit: octets. */
  readonly metadataSizeMax: number
}

/**
 * A header list passes two limits: `headerListSizeMax` of its connection, and `metadataSizeMax` of its call. Where
 * one of them was given, the other follows.
 *
 * @throws RangeError when both were given, and a call would take what its connection does not.
 */
export function headerLimits(
  limits: Partial<ConnectionLimits> | undefined,
  calls: Partial<CallLimits> | undefined,
): HeaderLimits {
  const listSizeMax = limits?.headerListSizeMax
  const metadataSizeMax = calls?.metadataSizeMax
  if (metadataSizeMax === undefined) {
    return {
      connection: limits,
      metadataSizeMax: listSizeMax ?? DEFAULT_CALL_LIMITS.metadataSizeMax,
    }
  }
  if (metadataSizeMax <= (listSizeMax ?? DEFAULT_LIMITS.headerListSizeMax)) {
    return { connection: limits, metadataSizeMax }
  }
  if (listSizeMax === undefined) {
    return {
      connection: { ...limits, headerListSizeMax: Math.ceil(metadataSizeMax) },
      metadataSizeMax,
    }
  }
  throw new RangeError(
    `limits.headerListSizeMax is ${listSizeMax}, less than limits.metadataSizeMax of calls, which is ${metadataSizeMax}: such metadata could not be received; raise the one or lower the other`,
  )
}
