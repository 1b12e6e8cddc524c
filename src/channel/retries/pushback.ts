import type { Metadata } from '../../grpc/index.js'

/** What a server answers that wants the next attempt later, or none. gRPC A6. */
export const PUSHBACK_NAME = 'grpc-retry-pushback-ms'

/** One signed number of at most 31 bits. */
const FORM = /^-?\d{1,10}$/
const MOST = 0x7fff_ffff

/**
 * How long to wait before the next attempt; negative: there is to be none, which is also what a value means
 * that is no number. Undefined: the server said nothing. gRPC A6. Unit: ms.
 */
export function pushbackOf(trailers: Metadata): number | undefined {
  const values = trailers.getAll(PUSHBACK_NAME)
  if (values.length === 0) return undefined
  const [value] = values
  if (values.length > 1 || typeof value !== 'string' || !FORM.test(value)) return -1
  const delayMs = Number(value)
  return delayMs > MOST ? -1 : delayMs
}
