import { type Cell, isHeld } from './plan.js'

/**
 * Why a handler of this cell may see an orderly end without every message, though its call was cancelled:
 * what a peer does on the wire, or its own server. Undefined: it may not. Named in `deviations.ts`.
 */
export function truncationReason({ client, server, kind, ending }: Cell): string | undefined {
  const isCancelled = (isHeld(ending) && ending !== 'client-killed') || isLeft(ending)
  // Who is killed says nothing more.
  if (ending === 'complete' || (kind !== 'client' && kind !== 'bidi')) return undefined
  if (client === 'grpc-js' && isCancelled) {
    return 'grpc-js sends END_STREAM ahead of the RST_STREAM of a cancel'
  }
  return server === 'grpcio' ? 'the request iterator of grpcio just ends' : undefined
}

function isLeft(ending: Cell['ending']): boolean {
  return ending === 'break' || ending === 'throw'
}
