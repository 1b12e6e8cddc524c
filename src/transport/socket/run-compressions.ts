import { type Compressions, DEFAULT_COMPRESSIONS } from '../../grpc/index.js'
import type { Runtime } from '../runtime/runtime.js'

/** The given compressions, or the default ones, set up to run in the thread pool of `runtime`. */
export function runCompressions(
  runtime: Pick<Runtime, 'offThread'>,
  compressions: Compressions = DEFAULT_COMPRESSIONS,
): Compressions {
  const { offThread } = runtime
  if (offThread === undefined) return compressions
  const all = [...compressions.values()].map(compression => offThread(compression))
  return new Map(all.map(compression => [compression.name, compression]))
}
