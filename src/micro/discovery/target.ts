import type { Protocol } from '../protocol.js'
import type { CallRoute } from './call-route.js'

/** Whom one call goes to. */
export interface Target {
  readonly address: string
  readonly protocol: Protocol
  /** The node knows nothing of today's codecs (go-micro before 1.9). */
  readonly legacy: boolean
  /** It was chosen among others, who may have the next attempt; its channel hears how each ended. Absent: a fixed address. */
  readonly route?: CallRoute
}

/** Tells who was chosen, at once or when it is known. */
export function tellTarget(
  found: Target | Promise<Target>,
  onTarget: (target: Target) => void,
): Target | Promise<Target> {
  if (found instanceof Promise) return found.then(target => tellTarget(target, onTarget))
  onTarget(found)
  if (found.route !== undefined) found.route.onMove = onTarget
  return found
}

/** A fixed address. */
export function targetAt(address: string, protocol: Protocol | undefined): Target {
  return { address, protocol: protocol ?? 'grpc', legacy: false }
}
